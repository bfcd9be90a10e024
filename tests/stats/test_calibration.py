"""Calibration: bins, errors, the Brier score and its parts, intercept and slope."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import simulate_calibration as simulation
from fundus_core.errors import ScoresError, SingleClassError, TargetError
from fundus_core.stats.brier import brier_parts, brier_score
from fundus_core.stats.calibration import Calibration, binned_errors, calibration
from fundus_core.stats.calibration_line import CalibrationLine, calibration_line
from fundus_core.stats.operating import operating_point
from fundus_core.stats.reliability import reliability_curve

FEW = 200
"""Resamples, where intervals do not matter."""


def cohort(
    n_patients: int = 150, *, slope: float = 1.0, seed: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Returns labels, predictions and patients of both eyes; right where the slope is 1."""
    generator = np.random.default_rng(seed)
    eyes = 0.8 * generator.normal(size=(n_patients, 1)) + 0.6 * generator.normal(
        size=(n_patients, 2)
    )
    logit = 1.5 * eyes.ravel() - 1
    y_true = generator.random(2 * n_patients) < 1 / (1 + np.exp(-slope * logit))
    return y_true, 1 / (1 + np.exp(-logit)), np.repeat(np.arange(n_patients), 2)


@st.composite
def any_cohort(
    draw: st.DrawFn,
) -> tuple[list[bool], list[float], list[int]]:
    """Labels of both classes, probabilities with ties, zeros and ones, patients of any size."""
    n_images = draw(st.integers(2, 40))
    labels = draw(st.lists(st.booleans(), min_size=n_images, max_size=n_images))
    labels[0], labels[1] = True, False
    share = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))
    scores = draw(st.lists(share, min_size=n_images, max_size=n_images))
    patients = draw(st.lists(st.integers(0, 25), min_size=n_images, max_size=n_images))
    return labels, scores, patients


@pytest.mark.parametrize(("binning", "strategy"), [("mass", "quantile"), ("width", "uniform")])
@pytest.mark.parametrize("n_bins", [1, 7, 10])
def test_reliability_curve__has_the_bins_of_scikit_learn(
    binning: str, strategy: str, n_bins: int
) -> None:
    from sklearn.calibration import calibration_curve

    y_true, share, _ = cohort()
    share = np.round(share, 2)  # ties

    curve = reliability_curve(y_true, share, n_bins=n_bins, binning=binning)  # type: ignore[arg-type]

    observed, predicted = calibration_curve(y_true, share, n_bins=n_bins, strategy=strategy)
    assert curve.observed == pytest.approx(observed, abs=1e-12)
    assert curve.predicted == pytest.approx(predicted, abs=1e-12)


def test_reliability_curve__keeps_equal_predictions_together() -> None:
    curve = reliability_curve([0, 1, 0, 1, 1, 1], [0.0, 0.0, 0.0, 0.0, 0.5, 1.0], n_bins=3)

    assert curve.n_images.tolist() == [4, 2]
    assert curve.observed.tolist() == [0.5, 1.0]
    assert curve.lowest.tolist() == [0.0, 0.5]
    assert curve.highest.tolist() == [0.0, 1.0]
    assert curve.frame()["n_images"].sum() == 6


def test_reliability_curve__has_the_intervals_of_an_operating_point() -> None:
    # Of one bin, the observed share is the sensitivity of a call that agrees with the label.
    y_true, share, patients = cohort()
    in_bin = reliability_curve(y_true, share, n_bins=1, patients=patients)
    plain = reliability_curve(y_true, share, n_bins=1)

    everything = np.append(np.ones(len(y_true), bool), False)  # a negative, for the other share
    calls = np.append(y_true.astype(float), 0.0)
    by_patient = operating_point(everything, calls, 0.5, patients=np.append(patients, -1))
    by_image = operating_point(everything, calls, 0.5)

    assert in_bin.low[0] == pytest.approx(by_patient.sensitivity_low, abs=1e-12)
    assert in_bin.high[0] == pytest.approx(by_patient.sensitivity_high, abs=1e-12)
    assert plain.low[0] == pytest.approx(by_image.sensitivity_low, abs=1e-12)
    assert in_bin.method == "wilson, clustered"


