"""What every evaluated model shares: labelled photographs, folds, held-out scores, and the run."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.catalogue import SHORTCUT
from fundus_core.checks import (
    Caution,
    exposure_caution,
    shortcut_caution,
    split_caution,
    target_cautions,
    unreadable_caution,
)
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe, fingerprint_of
from fundus_core.errors import FundusError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.probes import CrossValidation, TextSide, cross_validate
from fundus_core.splits import Fold, grouped_folds, nested_fraction
from fundus_core.stats.class_tests import compare_classes
from fundus_core.stats.delong import AucComparison, compare_paired
from fundus_core.workflows.classes import interval_by_class, overall_auc
from fundus_core.workflows.embed import BackboneChoice, ResolvedChoice, embed
from fundus_core.workflows.runs import FoldResult, Run, list_runs, now, run_folder

TRAIN_SPLITS = ("train", "val")
"""Values of the split column that a model may learn from; all others are test data."""

BASELINE_MODEL = "mean colour (shortcut baseline)"


@dataclass(frozen=True, slots=True)
class Validation:
    """How a model is to be validated."""

    target: str
    """See `FundusDataset.target`."""

    folds: int = 5
    seed: int = 0
    use_split: bool = False
    """Train and test on the table's own split instead of cross-validating."""

    fraction: float = 1.0
    """Share of each fold's training patients to learn from, in (0, 1]; all are tested."""

    draw: int = 0
    """Which patients a fraction takes; fractions of one draw are nested."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The n photographs of a data set that have a label, row by row."""

    dataset: FundusDataset
    target: Target
    image_ids: tuple[str, ...]
    y_true: NDArray[np.bool_]
    """Shape (n, C)."""

    patients: NDArray[np.str_] | None
    """Shape (n,)."""

    folds: tuple[Fold, ...]
    validation: Validation
    cautions: tuple[Caution, ...]

    def fingerprint(self) -> str:
        """Returns a key of what is validated on."""
        own_split = self.validation.use_split
        about: dict[str, Any] = {
            "images": list(self.image_ids),
            "y_true": self.y_true.tolist(),
            "patients": None if self.patients is None else self.patients.tolist(),
            "split": [fold.test.tolist() for fold in self.folds] if own_split else None,
        }
        if self.validation.fraction < 1:
            about["train"] = [fold.train.tolist() for fold in self.folds]
        return fingerprint_of(about)

    @property
    def positive(self) -> str:
        """The class taken as positive; empty for several classes."""
        return self.target.classes[1] if self.target.task == "binary" else ""

    def predictions(
        self, y_score: NDArray[np.float64], fold: NDArray[np.int64], model: str
    ) -> Predictions:
        """Returns scores (n, C) of all rows as predictions; rows of fold -1 have none."""
        return Predictions(
            model,
            self.target.task,
            self.target.scored_classes,
            self.image_ids,
            self.y_true,
            y_score,
            self.patients,
            fold,
        )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a validated model said of photographs it had not seen."""

    y_score: NDArray[np.float64]
    """Shape (n, C)."""

    fold: NDArray[np.int64]
    """Shape (n,): which fold held the row out; -1 for rows without score."""

    strengths: tuple[float | None, ...] = ()
    """Per fold, the regularisation its inner folds chose, if they chose one."""


def labelled_photographs(
    dataset: FundusDataset, available: Collection[str], validation: Validation
) -> Labelled:
    """Returns the rows that have a label and are available, and the folds over them.

    Args:
        dataset: The photographs.
        available: Image ids of those that could be read.
        validation: What is predicted, and how it is validated.

    Raises:
        TargetError: If the target is unknown, or the table's split cannot serve.
        FoldError: If there are too few patients of a class.
    """
    target = dataset.target(validation.target)
    y_true, known = dataset.labels(target)
    in_split = dataset.table["split"].notna().to_numpy(bool)
    if validation.use_split:
        _require_split(dataset, in_split)
        known = known & in_split
    n_labelled = int(known.sum())
    readable = set(available)
    known = known & np.array([image_id in readable for image_id in dataset.image_ids])
    rows = np.flatnonzero(known)
    patients = None if dataset.patient_ids is None else dataset.patient_ids[rows]
    folds = (
        (_own_split(dataset, rows, y_true[rows], target),)
        if validation.use_split
        else grouped_folds(
            y_true[rows],
            patients,
            n_folds=validation.folds,
            seed=validation.seed,
            class_names=target.scored_classes,
        )
    )
    if validation.fraction != 1:
        folds = tuple(_fewer(fold, y_true[rows], patients, validation, target) for fold in folds)
    leak = split_caution(dataset) if validation.use_split else None
    unread = unreadable_caution(n_labelled - len(rows), n_labelled)
    return Labelled(
        dataset,
        target,
        tuple(dataset.image_ids[row] for row in rows),
        y_true[rows],
        patients,
        folds,
        validation,
        tuple(caution for caution in (leak, unread) if caution),
    )


def _fewer(
    fold: Fold,
    y_true: NDArray[np.bool_],
    patients: NDArray[np.str_] | None,
    validation: Validation,
    target: Target,
) -> Fold:
    """Returns a fold that learns from fewer patients and tests the same."""
    kept = nested_fraction(
        y_true[fold.train],
        None if patients is None else patients[fold.train],
        fraction=validation.fraction,
        seed=validation.draw,
        class_names=target.scored_classes,
    )
    return Fold(fold.train[kept], fold.test)


def cross_validated(
    labelled: Labelled,
    embeddings: Embeddings,
    probe: str,
    progress: Progress = silent,
    *,
    text: TextSide | None = None,
) -> CrossValidation:
    """Fits and validates a probe on embeddings of labelled photographs.

    With the table's own split, or a fraction of the patients, the probe of the first fold is the
    one that scores new photographs: another would have learned from patients that were left out.
    """
    validation = labelled.validation
    return cross_validate(
        probe,
        embeddings.rows(labelled.image_ids),
        labelled.y_true,
        task=labelled.target.task,
        folds=labelled.folds,
        groups=labelled.patients,
        seed=validation.seed,
        text=text,
        refit_on_all=not validation.use_split and validation.fraction == 1,
        progress=progress,
    )


def shortcut_predictions(
    workspace: Workspace, labelled: Labelled, progress: Progress = silent
) -> Predictions:
    """Returns what the mean colour alone predicts in the same folds."""
    colours = embed(workspace, labelled.dataset, BackboneChoice(SHORTCUT), progress=progress)
    result = cross_validated(labelled, colours, "logistic")
    everything = labelled.predictions(result.y_score, result.fold, BASELINE_MODEL)
    return everything.select(result.fold >= 0)


def run_id(resolved: ResolvedChoice, target: Target, recipe: Recipe, *, suffix: str = "") -> str:
    """Returns a readable id that ends in the recipe's fingerprint."""
    parts = (resolved.recipe.backbone, resolved.recipe.weights, target.name, suffix)
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")[:56].strip("-")
    return f"{slug}-{recipe.fingerprint()[:8]}"


