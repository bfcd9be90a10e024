"""Margins: one-sided tests against SciPy and statsmodels, verdicts by hand, alike models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.stats.weightstats import DescrStatsW

from fundus_core.errors import NoVarianceError, ScoresError
from fundus_core.stats.delong import AucComparison, compare_paired, compare_unpaired
from fundus_core.stats.non_inferiority import VERDICTS, equivalence, non_inferiority

Y_TRUE = np.repeat([0, 1], 20)
PATIENTS = np.repeat(np.arange(20), 2)
SCORE_A, SCORE_B = np.random.default_rng(5).normal(size=(2, 40)) + 1.2 * Y_TRUE


def comparison(difference: float, error: float, known: float) -> AucComparison:
    """Returns a comparison with this difference, standard error and degrees of freedom."""
    return AucComparison(
        *(0.8, 0.8 - difference, difference, error, -1.0, 1.0, difference / error, known, 1.0),
        *("obuchowski", 100, 100, 0.95, known),
    )


def test_non_inferiority__is_the_t_test_of_the_difference_plus_the_margin() -> None:
    found = compare_paired(Y_TRUE, SCORE_A, SCORE_B, patients=PATIENTS)

    tested = non_inferiority(found, margin=0.1)

    statistic = (found.difference + 0.1) / found.standard_error
    assert found.degrees_of_freedom is not None
    assert tested.statistic == pytest.approx(statistic)
    assert tested.p_value == pytest.approx(t.sf(statistic, found.degrees_of_freedom))
    assert (tested.low, tested.high) == pytest.approx((found.low, found.high))


def test_equivalence__is_that_of_statsmodels() -> None:
    values = np.random.default_rng(0).normal(0.02, 0.1, 15)
    of_mean = comparison(values.mean(), values.std(ddof=1) / np.sqrt(15), 14)

    tested = equivalence(of_mean, margin=0.06)

    p_value, below, above = DescrStatsW(values).ttost_mean(-0.06, 0.06)
    assert tested.p_value == pytest.approx(p_value) == pytest.approx(max(below[1], above[1]))
    interval = DescrStatsW(values).tconfint_mean(0.10)
    assert (tested.low, tested.high) == pytest.approx(interval)


@pytest.mark.parametrize(
    ("difference", "non_inferior", "equivalent"),
    [
        (0.20, "shown", "refuted"),
        (0.06, "shown", "not shown"),
        (0.00, "shown", "shown"),
        (-0.04, "not shown", "not shown"),
        (-0.20, "refuted", "refuted"),
    ],
)
def test_verdict__is_where_the_interval_lies(
    difference: float, non_inferior: str, equivalent: str
) -> None:
    found = comparison(difference, 0.01, 1e6)

    verdicts = (
        non_inferiority(found, margin=0.05).verdict,
        equivalence(found, margin=0.05, alpha=0.025).verdict,
    )

    assert verdicts == (non_inferior, equivalent)
    assert set(verdicts) <= set(VERDICTS)


def test_non_inferiority__of_models_that_are_alike_is_the_exact_bound() -> None:
    # 20 disjoint pairs all agree: were a fifth of pairs different, with probability 0.8^20 = 0.012.
    found = compare_paired(Y_TRUE, SCORE_A, SCORE_A * 2)

    near, far = (non_inferiority(found, margin=margin) for margin in (0.1, 0.2))

    assert far.p_value == pytest.approx(0.8**20)
    assert (far.verdict, near.verdict) == ("shown", "not shown")
    assert far.statistic is None
    assert far.low == pytest.approx(0.025 ** (1 / 20) - 1)


def test_non_inferiority__two_perfect_models_on_separate_sets_are_refused() -> None:
    found = compare_unpaired(Y_TRUE, Y_TRUE, Y_TRUE, Y_TRUE)

    with pytest.raises(NoVarianceError, match="neither varies"):
        non_inferiority(found, margin=0.1)


@pytest.mark.parametrize("margin", [0.0, -0.05, 1.0, 5.0, float("nan")])
def test_non_inferiority__margin_must_be_a_difference_of_aucs(margin: float) -> None:
    with pytest.raises(ScoresError, match="margin is"):
        non_inferiority(comparison(0.0, 0.01, 10), margin=margin)


def test_equivalence__level_must_be_below_one_half() -> None:
    with pytest.raises(ValueError, match="confidence"):
        equivalence(comparison(0.0, 0.01, 10), margin=0.1, alpha=0.5)


@settings(deadline=None, database=None, derandomize=True, max_examples=80)
@given(st.floats(-0.4, 0.4), st.floats(0.001, 0.3), st.floats(1, 500), st.floats(0.001, 0.999))
def test_any_margin__p_and_verdict_say_the_same(
    difference: float, error: float, known: float, margin: float
) -> None:
    found = comparison(difference, error, known)

    for tested in (non_inferiority(found, margin=margin), equivalence(found, margin=margin)):
        if abs(tested.p_value - tested.alpha) > 1e-9:
            assert (tested.p_value < tested.alpha) == (tested.verdict == "shown")
        assert -1 <= tested.low < tested.high <= 1
        assert 0 <= tested.p_value <= 1


@settings(deadline=None, database=None, derandomize=True, max_examples=40)
@given(st.floats(-0.3, 0.3), st.floats(0.01, 0.2), st.floats(2, 100))
def test_any_margin__a_wider_one_is_easier(difference: float, error: float, known: float) -> None:
    found = comparison(difference, error, known)

    p_values = [non_inferiority(found, margin=margin).p_value for margin in (0.02, 0.05, 0.1)]

    assert p_values == sorted(p_values, reverse=True)
