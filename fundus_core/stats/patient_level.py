"""From photographs to patients: what a model says of the eyes and visits of one patient, as one.

To add a way to combine scores, add it to `AGGREGATES`. N is the number of images, P of patients, C
of scored classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import ScoresError, TargetError

Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A way to make one score of a patient's scores. Higher stays more likely diseased."""

    label: str
    """What the score is, shown to the user."""

    of: Callable[[Columns, NDArray[np.intp]], Columns]
    """Maps the scores of images sorted by patient, (N, C), and the first row of each patient, (P,),
    to the scores of patients, (P, C)."""

    of_probabilities: bool = False
    """Whether it means anything only of scores in [0, 1]."""


def patient_level(predictions: Predictions, aggregate: str = "max") -> Predictions:
    """Returns predictions with one row per patient, in the order in which patients first occur.

    A patient is diseased if any of the photographs is. Image ids and patient ids are both those of
    the patients, so that whatever takes predictions takes these, and clustered statistics are the
    plain ones. How many photographs a patient has is part of the result: the more there are, the
    higher the highest score tends to be, diseased or not.

    Args:
        predictions: Binary or multi-label, with patients. Of several classes choose one against the
            rest first: a patient's photographs may be of several.
        aggregate: Key of `AGGREGATES`.

    Raises:
        ScoresError: If patients are unknown, a patient is in several folds, or the scores are no
            probabilities and the aggregate needs them.
        TargetError: If the task is multi-class.

    Examples:
        >>> eyes = Predictions("model", "binary", ("dr",), ("a", "b", "c"),
        ...                    np.array([[True], [False], [False]]),
        ...                    np.array([[0.8], [0.5], [0.1]]), np.array(["P1", "P1", "P2"]))
        >>> for aggregate in AGGREGATES:
        ...     found = patient_level(eyes, aggregate)
        ...     print(aggregate, found.y_true[:, 0].tolist(), found.y_score[:, 0].round(2).tolist())
        max [True, False] [0.8, 0.1]
        mean [True, False] [0.65, 0.1]
        any [True, False] [0.9, 0.1]
    """
    patients = _required_patients(predictions)
    if predictions.task == "multiclass":
        raise TargetError(
            f"{predictions.model} tells {len(predictions.class_names)} classes apart, and the "
            "photographs of one patient may be of several.",
            hint="Choose one class against the rest: a patient has it if any photograph does.",
        )
    way = AGGREGATES[aggregate]
    _require_range(predictions, way)
    codes, names = pd.factorize(patients)
    order = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[order], np.arange(len(names)))
    labels = np.logical_or.reduceat(predictions.y_true[order], first, axis=0)
    return Predictions(
        predictions.model,
        predictions.task,
        predictions.class_names,
        tuple(map(str, names)),
        labels,
        way.of(predictions.y_score[order].astype(np.float64), first),
        np.asarray(names, dtype=str),
        _folds(predictions, order, first),
    )


def _highest(scores: Columns, first: NDArray[np.intp]) -> Columns:
    return np.asarray(np.maximum.reduceat(scores, first, axis=0))


def _mean(scores: Columns, first: NDArray[np.intp]) -> Columns:
    counts = np.diff(np.append(first, len(scores)))[:, np.newaxis]
    return np.asarray(np.add.reduceat(scores, first, axis=0) / counts)


def _any(scores: Columns, first: NDArray[np.intp]) -> Columns:
    """The chance that any is diseased, the photographs taken as independent (noisy or).

    References:
        Pearl (1988), Probabilistic Reasoning in Intelligent Systems, section 4.3.
    """
    with np.errstate(divide="ignore"):  # of a score of 1 the logarithm is minus infinity
        none = np.add.reduceat(np.log1p(-scores), first, axis=0)
    return np.asarray(-np.expm1(none))


def _required_patients(predictions: Predictions) -> NDArray[np.str_]:
    if predictions.patient_ids is None:
        raise ScoresError(
            f"{predictions.model} has {len(predictions.y_true)} photographs and no patient ids, so "
            "nothing can be put together by patient.",
            hint="Name the column of patient ids when opening the data, or stay with photographs.",
        )
    return predictions.patient_ids


def _require_range(predictions: Predictions, way: Aggregate) -> None:
    scores = predictions.y_score
    if way.of_probabilities and not ((scores >= 0) & (scores <= 1)).all():
        raise ScoresError(
            f"{predictions.model} has scores from {scores.min():.3g} to {scores.max():.3g}; "
            f"{way.label} needs probabilities in [0, 1].",
            hint="Put scores together by max or mean.",
        )


def _folds(
    predictions: Predictions, order: NDArray[np.intp], first: NDArray[np.intp]
) -> NDArray[np.int64] | None:
    """Returns the fold of each patient, (P,)."""
    if predictions.fold is None:
        return None
    fold = predictions.fold[order]
    lowest, highest = np.minimum.reduceat(fold, first), np.maximum.reduceat(fold, first)
    if n_torn := int(np.count_nonzero(lowest != highest)):
        raise ScoresError(
            f"{n_torn} of {len(first)} patients have photographs in more than one fold, so no "
            "single fold held them out.",
            hint="Split by patient, then evaluate again.",
        )
    return np.asarray(lowest)


AGGREGATES: dict[str, Aggregate] = {
    "max": Aggregate("the highest score of any photograph", _highest),
    "mean": Aggregate("the mean score of the photographs", _mean),
    "any": Aggregate(
        "the chance that any photograph is diseased, taken as independent (noisy or)",
        _any,
        of_probabilities=True,
    ),
}
"""Ways to combine by the name that options call them by. Calling a patient when any photograph is
called is `max`: the two agree at every threshold."""
