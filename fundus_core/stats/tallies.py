"""What a model got right, counted once for all metrics, and for many resamples at once.

N is the number of images, C of scored classes, A of classes that averages are over, B of resamples.
Weights, shape (B, N), say how often each image counts in each resample; ones for the images as they
are. Everything here is the same as if each image were repeated that often.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.dataset import Task
from fundus_core.errors import ScoresError, SingleClassError, TargetError
from fundus_core.stats.classes import averaged_classes
from fundus_core.stats.inputs import (
    as_label_columns,
    as_patients,
    as_score_columns,
    independent_units,
)
from fundus_core.stats.resampling import Weights

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said of N images, and what was true."""

    task: Task
    """Binary has one column, multi-class exactly one True per row."""

    y_true: NDArray[np.bool_]
    """Shape (N, C)."""

    y_score: NDArray[np.float64]
    """Shape (N, C), finite. Higher means more likely of the class."""

    decided: NDArray[np.bool_]
    """Shape (N, C): what was decided by the scores."""

    averaged: tuple[int, ...]
    """The A columns that averages are over."""

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Answers":
        """Returns some of the images, with averages over the same classes."""
        return Answers(
            self.task, self.y_true[rows], self.y_score[rows], self.decided[rows], self.averaged
        )


def answers_of(
    task: Task,
    y_true: ArrayLike,
    y_score: ArrayLike,
    decided: ArrayLike,
    *,
    patients: ArrayLike | None = None,
) -> Answers:
    """Checks the arrays and settles which classes averages are over.

    These are the classes that two patients (images) have and two lack, else those that one has and
    one lacks, as everywhere (`classes.averaged_classes`): a matter of labels, never of scores.

    Args:
        task: One column if binary.
        y_true: Shape (N, C), bool or {0, 1}.
        y_score: Shape (N, C). Higher means more likely of the class.
        decided: Shape (N, C), bool or {0, 1}.
        patients: Shape (N,), one id per image; without it images count as independent.

    Raises:
        TargetError: If labels are not 0 and 1, or not one class per image where they must be.
        ScoresError: If shapes do not fit, or a score is not finite.
        SingleClassError: If no class has both an image with it and one without it.
    """
    labels = as_label_columns(y_true)
    scores = as_score_columns(y_score, shape=labels.shape)
    said = as_label_columns(decided)
    if said.shape != labels.shape:
        raise ScoresError(
            f"Decisions have shape {said.shape}, labels {labels.shape}.",
            hint="Give one decision per image and class.",
        )
    if task == "multiclass":
        _require_one_class(labels, "labels")
        _require_one_class(said, "decisions")
    codes = as_patients(patients, n_images=len(labels))
    averaged = averaged_classes([independent_units(positive, codes) for positive in labels.T])
    if not averaged:
        raise SingleClassError(
            f"None of {labels.shape[1]} classes has both an image with it and one without it among "
            f"{len(labels)} images.",
            hint="Choose a larger set, or one that has labels.",
        )
    return Answers(task, labels, scores, said, tuple(averaged))


@dataclass(frozen=True, slots=True)
class Tallies:
    """Sums of weights over images, one row per resample."""

    task: Task

    images: Counts
    """Shape (B, 1): all of them."""

    cases: Counts
    """Shape (B, A): images that have each class."""

    called: Counts
    """Shape (B, A): images decided to have it."""

    hits: Counts
    """Shape (B, A): images that have it and are decided to."""

    right: Counts
    """Shape (B, T): images decided rightly. T is 1 for a binary or multi-class task, where a
    decision is about all classes at once, and A for several labels."""

    grades: "GradeSums"
    """Of labels and decisions, for kappa."""

    areas: Counts
    """Shape (B, A): AUC of each class, NaN where a side has no weight."""

    precisions: Counts
    """Shape (B, A): average precision of each class, likewise."""

    @property
    def controls(self) -> Counts:
        """Shape (B, A): images that lack each class."""
        return self.images - self.cases

    @property
    def passed(self) -> Counts:
        """Shape (B, A): images that lack it and are decided to."""
        return self.controls - (self.called - self.hits)


@dataclass(frozen=True, slots=True)
class GradeSums:
    """Sums over images of the true and the decided grade, 0 ... K - 1, shape (B, T) each.

    T is as for `Tallies.right`; with or without a class is grade 1 or 0.
    """

    true: Counts
    said: Counts
    true_squared: Counts
    said_squared: Counts
    product: Counts


