"""What every evaluated model shares: labelled photographs, folds, held-out scores, and the run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.catalogue import SHORTCUT
from fundus_core.checks import (
    exposure_caution,
    shortcut_caution,
    target_cautions,
)
from fundus_core.domain.dataset import Target
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe
from fundus_core.errors import FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.probes import CrossValidation, TextSide, cross_validate
from fundus_core.splits import Fold
from fundus_core.workflows.data.labelled import Labelled
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.evaluation.aucs import (
    interval_by_class,
    overall_auc,
    p_against_baseline,
)
from fundus_core.workflows.models.fold_figures import averaged_columns, fold_auc
from fundus_core.workflows.models.run_names import RECIPE_DIGITS, own_id
from fundus_core.workflows.models.run_record import FoldResult, Run, now
from fundus_core.workflows.models.runs import load_run, run_folder, runs_as_stored
from fundus_core.workflows.weights.teachers import weights_caution

BASELINE_MODEL = "mean colour (shortcut baseline)"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a validated model said of photographs it had not seen."""

    y_score: NDArray[np.float64]
    """Shape (n, C)."""

    fold: NDArray[np.int64]
    """Shape (n,): which fold held the row out; -1 for rows without score."""

    strengths: tuple[float | None, ...] = ()
    """Per fold, the regularisation its inner folds chose, if they chose one."""

    inner_folds: tuple[int, ...] = ()
    """Per fold, how many inner folds it had; empty where none were to choose anything."""


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
    return cross_validate(
        probe,
        embeddings.rows(labelled.image_ids),
        labelled.y_true,
        task=labelled.target.task,
        folds=labelled.folds,
        groups=labelled.groups,
        seed=labelled.validation.seed,
        text=text,
        refit_on_all=refits_on_all(labelled),
        progress=progress,
    )


def refits_on_all(labelled: Labelled) -> bool:
    """Says whether the probe that scores new photographs learns from all labelled ones."""
    return not labelled.validation.use_split and labelled.validation.fraction == 1


def shortcut_predictions(
    workspace: Workspace, labelled: Labelled, progress: Progress = silent
) -> Predictions:
    """Returns what the mean colour alone predicts in the same folds."""
    colours = embed(workspace, labelled.dataset, BackboneChoice(SHORTCUT), progress=progress)
    result = cross_validated(labelled, colours, "logistic")
    everything = labelled.predictions(result.y_score, result.fold, BASELINE_MODEL)
    return everything.select(result.fold >= 0)


def run_id(
    workspace: Workspace,
    dataset_id: str,
    resolved: ResolvedChoice,
    target: Target,
    recipe: Recipe,
    *,
    suffix: str = "",
) -> str:
    """Returns a readable id that has the recipe's fingerprint, see `own_id`."""
    parts = (resolved.recipe.backbone, resolved.recipe.weights, target.name, suffix)
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")[:56].strip("-")
    return own_id(workspace, f"{slug}-{recipe.fingerprint()[:RECIPE_DIGITS]}", dataset_id)


def older_run_ids(
    workspace: Workspace,
    dataset_id: str,
    resolved: ResolvedChoice,
    target: Target,
    recipe: Recipe,
    *,
    field: str,
    suffix: str = "",
) -> tuple[str, ...]:
    """Returns the ids that earlier versions gave the same run, see `run_id`.

    Args:
        workspace: Where runs are.
        dataset_id: What it is judged on.
        resolved: Its backbone.
        target: What it predicts.
        recipe: As this version writes it.
        field: Of the recipe, the one that holds the key of the backbone's recipe.
        suffix: As `run_id` was given it.
    """
    older = (replace(recipe, **{field: key}) for key in resolved.recipe.older_fingerprints())
    return tuple(
        run_id(workspace, dataset_id, resolved, target, one, suffix=suffix) for one in older
    )


def stored_run(workspace: Workspace, name: str) -> Run | None:
    """Returns the stored run of this id if all its files are whole."""
    if name not in {run.id for run in runs_as_stored(workspace)}:
        return None
    run = load_run(workspace, name)
    return run if _is_whole(workspace, run) else None


def _is_whole(workspace: Workspace, run: Run) -> bool:
    try:
        return run_folder(workspace, run).is_dir()
    except FundusError:
        return False


def evaluated_run(
    workspace: Workspace,
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
        workspace: Where the weights and their teachers are.
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
    auc, shortcut = overall_auc(predictions), overall_auc(baseline)
    p_value = p_against_baseline(predictions, baseline)
    averaged = target.task != "binary"
    beaten = (
        None
        if p_value is None
        else shortcut_caution(auc.auc - shortcut.auc, p_value, averaged=averaged)
    )
    seen = resolved.spec.seen_in_pretraining if resolved.weights else ()
    exposed = exposure_caution(dataset, resolved.spec.title, seen)
    found = (*target_cautions(dataset, target, predictions), *labelled.cautions)
    taught = weights_caution(workspace, resolved.recipe, dataset, predictions)
    found += tuple(caution for caution in (exposed, taught, beaten) if caution)
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
        n_patients=predictions.n_patients,
        auc=auc,
        class_aucs=interval_by_class(predictions),
        baseline_auc=shortcut,
        baseline_p=p_value,
        folds=tuple(_fold_results(labelled, everything, held_out)),
        cautions=found,
        created_at=now(),
        data=dataset.fingerprint(),
        labels=dataset.source_of(target),
    )


def _fold_results(
    labelled: Labelled, everything: Predictions, held_out: HeldOut
) -> list[FoldResult]:
    strengths, inner_folds = held_out.strengths, held_out.inner_folds
    averaged = averaged_columns(everything.select(held_out.fold >= 0))
    return [
        _fold_result(
            number,
            fold,
            everything.select(fold.test),
            averaged,
            strengths[number] if number < len(strengths) else None,
            inner_folds[number] if number < len(inner_folds) else None,
        )
        for number, fold in enumerate(labelled.folds)
    ]


def _fold_result(
    number: int,
    fold: Fold,
    held_out: Predictions,
    averaged: Sequence[int],
    strength: float | None,
    inner_folds: int | None,
) -> FoldResult:
    found = fold_auc(held_out, averaged)
    return FoldResult(
        fold=number,
        auc=found.auc,
        n_train=len(fold.train),
        n_test=len(fold.test),
        n_positive=int(held_out.y_true.sum()),
        n_patients=held_out.n_patients,
        strength=strength,
        n_averaged=found.n_averaged,
        lacking=found.lacking,
        inner_folds=inner_folds,
    )
