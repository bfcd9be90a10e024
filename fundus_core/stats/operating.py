"""Sensitivity and specificity at a threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.inputs import (
    as_labels,
    as_patients,
    as_scores,
    require_both_classes,
    require_confidence,
)
from fundus_core.stats.placements import NO_VARIANCE
from fundus_core.stats.proportions import wilson
from fundus_core.stats.roc import roc_curve


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a model does at one threshold. Shares are in [0, 1], counts are images."""

    threshold: float
    """An image is called positive when its score is at least this."""

    sensitivity: float
    """Share of the positive images that are called positive."""

    sensitivity_low: float
    """Lower end of its interval."""

    sensitivity_high: float
    """Upper end of its interval."""

    specificity: float
    """Share of the negative images that are called negative."""

    specificity_low: float
    """Lower end of its interval."""

    specificity_high: float
    """Upper end of its interval."""

    n_true_positive: int
    """Positive images called positive."""

    n_false_negative: int
    """Positive images missed."""

    n_true_negative: int
    """Negative images called negative."""

    n_false_positive: int
    """Negative images called positive: false alarms."""

    confidence: float
    """Level of the intervals, in (0, 1)."""

    method: str
    """"wilson": images independent; "wilson, clustered": patients independent."""


def operating_point(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> OperatingPoint:
    """Returns sensitivity and specificity at a threshold with Wilson's intervals.

    N is the number of images. The intervals hold for a threshold fixed beforehand; one chosen on
    the same images makes both shares look better than they are. With patients the number of images
    in Wilson's formula is divided by the design effect, which is how much more the share varies
    over patients than it would over independent images.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.
        threshold: On the scale of the scores; a score equal to it is called positive.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.
        ValueError: If the threshold is NaN.

    References:
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
        Rao & Scott (1992), Biometrics 48(2), 577-585 (the design effect of clustered shares).

    Examples:
        >>> point = operating_point([0, 0, 0, 1, 1], [0.1, 0.2, 0.7, 0.4, 0.9], 0.4)
        >>> point.sensitivity, round(point.specificity, 4), point.n_false_positive
        (1.0, 0.6667, 1)
    """
    require_confidence(confidence)
    if np.isnan(threshold):
        raise ValueError("threshold must be a number but is NaN")
    positive = as_labels(y_true)
    score = as_scores(y_score, n_images=len(positive))
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)

    right = (score >= threshold) == positive
    sensitivity = _share(right, positive, codes, confidence=confidence)
    specificity = _share(right, ~positive, codes, confidence=confidence)
    return OperatingPoint(
        float(threshold),
        *sensitivity,
        *specificity,
        int(np.count_nonzero(right & positive)),
        int(np.count_nonzero(~right & positive)),
        int(np.count_nonzero(right & ~positive)),
        int(np.count_nonzero(~right & ~positive)),
        confidence,
        "wilson" if codes is None else "wilson, clustered",
    )


def youden_threshold(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Returns the threshold with the highest sensitivity + specificity, always finite.

    It lies midway between the lowest score that is called positive and the next one below, so that
    rounding the scores moves no image across. Of several equally good ones the lowest is taken,
    which misses the fewest diseased.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit or a score is not finite.
        SingleClassError: If one class has no image.

    References:
        Youden (1950), Cancer 3(1), 32-35.

    Examples:
        >>> youden_threshold([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9])
        0.5
    """
    curve = roc_curve(y_true, y_score)
    positive = as_labels(y_true)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    # In whole numbers: rounded rates would break ties at random.
    index = np.rint(curve.true_positive_rate * n_positive) * n_negative
    index -= np.rint(curve.false_positive_rate * n_negative) * n_positive
    best = np.flatnonzero(index[1:] == index[1:].max())[-1]  # without +inf
    lowest_positive = float(curve.thresholds[1:][best])
    score = np.asarray(y_score, dtype=np.float64)
    below = score[score < lowest_positive]
    if below.size == 0:
        return lowest_positive
    midway = lowest_positive / 2 + float(below.max()) / 2
    return midway if midway > below.max() else lowest_positive


def _share(
    right: NDArray[np.bool_],
    members: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    *,
    confidence: float,
) -> tuple[float, float, float]:
    """Returns the share of one class that is called right, and the ends of its interval."""
    share = float(right[members].mean())
    n_images = _effective_images(right[members], None if patients is None else patients[members])
    low, high = wilson(share * n_images, n_images, confidence=confidence)
    return share, float(low), float(high)


def _effective_images(right: NDArray[np.bool_], patients: NDArray[np.intp] | None) -> float:
    """Returns how many independent images the given ones are worth.

    At most their number. Where all are right, or all wrong, the number of patients: the design
    effect cannot be seen there, and images of one patient may agree fully.
    """
    if patients is None:
        return float(len(right))
    share = right.mean()
    residuals = np.bincount(patients, right - share)[np.unique(patients)]
    n_patients = len(residuals)
    variance = 0.0
    if n_patients > 1:
        variance = n_patients / (n_patients - 1) * float(residuals @ residuals) / len(right) ** 2
    if variance <= NO_VARIANCE:
        return float(n_patients)
    return float(min(share * (1 - share) / variance, len(right)))
