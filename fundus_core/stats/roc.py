"""The empirical ROC curve, and a band around each of its points or around the whole of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.inputs import (
    as_labels,
    as_scores,
    checked_scores,
    require_both_classes,
    require_confidence,
)
from fundus_core.stats.proportions import wilson
from fundus_core.stats.resampling import draw_units, generator_of
from fundus_core.stats.unequal_patients import patients_alike

GRID_POINTS = 101
"""False positive rates 0, 0.01, ..., 1 at which a band is given."""

_CELLS_AT_ONCE = 1_000_000
"""Resamples times images held in memory together; keeps a band of 20,000 images below 100 MB."""


@dataclass(frozen=True, slots=True)
class RocCurve:
    """The corners of an empirical ROC curve, K of them, from (0, 0) to (1, 1)."""

    false_positive_rate: NDArray[np.float64]
    """Shape (K,), in [0, 1], ascending: 1 - specificity."""

    true_positive_rate: NDArray[np.float64]
    """Shape (K,), in [0, 1], ascending: sensitivity."""

    thresholds: NDArray[np.float64]
    """Shape (K,), descending from +inf. An image is called positive when score >= threshold."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per corner and the three fields as columns."""
        return pd.DataFrame(
            {
                "threshold": self.thresholds,
                "false_positive_rate": self.false_positive_rate,
                "true_positive_rate": self.true_positive_rate,
            }
        )


Kind = Literal["pointwise", "simultaneous"]


@dataclass(frozen=True, slots=True)
class RocBand:
    """A band around a ROC curve at G false positive rates."""

    false_positive_rate: NDArray[np.float64]
    """Shape (G,), ascending from 0 to 1."""

    low: NDArray[np.float64]
    """Shape (G,), lower ends of the true positive rate, in [0, 1]."""

    high: NDArray[np.float64]
    """Shape (G,), upper ends, in [0, 1]."""

    confidence: float
    """In (0, 1): level of each point on its own, or of all of them together."""

    method: str
    """"stratified bootstrap of images" or "stratified bootstrap of patients"."""

    kind: Kind = "pointwise"
    """`pointwise`: each point holds the true rate so often; the whole curve lies inside less often.
    `simultaneous`: the whole curve, at all G rates, lies inside so often."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per false positive rate and the arrays as columns."""
        return pd.DataFrame(
            {
                "false_positive_rate": self.false_positive_rate,
                "low": self.low,
                "high": self.high,
            }
        )


def roc_curve(y_true: ArrayLike, y_score: ArrayLike) -> RocCurve:
    """Returns the empirical ROC curve.

    N is the number of images. One point per distinct score; a point midway on a straight line
    between its neighbours in equal steps is left out, which changes neither the curve nor its area.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive. Never turned round.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit or a score is not finite.
        SingleClassError: If one class has no image.

    Examples:
        >>> curve = roc_curve([0, 1, 0, 1], [0.1, 0.6, 0.4, 0.8])
        >>> curve.frame().to_dict("list")["true_positive_rate"]
        [0.0, 1.0, 1.0]
        >>> curve.thresholds.tolist()
        [inf, 0.6, 0.1]
    """
    positive = as_labels(y_true)
    score = as_scores(y_score, n_images=len(positive))
    require_both_classes(positive)

    order, last = _descending(score)
    true_positives = np.append(0, np.cumsum(positive[order])[last])
    false_positives = np.append(0, last + 1) - true_positives
    thresholds = np.append(np.inf, score[order][last])
    corner = np.ones(len(thresholds), dtype=bool)
    corner[1:-1] = (np.diff(true_positives, 2) != 0) | (np.diff(false_positives, 2) != 0)
    return RocCurve(
        false_positives[corner] / false_positives[-1],
        true_positives[corner] / true_positives[-1],
        thresholds[corner],
    )


