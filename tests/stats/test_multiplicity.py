"""Several p-values at once: against statsmodels, by hand, and as properties of any family."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fundus_core.stats.multiplicity import benjamini_hochberg, holm

METHODS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "holm": holm,
    "fdr_bh": benjamini_hochberg,
}
"""Statsmodels' name -> ours."""

FAMILIES = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.5, 1.0])), max_size=20)


def test_holm__multiplies_the_smallest_by_their_number_and_never_decreases() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg__divides_by_the_rank_and_never_increases_downwards() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 2, 4/3, 1: 0.02, 0.02, 0.04, 0.04.
    found = benjamini_hochberg([0.01, 0.04, 0.03, 0.005])

    assert found == pytest.approx([0.02, 0.04, 0.04, 0.02])


@pytest.mark.parametrize("adjust", METHODS.values(), ids=METHODS)
def test_adjusting__one_or_none_is_left_as_it_is(
    adjust: Callable[[Sequence[float]], list[float]],
) -> None:
    assert adjust([0.2]) == [0.2]
    assert adjust([]) == []
    assert adjust([0.6, 0.9]) != [0.6, 0.9]


@pytest.mark.parametrize("adjust", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_adjusting__refuses_what_is_no_p_value(
    adjust: Callable[[Sequence[float]], list[float]], bad: float
) -> None:
    with pytest.raises(ValueError, match="p-values must be in"):
        adjust([0.5, bad])


@settings(deadline=None, database=None, derandomize=True, max_examples=80)
@given(FAMILIES.filter(bool), st.sampled_from(sorted(METHODS)))
def test_any_family__agrees_with_statsmodels(p_values: list[float], method: str) -> None:
    found = METHODS[method](p_values)

    expected = multipletests(p_values, method=method)[1]
    assert found == pytest.approx(list(expected), rel=1e-12, abs=1e-300)


@settings(deadline=None, database=None, derandomize=True, max_examples=80)
@given(FAMILIES)
def test_any_family__holm_is_the_stricter_and_both_keep_the_order(p_values: list[float]) -> None:
    strict, mild = holm(p_values), benjamini_hochberg(p_values)

    assert all(p <= b <= h <= 1 for p, b, h in zip(p_values, mild, strict, strict=True))
    by_p = sorted(range(len(p_values)), key=lambda k: p_values[k])
    assert [strict[k] for k in by_p] == sorted(strict)
    assert [mild[k] for k in by_p] == sorted(mild)
