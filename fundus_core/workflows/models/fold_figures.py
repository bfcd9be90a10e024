"""The AUC of a single fold: over the classes that the average of the whole run is over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fundus_core.domain.predictions import Predictions
from fundus_core.stats.classes import averaged_classes
from fundus_core.stats.inputs import as_patients, independent_units
from fundus_core.stats.macro import macro_auc


@dataclass(frozen=True, slots=True)
class FoldAuc:
    """The AUC of the test side of a fold, and what it is of."""

    auc: float | None
    """Of the class, or the mean over classes, in [0, 1]; None where one of them is lacking."""

    n_averaged: int | None
    """Classes that the mean is over, the same in every fold; None where there is one class."""

    lacking: tuple[str, ...]
    """Of several classes those averaged that no photograph of the fold has, or all have."""


def averaged_columns(pooled: Predictions) -> list[int]:
    """Returns which columns the averages of a run are over; none where no class has an AUC.

    Args:
        pooled: The held-out predictions of all folds.
    """
    codes = as_patients(pooled.patient_ids, n_images=len(pooled.y_true))
    return averaged_classes([independent_units(column, codes) for column in pooled.y_true.T])


def fold_auc(held_out: Predictions, averaged: Sequence[int]) -> FoldAuc:
    """Returns the AUC of one fold, as `fundus metrics` gives it.

    Args:
        held_out: The predictions of the fold.
        averaged: As `averaged_columns` gives them of all folds.
    """
    columns = list(averaged)
    labels, scores = held_out.y_true[:, columns], held_out.y_score[:, columns]
    both = labels.any(axis=0) & ~labels.all(axis=0)
    auc = macro_auc(labels, scores).auc if columns and both.all() else None
    if held_out.task == "binary":
        return FoldAuc(auc, None, ())
    names = [held_out.class_names[column] for column in np.array(columns, np.intp)[~both]]
    return FoldAuc(auc, len(columns), tuple(names))
