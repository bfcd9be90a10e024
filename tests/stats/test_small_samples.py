"""Degrees of freedom: against their formula, a second library, and what they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import brunnermunzel, t

from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.placements import placements
from fundus_core.stats.small_samples import (
    auc_degrees_of_freedom,
    satterthwaite,
    sum_of_independent,
)

Y_TRUE = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
SCORE = np.array([1.0, 5.0, 3.0, 4.0, 2.5, 2.0, 6.0, 7.0, 3.0])


def deviations(y_true: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    return placements(y_true == 1, score[np.newaxis]).deviations[0]


def test_auc_degrees_of_freedom__are_those_of_brunner_and_munzel() -> None:
    # SciPy's p of "AUC is one half" from z and the t distribution tells which it took.
    found = auc_degrees_of_freedom(deviations(Y_TRUE, SCORE), Y_TRUE == 1)

    of_scipy = brunnermunzel(SCORE[Y_TRUE == 0], SCORE[Y_TRUE == 1])
    assert 2 * t.sf(abs(of_scipy.statistic), found) == pytest.approx(of_scipy.pvalue, rel=1e-12)


def test_satterthwaite__parts_apart_give_welchs_number() -> None:
    parts = np.array([[3.0, -3.0, 0, 0, 0], [0, 0, 2.0, -1.0, -1.0]])

    found = satterthwaite(parts, parts != 0)

    assert found == pytest.approx((18 + 6) ** 2 / (18**2 / 1 + 6**2 / 2))


def test_satterthwaite__units_that_are_all_alike_give_one_less_than_their_number() -> None:
    parts = np.random.default_rng(0).normal(size=(4, 12))

    assert satterthwaite(parts, np.full((4, 12), True)) == pytest.approx(11)


def test_satterthwaite__describes_the_spread_of_the_sum_of_squares() -> None:
    # 8 units of the first part, 20 of the second, 5 of them of both and correlated: the variance
    # of a chi-square with k degrees of freedom, scaled to mean v, is 2 v^2 / k.
    generator = np.random.default_rng(1)
    member = np.zeros((2, 23), dtype=bool)
    member[0, :8] = member[1, 3:] = True
    shared, own = generator.normal(size=(40_000, 1, 23)), generator.normal(size=(40_000, 2, 23))
    parts = member * (shared + own) * np.array([[2.0], [1.0]])
    sums_of_squares = (parts.sum(axis=1) ** 2).sum(axis=1)
    expected = 2 * sums_of_squares.mean() ** 2 / sums_of_squares.var()

    of_large = parts[:300].transpose(1, 0, 2).reshape(2, -1)
    found = satterthwaite(of_large, np.tile(member, 300)) / 300

    assert found == pytest.approx(expected, rel=0.03)


def test_satterthwaite__nothing_varies() -> None:
    assert satterthwaite(np.zeros((2, 4)), np.eye(2, 4) > 0) == 1.0


def test_sum_of_independent__what_is_certain_takes_nothing_away() -> None:
    assert sum_of_independent((0.02, 7.0), (0.0, None)) == pytest.approx(7.0)


def test_auc_interval__few_diseased_patients_make_it_longer_than_the_normal_one() -> None:
    found = auc_interval(Y_TRUE, SCORE, patients=range(9))
    logits = np.log(np.array([found.low, found.high]) / (1 - np.array([found.low, found.high])))
    reach = found.standard_error / (found.auc * (1 - found.auc))

    assert found.degrees_of_freedom is not None
    assert 3 <= found.degrees_of_freedom <= 7
    assert np.ptp(logits) / 2 / reach == pytest.approx(t.ppf(0.975, found.degrees_of_freedom))


def test_auc_interval__with_thousands_of_patients_it_is_the_normal_one() -> None:
    generator = np.random.default_rng(0)
    y_true = np.repeat(np.arange(5000) < 2500, 2)
    score = generator.normal(size=10_000) + y_true

    found = auc_interval(y_true, score, patients=np.arange(10_000) // 2)

    assert found.degrees_of_freedom is not None
    assert found.degrees_of_freedom > 4000
    logits = np.log(np.array([found.low, found.high]) / (1 - np.array([found.low, found.high])))
    normal = 1.959963984540054 * found.standard_error / (found.auc * (1 - found.auc))
    assert np.ptp(logits) / 2 == pytest.approx(normal, rel=1e-3)


def test_compare_paired__by_patient_p_and_interval_say_the_same() -> None:
    patients = np.repeat(np.arange(12), 2)
    y_true = np.repeat([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], 2)
    score_a, score_b = np.random.default_rng(3).normal(size=(2, 24)) + 1.2 * y_true

    found = compare_paired(y_true, score_a, score_b, patients=patients)

    at_p = compare_paired(y_true, score_a, score_b, patients=patients, confidence=1 - found.p_value)
    assert min(abs(at_p.low), abs(at_p.high)) == pytest.approx(0, abs=1e-12)


@settings(deadline=None, database=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=6, max_size=40).filter(
        lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2
    )
)
def test_any_degrees_of_freedom__lie_between_1_and_two_less_than_the_units(
    rows: list[tuple[bool, int]],
) -> None:
    y_true, score = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    spread = deviations(y_true.astype(int), score)

    plain = auc_degrees_of_freedom(spread, y_true == 1)
    alone = auc_degrees_of_freedom(spread, y_true == 1, np.arange(len(rows))[::-1].copy())

    fewer = min(y_true.sum(), (1 - y_true).sum()) - 1
    assert alone == pytest.approx(plain)
    if spread @ spread > 0:
        assert fewer - 1e-9 <= plain <= len(rows) - 2 + 1e-9
