"""What a probe is fitted on and what it promises, and the two that need nothing but embeddings.

n is the number of photographs, D the length of an embedding, C the number of scored classes (1 for
a binary task).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fundus_core.adapters.text_side import TextSide
from fundus_core.domain.dataset import Task
from fundus_core.errors import TrainingError
from fundus_core.zero_shot import unit

Vectors = NDArray[np.float32]
Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]

Setting = tuple[float, ...]
"""What inner folds choose between; its first number is reported as the strength they chose."""


@dataclass(frozen=True, slots=True)
class TrainingSide:
    """What a probe is fitted on."""

    vectors: Vectors
    """Shape (n, D)."""

    y_true: Labels
    """Shape (n, C)."""

    task: Task
    seed: int
    """Of random numbers that the fit draws, if it draws any."""

    text: TextSide | None = None
    """What is said of the classes, for probes that start from words."""

    def rows(self, chosen: NDArray[np.intp]) -> "TrainingSide":
        """Returns some of the photographs, given by their row numbers."""
        return replace(self, vectors=self.vectors[chosen], y_true=self.y_true[chosen])


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
        similarity = unit((vectors - self.mean) / self.scale) @ self.directions.T  # (n, m)
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


@contextmanager
def fitting() -> Iterator[None]:
    """Gives every fit inside one thread, and keeps scikit-learn's warnings of early stops quiet.

    The matrices are small, and results then do not depend on the cores. The weakest settings of a
    path may stop early: they are candidates, not answers. Both hold for the whole process, so
    `logistic_path` may be called from several threads inside one `fitting`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def logistic_path(side: TrainingSide, settings: Sequence[Setting]) -> list[Probe]:
    """Fits logistic regressions from strong to weak regularisation, each started at the last.

    To be called inside `fitting`.
    """
    mean, scale = standardisation(side.vectors)
    standardised = ((side.vectors - mean) / scale).astype(np.float32)
    columns = (
        [side.y_true.argmax(axis=1)]
        if side.task == "multiclass"
        else [side.y_true[:, column] for column in range(side.y_true.shape[1])]
    )
    strengths = [strength for (strength,) in settings]
    paths = [_logistic_fits(standardised, labels, strengths) for labels in columns]
    return [
        LinearProbe(
            side.task,
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
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="lbfgs", warm_start=True, max_iter=300, tol=1e-4)
    fits = []
    # A thread's first product was seen to raise the flag of an invalid value though all numbers
    # were finite; the results are those of one thread bit for bit (tests/test_probes.py).
    with np.errstate(invalid="ignore"):
        for strength in strengths:
            model.set_params(C=strength).fit(standardised, labels)
            fits.append(
                (model.coef_.astype(np.float32).copy(), model.intercept_.astype(np.float32).copy())
            )
    return fits


def neighbour_path(side: TrainingSide, settings: Sequence[Setting]) -> list[Probe]:
    """Returns a probe per number of neighbours; they share the training embeddings."""
    mean, scale = standardisation(side.vectors)
    directions = unit((side.vectors - mean) / scale)
    labels = side.y_true.astype(np.float32)
    return [
        NeighbourProbe(side.task, mean, scale, directions, labels, np.array([k], np.float32))
        for (k,) in settings
    ]


def standardisation(vectors: Vectors) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns mean and standard deviation (D,) of embeddings (n, D); 1 for what never varies.

    Raises:
        TrainingError: If they are too large for single precision, so that no solver comes to an
            end.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = vectors.mean(axis=0), vectors.std(axis=0)
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        raise TrainingError(
            f"Embeddings have numbers up to {float(np.abs(vectors).max()):.3g}, which no probe can "
            "be fitted to.",
            hint="Choose other weights of the backbone, or another backbone.",
        )
    return mean, np.where(scale > 0, scale, 1).astype(np.float32)
