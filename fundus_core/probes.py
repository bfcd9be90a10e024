"""Simple classifiers on frozen embeddings. To add one, add one entry to `PROBES`.

n is the number of photographs, D the length of an embedding, C the number of scored classes (1 for
a binary task).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fundus_core.adapters.bottleneck import RATIOS, bottleneck_path, restore_bottleneck
from fundus_core.adapters.text_side import TextSide
from fundus_core.adapters.tip import CACHE_SETTINGS, restore_cache, tip_f_path, tip_path
from fundus_core.compute import threads
from fundus_core.domain.dataset import Task
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import FoldError
from fundus_core.probe_fits import (
    Labels,
    LinearProbe,
    NeighbourProbe,
    Probe,
    Scores,
    Setting,
    TrainingSide,
    Vectors,
    fitting,
    logistic_path,
    neighbour_path,
)
from fundus_core.splits import Fold, grouped_folds

__all__ = [
    "PROBES",
    "CrossValidation",
    "LinearProbe",
    "Probe",
    "ProbeKind",
    "TextSide",
    "cross_validate",
    "fit_probe",
    "needs_text",
]

_INNER_FOLDS = 4
_LEAST_PROBABILITY = 1e-4
"""Scores are kept this far from 0 and 1 when their log-loss is taken."""


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """One row of the menu of probes."""

    label: str
    settings: tuple[Setting, ...]
    """To choose from by inner folds, most regularised first. The one in the middle serves where
    there are too few patients for inner folds."""

    fit_path: Callable[[TrainingSide, Sequence[Setting]], list[Probe]]
    """(what to fit on, settings) -> one probe per setting."""

    restore: Callable[[Task, dict[str, NDArray[np.float32]]], Probe]
    """Undoes `Probe.arrays`."""

    reference: str
    needs_text: bool = False
    """True if it starts from what is said of the classes."""

    side_by_side: bool = False
    """True if fits may run in threads of their own; those that torch trains use all cores."""


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
    """What the inner folds chose, per fold and, last, for `final`; `usual_setting` where none."""

    inner_folds: tuple[int, ...]
    """How many inner folds chose it, likewise; 0 where there were too few patients for them."""


def needs_text(probe: str) -> bool:
    """Says whether a probe, a key of `PROBES`, starts from what is said of the classes.

    Such a probe can be fitted on embeddings in the space of a text tower only, and `cross_validate`
    and `fit_probe` have to be given the words.
    """
    return PROBES[probe].needs_text


def cross_validate(
    kind: str,
    vectors: Vectors,
    y_true: Labels,
    *,
    task: Task,
    folds: Sequence[Fold],
    groups: NDArray[np.str_] | None,
    seed: int,
    text: TextSide | None = None,
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
        seed: Of the inner folds, and of what a fit draws at random.
        text: What is said of the classes, for probes that start from it.
        refit_on_all: Fit `final` on all rows; else the first fold's probe serves, as it must when
            rows were set aside for testing.
        progress: Told after each fold.

    Raises:
        ScoresError: If the probe starts from words and there are none, or they are of another
            space.
    """
    y_score = np.full(y_true.shape, np.nan)
    fold_of = np.full(len(y_true), -1, np.int64)
    fitted = []
    for number, fold in enumerate(folds):
        progress(number, len(folds) + 1, f"Fitting fold {number + 1} of {len(folds)}")
        patients = None if groups is None else groups[fold.train]
        side = TrainingSide(vectors[fold.train], y_true[fold.train], task, seed, text)
        probe, strength, n_inner = _chosen(kind, side, patients)
        y_score[fold.test] = probe.score(vectors[fold.test])
        fold_of[fold.test] = number
        fitted.append((probe, strength, n_inner))
    progress(len(folds), len(folds) + 1, "Fitting on all photographs")
    everything = TrainingSide(vectors, y_true, task, seed, text)
    final = _chosen(kind, everything, groups) if refit_on_all else fitted[0]
    progress(len(folds) + 1, len(folds) + 1, "Fitted")
    probes, strengths, n_inner_folds = zip(*fitted, final, strict=True)
    return CrossValidation(y_score, fold_of, probes[:-1], final[0], strengths, n_inner_folds)


def fit_probe(
    kind: str,
    vectors: Vectors,
    y_true: Labels,
    *,
    task: Task,
    groups: NDArray[np.str_] | None,
    seed: int,
    text: TextSide | None = None,
) -> tuple[Probe, float]:
    """Fits a probe with the setting that inner folds like best by log-loss.

    Args:
        kind: Key of `PROBES`.
        vectors: Shape (n, D).
        y_true: Shape (n, C).
        task: Decides between sigmoid and softmax.
        groups: Shape (n,), patients; None if unknown.
        seed: Of the inner folds, and of what a fit draws at random.
        text: What is said of the classes, for probes that start from it.

    Returns:
        The probe fitted on all rows given, and the first number of its setting: the strength.

    Raises:
        ScoresError: If the probe starts from words and there are none, or they are of another
            space.
    """
    return _chosen(kind, TrainingSide(vectors, y_true, task, seed, text), groups)[:2]