def test_reliability_curve__of_two_equal_eyes_is_no_surer_than_of_one() -> None:
    y_true, share, _ = cohort()

    one = reliability_curve(y_true, share)
    two = reliability_curve(
        np.tile(y_true, 2), np.tile(share, 2), patients=np.tile(np.arange(len(y_true)), 2)
    )

    assert two.low == pytest.approx(one.low, abs=0.01)
    assert two.high == pytest.approx(one.high, abs=0.01)


def test_calibration__errors_are_those_of_the_definition() -> None:
    y_true, share, patients = cohort(60)
    found = calibration(y_true, share, n_bins=5, patients=patients, n_resamples=FEW)

    ece = squared = by_chance = 0.0
    for number in range(5):
        rows = np.flatnonzero(found.curve.bin_of == number)
        gaps = [float(y_true[row]) - share[row] for row in rows]
        gap = sum(gaps) / len(rows)
        sums: dict[int, list[float]] = {}
        for row, one in zip(rows, gaps, strict=True):
            sums.setdefault(patients[row], []).append(one)
        without = [
            (sum(gaps) - sum(own)) / (len(gaps) - len(own)) - gap for own in sums.values()
        ]  # what leaving each patient out changes
        variance = sum(one**2 for one in without) * (len(sums) - 1) / len(sums)
        ece += len(rows) / len(share) * abs(gap)
        squared += len(rows) / len(share) * (gap**2 - variance)
        by_chance += len(rows) / len(share) * (2 * variance / np.pi) ** 0.5

    assert found.errors.ece == pytest.approx(ece, abs=1e-12)
    assert found.errors.ece_by_chance == pytest.approx(by_chance, abs=1e-12)
    assert found.errors.root_mean_square.value == pytest.approx(max(squared, 0) ** 0.5, abs=1e-12)


def test_calibration__debiased_error_of_constant_bins_is_that_of_kumar_and_others() -> None:
    # Their estimator: (share - observed)^2 - observed (1 - observed) / (n - 1), weighed by n.
    y_true = np.repeat([1, 0, 1, 0], [30, 20, 45, 5])
    share = np.repeat([0.4, 0.8], 50)

    found = binned_errors(y_true, share, n_bins=2, n_resamples=FEW)

    expected = np.mean([0.2**2 - 0.6 * 0.4 / 49, 0.1**2 - 0.9 * 0.1 / 49])
    assert found.root_mean_square.value == pytest.approx(expected**0.5, abs=1e-12)


def test_calibration__a_right_model_errs_by_chance_and_a_wrong_one_by_more() -> None:
    right = calibration(*cohort(500)[:2], n_resamples=FEW)
    wrong = calibration(*cohort(500, slope=0.3)[:2], n_resamples=FEW)

    assert right.errors.ece == pytest.approx(right.errors.ece_by_chance, abs=0.015)
    assert right.errors.root_mean_square.low == 0.0
    assert wrong.errors.ece > 3 * wrong.errors.ece_by_chance
    assert (wrong.errors.root_mean_square.low or 0) > 0.1


def test_calibration__by_patient_of_single_images_is_that_by_image() -> None:
    y_true, share, _ = cohort(40)

    plain = calibration(y_true, share, n_resamples=FEW)
    single = calibration(y_true, share, patients=np.arange(len(share)) + 7, n_resamples=FEW)

    assert single.line.slope.low == pytest.approx(plain.line.slope.low, abs=1e-12)
    assert single.line.intercept.high == pytest.approx(plain.line.intercept.high, abs=1e-12)
    assert single.brier.low == pytest.approx(plain.brier.low, abs=1e-12)
    assert single.errors.root_mean_square.value == plain.errors.root_mean_square.value
    assert single.curve.high == pytest.approx(plain.curve.high, abs=0.05)  # all right or all wrong


