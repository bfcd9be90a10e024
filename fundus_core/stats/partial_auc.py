"""The area under a part of a ROC curve, where specificity or sensitivity is high enough to matter.

N is the number of images.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ParameterError, SingleClassError
from fundus_core.stats.bootstrap import Interval, bootstrap_intervals
from fundus_core.stats.curve_counts import Ladder, ladder
from fundus_core.stats.curve_ends import FOR_AREAS, too_few_beyond
from fundus_core.stats.inputs import (
    checked_scores,
)
from fundus_core.stats.paired_bootstrap import ResampledTest, checked_pair, paired_bootstrap
from fundus_core.stats.resampling import Weights

Axis = Literal["specificity", "sensitivity"]

_NARROWEST = 1e-6
"""Width of a range below which its area is a rounding of counts."""

BELOW_CHANCE = "the area is below that under the chance line, where the correction has no meaning"


@dataclass(frozen=True, slots=True)
class PartialAuc:
    """The area under a ROC curve between two specificities, or beside it between two sensitivities.

    Higher is better.
    """

    area: Interval
    """In [0, end - start]."""

    corrected: Interval
    """McClish's: one half for the chance line, 1 for a perfect curve. No value below chance. Its
    lower end may lie below one half, and then says no more than "below chance"."""

    axis: Axis
    start: float
    """Of the range, in [0, 1)."""

    end: float
    """Of the range, in (start, 1]."""


def partial_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    axis: Axis = "specificity",
    start: float = 0.9,
    end: float = 1.0,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    fewest_beyond: float = FOR_AREAS,
) -> PartialAuc:
    """Estimates a partial area with an interval by the stratified BCa bootstrap of patients.

    Over a range of specificities it is the area under the curve (straight between its corners)
    above the range, so that divided by the range's width it is the mean sensitivity there; over a
    range of sensitivities, likewise with the axes exchanged. Over [0, 1] both are the AUC. Where
    too few images lie beyond the range's start (see `curve_ends`), the area has no interval.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive; only the order matters.
        axis: What the range is of.
        start: In [0, 1).
        end: In (start, 1].
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: Of the bootstrap.
        seed: Of the draws; equal seeds give equal intervals.
        fewest_beyond: Patients, or images, that must lie beyond the start for an interval.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.
        ParameterError: If the range is empty or not inside [0, 1].

    References:
        McClish (1989), Medical Decision Making 9(3), 190-195 (the area and its correction).
        Jiang, Metz & Nishikawa (1996), Radiology 201(3), 745-750 (high sensitivities).

    Examples:
        >>> found = partial_auc([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], start=0.5, n_resamples=10)
        >>> round(found.area.value, 4), round(found.corrected.value, 4)
        (0.3889, 0.8519)
    """
    _require_range(start, end)
    positive, score, codes = checked_scores(y_true, y_score, patients)
    steps = ladder(positive, score)
    (area,) = bootstrap_intervals(
        lambda weights: _areas(steps, weights, axis, start, end)[:, np.newaxis],
        {"positive": positive, "negative": ~positive},
        patients=codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
        unless=too_few_beyond(axis, start, positive, codes, fewest=fewest_beyond),
    )
    return PartialAuc(area, _corrected(area, start, end), axis, start, end)


def compare_partial_aucs(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    axis: Axis = "specificity",
    start: float = 0.9,
    end: float = 1.0,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    fewest_beyond: float = FOR_AREAS,
) -> ResampledTest:
    """Tests whether two models of the same images differ in a partial area, by paired bootstrap.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        score_a: Shape (N,). Higher means more likely positive.
        score_b: Shape (N,), likewise, on any scale.
        axis: What the range is of.
        start: In [0, 1).
        end: In (start, 1].
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: Of the bootstrap.
        seed: Of the draws; equal seeds give equal results.
        fewest_beyond: Patients, or images, that must lie beyond the start.

    Returns:
        The test of the raw areas; McClish's correction changes neither z nor p.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If either class has fewer than five images, or patients, or too few lie
            beyond the range's start.
        NoVarianceError: If the models differ but no resample differs from another.
        ParameterError: If the range is empty or not inside [0, 1].

    References:
        Robin et al. (2011), BMC Bioinformatics 12, 77.
    """
    _require_range(start, end)
    positive, scores, codes = checked_pair(y_true, score_a, score_b, patients)
    if reason := too_few_beyond(axis, start, positive, codes, fewest=fewest_beyond):
        raise SingleClassError(
            f"Partial areas cannot be tested: {reason}.",
            hint="Take a wider range, more photographs, or DeLong's test of the whole area.",
        )
    ladders = [ladder(positive, score) for score in scores]
    return paired_bootstrap(
        lambda weights: np.stack(
            [_areas(steps, weights, axis, start, end) for steps in ladders], axis=1
        ),
        positive,
        codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )


def _areas(
    steps: Ladder, weights: Weights, axis: Axis, start: float, end: float
) -> NDArray[np.float64]:
    """Returns the partial area of each resample, shape (B,)."""
    counts = steps.counts(weights)
    curves = counts if axis == "specificity" else counts.mirrored
    return curves.area_between(1 - end, 1 - start)


def _corrected(area: Interval, start: float, end: float) -> Interval:
    """Returns an area on McClish's scale, which is a straight line through two points."""
    most = end - start
    by_chance = most * (2 - start - end) / 2

    def scaled(value: float | None) -> float | None:
        return None if value is None else (1 + (value - by_chance) / (most - by_chance)) / 2

    # A perfect area may be off by a rounding of counts; the chance line itself may too.
    if area.value is None or area.value < by_chance - 1e-12:
        return replace(area, value=None, low=None, high=None, reason=BELOW_CHANCE)
    return replace(area, value=scaled(area.value), low=scaled(area.low), high=scaled(area.high))


def _require_range(start: float, end: float) -> None:
    if not (0.0 <= start < end <= 1.0 and end - start >= _NARROWEST):
        raise ParameterError(
            f"The range must lie in [0, 1] and have width but is {start} to {end}.",
            hint="Give a lower and a higher share, such as 0.9 and 1.",
        )