def tally(answers: Answers) -> Callable[[Weights], Tallies]:
    """Returns what counts the answers under weights; the images are sorted here, once."""
    columns = list(answers.averaged)
    has, says = answers.y_true[:, columns], answers.decided[:, columns]
    true, said = _grades(answers)
    blocks = [np.ones((len(true), 1)), has, says, has & says, true == said]
    blocks += [true, said, true**2, said**2, true * said]
    marks = np.concatenate(blocks, axis=1, dtype=np.float64)
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    rankings = [ranking_of(answers.y_true[:, c], answers.y_score[:, c]) for c in columns]

    def counted(weights: Weights) -> Tallies:
        images, cases, called, hits, right, *grades = np.split(weights @ marks, ends, axis=1)
        areas, precisions = zip(*(ranking.weighed(weights) for ranking in rankings), strict=True)
        return Tallies(
            answers.task,
            images,
            cases,
            called,
            hits,
            right,
            GradeSums(*grades),
            np.stack(areas, axis=1),
            np.stack(precisions, axis=1),
        )

    return counted


def _grades(answers: Answers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns labels and decisions as whole numbers, shape (N, T)."""
    if answers.task == "multiclass":
        return answers.y_true.argmax(1)[:, None], answers.decided.argmax(1)[:, None]
    columns = list(answers.averaged)
    return answers.y_true[:, columns].astype(np.intp), answers.decided[:, columns].astype(np.intp)


@dataclass(frozen=True, slots=True)
class Ranking:
    """One class's images in the order of their scores: sorted once, weighed often.

    P images have the class, Q have not; both are listed from the highest score down.
    """

    positive: NDArray[np.intp]
    """Shape (P,)."""

    negative: NDArray[np.intp]
    """Shape (Q,)."""

    positives_upto: NDArray[np.intp]
    """Shape (P,): how many positives have the score of each or a higher one."""

    negatives_above: NDArray[np.intp]
    """Shape (P,): how many negatives have a higher score."""

    negatives_upto: NDArray[np.intp]
    """Shape (P,): how many negatives have the same or a higher score."""

    def weighed(self, weights: Weights) -> tuple[Counts, Counts]:
        """Returns the AUC and the average precision of each resample, shape (B,) each.

        The average precision is the mean over positives of the precision at their score: the area
        under the precision-recall curve in steps, without interpolation. Positives and negatives of
        one score are all in or all out.

        References:
            Boyd, Eng & Page (2013), ECML PKDD, LNCS 8190, 451-466 (estimators of that area).
        """
        of_positive = weights[:, self.positive]
        cumulated = np.zeros((len(weights), len(self.negative) + 1))
        np.cumsum(weights[:, self.negative], axis=1, out=cumulated[:, 1:])
        upto = cumulated[:, self.negatives_upto]
        n_positive, n_negative = of_positive.sum(axis=1), cumulated[:, -1]
        twice_wrong = ((cumulated[:, self.negatives_above] + upto) * of_positive).sum(axis=1)
        area = 1 - share(twice_wrong, 2 * n_positive * n_negative)
        true = np.cumsum(of_positive, axis=1)[:, self.positives_upto - 1]
        precision = share(true, true + upto)
        return area, share((np.nan_to_num(precision) * of_positive).sum(axis=1), n_positive)


def share(part: Counts, whole: Counts) -> Counts:
    """Returns `part / whole`, NaN where the whole is zero."""
    empty = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    return np.asarray(np.divide(part, whole, out=empty, where=whole != 0))


def ranking_of(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Ranking:
    """Returns the ranking of one class.

    Args:
        positive: Shape (N,).
        score: Shape (N,), finite.
    """
    order = np.argsort(-score, kind="stable")
    positives, negatives = order[positive[order]], order[~positive[order]]
    of_positives, of_negatives = -score[positives], -score[negatives]  # ascending
    return Ranking(
        positives,
        negatives,
        np.searchsorted(of_positives, of_positives, side="right"),
        np.searchsorted(of_negatives, of_positives, side="left"),
        np.searchsorted(of_negatives, of_positives, side="right"),
    )


def _require_one_class(labels: NDArray[np.bool_], what: str) -> None:
    """Raises a TargetError unless each row has exactly one class."""
    if n_other := int(np.count_nonzero(labels.sum(axis=1) != 1)):
        raise TargetError(
            f"{n_other} of {len(labels)} images have no class or several in their {what}.",
            hint="Give each image exactly one class, or treat the target as multi-label.",
        )