def test_calibration__by_patient_is_less_sure_than_by_image_where_eyes_agree() -> None:
    y_true, share, _ = cohort(80)
    twice = np.tile(y_true, 2), np.tile(share, 2)

    by_patient = calibration(*twice, patients=np.tile(np.arange(len(share)), 2), n_resamples=FEW)
    by_image = calibration(*twice, n_resamples=FEW)

    for one, other in (
        (by_patient.line.slope, by_image.line.slope),
        (by_patient.line.in_the_large, by_image.line.in_the_large),
        (by_patient.brier, by_image.brier),
    ):
        assert (one.high or 0) - (one.low or 0) > 1.2 * ((other.high or 0) - (other.low or 0))
    assert by_patient.errors.ece == pytest.approx(by_image.errors.ece)
    assert by_patient.errors.ece_by_chance > 1.2 * by_image.errors.ece_by_chance


@pytest.mark.parametrize("clustered", [True, False])
def test_calibration_line__is_that_of_statsmodels(clustered: bool) -> None:
    import statsmodels.api as sm
    from scipy.stats import t

    y_true, share, patients = cohort()
    units = patients if clustered else np.arange(len(share))
    n_rarer = min(len(set(units[y_true])), len(set(units[~y_true])))
    logit = np.log(share / (1 - share))

    line = calibration_line(y_true, share, patients=patients if clustered else None)

    covariance = {"cov_type": "cluster", "cov_kwds": {"groups": units}, "use_t": True}
    target, family = y_true.astype(float), sm.families.Binomial()
    moved = sm.GLM(target, np.ones(len(share)), family=family, offset=logit).fit(**covariance)
    both = sm.GLM(target, sm.add_constant(logit), family=family).fit(**covariance)
    assert line.intercept.value == pytest.approx(moved.params[0], abs=1e-8)
    assert line.slope.value == pytest.approx(both.params[1], abs=1e-8)
    assert (line.intercept.low, line.intercept.high) == pytest.approx(
        tuple(moved.conf_int()[0]), abs=1e-7
    )
    of_slope = t(n_rarer - 1, both.params[1], both.bse[1])
    assert (line.slope.low, line.slope.high) == pytest.approx(of_slope.interval(0.95), abs=1e-7)
    assert line.curve is not None
    at_half = np.interp(0.5, line.curve.predicted, line.curve.observed)  # a logit of 0
    assert at_half == pytest.approx(1 / (1 + np.exp(-both.params[0])), abs=1e-3)


