"""Holm's correction."""

import numpy as np
import pytest

from fundus_core.stats.multiplicity import holm


def test_holm__agrees_with_the_definition() -> None:
    # Sorted: 4 * 0.005, 3 * 0.011, 2 * 0.02, 1 * 0.04, each at least the one before it.
    assert holm([0.02, 0.005, 0.04, 0.011]) == pytest.approx([0.04, 0.02, 0.04, 0.033])


def test_holm__never_exceeds_one_and_leaves_a_single_test_alone() -> None:
    assert holm([0.6, 0.9, 1.0]) == [1.0, 1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@pytest.mark.parametrize("bad", [[0.1, np.nan], [1.2], [-0.1]])
def test_holm__refuses_what_is_no_p_value(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        holm(bad)
