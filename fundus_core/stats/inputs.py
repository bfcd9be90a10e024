"""Labels, scores and patients as the statistics take them, or a sentence saying what does not fit.

N is the number of images throughout.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import CHANCE
from fundus_core.errors import ScoresError, SingleClassError, TargetError


@dataclass(frozen=True, slots=True)
class IndependentUnits:
    """How many independent units carry the evidence: patients where known, else images."""

    positive: int
    """Units with at least one positive image."""

    negative: int
    """Units with at least one negative image; a patient can count for both."""

    total: int
    """All units."""

    @property
    def rarer(self) -> int:
        """Units of the scarcer side: with a positive image, or with a negative one."""
        return min(self.positive, self.negative)

    def too_few(self, noun: str) -> str:
        """Says how few of each label there are.

        Args:
            noun: Of the units, in the plural.

        Examples:
            >>> IndependentUnits(1, 3, 4).too_few("patients")
            'too few: 1 patient with it, 3 without'
        """
        of = noun.removesuffix("s") if self.positive == 1 else noun
        return f"too few: {self.positive} {of} with it, {self.negative} without"

    @property
    def disjoint_pairs(self) -> int:
        """Most pairs of a positive and a negative image of which no two share a unit."""
        return min(self.positive, self.negative, self.total // 2)


def as_labels(y_true: ArrayLike) -> NDArray[np.bool_]:
    """Returns labels as bool, shape (N,); True marks the positive (diseased) class.

    Raises:
        TargetError: If they are not one column of bool or {0, 1}.
    """
    labels = np.asarray(y_true)
    if labels.ndim != 1:
        raise TargetError(
            f"Labels have shape {labels.shape}; one label per image is needed, shape (N,).",
            hint="Choose one class against the rest, or use the macro average.",
        )
    if labels.dtype == np.bool_:
        return labels
    other = ~((labels == 0) | (labels == 1))
    if n_other := int(np.count_nonzero(other)):
        raise TargetError(
            f"{n_other} of {len(labels)} labels are neither 0 nor 1, the first {labels[other][0]}.",
            hint="Choose which class is positive: 1 for it, 0 for every other image.",
        )
    return labels.astype(bool)


def as_scores(
    y_score: ArrayLike, *, n_images: int, model: str = "The model"
) -> NDArray[np.float64]:
    """Returns scores as float64, shape (N,).

    Args:
        y_score: One score per image.
        n_images: N.
        model: Who the message is about, with a capital letter.

    Raises:
        ScoresError: If the shape does not fit, or a score is NaN or infinite (counted).
    """
    scores = np.asarray(y_score, dtype=np.float64)
    if scores.shape != (n_images,):
        raise ScoresError(
            f"{model} has scores of shape {scores.shape} for {n_images} labelled images.",
            hint="Give one score per image, in the order of the labels.",
        )
    if n_bad := n_images - int(np.count_nonzero(np.isfinite(scores))):
        n_nan = int(np.count_nonzero(np.isnan(scores)))
        raise ScoresError(
            f"{model} has {n_bad} of {n_images} scores that are NaN or infinite: "
            f"{n_nan} NaN, {n_bad - n_nan} infinite.",
            hint="Predict these images again in full precision, and check the training for NaN.",
        )
    return scores


def as_label_columns(y_true: ArrayLike) -> NDArray[np.bool_]:
    """Returns the labels of C classes as bool, shape (N, C).

    Raises:
        TargetError: If they are not columns of bool or {0, 1}, one per class.
    """
    labels = np.asarray(y_true)
    if labels.ndim != 2 or labels.shape[1] == 0:
        raise TargetError(
            f"Labels have shape {labels.shape}; one column per class is needed, shape (N, C).",
            hint="Give one column of 0 and 1 per class.",
        )
    return np.stack([as_labels(column) for column in labels.T], axis=1)


def as_score_columns(
    y_score: ArrayLike, *, shape: tuple[int, ...], model: str = ""
) -> NDArray[np.float64]:
    """Returns the scores of C classes as float64, shape (N, C).

    Args:
        y_score: One score per image and class.
        shape: That of the labels.
        model: Whom the message names besides the class; nobody by default.

    Raises:
        ScoresError: If the shape does not fit, or a score is NaN or infinite (counted, with the
            number of the class).
    """
    scores = np.asarray(y_score, dtype=np.float64)
    if scores.shape != shape:
        raise ScoresError(
            f"{model or 'Scores'} {'has scores of' if model else 'have'} shape {scores.shape}, "
            f"labels {shape}.",
            hint="Give one score per image and class.",
        )
    whose = f" of {model}" if model else ""
    for number, column in enumerate(scores.T, start=1):
        as_scores(column, n_images=shape[0], model=f"Class {number}{whose}")
    return scores


def as_patients(patients: ArrayLike | None, *, n_images: int) -> NDArray[np.intp] | None:
    """Returns patients as numbers 0 ... n_patients - 1, shape (N,), or None where unknown.

    Raises:
        ScoresError: If the shape does not fit, or an image has no patient (counted).
    """
    if patients is None:
        return None
    names = np.asarray(patients)
    if names.shape != (n_images,):
        raise ScoresError(
            f"Patients have shape {names.shape} for {n_images} labelled images.",
            hint="Give one patient id per image, in the order of the labels.",
        )
    codes: NDArray[np.intp] = pd.factorize(names)[0]
    if n_missing := int(np.count_nonzero(codes < 0)):
        raise ScoresError(
            f"{n_missing} of {n_images} images have no patient id.",
            hint="Give each of them an id of its own, or leave the patients out altogether.",
        )
    return codes


def require_both_classes(positive: NDArray[np.bool_], *, at_least: int = 1) -> None:
    """Raises unless each class has enough images.

    Raises:
        SingleClassError: With the two counts.
    """
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(positive) - n_positive
    if min(n_positive, n_negative) < at_least:
        raise SingleClassError(
            f"There are {n_positive} positive and {n_negative} negative images; "
            f"at least {at_least} of each is needed.",
            hint="Choose a larger set, or one that is stratified by label.",
        )


def checked_scores(
    y_true: ArrayLike,
    y_score: ArrayLike,
    patients: ArrayLike | None = None,
    *,
    model: str = "The model",
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp] | None]:
    """Returns labels, scores and patient codes, each of shape (N,), of images of both classes.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        y_score: Shape (N,).
        patients: Shape (N,), or None where they are unknown; so are their codes then.
        model: Named where its scores do not fit.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.
    """
    positive = as_labels(y_true)
    score = as_scores(y_score, n_images=len(positive), model=model)
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)
    return positive, score, codes


def independent_units(
    positive: NDArray[np.bool_], patients: NDArray[np.intp] | None
) -> IndependentUnits:
    """Counts patients by what they have; without patients every image is a unit of its own."""
    if patients is None:
        n_positive = int(np.count_nonzero(positive))
        return IndependentUnits(n_positive, len(positive) - n_positive, len(positive))
    n_patients = int(patients.max(initial=-1)) + 1
    with_positive = np.bincount(patients[positive], minlength=n_patients) > 0
    with_negative = np.bincount(patients[~positive], minlength=n_patients) > 0
    return IndependentUnits(int(with_positive.sum()), int(with_negative.sum()), n_patients)


def require_confidence(confidence: float) -> None:
    """Refuses a level that is no share: 0.95, not 95.

    Raises:
        ParameterError: With the level.
    """
    CHANCE.require("confidence", confidence)
