"""The macro AUC of several classes: the mean of their one-against-the-rest AUCs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ScoresError, SingleClassError, TargetError
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.inference import UNITS_FOR_VARIANCE, auc_bounds
from fundus_core.stats.inputs import (
    IndependentUnits,
    as_labels,
    as_patients,
    as_scores,
    independent_units,
    require_confidence,
)
from fundus_core.stats.placements import placements


def macro_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucInterval:
    """Estimates the mean of the one-against-the-rest AUCs of C classes, with an interval.

    N is the number of images. The classes share their images, so their AUCs depend on each other:
    each image's influence on the mean - what its placements add to each class's AUC - is summed,
    within patients where known, and the variance is the sum of squares. With one class and images
    independent this is DeLong's; with patients it differs from Obuchowski's form only in the
    small-sample factor of its cross term. The interval is symmetric on the logit scale; where any
    class has no variance for want of images (patients), or none varies, it is the exact one of
    `auc_interval` with the fewest independent pairs of any class.

    Args:
        y_true: Shape (N, C), bool or {0, 1}; multi-label, or the C columns of a multi-class target.
        y_score: Shape (N, C). Higher means more likely of the class; each column on its own scale.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Returns:
        The mean AUC; `n_positive` and `n_negative` count labels over all classes.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If a class has no positive or no negative image.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845 (the influences).
        Hanley & Hajian-Tilaki (1997), Academic Radiology 4(1), 49-58 (placements as influences).

    Examples:
        >>> y_true = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]]
        >>> y_score = [[0.9, 0.2], [0.3, 0.4], [0.5, 0.3], [0.2, 0.8], [0.6, 0.7]]
        >>> round(macro_auc(y_true, y_score).auc, 4)
        0.8333
    """
    require_confidence(confidence)
    labels, scores = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    n_images, n_classes = _shape_of_labels(labels)
    if scores.shape != labels.shape:
        raise ScoresError(
            f"Scores have shape {scores.shape}, labels {labels.shape}.",
            hint="Give one score per image and class.",
        )
    codes = as_patients(patients, n_images=n_images)

    parts = []
    for index in range(n_classes):
        model = f"Class {index + 1}"
        positive = as_labels(labels[:, index])
        score = as_scores(scores[:, index], n_images=n_images, model=model)
        parts.append(_one_class(positive, score, codes, model=model))

    auc = float(np.mean([part.auc for part in parts]))
    influence = np.mean([part.influence for part in parts], axis=0)  # (N,)
    sums = influence if codes is None else np.bincount(codes, influence)
    variance = float(sums @ sums) if all(part.has_variance for part in parts) else 0.0
    n_pairs = min(part.units.disjoint_pairs for part in parts)
    bounds = auc_bounds(auc, variance, n_pairs, confidence=confidence)
    method = "macro delong" if codes is None else "macro obuchowski"
    n_positive = int(np.count_nonzero(labels))
    return AucInterval(
        auc,
        bounds.low,
        bounds.high,
        bounds.standard_error,
        confidence,
        f"{method}, exact" if bounds.exact else method,
        n_positive,
        labels.size - n_positive,
        None if codes is None else len(sums),
    )


@dataclass(frozen=True, slots=True)
class _ClassPart:
    """One class against the rest."""

    auc: float

    influence: NDArray[np.float64]
    """Shape (N,): what each image adds to the AUC, times the square root of the small-sample
    factor, so that the sum of squares is the variance."""

    units: IndependentUnits

    @property
    def has_variance(self) -> bool:
        return min(self.units.positive, self.units.negative) >= UNITS_FOR_VARIANCE


def _one_class(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    patients: NDArray[np.intp] | None,
    *,
    model: str,
) -> _ClassPart:
    """Returns a class's AUC and influences; raises a SingleClassError if it has no AUC."""
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(positive) - n_positive
    if min(n_positive, n_negative) == 0:
        raise SingleClassError(
            f"{model} has {n_positive} positive and {n_negative} negative images; "
            "its AUC needs at least 1 of each.",
            hint="Leave the class out of the average, or choose a set that has it.",
        )
    placed = placements(positive, score[np.newaxis])
    units = independent_units(positive, patients)
    factor = np.where(
        positive,
        _correction(units.positive) / n_positive,
        _correction(units.negative) / n_negative,
    )
    return _ClassPart(float(placed.auc[0]), placed.deviations[0] * factor, units)


def _correction(n_units: int) -> float:
    """Returns the square root of I / (I - 1), or 1 for a single unit."""
    return float(np.sqrt(n_units / max(n_units - 1, 1)))


def _shape_of_labels(labels: NDArray[np.generic]) -> tuple[int, int]:
    """Returns N and C of labels that have one column per class."""
    if labels.ndim != 2 or labels.shape[1] == 0:
        raise TargetError(
            f"Labels have shape {labels.shape}; one column per class is needed, shape (N, C).",
            hint="Give one column of 0 and 1 per class.",
        )
    return labels.shape[0], labels.shape[1]
