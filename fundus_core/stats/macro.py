"""The macro AUC of several classes: the mean of their one-against-the-rest AUCs.

The classes share their images, so their AUCs depend on each other. Each image's influence on the
mean - what its placements add to each class's AUC - is summed, within patients where known, and the
variance is the sum of squares: the joint covariance of all AUCs without writing it down.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import SingleClassError
from fundus_core.stats.delong import AucComparison, AucInterval, unpaired_comparison
from fundus_core.stats.inference import (
    UNITS_FOR_VARIANCE,
    AucEstimate,
    alike_test,
    auc_bounds,
    difference_test,
    require_testable,
)
from fundus_core.stats.inputs import (
    IndependentUnits,
    as_label_columns,
    as_patients,
    as_score_columns,
    independent_units,
    require_confidence,
)
from fundus_core.stats.placements import placements
from fundus_core.stats.small_samples import satterthwaite
from fundus_core.stats.unequal_patients import leverage


def macro_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucInterval:
    """Estimates the mean of the one-against-the-rest AUCs of C classes, with an interval.

    N is the number of images. With one class and images independent the variance is DeLong's; with
    patients it differs from Obuchowski's form only in the small-sample factor of its cross term.
    The interval is symmetric on the logit scale; where any class has no variance for want of images
    (patients), or none varies, it is the exact one of `auc_interval` with the fewest independent
    pairs of any class.

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
    labels = as_label_columns(y_true)
    found = _estimate(labels, y_score, patients)
    bounds = auc_bounds(
        found.auc,
        found.variance,
        found.units.disjoint_pairs,
        confidence=confidence,
        degrees_of_freedom=found.degrees_of_freedom,
    )
    method = f"macro {found.method}"
    return AucInterval(
        found.auc,
        bounds.low,
        bounds.high,
        bounds.standard_error,
        confidence,
        f"{method}, exact" if bounds.exact else method,
        found.n_positive,
        labels.size - found.n_positive,
        found.n_patients,
        None if bounds.exact else found.degrees_of_freedom,
    )


