"""ROC curves and bands."""

import time

import numpy as np
import pytest

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.roc import Kind, roc_band, roc_curve

Y_TRUE = np.array([0, 1, 0, 1, 1, 0])
SCORE = np.array([0.1, 0.9, 0.5, 0.5, 0.7, 0.8])


def test_roc_curve__passes_through_every_threshold_it_names() -> None:
    curve = roc_curve(Y_TRUE, SCORE)

    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.5, 0.1]
    for threshold, fpr, tpr in zip(
        curve.thresholds, curve.false_positive_rate, curve.true_positive_rate, strict=True
    ):
        called = threshold <= SCORE
        assert tpr == pytest.approx(called[Y_TRUE == 1].mean())
        assert fpr == pytest.approx(called[Y_TRUE == 0].mean())


def test_roc_curve__starts_at_0_and_ends_at_1() -> None:
    curve = roc_curve(Y_TRUE, SCORE)

    assert (curve.false_positive_rate[0], curve.true_positive_rate[0]) == (0.0, 0.0)
    assert (curve.false_positive_rate[-1], curve.true_positive_rate[-1]) == (1.0, 1.0)


def test_roc_curve__encloses_the_auc_under_ties() -> None:
    generator = np.random.default_rng(0)
    y_true = generator.random(300) < 0.3
    score = generator.integers(0, 40, size=300) + 8 * y_true

    curve = roc_curve(y_true, score)

    area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert area == pytest.approx(auc_interval(y_true, score).auc, abs=1e-12)


def test_roc_curve__leaves_out_points_on_straight_lines_only() -> None:
    y_true = np.repeat([0, 1], 50)

    curve = roc_curve(y_true, np.arange(100.0))

    assert curve.frame().to_numpy().tolist() == [[np.inf, 0, 0], [50, 0, 1], [0, 1, 1]]


def test_roc_curve__does_not_turn_a_bad_model_round() -> None:
    curve = roc_curve(Y_TRUE, -SCORE)

    assert np.trapezoid(curve.true_positive_rate, curve.false_positive_rate) < 0.5


def test_roc_curve__refuses_one_class_and_scores_that_are_not_finite() -> None:
    with pytest.raises(SingleClassError, match="0 positive and 6 negative"):
        roc_curve(np.zeros(6), SCORE)
    with pytest.raises(ScoresError, match="1 of 6"):
        roc_curve(Y_TRUE, np.where(SCORE == 0.1, np.nan, SCORE))