def test_calibration_line__in_the_large_is_the_mean_of_patients_gaps() -> None:
    # Six patients of two images: gaps 0.4, 0.1, -0.2 on average, twice. Five have a healthy eye.
    y_true = [1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    share = [0.6, 0.6, 0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.4, 0.4, 0.7, 0.7]

    line = calibration_line(y_true, share, patients=np.repeat(np.arange(6), 2))

    error = np.std([0.4, 0.1, -0.2, 0.4, 0.1, -0.2], ddof=1) / 6**0.5
    assert line.in_the_large.value == pytest.approx(0.1)
    assert line.in_the_large.high == pytest.approx(0.1 + 2.776445 * error, abs=1e-5)  # t of 4


def test_calibration_line__of_few_patients_of_a_class_has_no_interval() -> None:
    y_true, share, patients = cohort()
    diseased = np.unique(patients[y_true])

    def of(n_diseased: int) -> CalibrationLine:
        kept = ~np.isin(patients, diseased[n_diseased:])
        return calibration_line(y_true[kept], share[kept], patients=patients[kept])

    four, five = of(4), of(5)

    for interval in (four.slope, four.intercept, four.in_the_large):
        assert interval.value is not None
        assert interval.low is interval.high is None
        assert interval.reason == "only 4 patients with the class; an interval needs 5"
    assert four.curve is None
    assert None not in (five.slope.low, five.intercept.low, five.in_the_large.low)


def test_calibration_line__of_equal_predictions_has_an_intercept_and_no_slope() -> None:
    line = calibration_line([0, 0, 0, 1], np.full(4, 0.5))

    assert line.intercept.value == pytest.approx(np.log(1 / 3))
    assert line.slope.value is None
    assert "equal" in line.slope.reason
    assert line.curve is None


@pytest.mark.parametrize(
    "score", [[0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1], [0.1, 0.5, 0.5, 0.9]]
)
def test_calibration_line__of_separated_classes_has_no_slope(score: list[float]) -> None:
    line = calibration_line([0, 0, 1, 1], score)

    assert line.slope.value is None
    assert "separate" in line.slope.reason
    assert line.intercept.value is not None


def test_calibration_line__counts_predictions_of_zero_and_one() -> None:
    y_true, share, _ = cohort()
    certain = np.where(share > 0.9, 1.0, share)

    line = calibration_line(y_true, certain)

    assert line.n_at_edge == np.count_nonzero(share > 0.9) > 0
    assert line.slope.value is not None
    assert calibration_line(y_true, share).n_at_edge == 0


@pytest.mark.parametrize("binning", ["mass", "width"])
def test_brier_parts__add_up_to_the_score_of_scikit_learn(binning: str) -> None:
    from sklearn.metrics import brier_score_loss

    y_true, share, _ = cohort(slope=0.6)

    parts = brier_parts(y_true, share, n_bins=4, binning=binning)  # type: ignore[arg-type]

    expected = brier_score_loss(y_true, share)
    assert brier_score(y_true, share) == pytest.approx(expected, abs=1e-15)
    assert parts.score == pytest.approx(expected, abs=1e-15)
    assert parts.uncertainty + parts.reliability - parts.generalised_resolution == pytest.approx(
        expected, abs=1e-15
    )
    assert parts.within_variance > 0


def test_brier_parts__are_those_of_the_definition() -> None:
    y_true, share = [0, 1, 1, 1, 0, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]

    parts = brier_parts(y_true, share, n_bins=2)

    low, high = (2 / 3 - 0.2), (2 / 3 - 0.7)
    assert parts.reliability == pytest.approx((low**2 + high**2) / 2)
    assert parts.resolution == pytest.approx(0.0)
    assert parts.uncertainty == pytest.approx(2 / 9)
    assert parts.within_variance == pytest.approx(4 * 0.01 / 6)
    covariance = (-2 / 3) * -0.1 + (1 / 3) * 0.1 + (1 / 3) * -0.1 + (1 / 3) * 0.1
    assert parts.within_covariance == pytest.approx(2 * covariance / 6)


def test_calibration__scaled_brier_score_is_zero_for_the_overall_share() -> None:
    found = calibration([0, 0, 0, 1] * 10, np.full(40, 0.25), n_resamples=FEW)

    assert found.scaled_brier.value == pytest.approx(0)
    assert found.parts.reliability == pytest.approx(0)


def test_calibration__with_few_patients_gives_values_without_intervals() -> None:
    found = calibration([0, 0, 0, 0, 0, 1], [0.1, 0.2, 0.1, 0.3, 0.2, 0.6], n_resamples=FEW)

    assert found.brier.value == pytest.approx((0.01 + 0.04 + 0.01 + 0.09 + 0.04 + 0.16) / 6)
    assert found.brier.low is None
    assert "only 1 image with the class" in found.brier.reason


def test_calibration__refuses_what_is_no_probability_and_names_its_range() -> None:
    with pytest.raises(ScoresError, match=r"1 of 3 scores lie outside \[0, 1\].*-0.2 to 0.9"):
        calibration([0, 1, 1], [-0.2, 0.5, 0.9])
    with pytest.raises(ScoresError, match="NaN"):
        calibration([0, 1], [0.5, np.nan])
    with pytest.raises(SingleClassError):
        calibration([1, 1], [0.5, 0.6])
    with pytest.raises(TargetError):
        calibration([1, 2], [0.5, 0.6])
    with pytest.raises(ValueError, match="number of bins"):
        calibration([0, 1], [0.5, 0.6], n_bins=0)


@pytest.mark.slow
def test_simulation__by_patient_keeps_the_level_and_by_image_does_not() -> None:
    setting = simulation.Setting(150, -1.0, 0.5, eyes=0.7)

    held = simulation.simulate(setting, replicates=600)

    rates = dict(zip(simulation.COLUMNS, held.tolist(), strict=True))
    for name in ("slope", "intercept", "Brier", "scaled", "RMS error", "net benefit", "at 5 %"):
        assert 0.92 <= rates[name] <= 0.98, name  # Monte Carlo error 0.009
    assert rates["intercept by image"] < 0.92
    assert rates["ECE, percentile"] < 0.8


@pytest.mark.slow
@pytest.mark.parametrize("n_patients", [60, 150])
def test_simulation__of_few_diseased_patients_keeps_the_level_too(n_patients: int) -> None:
    centre = -3.5 if n_patients == 60 else -4.0  # 5 to 10 of them
    held = simulation.simulate(simulation.Setting(n_patients, centre, 1.0, 0.7), replicates=600)

    rates = dict(zip(simulation.COLUMNS, held.tolist(), strict=True))
    for name in ("slope", "intercept", "in the large"):
        assert rates[name] >= 0.93, name


@given(any_cohort(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_calibration__of_anything_valid_has_no_nan_and_ordered_intervals(
    drawn: tuple[list[bool], list[float], list[int]], by_patient: bool
) -> None:
    labels, scores, patients = drawn

    found = calibration(
        labels, scores, patients=patients if by_patient else None, n_resamples=50, n_bins=4
    )

    curve = found.curve
    assert ((curve.low >= 0) & (curve.low <= curve.observed + 1e-12)).all()
    assert ((curve.high <= 1) & (curve.high >= curve.observed - 1e-12)).all()
    assert (np.diff(curve.predicted) > 0).all()
    assert curve.n_images.sum() == len(labels)
    assert 0 <= found.errors.ece <= 1
    assert found.parts.score == pytest.approx(found.brier.value, abs=1e-12)
    for interval in _intervals(found):
        assert interval.value is None or np.isfinite(interval.value)
        assert (interval.low is None) == (interval.high is None) == bool(interval.reason)
        if interval.low is not None and interval.high is not None and interval.value is not None:
            assert interval.low - 1e-9 <= interval.value <= interval.high + 1e-9


@given(any_cohort())
@settings(max_examples=40, deadline=None)
def test_calibration__of_the_opposite_class_is_its_mirror_image(
    drawn: tuple[list[bool], list[float], list[int]],
) -> None:
    labels, scores, patients = np.array(drawn[0]), np.round(drawn[1], 3), drawn[2]

    one = calibration(labels, scores, patients=patients, n_resamples=50, binning="width")
    other = calibration(~labels, 1 - scores, patients=patients, n_resamples=50, binning="width")

    assert other.brier.value == pytest.approx(one.brier.value)
    assert other.line.in_the_large.value == pytest.approx(-(one.line.in_the_large.value or 0))
    assert (other.line.slope.value is None) == (one.line.slope.value is None)
    if one.line.slope.value is not None:
        assert other.line.slope.value == pytest.approx(one.line.slope.value, abs=1e-5)


def _intervals(found: Calibration):  # type: ignore[no-untyped-def]
    line = found.line
    return [
        found.brier,
        found.scaled_brier,
        found.errors.root_mean_square,
        line.in_the_large,
        line.intercept,
        line.slope,
    ]