def roc_band(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    kind: Kind = "pointwise",
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> RocBand:
    """Returns a band of the true positive rate by the stratified percentile bootstrap.

    N is the number of images. Images are drawn anew within each class; with patients, whole
    patients are, within the kinds "positive images only", "negative only" and "both". A pointwise
    band lies between two percentiles of the resampled rates at each false positive rate. So does a
    simultaneous one, its percentiles being the outer ones that the share `confidence` of resampled
    curves respects at all rates at once: a sup-t band on the scale of percentiles.

    The bootstrap is blind in two places, where both bands are made wider than it says:

    - Where every resample agrees (a perfect model, the ends of the curve) each point is at least as
      wide as Wilson's interval, at the same percentiles, of the observed true positive rate among
      the positive images (patients): the width it would have were the threshold known. Patients
      with different numbers of images count as `patients_alike` says, here and below.
    - At false positive rates so low that no threshold is known to stay below them - n negative
      images (patients) without a false alarm exclude no rate up to 1 - (alpha / 2)^(1 / n) - the
      lower end is 0. Without this, bands hold the true curve near 0 too seldom:
      `benchmarks/simulate_bands.py`.

    At a false positive rate of 1 the curve is 1 without doubt.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.
        patients: Shape (N,), one id per image; without it images count as independent.
        kind: Whether each point, or the whole curve, is to be covered.
        confidence: In (0, 1).
        n_resamples: Resamples; 1000 fix the ends of a pointwise band to about a hundredth. A
            simultaneous one asks for 2000: its percentiles lie further out.
        seed: Of the resampling; equal seeds give equal bands.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.

    References:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
        Rutter (2000), Academic Radiology 7(6), 413-419 (patients as the unit of resampling).
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
        Montiel Olea & Plagborg-Møller (2019), J. Applied Econometrics 34(1), 1-17 (simultaneous
        bands by percentiles; theirs is algorithm 2). The older joint rectangles: Campbell (1994),
        Statistics in Medicine 13(5-7), 499-508.
    """
    require_confidence(confidence)
    generator = generator_of(n_resamples, seed)
    positive, score, codes = checked_scores(y_true, y_score, patients)

    unit_of = np.arange(len(positive)) if codes is None else codes
    grid = np.linspace(0.0, 1.0, GRID_POINTS)
    resampled = _resampled_curves(positive, score, unit_of, grid, n_resamples, generator)
    tail = (1 - confidence) / 2
    percentile = tail if kind == "pointwise" else _common_percentile(resampled, confidence)
    low, high = np.quantile(resampled, [percentile, 1 - percentile], axis=0, method="hazen")

    curve = roc_curve(positive, score)
    observed = np.interp(grid, curve.false_positive_rate, curve.true_positive_rate)
    n_units = patients_alike(unit_of[positive])
    alone = wilson(observed * n_units, n_units, confidence=1 - 2 * percentile)
    low, high = np.minimum(low, alone.low), np.maximum(high, alone.high)
    low[grid < 1 - tail ** (1 / patients_alike(unit_of[~positive]))] = 0.0
    low[-1] = high[-1] = 1.0
    unit = "images" if codes is None else "patients"
    return RocBand(grid, low, high, confidence, f"stratified bootstrap of {unit}", kind)


def _common_percentile(resampled: NDArray[np.float64], confidence: float) -> float:
    """Returns the outer percentile that the share `confidence` of curves respects everywhere.

    Args:
        resampled: Shape (B, G), a curve per row.
        confidence: In (0, 1).

    Returns:
        In (0, 1/2): between it and its opposite lie whole curves.
    """
    n_curves = len(resampled)
    outermost = np.full(n_curves, 1.0)
    for rates in resampled.T:
        ranked = np.sort(rates)
        upto = np.searchsorted(ranked, rates, side="right") / n_curves
        from_here = 1 - np.searchsorted(ranked, rates, side="left") / n_curves
        outermost = np.minimum(outermost, np.minimum(upto, from_here))
    found = float(np.quantile(outermost, 1 - confidence, method="lower"))
    # The k-th of B sorted rates is the percentile (k - 1/2) / B, as `hazen` counts.
    return min(found - 1 / (2 * n_curves), (1 - confidence) / 2)


def _resampled_curves(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    unit_of: NDArray[np.intp],
    grid: NDArray[np.float64],
    n_resamples: int,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Returns the true positive rates of resampled curves on the grid, (n_resamples, G).

    The images are sorted once; a resample is how often each of them counts.
    """
    order, last = _descending(score)
    is_positive = positive[order]
    strata = _strata(positive, unit_of)
    curves = np.empty((n_resamples, len(grid)))
    step = max(1, _CELLS_AT_ONCE // len(order))
    for start in range(0, n_resamples, step):
        rows = range(start, min(start + step, n_resamples))
        count = draw_units(strata, len(rows), generator)[:, unit_of[order]]  # (rows, N)
        true_positives = np.cumsum(count * is_positive, axis=1)[:, last]
        false_positives = np.cumsum(count * ~is_positive, axis=1)[:, last]
        for row, won, lost in zip(rows, true_positives, false_positives, strict=True):
            # On a vertical stretch np.interp takes the upper end, as an observer would.
            curves[row] = np.interp(
                grid, np.append(0, lost) / lost[-1], np.append(0, won) / won[-1]
            )
    return curves


def _strata(positive: NDArray[np.bool_], unit_of: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Returns the units with images of one class, of the other, and of both, as far as any."""
    has_positive = np.bincount(unit_of, positive) > 0
    has_negative = np.bincount(unit_of, ~positive) > 0
    kind = has_positive + 2 * has_negative
    return [np.flatnonzero(kind == one) for one in np.unique(kind)]


def _descending(score: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns the order from the highest score down, and the last place of each distinct score."""
    order = np.argsort(score)[::-1]
    ranked = score[order]
    return order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
