"""Sensitivity at a fixed specificity, and the reverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundus_core.errors import SingleClassError
from fundus_core.stats.fixed_rates import Rate, compare_rates_at, rate_at
from fundus_core.stats.operating import operating_point
from fundus_core.stats.roc import roc_curve
from tests.stats.test_partial_auc import ANY, ROWS, eyes

FEW = 50


def test_rate_at__a_rate_that_a_threshold_has_is_that_thresholds() -> None:
    y_true = np.repeat([0, 1], [10, 5])
    score = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3.5, 7.5, 8.5, 9.5, 10])

    found = rate_at(y_true, score, at=0.9, n_resamples=FEW)

    # One negative of ten is called from 9 on and from 8.5 on; the lower threshold finds more.
    assert operating_point(y_true, score, 8.5).specificity == 0.9
    assert found.rate.value == operating_point(y_true, score, 8.5).sensitivity == 0.6


def test_rate_at__between_two_thresholds_is_on_the_straight_line() -> None:
    y_true = np.array([0, 0, 0, 0, 1, 1])
    score = np.array([1, 2, 3, 3, 3, 4])

    found = rate_at(y_true, score, at=0.75, n_resamples=FEW)

    # From (0, 0.5) the tied step leads to (0.5, 1); a quarter of the negatives is half of it.
    assert found.rate.value == 0.75
    assert found.measured == "sensitivity"


@pytest.mark.parametrize("seed", range(4))
def test_rate_at__agrees_with_the_drawn_curve(seed: int) -> None:
    generator = np.random.default_rng(seed)
    y_true = generator.random(90) < 0.4
    score = np.round(generator.normal(size=90) + y_true, 1)
    curve = roc_curve(y_true, score)

    sensitivity = rate_at(y_true, score, at=0.837, n_resamples=FEW).rate.value
    specificity = rate_at(y_true, score, fixed="sensitivity", at=0.837, n_resamples=FEW).rate.value

    rates = curve.false_positive_rate, curve.true_positive_rate
    assert sensitivity == pytest.approx(np.interp(1 - 0.837, *rates))
    assert specificity == pytest.approx(1 - np.interp(0.837, *rates[::-1]))


def test_rate_at__by_patient_is_wider_when_eyes_agree() -> None:
    y_true, scores, patients = eyes(3)

    by_image = rate_at(y_true, scores[1], at=0.7).rate
    by_patient = rate_at(y_true, scores[1], at=0.7, patients=patients).rate

    assert by_image.high - by_image.low < 0.9 * (by_patient.high - by_patient.low)
    assert by_patient.method == "percentile bootstrap of patients, stratified"


def test_rate_at__interval_is_that_of_the_bootstrap_done_plainly() -> None:
    y_true, scores, patients = eyes(5)
    generator = np.random.default_rng(1)
    heights = []
    for _ in range(800):
        drawn = np.concatenate(
            [generator.choice(np.unique(patients[y_true == side]), int(np.sum(y_true == side) / 2))
             for side in (True, False)]
        )  # fmt: skip
        rows = np.concatenate([np.flatnonzero(patients == one) for one in drawn])
        curve = roc_curve(y_true[rows], scores[1][rows])
        heights.append(np.interp(0.3, curve.false_positive_rate, curve.true_positive_rate))

    found = rate_at(y_true, scores[1], at=0.7, patients=patients).rate

    low, high = np.quantile(heights, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.06)


@pytest.mark.parametrize(("fixed", "side"), [("specificity", 0), ("sensitivity", 1)])
def test_rate_at__has_no_interval_where_too_few_lie_beyond_the_rate(fixed: Rate, side: int) -> None:
    generator = np.random.default_rng(0)
    y_true = np.repeat([side, 1 - side], [50, 300])
    score = y_true + generator.normal(size=350)

    enough = rate_at(y_true, score, fixed=fixed, at=0.9, n_resamples=FEW).rate
    found = rate_at(y_true, score, fixed=fixed, at=0.91, n_resamples=FEW).rate

    assert enough.low is not None
    assert found.value is not None
    assert (found.low, found.high) == (None, None)
    assert f"images lie beyond a {fixed} of 0.91; 5 are needed" in found.reason
    with pytest.raises(SingleClassError, match=r"cannot be tested: only 4\.5 of the 50"):
        compare_rates_at(y_true, score, -score, fixed=fixed, at=0.91, n_resamples=FEW)


def test_rate_at__refuses_a_percentage() -> None:
    with pytest.raises(ValueError, match="90"):
        rate_at([0, 1], [1, 2], at=90)


def test_compare_rates_at__finds_the_better_model() -> None:
    y_true, scores, patients = eyes(2, n_patients=200)

    found = compare_rates_at(y_true, *scores, at=0.8, patients=patients)

    values = [rate_at(y_true, one, at=0.8, n_resamples=FEW).rate.value for one in scores]
    assert [found.value_a, found.value_b] == values
    assert found.p_value < 0.05
    assert 0 < found.low < found.high


@ANY
@given(
    ROWS,
    st.sampled_from(["specificity", "sensitivity"]),
    st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    st.booleans(),
)
def test_any_rate__is_ordered_and_inside_0_and_1(
    rows: list[tuple[bool, int, int, int]], fixed: Rate, at: float, by_patient: bool
) -> None:
    y_true, score, _, patients = (np.array(column) for column in zip(*rows, strict=True))
    known = patients if by_patient else None

    found = rate_at(y_true, score, fixed=fixed, at=at, patients=known, n_resamples=FEW).rate
    mapped = rate_at(y_true, score**3, fixed=fixed, at=at, patients=known, n_resamples=FEW).rate

    assert found == mapped
    assert 0 <= found.value <= 1
    assert (found.low is None) == bool(found.reason)
    if found.low is not None and found.high is not None:
        assert 0 <= found.low <= found.value + 1e-9 <= found.high + 2e-9 <= 1 + 1e-8
