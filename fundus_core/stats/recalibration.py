"""Recalibration of held-out predictions, fold by fold, by the other folds.

A map that is fitted and judged on the same images flatters itself. Here what a fold's scores become
is learned from the other folds' held-out scores, which are of other patients. N is the number of
images, C of scored classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.dataset import Task
from fundus_core.errors import FoldError, SingleClassError
from fundus_core.stats.inputs import as_label_columns, as_patients, as_score_columns
from fundus_core.stats.probabilities import as_probabilities
from fundus_core.stats.score_maps import (
    RECALIBRATORS,
    Recalibration,
    ScoreMap,
    fit_softmax_temperature,
)

_NAMED = 3
"""Patients that a refusal names."""


@dataclass(frozen=True, slots=True)
class FoldMap:
    """What one fold's scores of one class went through."""

    fold: int

    column: int | None
    """Of the class, 0 ... C - 1; None where one map serves all classes."""

    n_images: int
    """Images of the other folds that it was fitted on."""

    n_patients: int | None
    """Their patients; None where unknown."""

    parameters: dict[str, float]
    """Name -> value, of those methods that have any."""

    flat: bool
    """True where every image got the same probability: the other folds would have had the order of
    scores turned round."""


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """Scores after recalibration."""

    y_score: NDArray[np.float64]
    """Shape (N, C), in [0, 1]."""

    method: Recalibration
    maps: tuple[FoldMap, ...]

    renormalised: bool
    """True where classes were mapped one against the rest and divided by their sum."""


def recalibrate_across_folds(
    task: Task,
    y_true: ArrayLike,
    y_score: ArrayLike,
    fold: ArrayLike,
    *,
    method: Recalibration = "platt",
    patients: ArrayLike | None = None,
) -> Recalibrated:
    """Maps each fold's scores by what the other folds' held-out scores teach.

    Classes of a binary or multi-label task are mapped each by itself. Of a multi-class task
    temperature scaling has one number for all classes; the other methods map each class against the
    rest and divide by the sum over classes.

    What scored the other folds' images had learned from this fold's patients, as everything in
    cross-validation has; no label of this fold is looked at by the map. Within a fold a strictly
    monotone map leaves the AUC of a binary task as it is; pooled over folds it can change, for each
    fold has its own map.

    Args:
        task: "binary", "multiclass" or "multilabel".
        y_true: Shape (N, C), bool or {0, 1}.
        y_score: Shape (N, C), held-out probabilities.
        fold: Shape (N,), the fold that held each image out.
        method: Key of `RECALIBRATORS`.
        patients: Shape (N,), one id per image. Where they are unknown, that no patient is on both
            sides cannot be verified.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is no probability or a patient is missing.
        FoldError: If there is a single fold, or a patient is in more than one.
        SingleClassError: If the images without a fold lack a class.

    References:
        Zadrozny & Elkan (2002), KDD, 694-699 (one against the rest, divided by the sum).
        Niculescu-Mizil & Caruana (2005), ICML, 625-632 (why not on the training images).

    Examples:
        >>> y_true = np.tile([0, 0, 1, 1], 10)[:, None]
        >>> y_score = np.tile([0.7, 0.8, 0.8, 0.9], 10)[:, None]
        >>> found = recalibrate_across_folds("binary", y_true, y_score, np.arange(40) // 20)
        >>> round(float(y_score.mean()), 2), round(float(found.y_score.mean()), 2)
        (0.8, 0.5)
    """
    labels = as_label_columns(y_true)
    scores = as_score_columns(y_score, shape=labels.shape)
    for number, column in enumerate(scores.T, start=1):
        who = "The model" if scores.shape[1] == 1 else f"Class {number}"
        as_probabilities(column, n_images=len(labels), model=who)
    fold_of = np.asarray(fold)
    codes = as_patients(patients, n_images=len(labels))
    folds = np.unique(fold_of).tolist()
    _require_folds(folds)
    if patients is not None and codes is not None:
        _require_disjoint(codes, fold_of, np.asarray(patients))

    mapped = np.empty_like(scores)
    maps: list[FoldMap] = []
    for number in folds:
        others = fold_of != number
        n_patients = None if codes is None else len(np.unique(codes[others]))
        for column, fitted in _fit(task, labels[others], scores[others], method, number):
            columns = slice(None) if column is None else slice(column, column + 1)
            mapped[~others, columns] = fitted.apply(scores[~others, columns])
            maps.append(
                FoldMap(
                    number, column, int(others.sum()), n_patients, fitted.parameters, fitted.flat
                )
            )
    renormalised = task == "multiclass" and method != "temperature"
    return Recalibrated(
        _divided_by_sum(mapped) if renormalised else mapped, method, tuple(maps), renormalised
    )


def _fit(
    task: Task,
    labels: NDArray[np.bool_],
    scores: NDArray[np.float64],
    method: Recalibration,
    fold: int,
) -> list[tuple[int | None, ScoreMap]]:
    """Returns the maps for one fold from the images of the others, with the column of each."""
    if task == "multiclass" and method == "temperature":
        return [(None, fit_softmax_temperature(labels.argmax(axis=1), scores))]
    for column, positive in enumerate(labels.T):
        if positive.all() or not positive.any():
            raise SingleClassError(
                f"Without fold {fold + 1} there are {int(positive.sum())} images with class "
                f"{column + 1} and {int((~positive).sum())} without; no map can be learned.",
                hint="Use a model with fewer folds, or a class that more patients have.",
            )
    fit = RECALIBRATORS[method].fit
    return [(c, fit(labels[:, c], scores[:, c])) for c in range(labels.shape[1])]


def _require_folds(folds: list[int]) -> None:
    if len(folds) < 2:
        raise FoldError(
            "There is one fold only; a map that is fitted and judged on the same images flatters "
            "itself.",
            hint="Recalibrate predictions of cross-validation, or divide the patients into folds.",
        )


def _require_disjoint(
    patients: NDArray[np.intp], fold_of: NDArray[np.int64], names: NDArray[np.str_]
) -> None:
    """Raises if a patient is in more than one fold, with their number and the first of them."""
    pairs = np.unique(np.stack([patients, fold_of], axis=1), axis=0)
    often = np.flatnonzero(np.bincount(pairs[:, 0]) > 1)
    if not len(often):
        return
    first = np.unique(patients, return_index=True)[1]
    named = ", ".join(str(names[first[one]]) for one in often[:_NAMED])
    more = ", ..." if len(often) > _NAMED else ""
    raise FoldError(
        f"{len(often)} of {len(first)} patients are in more than one fold ({named}{more}): the map "
        "of a fold would be fitted on its own patients.",
        hint="Fit the model again with folds by patient.",
    )


def _divided_by_sum(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns scores (N, C) that sum to 1 over the classes; where all are 0, equal ones."""
    sums = scores.sum(axis=1, keepdims=True)
    equal = np.full_like(scores, 1 / scores.shape[1])
    return np.asarray(np.divide(scores, sums, out=equal, where=sums > 0))
