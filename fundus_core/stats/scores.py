"""The metrics of an evaluated model, and each with an interval. To add one, add it to `METRICS`.

A metric is a function of `Tallies`, which hold a row per resample: what is computed of the images
as they are is computed of two thousand resamples by the same lines.

For several classes a metric is that of each class against the rest, averaged with equal weights
over the classes that `answers_of` settles; for several labels it is so too. What differs is said
at the metric.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.dataset import Task
from fundus_core.stats.bootstrap import Interval, Method, Statistic, bootstrap_intervals
from fundus_core.stats.resampling import Weights
from fundus_core.stats.tallies import Answers, Tallies, share, tally

ALL_TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a model. Higher is better."""

    label: str
    """Name shown to the user."""

    needs: Literal["scores", "decisions"]
    """`decisions` depend on a threshold, or on which class scores highest; `scores` on neither."""

    of: Callable[[Tallies], NDArray[np.float64]]
    """Maps tallies of B resamples to the metric of each, shape (B,); NaN where not defined."""

    tasks: tuple[Task, ...] = ALL_TASKS
    """Which targets it serves."""

    ordered: bool = False
    """Whether several classes must be grades, in order."""


def metric_values(answers: Answers, names: Sequence[str]) -> tuple[float | None, ...]:
    """Returns metrics of the images as they are; None where one is not defined on them.

    Args:
        answers: What was said of the images.
        names: Keys of `METRICS`.
    """
    values = _statistic(answers, names)(np.ones((1, len(answers.y_true))))[0]
    return tuple(float(value) if np.isfinite(value) else None for value in values)


def metric_intervals(
    answers: Answers,
    names: Sequence[str],
    class_names: Sequence[str],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    method: Method = "bca",
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Returns metrics with intervals by the stratified bootstrap of patients.

    Every resample has images with each averaged class and without it; see `bootstrap_intervals` for
    what the intervals say and when there is none.

    Args:
        answers: What was said of N images.
        names: Keys of `METRICS`.
        class_names: C names, for reasons.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        method: "bca" or "percentile".
        n_resamples: Resamples.
        seed: Of the draws; equal seeds give equal intervals.

    Raises:
        ScoresError: If a patient is missing, or there is not one per image.
    """
    labels = {}
    for column in answers.averaged:
        labels[class_names[column]] = answers.y_true[:, column]
        labels[f"not {class_names[column]}"] = ~answers.y_true[:, column]
    return bootstrap_intervals(
        _statistic(answers, names),
        labels,
        patients=patients,
        confidence=confidence,
        method=method,
        n_resamples=n_resamples,
        seed=seed,
    )


def _statistic(answers: Answers, names: Sequence[str]) -> Statistic:
    count = tally(answers)

    def statistic(weights: Weights) -> NDArray[np.float64]:
        tallies = count(weights)
        return np.stack([METRICS[name].of(tallies) for name in names], axis=1)

    return statistic


def _auc(tallies: Tallies) -> NDArray[np.float64]:
    return _mean(tallies.areas)


def _average_precision(tallies: Tallies) -> NDArray[np.float64]:
    return _mean(tallies.precisions)


def _sensitivity(tallies: Tallies) -> NDArray[np.float64]:
    return _mean(share(tallies.hits, tallies.cases))


def _specificity(tallies: Tallies) -> NDArray[np.float64]:
    return _mean(share(tallies.passed, tallies.controls))


def _balanced_accuracy(tallies: Tallies) -> NDArray[np.float64]:
    """The mean recall of the classes, which for two are the positive and the negative one."""
    if tallies.task == "multiclass":
        return _sensitivity(tallies)
    return (_sensitivity(tallies) + _specificity(tallies)) / 2


def _macro_recall(tallies: Tallies) -> NDArray[np.float64]:
    """As balanced accuracy, but for several labels the mean of their sensitivities."""
    return _sensitivity(tallies) if tallies.task == "multilabel" else _balanced_accuracy(tallies)


def _f1(tallies: Tallies) -> NDArray[np.float64]:
    return _mean(_f1_of(tallies.hits, tallies.cases, tallies.called))


def _macro_f1(tallies: Tallies) -> NDArray[np.float64]:
    """The mean F1 of the classes, which for two are the positive and the negative one."""
    if tallies.task != "binary":
        return _f1(tallies)
    others = _f1_of(tallies.passed, tallies.controls, tallies.images - tallies.called)
    return (_f1(tallies) + _mean(others)) / 2


def _f1_of(
    hits: NDArray[np.float64], cases: NDArray[np.float64], called: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the F1 of classes, (B, A); of one that no image has NaN, as its recall is."""
    return share(2 * hits, np.where(cases > 0, cases + called, 0))


def _accuracy(tallies: Tallies) -> NDArray[np.float64]:
    """The share of right decisions; for several labels the mean of their shares."""
    return _mean(share(tallies.right, tallies.images))


def _quadratic_kappa(tallies: Tallies) -> NDArray[np.float64]:
    """Agreement of grades beyond chance, a disagreement weighing the square of its distance.

    For two classes this is Cohen's kappa without weights; for several labels the mean of theirs.

    References:
        Cohen (1960), Educational and Psychological Measurement 20(1), 37-46.
        Cohen (1968), Psychological Bulletin 70(4), 213-220 (weights).
    """
    of = tallies.grades
    squares = of.true_squared + of.said_squared
    by_chance = squares - 2 * of.true * of.said / tallies.images
    return _mean(1 - share(squares - 2 * of.product, by_chance))


def _hrdc_score(tallies: Tallies) -> NDArray[np.float64]:
    """The score of the hypertensive retinopathy challenge (CGI-HRDC 2023)."""
    return (_quadratic_kappa(tallies) + _f1(tallies) + _specificity(tallies)) / 3


def _mean(by_class: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mean over classes, shape (B,); NaN where one of them is not defined."""
    return np.asarray(by_class.mean(axis=1))


METRICS: dict[str, Metric] = {
    "auc": Metric("AUC", "scores", _auc),
    "average_precision": Metric("average precision", "scores", _average_precision),
    "balanced_accuracy": Metric("balanced accuracy", "decisions", _balanced_accuracy),
    "macro_f1": Metric("macro F1", "decisions", _macro_f1),
    "quadratic_kappa": Metric("quadratic kappa", "decisions", _quadratic_kappa, ordered=True),
    "macro_recall": Metric("macro recall", "decisions", _macro_recall),
    "sensitivity": Metric("sensitivity", "decisions", _sensitivity),
    "specificity": Metric("specificity", "decisions", _specificity),
    "accuracy": Metric("accuracy", "decisions", _accuracy),
    "f1": Metric("F1", "decisions", _f1, tasks=("binary",)),
    "hrdc_score": Metric(
        "mean of kappa, F1 and specificity", "decisions", _hrdc_score, tasks=("binary",)
    ),
}
"""Metrics by the name that tables and study files call them by."""
