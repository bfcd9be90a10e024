"""What labels can be asked: one question per target, or one per disease of several.

N is the number of photographs, K of classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.agreement.labels import Probabilities
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import ScoresError, TargetError
from fundus_core.workflows.evaluation.aligned import ScoredModel
from fundus_core.workflows.models.run_record import Run


@dataclass(frozen=True, slots=True)
class Question:
    """One label per photograph, and what each model says of it."""

    name: str
    labels: tuple[str, ...]
    """Names of the K classes."""

    given: NDArray[np.intp]
    """Shape (N,), numbers of classes."""

    scores: tuple[Probabilities, ...]
    """Of each model."""


def require_one_question(models: Sequence[ScoredModel]) -> None:
    """Raises unless there are models, and all predict the same.

    Raises:
        TargetError: With what two of them predict.
    """
    if not models:
        raise TargetError("No model was named.", hint="Name a run: `fundus runs` lists them.")
    first = models[0].predictions
    for model in models[1:]:
        found = model.predictions
        if (found.task, found.class_names) != (first.task, first.class_names):
            raise TargetError(
                f"{model.reference} predicts {', '.join(found.class_names)} ({found.task}), "
                f"{models[0].reference} {', '.join(first.class_names)} ({first.task}).",
                hint="Choose models of the same target.",
            )


def require_learned(models: Sequence[ScoredModel], runs: Sequence[Run | None]) -> None:
    """Raises if a model learned from no labels: scores by words alone are no probabilities.

    Args:
        models: What is asked.
        runs: Of each, its run; None for a table.

    Raises:
        ScoresError: With the first one.
    """
    for model, run in zip(models, runs, strict=True):
        if run is not None and run.kind == "zero_shot":
            raise ScoresError(
                f"{model.reference} scored by words alone: its scores rank photographs and are no "
                "probabilities, so they say nothing of single labels.",
                hint="Choose models that were fitted, such as a linear probe of the same target.",
            )


def questions(
    models: Sequence[ScoredModel], run: Run | None
) -> tuple[list[Question], tuple[str, ...]]:
    """Returns what can be asked of labels, and the classes of which nothing can.

    Args:
        models: With equal rows and labels.
        run: The first of them, None for a table; knows what the labels are called.

    Raises:
        ScoresError: If a score is no probability.
        TargetError: If photographs of a multi-class target have no class, or several.
    """
    first = models[0].predictions
    _require_probabilities(models)
    if first.task == "multiclass":
        _require_one_class_each(first)
        given = first.y_true.argmax(axis=1)
        scores = tuple(_shares(model.predictions.y_score) for model in models)
        if len(np.unique(given)) < 2:
            return [], first.class_names
        name = run.target.name if run else "class"
        return [Question(name, first.class_names, given, scores)], ()
    asked, skipped = [], []
    for column, name in enumerate(first.class_names):
        given = first.y_true[:, column].astype(np.intp)
        if len(np.unique(given)) < 2:
            skipped.append(name)
            continue
        scores = tuple(_two_sided(model.predictions.y_score[:, column]) for model in models)
        binary = first.task == "binary" and run is not None
        labels = run.target.classes if run and binary else ("0", "1")
        asked.append(Question(run.target.name if run and binary else name, labels, given, scores))
    return asked, tuple(skipped)


def _require_probabilities(models: Sequence[ScoredModel]) -> None:
    for model in models:
        score = model.predictions.y_score
        outside = int(((score < 0) | (score > 1)).any(axis=1).sum())
        if outside:
            raise ScoresError(
                f"{model.reference} has scores outside of 0 to 1 for {outside} of {len(score)} "
                "photographs.",
                hint="Give probabilities: confident learning compares scores of different classes.",
            )


def _require_one_class_each(predictions: Predictions) -> None:
    wrong = int((predictions.y_true.sum(axis=1) != 1).sum())
    if wrong:
        raise TargetError(
            f"{wrong} of {len(predictions.y_true)} photographs do not have exactly one class.",
            hint="Score photographs whose labels are classes of the model.",
        )


def _shares(scores: NDArray[np.float64]) -> Probabilities:
    """Returns scores of several classes as shares of their sum; equal ones where all are 0."""
    padded = scores + np.finfo(float).tiny
    return np.asarray(padded / padded.sum(axis=1, keepdims=True))


def _two_sided(score: NDArray[np.float64]) -> Probabilities:
    return np.stack([1 - score, score], axis=1)
