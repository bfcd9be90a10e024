"""Several classes of one target under one model: a row per class, the macro and micro average.

A class is judged by how many independent units - patients, or images where patients are unknown -
have it and lack it, never by its scores, so that leaving one out selects no result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.delong import AucInterval, auc_interval
from fundus_core.stats.inference import UNITS_FOR_VARIANCE
from fundus_core.stats.inputs import (
    IndependentUnits,
    as_label_columns,
    as_patients,
    as_score_columns,
    independent_units,
)
from fundus_core.stats.macro import macro_auc
from fundus_core.stats.micro import micro_auc


@dataclass(frozen=True, slots=True)
class ClassAuc:
    """One class against the rest."""

    class_name: str

    n_positive: int
    """Images with the class."""

    n_negative: int
    """Images without it."""

    units: IndependentUnits
    """The same in patients, or in images where patients are unknown."""

    interval: AucInterval | None
    """None where no image has the class, or all have."""

    averaged: bool
    """Whether the class takes part in the averages."""

    reason: str
    """Why there is no AUC, or why it is not averaged; empty where neither."""


@dataclass(frozen=True, slots=True)
class ClassAucs:
    """All classes of a target under one model."""

    classes: tuple[ClassAuc, ...]
    """C rows, in the order of the columns."""

    macro: AucInterval
    """Mean of the averaged classes' AUCs."""

    micro: AucInterval
    """One AUC over the averaged classes' pairs of an image and a class."""

    @property
    def averaged(self) -> tuple[str, ...]:
        """The classes that the averages are over."""
        return tuple(one.class_name for one in self.classes if one.averaged)

    @property
    def n_averaged(self) -> int:
        """How many classes the averages are over."""
        return len(self.averaged)


def class_aucs(
    y_true: ArrayLike,
    y_score: ArrayLike,
    class_names: Sequence[str],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> ClassAucs:
    """Estimates the AUC of each of C classes against the rest, their macro and micro average.

    A class that no image has, or all have, has no AUC and takes no part in the averages. One with
    fewer than two units with it or without it has an exact interval, and is left out of the
    averages as long as other classes remain: it would make their intervals say nothing.

    Args:
        y_true: Shape (N, C), bool or {0, 1}; multi-label, or the C columns of a multi-class target.
        y_score: Shape (N, C). Higher means more likely of the class; the micro average needs all
            columns on one scale.
        class_names: C names.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If no class has an AUC.

    Examples:
        >>> y_true = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 1, 0]]
        >>> y_score = [[0.9, 0.2, 0], [0.3, 0.4, 0], [0.5, 0.3, 0], [0.2, 0.8, 0], [0.6, 0.7, 0]]
        >>> found = class_aucs(y_true, y_score, ["dr", "amd", "rvo"])
        >>> round(found.macro.auc, 4), found.n_averaged, found.classes[2].reason
        (0.8333, 2, '0 of 5 images have it')
    """
    labels = as_label_columns(y_true)
    require_names(class_names, labels)
    scores = as_score_columns(y_score, shape=labels.shape)
    codes = as_patients(patients, n_images=len(labels))
    units = [independent_units(positive, codes) for positive in labels.T]
    columns = averaged_classes(units)
    if not columns:
        raise SingleClassError(
            f"None of {len(units)} classes has both an image with it and one without it among "
            f"{len(labels)} images.",
            hint="Choose a larger set, or one that is stratified by label.",
        )
    noun = unit_noun(codes)
    rows = []
    for index, name in enumerate(class_names):
        n_positive = int(np.count_nonzero(labels[:, index]))
        interval = None
        if 0 < n_positive < len(labels):
            interval = auc_interval(
                labels[:, index], scores[:, index], patients=codes, confidence=confidence
            )
        reason = "" if index in columns else _why_left_out(units[index], labels[:, index], noun)
        rows.append(
            ClassAuc(
                name,
                n_positive,
                len(labels) - n_positive,
                units[index],
                interval,
                index in columns,
                reason,
            )
        )
    averaged = labels[:, columns], scores[:, columns]
    return ClassAucs(
        tuple(rows),
        macro_auc(*averaged, patients=codes, confidence=confidence),
        micro_auc(*averaged, patients=codes, confidence=confidence),
    )


def averaged_classes(units: Sequence[IndependentUnits]) -> list[int]:
    """Returns which classes averages are over: those with a variance, else those with an AUC."""
    for enough in (UNITS_FOR_VARIANCE, 1):
        columns = [index for index, one in enumerate(units) if one.rarer >= enough]
        if columns:
            return columns
    return []


def over_text(n_averaged: int, n_all: int) -> str:
    """Says over how many of its classes an average is; empty where over all, or over none.

    Examples:
        >>> over_text(1, 3), over_text(3, 3)
        ('1 of 3 classes', '')
    """
    return f"{n_averaged} of {n_all} classes" if 0 < n_averaged < n_all else ""


def average_name(kind: str, averaged: Sequence[str], class_names: Sequence[str]) -> str:
    """Returns what an average is called; where it is over fewer classes, with their names.

    Args:
        kind: "macro" or "micro".
        averaged: The classes that it is over.
        class_names: All of the target.

    Examples:
        >>> average_name("macro", ["dr"], ["dr", "amd", "rvo"])
        'macro average of 1 of 3 classes (dr)'
        >>> average_name("macro", ["dr", "amd"], ["dr", "amd", "rvo"])
        'macro average of 2 of 3 classes (without rvo)'
    """
    over = over_text(len(averaged), len(class_names))
    if not over:
        return f"{kind} average"
    left_out = [name for name in class_names if name not in averaged]
    few = len(averaged) <= len(left_out)
    which = ", ".join(averaged) if few else f"without {', '.join(left_out)}"
    return f"{kind} average of {over} ({which})"


def unit_noun(patients: object | None) -> str:
    """Returns what independent units are: patients, or images where patients are unknown."""
    return "images" if patients is None else "patients"


def require_names(class_names: Sequence[str], labels: NDArray[np.bool_]) -> None:
    """Raises unless every column has a name.

    Raises:
        ScoresError: With both numbers.
    """
    if len(class_names) != labels.shape[1]:
        raise ScoresError(
            f"There are {len(class_names)} class names for {labels.shape[1]} columns of labels.",
            hint="Give one name per column.",
        )


def _why_left_out(units: IndependentUnits, positive: NDArray[np.bool_], noun: str) -> str:
    n_positive = int(np.count_nonzero(positive))
    if n_positive in {0, len(positive)}:
        return f"{n_positive} of {len(positive)} images have it"
    return f"{units.too_few(noun)}; averages need {UNITS_FOR_VARIANCE} of each"
