"""Sensitivity and specificity at a threshold. N is the number of images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ParameterError, ScoresError
from fundus_core.stats.inputs import (
    as_labels,
    as_patients,
    as_scores,
    require_both_classes,
    require_confidence,
)
from fundus_core.stats.proportions import share_of
from fundus_core.stats.threshold_rules import choose_threshold


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a model does at one threshold. Shares are in [0, 1], counts are images."""

    threshold: float | None
    """An image is called positive when its score is at least this; None where images are held
    against several thresholds, such as one per fold."""

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

    The intervals hold for a threshold fixed beforehand; one chosen on
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
        ParameterError: If the threshold is NaN.

    References:
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
        Rao & Scott (1992), Biometrics 48(2), 577-585 (the design effect of clustered shares).

    Examples:
        >>> point = operating_point([0, 0, 0, 1, 1], [0.1, 0.2, 0.7, 0.4, 0.9], 0.4)
        >>> point.sensitivity, round(point.specificity, 4), point.n_false_positive
        (1.0, 0.6667, 1)
    """
    if np.isnan(threshold):
        raise ParameterError(
            "The threshold must be a number but is NaN.",
            hint="Give one on the scale of the scores.",
        )
    positive = as_labels(y_true)
    score = as_scores(y_score, n_images=len(positive))
    return point_of_calls(
        positive,
        score >= threshold,
        threshold=float(threshold),
        patients=patients,
        confidence=confidence,
    )


def point_of_calls(
    y_true: ArrayLike,
    called: ArrayLike,
    *,
    threshold: float | None = None,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> OperatingPoint:
    """Returns sensitivity and specificity of calls, however they were made.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        called: Shape (N,), bool or {0, 1}. True marks an image that was called positive.
        threshold: What all scores were held against, if it was one.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Raises:
        TargetError: If labels or calls are not one column of 0 and 1.
        ScoresError: If shapes do not fit, or a patient is missing.
        SingleClassError: If one class has no image.

    Examples:
        >>> point_of_calls([0, 0, 0, 1, 1], [0, 0, 1, 1, 1]).n_false_positive
        1
    """
    require_confidence(confidence)
    positive, said = checked_calls(y_true, called)
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)

    right = said == positive
    shares = [
        share_of(right[members], None if codes is None else codes[members], confidence=confidence)
        for members in (positive, ~positive)
    ]
    return OperatingPoint(
        threshold,
        *shares[0],
        *shares[1],
        int(np.count_nonzero(right & positive)),
        int(np.count_nonzero(~right & positive)),
        int(np.count_nonzero(right & ~positive)),
        int(np.count_nonzero(~right & ~positive)),
        confidence,
        "wilson" if codes is None else "wilson, clustered",
    )


def checked_calls(
    y_true: ArrayLike, called: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns labels and calls as bool, shape (N,) each.

    Raises:
        TargetError: If they are not one column of 0 and 1 each.
        ScoresError: If there is not one call per label.
    """
    positive, said = as_labels(y_true), as_labels(called)
    if len(said) != len(positive):
        raise ScoresError(
            f"There are {len(said)} calls for {len(positive)} labelled images.",
            hint="Give one call per image, in the order of the labels.",
        )
    return positive, said


def youden_threshold(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Returns the threshold with the highest sensitivity + specificity, see `choose_threshold`.

    Examples:
        >>> youden_threshold([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9])
        0.5
    """
    return choose_threshold(y_true, y_score)