def stored_run(workspace: Workspace, name: str) -> Run | None:
    """Returns the stored run of this id if all its files are whole."""
    found = [run for run in list_runs(workspace) if run.id == name]
    return found[0] if found and _is_whole(workspace, found[0]) else None


def _is_whole(workspace: Workspace, run: Run) -> bool:
    try:
        return run_folder(workspace, run).is_dir()
    except FundusError:
        return False


def evaluated_run(
    name: str,
    dataset_id: str,
    labelled: Labelled,
    resolved: ResolvedChoice,
    held_out: HeldOut,
    baseline: Predictions,
    *,
    kind: Literal["probe", "finetune"],
    method: str,
    label: str,
) -> Run:
    """Returns the run of a validated model: its AUCs, its folds, its cautions.

    Args:
        name: The run's id.
        dataset_id: The id the data set is remembered by.
        labelled: What it was validated on.
        resolved: The backbone it started from.
        held_out: Its scores.
        baseline: What the mean colour predicts in the same folds.
        kind: Whether the backbone was frozen.
        method: Key of `PROBES` or of `STRATEGIES`.
        label: Name shown to the user.
    """
    dataset, target = labelled.dataset, labelled.target
    everything = labelled.predictions(held_out.y_score, held_out.fold, label)
    predictions = everything.select(held_out.fold >= 0)
    patients = predictions.patient_ids
    auc, shortcut = overall_auc(predictions), overall_auc(baseline)
    p_value = _baseline_p(predictions, baseline)
    beaten = None if p_value is None else shortcut_caution(auc.auc - shortcut.auc, p_value)
    seen = resolved.spec.seen_in_pretraining if resolved.weights else ()
    exposed = exposure_caution(dataset, resolved.spec.title, seen)
    found = (*target_cautions(dataset, target, predictions), *labelled.cautions)
    found += tuple(caution for caution in (exposed, beaten) if caution)
    return Run(
        id=name,
        kind=kind,
        label=label,
        dataset_id=dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        target=target,
        probe=method,
        embeddings=resolved.recipe,
        weights_path=None if resolved.weights is None else str(Path(resolved.weights).resolve()),
        n_images=len(predictions.image_ids),
        n_patients=None if patients is None else len(np.unique(patients)),
        auc=auc,
        class_aucs=interval_by_class(predictions),
        baseline_auc=shortcut,
        baseline_p=p_value,
        folds=tuple(_fold_results(labelled, everything, held_out.strengths)),
        cautions=found,
        created_at=now(),
    )