def _binormal(n_images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two agreeing eyes per patient: labels, scores and patients."""
    generator = np.random.default_rng(seed)
    patients = np.arange(n_images) // 2
    y_true = (generator.random(n_images) < 0.4)[2 * patients]
    score = generator.normal(size=n_images)[2 * patients] + 0.3 * generator.normal(size=n_images)
    return y_true, score + 1.2 * y_true, patients


def test_roc_band__holds_the_curve_and_stays_inside() -> None:
    y_true, score, patients = _binormal(200)

    band = roc_band(y_true, score, patients=patients)

    curve = roc_curve(y_true, score)
    height = np.interp(
        band.false_positive_rate, curve.false_positive_rate, curve.true_positive_rate
    )
    assert np.all((band.low >= 0) & (band.low <= height) & (height <= band.high + 1e-12))
    assert np.all(band.high <= 1)
    assert np.all(np.diff(band.low) >= -1e-12)
    assert (band.low[-1], band.high[-1]) == (1.0, 1.0)


def test_roc_band__is_wider_by_patient_when_eyes_agree() -> None:
    y_true, score, patients = _binormal(200)

    by_patient = roc_band(y_true, score, patients=patients)
    by_image = roc_band(y_true, score)

    middle = slice(10, 40)
    ratio = (by_patient.high - by_patient.low)[middle] / (by_image.high - by_image.low)[middle]
    assert 1.15 < ratio.mean() < 1.7  # sqrt(2) for eyes that agree fully
    assert by_patient.method == "stratified bootstrap of patients"
    assert by_image.method == "stratified bootstrap of images"


def test_roc_band__has_the_width_of_the_bootstrap_done_plainly() -> None:
    y_true, score, patients = _binormal(120, seed=3)
    kinds = [np.unique(patients[y_true]), np.unique(patients[~y_true])]
    generator = np.random.default_rng(5)
    heights = []
    for _ in range(600):
        drawn = np.concatenate([generator.choice(kind, size=len(kind)) for kind in kinds])
        rows = np.concatenate([np.flatnonzero(patients == one) for one in drawn])
        curve = roc_curve(y_true[rows], score[rows])
        heights.append(np.interp(0.25, curve.false_positive_rate, curve.true_positive_rate))

    band = roc_band(y_true, score, patients=patients)

    low, high = np.quantile(heights, [0.025, 0.975])
    assert band.false_positive_rate[25] == 0.25
    assert (band.low[25], band.high[25]) == pytest.approx((low, high), abs=0.05)


def test_roc_band__of_a_perfect_model_has_width() -> None:
    band = roc_band(np.repeat([0, 1], 20), np.arange(40.0))

    assert np.all(band.low[:-1] < 0.9)
    assert np.all(band.high == 1.0)


def test_roc_band__handles_patients_with_eyes_of_both_classes() -> None:
    y_true = np.tile([0, 1], 15)
    score = np.random.default_rng(0).normal(size=30) + y_true

    band = roc_band(y_true, score, patients=np.arange(30) // 2)

    assert np.isfinite([band.low, band.high]).all()
    assert band.frame().shape == (101, 3)


def test_roc_band__draws_every_class_in_every_resample() -> None:
    # One positive of 30: left to chance, a third of the resamples would have none.
    band = roc_band(np.arange(30) == 20, np.arange(30.0), n_resamples=200)

    assert np.isfinite([band.low, band.high]).all()


def test_roc_band__is_the_same_for_the_same_seed() -> None:
    y_true, score, patients = _binormal(80)

    first, again, other = (
        roc_band(y_true, score, patients=patients, n_resamples=100, seed=seed).low
        for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_roc_band__says_nothing_of_rates_below_what_the_negatives_can_show() -> None:
    # 30 negatives without a false alarm exclude no rate up to 1 - 0.025^(1/30) = 0.116.
    band = roc_band(np.repeat([0, 1], 30), np.arange(60.0), n_resamples=100)

    assert np.all(band.low[:12] == 0.0)
    assert np.all(band.low[12:] > 0.5)


def test_roc_band__counts_patients_where_the_negatives_are_theirs() -> None:
    patients = np.append(np.arange(30) // 3, np.arange(30) + 10)

    band = roc_band(np.repeat([0, 1], 30), np.arange(60.0), patients=patients, n_resamples=100)

    assert np.count_nonzero(band.low == 0.0) == 31  # up to 1 - 0.025^(1/10) = 0.308


def test_roc_band__simultaneous_holds_the_pointwise_one() -> None:
    y_true, score, patients = _binormal(200)

    narrow = roc_band(y_true, score, patients=patients)
    wide = roc_band(y_true, score, patients=patients, kind="simultaneous")

    assert (narrow.kind, wide.kind) == ("pointwise", "simultaneous")
    assert np.all(wide.low <= narrow.low + 1e-12)
    assert np.all(wide.high >= narrow.high - 1e-12)
    assert np.mean(wide.high - wide.low) > 1.2 * np.mean(narrow.high - narrow.low)


def test_roc_band__simultaneous_holds_the_share_of_whole_resampled_curves() -> None:
    y_true, score, patients = _binormal(120, seed=3)
    generator = np.random.default_rng(5)
    kinds = [np.unique(patients[y_true]), np.unique(patients[~y_true])]
    band = roc_band(y_true, score, patients=patients, kind="simultaneous", n_resamples=2000)
    inside = []
    for _ in range(400):
        drawn = np.concatenate([generator.choice(kind, size=len(kind)) for kind in kinds])
        rows = np.concatenate([np.flatnonzero(patients == one) for one in drawn])
        curve = roc_curve(y_true[rows], score[rows])
        height = np.interp(
            band.false_positive_rate, curve.false_positive_rate, curve.true_positive_rate
        )
        inside.append(np.all((band.low <= height + 1e-12) & (height <= band.high + 1e-12)))

    assert 0.92 <= np.mean(inside) <= 1.0


@pytest.mark.parametrize("kind", ["pointwise", "simultaneous"])
@pytest.mark.parametrize("score", [np.arange(40.0), np.zeros(40), -np.arange(40.0)])
def test_roc_band__of_perfect_constant_and_reversed_models_is_finite(
    score: np.ndarray, kind: Kind
) -> None:
    band = roc_band(np.repeat([0, 1], 20), score, kind=kind, n_resamples=200)

    assert np.isfinite([band.low, band.high]).all()
    assert np.all(band.low <= band.high)
    assert np.all((band.low >= 0) & (band.high <= 1))
    assert np.all(np.diff(band.low) >= -1e-12)


def test_roc_band__takes_well_under_a_second_for_400_images() -> None:
    y_true, score, patients = _binormal(400)

    started = time.process_time()
    roc_band(y_true, score, patients=patients, n_resamples=1000)

    assert time.process_time() - started < 1.0
