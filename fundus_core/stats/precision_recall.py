"""The empirical precision-recall curve and a pointwise band around it.

N is the number of images. Precision depends on how common the disease is among the images at hand;
on a population where it is rarer, the same model has a lower one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.curve_counts import Ladder, ladder
from fundus_core.stats.inputs import (
    as_labels,
    as_scores,
    checked_scores,
    require_both_classes,
    require_confidence,
)
from fundus_core.stats.proportions import wilson
from fundus_core.stats.resampling import generator_of, resamples, stratify

GRID = np.arange(1, 101) / 100
"""Recalls 0.01, 0.02, ..., 1 at which a band is given; at 0 nothing is called."""

_ROUNDING = 1e-9
"""Counts are whole numbers: a recall of 0.1 of 30 positive images is 3 of them."""


@dataclass(frozen=True, slots=True)
class PrecisionRecallCurve:
    """One point per threshold at which recall rises, K of them, to a recall of 1.

    Between two points precision is that of the right one: to reach a recall, one has to go on to
    the next threshold. A straight line between them would promise what no threshold does. The area
    under these steps is the average precision.
    """

    recall: NDArray[np.float64]
    """Shape (K,), in (0, 1], ascending: sensitivity."""

    precision: NDArray[np.float64]
    """Shape (K,), in (0, 1]: share of the images called positive that are."""

    thresholds: NDArray[np.float64]
    """Shape (K,), descending. An image is called positive when score >= threshold."""

    prevalence: float
    """Share of positive images, in (0, 1): the precision of calling at random."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per point."""
        return pd.DataFrame(
            {
                "threshold": self.thresholds,
                "recall": self.recall,
                "precision": self.precision,
            }
        )


@dataclass(frozen=True, slots=True)
class PrecisionBand:
    """A band around a precision-recall curve, pointwise: each recall on its own."""

    recall: NDArray[np.float64]
    """Shape (G,), ascending to 1."""

    low: NDArray[np.float64]
    """Shape (G,), lower ends of precision, in [0, 1]."""

    high: NDArray[np.float64]
    """Shape (G,), upper ends, in [0, 1]."""

    confidence: float
    """Level of each point, in (0, 1)."""

    method: str
    """"stratified bootstrap of images" or "stratified bootstrap of patients"."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per recall."""
        return pd.DataFrame({"recall": self.recall, "low": self.low, "high": self.high})


def precision_recall_curve(y_true: ArrayLike, y_score: ArrayLike) -> PrecisionRecallCurve:
    """Returns the empirical precision-recall curve.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit or a score is not finite.
        SingleClassError: If one class has no image.

    References:
        Davis & Goadrich (2006), ICML, 233-240 (why not to draw straight lines).
        Boyd, Eng & Page (2013), ECML PKDD, LNCS 8190, 451-466 (the area in steps).

    Examples:
        >>> curve = precision_recall_curve([0, 1, 0, 1], [0.1, 0.8, 0.6, 0.4])
        >>> curve.recall.tolist(), curve.precision.round(3).tolist()
        ([0.5, 1.0], [1.0, 0.667])
    """
    positive = as_labels(y_true)
    score = as_scores(y_score, n_images=len(positive))
    require_both_classes(positive)

    steps = ladder(positive, score)
    counts = steps.counts(np.ones((1, len(positive))))
    true, called = counts.true[0, 1:], counts.true[0, 1:] + counts.false[0, 1:]
    rises = np.diff(true, prepend=0.0) > 0
    return PrecisionRecallCurve(
        true[rises] / true[-1],
        true[rises] / called[rises],
        score[steps.order][steps.last][rises],
        float(true[-1] / called[-1]),
    )


def precision_band(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> PrecisionBand:
    """Returns a pointwise band of the precision by the stratified percentile bootstrap of patients.

    Patients are drawn so that each resample has about as many positive and negative images as there
    are: the band is one for this prevalence. Each point is at least as wide as Wilson's interval of
    the observed precision among the patients (images) called positive there, so that the band has
    width where every resample agrees.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1), for each point.
        n_resamples: Resamples; 1000 fix the ends of the band to about a hundredth.
        seed: Of the resampling; equal seeds give equal bands.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.

    References:
        Boyd, Eng & Page (2013), ECML PKDD, LNCS 8190, 451-466 (intervals along this curve).
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
    """
    require_confidence(confidence)
    generator = generator_of(n_resamples, seed)
    positive, score, codes = checked_scores(y_true, y_score, patients)

    steps = ladder(positive, score)
    strata = stratify({"positive": positive, "negative": ~positive}, codes)
    drawn = np.concatenate(
        [_precisions(steps, w) for w in resamples(strata, n_resamples, generator)]
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0, method="hazen")

    observed = _precisions(steps, np.ones((1, len(positive))))[0]
    n_called = _units_called(steps, strata.unit_of)
    alone = wilson(observed * n_called, n_called, confidence=confidence)
    unit = "images" if codes is None else "patients"
    return PrecisionBand(
        GRID,
        np.minimum(low, alone.low),
        np.maximum(high, alone.high),
        confidence,
        f"stratified bootstrap of {unit}",
    )


def _precisions(steps: Ladder, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the precision at each recall of the grid, shape (B, G)."""
    counts = steps.counts(weights)
    found = np.empty((len(weights), len(GRID)))
    for row, (true, false) in enumerate(zip(counts.true, counts.false, strict=True)):
        at = np.searchsorted(true, GRID * true[-1] - _ROUNDING)
        found[row] = true[at] / (true[at] + false[at])
    return found


def _units_called(steps: Ladder, unit_of: NDArray[np.intp]) -> NDArray[np.float64]:
    """Returns how many patients (images) are called positive at each recall, shape (G,).

    Patients with equally many images; of others, what they are worth (`patients_alike`).
    """
    called = pd.Series(unit_of[steps.order])
    earlier = called.groupby(called).cumcount().to_numpy()
    so_far = (np.arange(1, len(called) + 1) ** 2 / np.cumsum(2 * earlier + 1))[steps.last]
    true = np.cumsum(steps.positive)[steps.last]
    return np.asarray(so_far[np.searchsorted(true, GRID * true[-1] - _ROUNDING)])