def _require_split(dataset: FundusDataset, in_split: NDArray[np.bool_]) -> None:
    if not in_split.any():
        raise TargetError(
            f"{dataset.name} has no split column, so --use-split has nothing to use.",
            hint="Name the column by --split-column, or leave --use-split out to cross-validate.",
        )


def _own_split(
    dataset: FundusDataset, rows: NDArray[np.intp], y_true: NDArray[np.bool_], target: Target
) -> Fold:
    splits = dataset.table["split"].to_numpy(dtype=object)[rows]
    is_train = np.isin(splits.astype(str), TRAIN_SPLITS)
    fold = Fold(np.flatnonzero(is_train), np.flatnonzero(~is_train))
    for side, members in (("train", fold.train), ("test", fold.test)):
        labels = y_true[members]
        if not len(labels) or not (labels.any(axis=0) & (~labels).any(axis=0)).all():
            raise TargetError(
                f"The {side} side of the table's split has {len(labels)} photographs and not both "
                f"a case and a control of every class of {target.name}.",
                hint="Correct the split column, or leave --use-split out to cross-validate.",
            )
    return fold


def _baseline_p(predictions: Predictions, baseline: Predictions) -> float | None:
    """Returns p of the paired test against the mean colour; for several classes of the average.

    None where no class has two patients (images) of each label.
    """
    if predictions.task == "binary":
        comparison: AucComparison | None = compare_paired(
            predictions.y_true[:, 0],
            predictions.y_score[:, 0],
            baseline.y_score[:, 0],
            patients=predictions.patient_ids,
        )
    else:
        comparison = compare_classes(
            predictions.y_true,
            predictions.y_score,
            baseline.y_score,
            predictions.class_names,
            patients=predictions.patient_ids,
        ).macro
    return None if comparison is None else comparison.p_value


def _fold_results(
    labelled: Labelled, everything: Predictions, strengths: Sequence[float | None]
) -> list[FoldResult]:
    return [
        _fold_result(
            number,
            fold,
            everything.select(fold.test),
            strengths[number] if number < len(strengths) else None,
        )
        for number, fold in enumerate(labelled.folds)
    ]


def _fold_result(
    number: int, fold: Fold, held_out: Predictions, strength: float | None
) -> FoldResult:
    patients = held_out.patient_ids
    return FoldResult(
        fold=number,
        auc=_fold_auc(held_out),
        n_train=len(fold.train),
        n_test=len(fold.test),
        n_positive=int(held_out.y_true.sum()),
        n_patients=None if patients is None else len(np.unique(patients)),
        strength=strength,
    )


def _fold_auc(held_out: Predictions) -> float | None:
    """Returns the AUC of one fold; one that lacks a class, or has only it, has none."""
    n_positive = held_out.y_true.sum(axis=0)
    if not ((n_positive > 0) & (n_positive < len(held_out.y_true))).all():
        return None
    try:
        return overall_auc(held_out).auc
    except FundusError:
        return None
