"""Precision-recall curves and their bands."""

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as by_sklearn

from fundus_core.errors import SingleClassError
from fundus_core.stats.precision_recall import GRID, precision_band, precision_recall_curve
from tests.stats.test_partial_auc import ANY, ROWS, eyes


def _area(recall: np.ndarray, precision: np.ndarray) -> float:
    return float(np.diff(recall, prepend=0) @ precision)


@pytest.mark.parametrize("seed", range(4))
def test_precision_recall_curve__encloses_the_average_precision(seed: int) -> None:
    generator = np.random.default_rng(seed)
    y_true = generator.random(200) < 0.2
    score = generator.integers(0, 30, 200) + 6 * y_true

    curve = precision_recall_curve(y_true, score)

    area = _area(curve.recall, curve.precision)
    assert area == pytest.approx(average_precision_score(y_true, score), abs=1e-12)
    assert curve.prevalence == y_true.mean()


def test_precision_recall_curve__has_the_points_of_another_library() -> None:
    y_true, scores, _ = eyes()

    curve = precision_recall_curve(y_true, scores[0])

    precision, recall, thresholds = by_sklearn(y_true, scores[0])
    points = np.stack([recall, precision], axis=1)[:-1]
    of_threshold = dict(zip(thresholds.tolist(), points.tolist(), strict=True))
    for threshold, *point in curve.frame().to_numpy().tolist():
        assert point == pytest.approx(of_threshold[threshold])
    assert curve.recall[-1] == 1.0


def test_precision_recall_curve__ties_are_all_in_or_all_out() -> None:
    curve = precision_recall_curve([1, 0, 1, 0], [2, 2, 1, 0])

    assert curve.frame().to_numpy().tolist() == [[2, 0.5, 0.5], [1, 1.0, 2 / 3]]


def test_precision_recall_curve__refuses_one_class() -> None:
    with pytest.raises(SingleClassError):
        precision_recall_curve([1, 1], [0.1, 0.2])


def test_precision_band__holds_the_curve() -> None:
    y_true, scores, patients = eyes()
    curve = precision_recall_curve(y_true, scores[0])

    band = precision_band(y_true, scores[0], patients=patients)

    height = curve.precision[np.searchsorted(curve.recall, GRID - 1e-9)]
    assert np.all((band.low <= height + 1e-12) & (height <= band.high + 1e-12))
    assert np.all((band.low >= 0) & (band.high <= 1))
    assert band.frame().shape == (100, 3)


def test_precision_band__has_the_width_of_the_bootstrap_done_plainly() -> None:
    y_true, scores, patients = eyes(2)
    generator = np.random.default_rng(0)
    sides = [np.unique(patients[y_true]), np.unique(patients[~y_true])]
    precisions = []
    for _ in range(600):
        drawn = np.concatenate([generator.choice(side, len(side)) for side in sides])
        rows = np.concatenate([np.flatnonzero(patients == one) for one in drawn])
        curve = precision_recall_curve(y_true[rows], scores[0][rows])
        precisions.append(curve.precision[np.searchsorted(curve.recall, 0.5 - 1e-9)])

    band = precision_band(y_true, scores[0], patients=patients)

    assert band.recall[49] == 0.5
    low, high = np.quantile(precisions, [0.025, 0.975])
    assert (band.low[49], band.high[49]) == pytest.approx((low, high), abs=0.05)


def test_precision_band__is_wider_by_patient_when_eyes_agree() -> None:
    y_true, scores, patients = eyes()

    by_image = precision_band(y_true, scores[0])
    by_patient = precision_band(y_true, scores[0], patients=patients)

    widths = [(band.high - band.low)[30:90].mean() for band in (by_image, by_patient)]
    assert widths[0] < 0.9 * widths[1]


def test_precision_band__of_a_perfect_model_has_width() -> None:
    band = precision_band(np.repeat([0, 1], 20), np.arange(40.0))

    assert np.all(band.low < 0.9)
    assert np.all(band.high == 1.0)


@ANY
@given(ROWS)
def test_any_curve__keeps_under_increasing_maps_and_its_band_is_finite(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    y_true, score, _, patients = (np.array(one) for one in zip(*rows, strict=True))

    curve = precision_recall_curve(y_true, score)
    mapped = precision_recall_curve(y_true, np.exp(score))
    band = precision_band(y_true, score, patients=patients, n_resamples=30)

    assert np.array_equal(curve.precision, mapped.precision)
    assert np.all((curve.precision > 0) & (curve.precision <= 1))
    assert np.isfinite([band.low, band.high]).all()
    assert np.all(band.low <= band.high)
