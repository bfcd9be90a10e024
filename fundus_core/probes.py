"""Simple classifiers on frozen embeddings. To add one, add one entry to `PROBES`.

n is the number of photographs, D the length of an embedding, C the number of scored classes (1 for
a binary task).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import FoldError
from fundus_core.splits import Fold, grouped_folds

Vectors = NDArray[np.float32]
Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]

_INNER_FOLDS = 4
_LEAST_PROBABILITY = 1e-4
"""Scores are kept this far from 0 and 1 when their log-loss is taken."""


class Probe(Protocol):
    """A fitted probe."""

    def score(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to scores (n, C) in [0, 1]; higher is more likely."""

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns all that has to be stored to score again."""


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """Logistic regression on standardised embeddings."""

    task: Task
    mean: NDArray[np.float32]
    """Shape (D,), of the training embeddings."""

    scale: NDArray[np.float32]
    """Shape (D,), their standard deviation; 1 where it is zero."""

    coef: NDArray[np.float32]
    """Shape (C, D), for standardised embeddings."""

    intercept: NDArray[np.float32]
    """Shape (C,)."""

    def score(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to probabilities (n, C): softmax for multi-class, else sigmoid."""
        from scipy.special import expit, softmax

        logits = self.logits(vectors)
        return np.asarray(softmax(logits, axis=1) if self.task == "multiclass" else expit(logits))

    def logits(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to logits (n, C)."""
        standardised = (vectors - self.mean) / self.scale
        return (standardised @ self.coef.T + self.intercept).astype(np.float64)

    def direction(self, column: int) -> tuple[NDArray[np.float64], float]:
        """Returns w (D,) and b such that w . embedding + b is the logit of a scored class."""
        weight = self.coef[column].astype(np.float64) / self.scale
        return weight, float(self.intercept[column] - weight @ self.mean)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns all that has to be stored to score again."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "coef": self.coef,
            "intercept": self.intercept,
        }


@dataclass(frozen=True, slots=True)
class NeighbourProbe:
    """Share of each class among the k most similar training photographs."""

    task: Task
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    directions: NDArray[np.float32]
    """Shape (m, D), unit length: the training embeddings."""

    labels: NDArray[np.float32]
    """Shape (m, C), 0 or 1."""

    k: NDArray[np.float32]
    """Shape (1,)."""

    def score(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to similarity-weighted shares (n, C) in [0, 1]."""
        similarity = _unit((vectors - self.mean) / self.scale) @ self.directions.T  # (n, m)
        k = min(int(self.k[0]), similarity.shape[1])
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]  # (n, k)
        weights = 1.0 + np.take_along_axis(similarity, nearest, axis=1)
        shares = np.einsum("nk,nkc->nc", weights, self.labels[nearest])
        total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        clipped = np.clip(shares / total, 0.0, 1.0)  # rounding may leave [0, 1]
        return np.asarray(clipped, np.float64)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns all that has to be stored to score again."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "directions": self.directions,
            "labels": self.labels,
            "k": self.k,
        }


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """One row of the menu of probes."""

    label: str
    strengths: tuple[float, ...]
    """Settings to choose from by inner folds, most regularised first."""

    fit_path: Callable[[Vectors, Labels, Task, Sequence[float]], list[Probe]]
    """(vectors (n, D), labels (n, C), task, strengths) -> one probe per strength."""

    restore: Callable[[Task, dict[str, NDArray[np.float32]]], Probe]
    """Undoes `Probe.arrays`."""

    reference: str


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Held-out scores of every row, and the probes that gave them."""

    y_score: Scores
    """Shape (N, C): each row scored by the probe that never saw its patient."""

    fold: NDArray[np.int64]
    """Shape (N,), the fold in which the row was held out; -1 for rows that were only trained on."""

    probes: tuple[Probe, ...]
    """One per fold."""

    final: Probe
    """Fitted on all rows: what scores new photographs."""

    strengths: tuple[float, ...]
    """What the inner folds chose, per fold and, last, for `final`."""


def cross_validate(
    kind: str,
    vectors: Vectors,
    y_true: Labels,
    *,
    task: Task,
    folds: Sequence[Fold],
    groups: NDArray[np.str_] | None,
    seed: int,
    refit_on_all: bool = True,
    progress: Progress = silent,
) -> CrossValidation:
    """Fits a probe per fold and scores what it held out.

    Standardisation and the choice of the regularisation see the training side only; inner folds
    are grouped by patient like the outer ones.

    Args:
        kind: Key of `PROBES`.
        vectors: Shape (N, D).
        y_true: Shape (N, C).
        task: Decides between sigmoid and softmax.
        folds: From `grouped_folds`, or a single one made from the table's split.
        groups: Shape (N,), patients; None if unknown.
        seed: Of the inner folds.
        refit_on_all: Fit `final` on all rows; else the first fold's probe serves, as it must when
            rows were set aside for testing.
        progress: Told after each fold.
    """
    y_score = np.full(y_true.shape, np.nan)
    fold_of = np.full(len(y_true), -1, np.int64)
    fitted = []
    for number, fold in enumerate(folds):
        progress(number, len(folds) + 1, f"Fitting fold {number + 1} of {len(folds)}")
        patients = None if groups is None else groups[fold.train]
        probe, strength = fit_probe(
            kind, vectors[fold.train], y_true[fold.train], task=task, groups=patients, seed=seed
        )
        y_score[fold.test] = probe.score(vectors[fold.test])
        fold_of[fold.test] = number
        fitted.append((probe, strength))
    progress(len(folds), len(folds) + 1, "Fitting on all photographs")
    final = (
        fit_probe(kind, vectors, y_true, task=task, groups=groups, seed=seed)
        if refit_on_all
        else fitted[0]
    )
    progress(len(folds) + 1, len(folds) + 1, "Fitted")
    strengths = tuple(strength for _, strength in (*fitted, final))
    return CrossValidation(y_score, fold_of, tuple(p for p, _ in fitted), final[0], strengths)


def fit_probe(
    kind: str,
    vectors: Vectors,
    y_true: Labels,
    *,
    task: Task,
    groups: NDArray[np.str_] | None,
    seed: int,
) -> tuple[Probe, float]:
    """Fits a probe with the strength that inner folds like best by log-loss.

    Returns:
        The probe fitted on all rows given, and the strength.
    """
    strengths = PROBES[kind].strengths
    losses = np.zeros(len(strengths))
    for fold in _inner_folds(y_true, groups, seed):
        path = PROBES[kind].fit_path(vectors[fold.train], y_true[fold.train], task, strengths)
        losses += [_log_loss(y_true[fold.test], probe.score(vectors[fold.test])) for probe in path]
    best = int(np.argmin(losses)) if losses.any() else len(strengths) // 2
    return PROBES[kind].fit_path(vectors, y_true, task, strengths[: best + 1])[-1], strengths[best]


def _inner_folds(y_true: Labels, groups: NDArray[np.str_] | None, seed: int) -> tuple[Fold, ...]:
    """Returns as many inner folds as the rarest class allows; none if not even two."""
    for n_folds in range(_INNER_FOLDS, 1, -1):
        try:
            return grouped_folds(y_true, groups, n_folds=n_folds, seed=seed)
        except FoldError:
            continue
    return ()


def _log_loss(y_true: Labels, y_score: Scores) -> float:
    """Returns the mean log-loss over rows, summed over classes."""
    clipped = np.clip(y_score, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return float(-np.log(np.where(y_true, clipped, 1 - clipped)).mean())


def _standardisation(vectors: Vectors) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scale = vectors.std(axis=0)
    return vectors.mean(axis=0), np.where(scale > 0, scale, 1).astype(np.float32)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def _logistic_path(
    vectors: Vectors, y_true: Labels, task: Task, strengths: Sequence[float]
) -> list[Probe]:
    """Fits logistic regressions from strong to weak regularisation, each started at the last."""
    mean, scale = _standardisation(vectors)
    standardised = ((vectors - mean) / scale).astype(np.float32)
    columns = (
        [y_true.argmax(axis=1)]
        if task == "multiclass"
        else [y_true[:, column] for column in range(y_true.shape[1])]
    )
    paths = [_logistic_fits(standardised, labels, strengths) for labels in columns]
    return [
        LinearProbe(
            task,
            mean,
            scale,
            np.concatenate([path[step][0] for path in paths]),
            np.concatenate([path[step][1] for path in paths]),
        )
        for step in range(len(strengths))
    ]


def _logistic_fits(
    standardised: Vectors, labels: NDArray[Any], strengths: Sequence[float]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Returns (coef, intercept) per strength; float32 lbfgs, the fastest solver measured here."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    model = LogisticRegression(solver="lbfgs", warm_start=True, max_iter=300, tol=1e-4)
    fits = []
    # One thread: the matrices are small, and the result then does not depend on the cores.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # The weakest settings of the path may stop early; they are candidates, not answers.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for strength in strengths:
            model.set_params(C=strength).fit(standardised, labels)
            fits.append(
                (model.coef_.astype(np.float32).copy(), model.intercept_.astype(np.float32).copy())
            )
    return fits


def _neighbour_path(
    vectors: Vectors, y_true: Labels, task: Task, strengths: Sequence[float]
) -> list[Probe]:
    mean, scale = _standardisation(vectors)
    directions = _unit((vectors - mean) / scale)
    labels = y_true.astype(np.float32)
    return [
        NeighbourProbe(task, mean, scale, directions, labels, np.array([k], np.float32))
        for k in strengths
    ]


PROBES: dict[str, ProbeKind] = {
    "logistic": ProbeKind(
        label="Logistic regression",
        strengths=tuple(float(10.0**power) for power in np.arange(-5, 1.5, 0.5)),
        fit_path=_logistic_path,
        restore=lambda task, arrays: LinearProbe(task, **arrays),
        reference="Alain & Bengio (2016), arXiv:1610.01644",
    ),
    "knn": ProbeKind(
        label="k nearest neighbours",
        strengths=(45.0, 31.0, 21.0, 15.0, 9.0, 5.0),
        fit_path=_neighbour_path,
        restore=lambda task, arrays: NeighbourProbe(task, **arrays),
        reference="Caron et al. (2021), arXiv:2104.14294",
    ),
}