def usual_setting(kind: str) -> Setting:
    """Returns the setting of a probe that serves where there are too few patients to choose.

    Args:
        kind: Key of `PROBES`.
    """
    settings = PROBES[kind].settings
    return settings[len(settings) // 2]


def _chosen(
    kind: str, side: TrainingSide, groups: NDArray[np.str_] | None
) -> tuple[Probe, float, int]:
    """Returns the probe of the setting that inner folds like best, its strength, and their number.

    Without inner folds it is the probe of `usual_setting`.
    """
    settings, fit_path = PROBES[kind].settings, PROBES[kind].fit_path
    folds = _inner_folds(side.y_true, groups, side.seed)
    losses = held_out_losses(kind, side, folds, settings)
    best = int(np.argmin(losses)) if folds else settings.index(usual_setting(kind))
    with fitting() if PROBES[kind].side_by_side else nullcontext():
        return fit_path(side, settings[: best + 1])[-1], settings[best][0], len(folds)


def held_out_losses(
    kind: str, side: TrainingSide, folds: Sequence[Fold], settings: Sequence[Setting]
) -> NDArray[np.float64]:
    """Returns the log-loss of every setting (S,), as a mean over rows and classes, then folds.

    Args:
        kind: Key of `PROBES`.
        side: All rows; each fold learns from some and is judged on others.
        folds: At least one, else the result is NaN.
        settings: From strong to weak regularisation.
    """
    if not folds:
        return np.full(len(settings), np.nan)
    of_fold = partial(_losses, kind, side, settings)
    if not PROBES[kind].side_by_side:
        return np.asarray(np.mean([of_fold(fold) for fold in folds], axis=0))
    with fitting(), ThreadPoolExecutor(threads()) as pool:
        return np.asarray(np.mean(list(pool.map(of_fold, folds)), axis=0))


def _losses(kind: str, side: TrainingSide, settings: Sequence[Setting], fold: Fold) -> list[float]:
    """Returns the log-loss of every setting where a fold was held out."""
    path = PROBES[kind].fit_path(side.rows(fold.train), settings)
    held_out = side.rows(fold.test)
    return [log_loss(held_out.y_true, probe.score(held_out.vectors)) for probe in path]


def _inner_folds(y_true: Labels, groups: NDArray[np.str_] | None, seed: int) -> tuple[Fold, ...]:
    """Returns as many inner folds as the rarest class allows; none if not even two."""
    for n_folds in range(_INNER_FOLDS, 1, -1):
        try:
            return grouped_folds(y_true, groups, n_folds=n_folds, seed=seed)
        except FoldError:
            continue
    return ()


def log_loss(y_true: Labels, y_score: Scores) -> float:
    """Returns the mean log-loss over rows and classes, each class on its own.

    Args:
        y_true: Shape (n, C).
        y_score: Shape (n, C), in [0, 1]; kept 1e-4 away from either end.
    """
    clipped = np.clip(y_score, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return float(-np.log(np.where(y_true, clipped, 1 - clipped)).mean())


PROBES: dict[str, ProbeKind] = {
    "logistic": ProbeKind(
        label="Logistic regression",
        settings=tuple((float(10.0**power),) for power in np.arange(-5, 1.5, 0.5)),
        fit_path=logistic_path,
        restore=lambda task, arrays: LinearProbe(task, **arrays),
        reference="Alain & Bengio (2016), arXiv:1610.01644",
        side_by_side=True,
    ),
    "knn": ProbeKind(
        label="k nearest neighbours",
        settings=((45.0,), (31.0,), (21.0,), (15.0,), (9.0,), (5.0,)),
        fit_path=neighbour_path,
        restore=lambda task, arrays: NeighbourProbe(task, **arrays),
        reference="Caron et al. (2021), arXiv:2104.14294",
    ),
    "tip_adapter": ProbeKind(
        label="Tip-Adapter",
        settings=CACHE_SETTINGS,
        fit_path=tip_path,
        restore=restore_cache,
        reference="Zhang et al. (2022), arXiv:2111.03930",
        needs_text=True,
    ),
    "tip_adapter_f": ProbeKind(
        label="Tip-Adapter-F",
        settings=CACHE_SETTINGS,
        fit_path=tip_f_path,
        restore=restore_cache,
        reference="Zhang et al. (2022), arXiv:2111.03930",
        needs_text=True,
    ),
    "clip_adapter": ProbeKind(
        label="CLIP-Adapter",
        settings=RATIOS,
        fit_path=bottleneck_path,
        restore=restore_bottleneck,
        reference="Gao et al. (2021), arXiv:2110.04544",
        needs_text=True,
    ),
}