def compare_macro(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Tests whether two models scored on the same images have different macro AUCs.

    As `compare_paired`, with the mean over C classes in place of one AUC. Models that order every
    pair of images alike in every class have z 0 and p 1.

    Args:
        y_true: Shape (N, C), bool or {0, 1}.
        score_a: Shape (N, C). Higher means more likely of the class.
        score_b: Shape (N, C), like `score_a`; the two need not be on one scale.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If a class has fewer than two images, or patients, of either label.
        NoVarianceError: If the models differ but nothing varies.
    """
    require_confidence(confidence)
    labels = as_label_columns(y_true)
    codes = as_patients(patients, n_images=len(labels))
    both = np.stack(
        [
            as_score_columns(score_a, shape=labels.shape, model="Model A"),
            as_score_columns(score_b, shape=labels.shape, model="Model B"),
        ]
    )
    parts = _parts(labels, both, codes)
    units = _scarcest([part.units for part in parts])
    require_testable(units)

    auc_a, auc_b = np.mean([part.auc for part in parts], axis=0).tolist()
    if all(part.alike for part in parts):
        found = alike_test(units.disjoint_pairs, confidence=confidence)
    else:
        influence = np.mean([part.influence for part in parts], axis=0)  # (2, N)
        variance = _sum_of_squares(influence[0] - influence[1], codes)
        apart = [part.influence[0] - part.influence[1] for part in parts]
        known = _degrees_of_freedom(np.stack(apart), labels, codes)
        found = difference_test(
            auc_a - auc_b,
            variance,
            confidence=confidence,
            degrees_of_freedom=None if codes is None else known,
            interval_degrees_of_freedom=known,
        )
    return AucComparison.of(
        (auc_a, auc_b),
        found,
        method="macro delong" if codes is None else "macro obuchowski",
        n_images=(len(labels), len(labels)),
        confidence=confidence,
    )


def compare_macro_unpaired(
    y_a: ArrayLike,
    score_a: ArrayLike,
    y_b: ArrayLike,
    score_b: ArrayLike,
    *,
    patients_a: ArrayLike | None = None,
    patients_b: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Tests whether the macro AUCs of the same C classes on two separate sets of images differ.

    As `compare_unpaired`, with the mean over classes in place of one AUC.

    Args:
        y_a: Shape (N_a, C), labels of the first set.
        score_a: Shape (N_a, C). Higher means more likely of the class.
        y_b: Shape (N_b, C), labels of the second set.
        score_b: Shape (N_b, C).
        patients_a: Shape (N_a,), one id per image, or None where images count as independent.
        patients_b: Shape (N_b,), likewise.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If a class of a set has fewer than two images, or patients, of a label.
        NoVarianceError: If the AUCs differ but neither varies.
    """
    require_confidence(confidence)
    a = _estimate(as_label_columns(y_a), score_a, patients_a)
    b = _estimate(as_label_columns(y_b), score_b, patients_b)
    return unpaired_comparison(a, b, confidence=confidence, prefix="macro ")


@dataclass(frozen=True, slots=True)
class _ClassPart:
    """One class against the rest under M models."""

    auc: NDArray[np.float64]
    """Shape (M,)."""

    influence: NDArray[np.float64]
    """Shape (M, N): what each image adds to the AUC, times the square root of the small-sample
    factor, so that the sum of squares is the variance."""

    units: IndependentUnits
    alike: bool
    """True when all models order every pair of images alike."""


def _estimate(
    labels: NDArray[np.bool_], y_score: ArrayLike, patients: ArrayLike | None
) -> AucEstimate:
    """Returns the mean AUC with its variance; 0 where a class has too few units."""
    scores = as_score_columns(y_score, shape=labels.shape)
    codes = as_patients(patients, n_images=len(labels))
    parts = _parts(labels, scores[np.newaxis], codes)
    units = _scarcest([part.units for part in parts])
    variance, known = 0.0, None
    if units.rarer >= UNITS_FOR_VARIANCE:
        influence = np.stack([part.influence[0] for part in parts])  # (C, N)
        variance = _sum_of_squares(influence.mean(axis=0), codes)
        known = _degrees_of_freedom(influence, labels, codes)
    return AucEstimate(
        float(np.mean([part.auc[0] for part in parts])),
        variance,
        known,
        units,
        int(np.count_nonzero(labels)),
        len(labels),
        None if codes is None else units.total,
    )


def _parts(
    labels: NDArray[np.bool_], scores: NDArray[np.float64], codes: NDArray[np.intp] | None
) -> list[_ClassPart]:
    """Returns each class's AUCs and influences; `scores` has shape (M, N, C)."""
    return [
        _one_class(positive, scores[:, :, index], codes, name=f"Class {index + 1}")
        for index, positive in enumerate(labels.T)
    ]


def _one_class(
    positive: NDArray[np.bool_],
    scores: NDArray[np.float64],
    patients: NDArray[np.intp] | None,
    *,
    name: str,
) -> _ClassPart:
    """Returns a class's AUCs and influences; raises a SingleClassError if it has no AUC."""
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(positive) - n_positive
    if min(n_positive, n_negative) == 0:
        raise SingleClassError(
            f"{name} has {n_positive} positive and {n_negative} negative images; "
            "its AUC needs at least 1 of each.",
            hint="Leave the class out of the average, or choose a set that has it.",
        )
    placed = placements(positive, scores)
    units = independent_units(positive, patients)
    factor = np.where(
        positive,
        _correction(units.positive) / n_positive,
        _correction(units.negative) / n_negative,
    )
    if patients is not None:
        for side in (positive, ~positive):
            factor[side] *= leverage(patients[side], units.total)[patients[side]]
    alike = bool((placed.values == placed.values[0]).all())
    return _ClassPart(placed.auc, placed.deviations * factor, units, alike)


def _scarcest(units: list[IndependentUnits]) -> IndependentUnits:
    """Returns the fewest units that any class has; all classes share the images."""
    return IndependentUnits(
        min(one.positive for one in units), min(one.negative for one in units), units[0].total
    )


def _sum_of_squares(influence: NDArray[np.float64], codes: NDArray[np.intp] | None) -> float:
    """Returns the variance that influences of images, or their sums within patients, make up."""
    sums = influence if codes is None else np.bincount(codes, influence)
    return float(sums @ sums)


def _degrees_of_freedom(
    influence: NDArray[np.float64],
    labels: NDArray[np.bool_],
    codes: NDArray[np.intp] | None,
) -> float:
    """Returns how well the variance of the mean is known.

    Args:
        influence: Shape (C, N).
        labels: Shape (N, C).
        codes: Shape (N,), patients, or None.
    """
    sides = np.concatenate([labels.T, ~labels.T])  # (2 C, N)
    parts = np.where(sides, np.tile(influence, (2, 1)), 0.0)
    if codes is None:
        return satterthwaite(parts, sides)
    of_patients = np.stack([np.bincount(codes, part).astype(np.float64) for part in parts])
    return satterthwaite(of_patients, np.stack([np.bincount(codes, side) > 0 for side in sides]))


def _correction(n_units: int) -> float:
    """Returns the square root of I / (I - 1), or 1 for a single unit."""
    return float(np.sqrt(n_units / max(n_units - 1, 1)))
