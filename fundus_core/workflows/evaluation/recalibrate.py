"""Use case: what a model's scores would be after recalibration by other patients."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import FoldError, TargetError
from fundus_core.splits import FEWEST_FOLDS, grouped_folds
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.inputs import as_patients, independent_units
from fundus_core.stats.recalibration import FoldMap, recalibrate_across_folds
from fundus_core.stats.score_maps import RECALIBRATORS, Recalibration

FoldsFrom = Literal["cross-validation", "made here"]
"""`cross-validation`: those that the model was validated by. `made here`: of a model that has none
(its own test split, another data set, words alone), patients are divided anew."""

FOLDS_MADE = 5


@dataclass(frozen=True, slots=True)
class RecalibratedModel:
    """Predictions after recalibration, and how they came about."""

    predictions: Predictions
    """Of the same photographs, in the same order, each mapped by the other folds."""

    method: Recalibration
    method_label: str
    maps: tuple[FoldMap, ...]
    n_folds: int
    folds_from: FoldsFrom
    renormalised: bool
    """True where classes were mapped one against the rest and divided by their sum."""

    auc_before: float
    """Of the pooled predictions, of the first class; in [0, 1]."""

    auc_after: float
    """Pooled AUC can change: each fold has its own map."""


def recalibrated(
    predictions: Predictions, method: Recalibration, *, seed: int = 0
) -> RecalibratedModel:
    """Maps the scores of each fold by what the held-out scores of the other folds teach.

    Folds are those of the cross-validation. A model that has none did not learn from these
    photographs fold by fold: their patients are divided into `FOLDS_MADE` folds, or fewer where a
    class has fewer patients.

    Args:
        predictions: With labels and probabilities.
        method: Key of `RECALIBRATORS`.
        seed: Of the folds, where they are made here.

    Raises:
        TargetError: If the method is not known.
        FoldError: If a patient is in more than one fold, or a class has fewer than two patients.
        ScoresError: If scores are no probabilities.
        SingleClassError: If the photographs without a fold lack a class.
    """
    if method not in RECALIBRATORS:
        raise TargetError(
            f"There is no recalibration {method!r}.",
            hint=f"Choose one of {', '.join(RECALIBRATORS)}.",
        )
    fold, origin = _folds(predictions, seed)
    found = recalibrate_across_folds(
        predictions.task,
        predictions.y_true,
        predictions.y_score,
        fold,
        method=method,
        patients=predictions.patient_ids,
    )
    after = replace(predictions, y_score=found.y_score, fold=fold)
    return RecalibratedModel(
        after,
        method,
        RECALIBRATORS[method].label,
        found.maps,
        len(np.unique(fold)),
        origin,
        found.renormalised,
        _auc(predictions),
        _auc(after),
    )


def _folds(predictions: Predictions, seed: int) -> tuple[NDArray[np.int64], FoldsFrom]:
    """Returns the fold of each photograph, and where the folds come from."""
    if predictions.fold is not None and len(np.unique(predictions.fold)) > 1:
        return predictions.fold, "cross-validation"
    patients = predictions.patient_ids
    codes = as_patients(patients, n_images=len(predictions.y_true))
    rarest = min(independent_units(column, codes).rarer for column in predictions.y_true.T)
    if rarest < FEWEST_FOLDS:
        unit = f"{'photograph' if codes is None else 'patient'}{'' if rarest == 1 else 's'}"
        raise FoldError(
            f"A class, or its absence, is seen in {rarest} {unit} only; what is fitted on some "
            f"patients and judged on others needs {FEWEST_FOLDS}.",
            hint="Recalibrate on a larger set.",
        )
    folds = grouped_folds(predictions.y_true, codes, n_folds=min(FOLDS_MADE, rarest), seed=seed)
    fold = np.empty(len(predictions.y_true), dtype=np.int64)
    for number, one in enumerate(folds):
        fold[one.test] = number
    return fold, "made here"


def _auc(predictions: Predictions) -> float:
    return auc_interval(predictions.y_true[:, 0], predictions.y_score[:, 0]).auc
