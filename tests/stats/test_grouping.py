"""Groups by name and bands of numbers: nobody is lost, and names say who is in them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_core.errors import ScoresError
from fundus_core.stats.grouping import NOT_STATED, cut, in_groups


def test_in_groups__puts_missing_names_last_and_numbers_in_order() -> None:
    names, group_of = in_groups(["b", "10", None, "9", float("nan")], n_images=5)  # type: ignore[list-item]

    assert names == ["9", "10", "b", NOT_STATED]
    assert group_of.tolist() == [2, 1, 3, 0, 3]


def test_in_groups__follows_the_order_given_and_leaves_out_names_nobody_has() -> None:
    names, group_of = in_groups(["mild", "severe", "mild"], ["severe", "none", "mild"], n_images=3)

    assert names == ["severe", "mild"]
    assert group_of.tolist() == [1, 0, 1]


def test_in_groups__refuses_another_number_of_groups() -> None:
    with pytest.raises(ScoresError, match="2 groups for 3 labelled images"):
        in_groups(["a", "b"], n_images=3)


def test_cut__makes_bands_of_about_equal_size_with_short_edges() -> None:
    found = cut(np.arange(100), 4)

    assert found.names == ("below 25", "25 to below 50", "50 to below 74", "74 and above")
    assert np.bincount(found.of).tolist() == [25, 25, 24, 26]


def test_cut__gives_the_lowest_number_a_band_where_most_have_it() -> None:
    found = cut([0] * 90 + list(range(1, 11)), 4)

    assert found.names == ("below 1", "1 and above")
    assert np.bincount(found.of).tolist() == [90, 10]


def test_cut__of_one_number_is_one_band_and_of_none_no_band() -> None:
    assert cut([5.0, 5.0], 3).names == ("all values",)
    assert cut([np.nan], 3).names == ()
    assert cut([np.nan], 3).of.tolist() == [-1]


def test_cut__needs_two_bands() -> None:
    with pytest.raises(ValueError, match="number of bands must be a whole number from 2"):
        cut([1.0, 2.0], 1)


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=60),
    st.integers(2, 10),
)
def test_cut__loses_nobody_and_its_names_tell_the_truth(values: list[float], n: int) -> None:
    found = cut(values, n)

    assert len(found.names) <= n
    assert len(set(found.names)) == len(found.names)
    assert list(found.edges) == sorted(set(found.edges))
    for value, band in zip(values, found.of, strict=True):
        if np.isnan(value):
            assert band == -1
            continue
        assert band == sum(value >= edge for edge in found.edges)
    stated = found.of[found.of >= 0]
    assert set(stated.tolist()) == set(range(len(found.names)))  # no band is empty
