"""Use case: how well a simple probe on a frozen backbone does on a data set, per patient."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.catalogue import SHORTCUT
from fundus_core.checks import Caution, shortcut_caution, split_caution, target_cautions
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import ProbeRecipe, fingerprint_of
from fundus_core.errors import FundusError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.probes import PROBES, CrossValidation, cross_validate
from fundus_core.splits import Fold, grouped_folds
from fundus_core.stats.delong import AucInterval, auc_interval, compare_paired
from fundus_core.stats.macro import macro_auc
from fundus_core.workflows.embed import (
    BackboneChoice,
    ResolvedChoice,
    embed,
    embed_resolved,
    resolve,
)
from fundus_core.workflows.runs import FoldResult, Run, list_runs, now, run_folder, save_run

TRAIN_SPLITS = ("train", "val")
"""Values of the split column that the probe may learn from; all others are test data."""


@dataclass(frozen=True, slots=True)
class ProbeChoice:
    """What the user asks for."""

    target: str
    """See `FundusDataset.target`."""

    probe: str = "logistic"
    """Key of `PROBES`."""

    folds: int = 5
    seed: int = 0
    use_split: bool = False
    """Train and test on the table's own split instead of cross-validating."""


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The photographs of a data set that have a label, row by row."""

    dataset: FundusDataset
    target: Target
    image_ids: tuple[str, ...]
    y_true: NDArray[np.bool_]
    """Shape (n, C)."""

    patients: NDArray[np.str_] | None
    folds: tuple[Fold, ...]
    cautions: tuple[Caution, ...]


def probe_dataset(
    workspace: Workspace,
    dataset: FundusDataset,
    dataset_id: str,
    backbone: BackboneChoice,
    choice: ProbeChoice,
    *,
    progress: Progress = silent,
) -> Run:
    """Fits and evaluates a probe; an equal run that is stored is returned as it is.

    Raises:
        TargetError: If the target cannot be learned.
        FoldError: If there are too few patients of a class.
        FundusError: See `resolve` and `embed`.
    """
    target = dataset.target(choice.target)
    _require_probe(choice.probe)
    resolved = resolve(workspace, backbone)
    embeddings = embed_resolved(workspace, dataset, resolved, progress=progress)
    labelled = _labelled(dataset, target, embeddings, choice)
    recipe = _recipe(labelled, resolved, choice)
    run_id = _run_id(resolved, target, recipe)
    stored = [run for run in list_runs(workspace) if run.id == run_id]
    if stored and _is_whole(workspace, stored[0]):
        return stored[0]

    result = _validate(labelled, embeddings, choice, progress)
    predictions = _predictions(labelled, result, resolved.label)
    colours = embed(workspace, dataset, BackboneChoice(SHORTCUT), progress=progress)
    plain = ProbeChoice(choice.target, "logistic", choice.folds, choice.seed, choice.use_split)
    baseline = _predictions(
        labelled, _validate(labelled, colours, plain, silent), "mean colour (shortcut baseline)"
    )
    run = _summarise(run_id, dataset_id, labelled, resolved, choice, result, predictions, baseline)
    fold_probes = result.probes if choice.probe == "logistic" else ()
    save_run(workspace, run, predictions, baseline=baseline, probes=fold_probes, final=result.final)
    return run


def _require_probe(probe: str) -> None:
    if probe not in PROBES:
        raise TargetError(
            f"There is no probe called {probe!r}.", hint=f"Choose one of {', '.join(PROBES)}."
        )


def _is_whole(workspace: Workspace, run: Run) -> bool:
    try:
        return run_folder(workspace, run).is_dir()
    except FundusError:
        return False


def _labelled(
    dataset: FundusDataset, target: Target, embeddings: Embeddings, choice: ProbeChoice
) -> _Labelled:
    """Returns the rows that have both a label and an embedding, and the folds over them."""
    y_true, known = dataset.labels(target)
    embedded = set(embeddings.image_ids)
    known = known & np.array([image_id in embedded for image_id in dataset.image_ids])
    in_split = dataset.table["split"].notna().to_numpy(bool)
    if choice.use_split:
        _require_split(dataset, in_split)
        known = known & in_split
    rows = np.flatnonzero(known)
    image_ids = tuple(dataset.image_ids[row] for row in rows)
    patients = None if dataset.patient_ids is None else dataset.patient_ids[rows]
    folds = (
        (_own_split(dataset, rows, y_true[rows], target),)
        if choice.use_split
        else grouped_folds(
            y_true[rows],
            patients,
            n_folds=choice.folds,
            seed=choice.seed,
            class_names=target.scored_classes,
        )
    )
    leak = split_caution(dataset) if choice.use_split else None
    cautions = () if leak is None else (leak,)
    return _Labelled(dataset, target, image_ids, y_true[rows], patients, folds, cautions)


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


def _recipe(labelled: _Labelled, resolved: ResolvedChoice, choice: ProbeChoice) -> ProbeRecipe:
    data = {
        "images": list(labelled.image_ids),
        "y_true": labelled.y_true.tolist(),
        "patients": None if labelled.patients is None else labelled.patients.tolist(),
        "split": [fold.test.tolist() for fold in labelled.folds] if choice.use_split else None,
    }
    positive = labelled.target.classes[1] if labelled.target.task == "binary" else ""
    return ProbeRecipe(
        dataset=fingerprint_of(data),
        embeddings=resolved.recipe.fingerprint(),
        target=labelled.target.name,
        positive=positive,
        probe=choice.probe,
        folds=0 if choice.use_split else choice.folds,
        seed=choice.seed,
    )


def _run_id(resolved: ResolvedChoice, target: Target, recipe: ProbeRecipe) -> str:
    words = f"{resolved.recipe.backbone}-{resolved.recipe.weights}-{target.name}".lower()
    slug = re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:56].strip("-")
    return f"{slug}-{recipe.fingerprint()[:8]}"


def _validate(
    labelled: _Labelled, embeddings: Embeddings, choice: ProbeChoice, progress: Progress
) -> CrossValidation:
    return cross_validate(
        choice.probe,
        embeddings.rows(labelled.image_ids),
        labelled.y_true,
        task=labelled.target.task,
        folds=labelled.folds,
        groups=labelled.patients,
        seed=choice.seed,
        refit_on_all=not choice.use_split,
        progress=progress,
    )


def _predictions(labelled: _Labelled, result: CrossValidation, model: str) -> Predictions:
    everything = Predictions(
        model,
        labelled.target.task,
        labelled.target.scored_classes,
        labelled.image_ids,
        labelled.y_true,
        result.y_score,
        labelled.patients,
        result.fold,
    )
    return everything.select(result.fold >= 0)


def overall_auc(predictions: Predictions) -> AucInterval:
    """Returns the AUC of pooled predictions: of the positive class, or the macro average."""
    if predictions.task == "binary":
        return auc_interval(
            predictions.y_true[:, 0], predictions.y_score[:, 0], patients=predictions.patient_ids
        )
    return macro_auc(predictions.y_true, predictions.y_score, patients=predictions.patient_ids)


def class_aucs(predictions: Predictions) -> dict[str, AucInterval]:
    """Returns one AUC per scored class, against all others."""
    return {
        name: auc_interval(
            predictions.y_true[:, column],
            predictions.y_score[:, column],
            patients=predictions.patient_ids,
        )
        for column, name in enumerate(predictions.class_names)
    }


def _summarise(
    run_id: str,
    dataset_id: str,
    labelled: _Labelled,
    resolved: ResolvedChoice,
    choice: ProbeChoice,
    result: CrossValidation,
    predictions: Predictions,
    baseline: Predictions,
) -> Run:
    dataset, target, patients = labelled.dataset, labelled.target, predictions.patient_ids
    auc, shortcut = overall_auc(predictions), overall_auc(baseline)
    p_value = _baseline_p(predictions, baseline)
    beaten = None if p_value is None else shortcut_caution(auc.auc - shortcut.auc, p_value)
    found = (*target_cautions(dataset, target, predictions), *labelled.cautions)
    return Run(
        id=run_id,
        kind="probe",
        label=_label(resolved, choice),
        dataset_id=dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        target=target,
        probe=choice.probe,
        embeddings=resolved.recipe,
        weights_path=None if resolved.weights is None else str(Path(resolved.weights).resolve()),
        n_images=len(predictions.image_ids),
        n_patients=None if patients is None else len(np.unique(patients)),
        auc=auc,
        class_aucs=class_aucs(predictions),
        baseline_auc=shortcut,
        baseline_p=p_value,
        folds=tuple(_fold_results(labelled, result)),
        cautions=(*found, beaten) if beaten else found,
        created_at=now(),
    )


def _label(resolved: ResolvedChoice, choice: ProbeChoice) -> str:
    return resolved.label if choice.probe == "logistic" else f"{resolved.label}, {choice.probe}"


def _baseline_p(predictions: Predictions, baseline: Predictions) -> float | None:
    """Returns p of the paired test against the mean colour, for binary tasks."""
    if predictions.task != "binary":
        return None
    comparison = compare_paired(
        predictions.y_true[:, 0],
        predictions.y_score[:, 0],
        baseline.y_score[:, 0],
        patients=predictions.patient_ids,
    )
    return comparison.p_value


def _fold_results(labelled: _Labelled, result: CrossValidation) -> list[FoldResult]:
    everything = Predictions(
        "",
        labelled.target.task,
        labelled.target.scored_classes,
        labelled.image_ids,
        labelled.y_true,
        result.y_score,
        labelled.patients,
        result.fold,
    )
    return [
        _fold_result(number, fold, everything.select(fold.test), result.strengths[number])
        for number, fold in enumerate(labelled.folds)
    ]


def _fold_result(number: int, fold: Fold, held_out: Predictions, strength: float) -> FoldResult:
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
    """Returns the AUC of one fold; a fold of few photographs may have none."""
    try:
        return overall_auc(held_out).auc
    except FundusError:
        return None
