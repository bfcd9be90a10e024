"""Use case: a trained model on photographs it has never seen.

A probe scores by what was fitted on all photographs, a fine-tuned run by the mean of its folds'
networks.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import (
    Caution,
    foreign_labels_caution,
    prevalence_caution,
    same_patients_caution,
    target_cautions,
    taught_caution,
)
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.label_source import label_text
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import FundusError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.class_tests import compare_classes_unpaired
from fundus_core.stats.delong import AucComparison, AucInterval, compare_unpaired
from fundus_core.stats.macro import macro_auc
from fundus_core.workflows.embeddings.backbone_choice import resolve_recipe
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.evaluation.aligned import shared_patients
from fundus_core.workflows.evaluation.aucs import interval_by_class, overall_auc
from fundus_core.workflows.models.fold_figures import averaged_columns
from fundus_core.workflows.models.networks import ensemble_scores
from fundus_core.workflows.models.run_names import own_id
from fundus_core.workflows.models.run_record import Run, now
from fundus_core.workflows.models.runs import (
    PREDICTIONS,
    load_run,
    photographs_that_taught,
    run_folder,
    run_predictions,
    run_probe,
    save_run,
)
from fundus_core.workflows.weights.teachers import exposure, exposure_of_photographs


@dataclass(frozen=True, slots=True)
class ExternalResult:
    """What a trained model says of another data set."""

    run: Run
    """Stored like any other run; `auc` is None when there are no labels."""

    predictions: Predictions
    """Of the labelled photographs if there are any, else of all (labels all False)."""

    all_scores: pd.DataFrame
    """`image_id`, `path`, `patient_id` and a score per class, for every scored photograph."""

    n_scored: int
    """All photographs that got a score."""

    n_labelled: int
    """Those of them that have a label."""

    n_seen: int
    """Scored photographs that the model learned from: where there are any, this is no external
    test, and none is made of inside against outside."""

    inside: AucInterval | None
    """AUC of the run on its own held-out photographs; of several classes the mean over those
    `compared`, if there are any."""

    inside_cautions: tuple[Caution, ...]
    """What limits that figure."""

    outside: AucInterval | None
    """AUC on the other data set over the same classes as `inside`."""

    compared: tuple[str, ...]
    """Of several classes, those that both sides have enough of; none without labels."""

    comparison: AucComparison | None
    """Unpaired test of inside against outside; for several classes of the macro averages over those
    `compared`. None without labels, where no test can be made, or where photographs of either side
    taught the weights that the model starts from."""

    untested: str
    """Why averages of several classes are not tested, if there are too few patients of one."""

    comparison_cautions: tuple[Caution, ...]
    """What limits that test beyond what limits the run."""

    scores: Path
    """Parquet file of the stored predictions."""


def predict(
    workspace: Workspace,
    run_id: str,
    dataset: FundusDataset,
    dataset_id: str,
    *,
    label_column: str | None = None,
    progress: Progress = silent,
) -> ExternalResult:
    """Scores photographs with the model of a run; with labels, evaluates it and tests for a drop.

    Args:
        workspace: Where the run is.
        run_id: A run of a probe or of fine-tuning.
        dataset: What to score.
        dataset_id: The id it is remembered by.
        label_column: Its column of labels, read as it is. Without it, labels are read from the
            column of the run's target, or made as those of the run were.
        progress: Told while embeddings are computed.

    Raises:
        TargetError: If there is no such column.
        StoreError: If the run is unknown, or keeps no probe or network.
        WeightsError: If the weights of its backbone are no longer at hand.
    """
    learned = load_run(workspace, run_id)
    run = _renamed_target(learned, dataset, label_column)
    other = _other_column(learned, label_column)
    given, foreign = dataset, None
    if label_column is None:
        dataset, foreign = _labelled_as_learned(run, dataset)
    image_ids, y_score = _scores(workspace, run, dataset, progress)
    predictions, labelled = _predictions(run, dataset, image_ids, y_score)
    inside = run_predictions(workspace, run)
    outside = predictions.select(labelled) if labelled.any() else predictions
    has_labels = bool(labelled.any())
    taught = photographs_that_taught(workspace, run)
    seen = _seen(taught, outside)
    cautions = _cautions(dataset, run, inside, outside, has_labels=has_labels)
    cautions += (foreign,) if foreign else ()
    weights = run.embeddings.weights_sha256
    met = exposure(workspace, weights, dataset, outside.image_ids, outside.patient_ids)
    if has_labels:
        cautions += _of_training(taught, seen, outside)
        told = met.caution(run.embeddings.weights)
        cautions += (told,) if told else ()
    evaluable = has_labels and has_both_sides(outside)
    external = _summarise(
        run, dataset, dataset_id, outside, cautions, evaluable=evaluable, other_column=other
    )
    name = own_id(workspace, external.id, dataset_id)
    external = replace(external, id=name, data=given.fingerprint())
    save_run(workspace, external, outside)
    met_inside = exposure_of_photographs(workspace, weights, inside.image_ids)
    is_fresh = met.is_known and not (seen or met.n_seen or met_inside.n_seen)
    is_external = is_fresh and external.auc is not None
    sides = _sides(run, external, inside, outside)
    test, untested = _test(inside, outside) if is_external else (None, "")
    return ExternalResult(
        external,
        outside,
        _score_table(dataset, predictions),
        len(predictions.image_ids),
        int(labelled.sum()),
        seen,
        sides.inside,
        run.cautions,
        sides.outside,
        sides.classes,
        test,
        untested,
        _of_both_sides(inside, outside, cautions) if test else (),
        run_folder(workspace, external) / PREDICTIONS,
    )


def _scores(
    workspace: Workspace, run: Run, dataset: FundusDataset, progress: Progress
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Returns the photographs that could be read and their scores (n, C)."""
    if run.kind == "finetune":
        return ensemble_scores(workspace, run, dataset, progress)
    probe = run_probe(workspace, run)
    resolved = resolve_recipe(workspace, run.embeddings, run.weights_path)
    embeddings = embed_resolved(workspace, dataset, resolved, progress=progress)
    return embeddings.image_ids, probe.score(embeddings.vectors)


def _predictions(
    run: Run,
    dataset: FundusDataset,
    image_ids: tuple[str, ...],
    y_score: NDArray[np.float64],
) -> tuple[Predictions, NDArray[np.bool_]]:
    """Returns the scores as predictions, and which of the photographs have a label."""
    scored = dataset.select(image_ids)
    y_true, known = external_labels(scored, run.target)
    predictions = Predictions(
        run.label,
        run.target.task,
        run.target.scored_classes,
        image_ids,
        y_true,
        y_score,
        scored.patient_ids,
    )
    return predictions, known


def _renamed_target(run: Run, dataset: FundusDataset, column: str | None) -> Run:
    """Returns the run with its target looked for in another column."""
    if column is None:
        return run
    if run.target.task == "multilabel":
        if _is_its_own(column, run):
            return run
        raise TargetError(
            f"The model predicts {', '.join(run.target.columns)}, each by a column of that name; "
            f"{column!r} was named as the column of its labels.",
            hint="Leave the column out (--target-column), and call the columns of the table as the "
            "model does.",
        )
    if column not in dataset.table.columns:
        raise TargetError(
            f"{dataset.name} has no column {column!r}; it has: {', '.join(dataset.table.columns)}.",
            hint="Name one of them (--target-column).",
        )
    name = f"{column}={run.target.classes[1]}" if run.target.one_against_rest else run.target.name
    return replace(run, target=replace(run.target, name=name, columns=(column,)))


def _is_its_own(column: str, run: Run) -> bool:
    """Says whether a run learned from a column, or several joined by commas, of this name."""
    own = set(run.target.columns)
    return {column} == own or {one.strip() for one in column.split(",")} == own


def _other_column(run: Run, column: str | None) -> str:
    """Returns a named column that would not be read by itself; empty where it would be.

    Args:
        run: As it was stored.
        column: That was named, if one was.
    """
    return "" if column is None or _is_its_own(column, run) else column


def _labelled_as_learned(run: Run, dataset: FundusDataset) -> tuple[FundusDataset, Caution | None]:
    """Returns a data set with labels made as those of a run were, and why it has none.

    A column of the target's name may hold other labels than the run learned: it is not read.
    """
    source, column = run.labels, run.target.columns[0]
    if source is None or not source.column or column in dataset.made:
        return dataset, None
    if source.column in dataset.table.columns:
        made = dataset.with_made(column, source)
        present = set(filter(None, map(label_text, dataset.table[source.column])))
        if not present or present & {word for word, _ in source.words}:
            return made, None
        words = ", ".join(word for word, _ in source.words)
        return made, Caution(
            "FD010",
            f"Column {source.column!r} holds {', '.join(sorted(present)[:4])}; the labels of the "
            f"model were made of {words}.",
        )
    if column not in dataset.table.columns:
        return dataset, None
    bare = replace(
        dataset,
        table=dataset.table.drop(columns=column),
        targets=tuple(one for one in dataset.targets if column not in one.columns),
        made={**dataset.made, column: source},
    )
    return bare, Caution(
        "FD010",
        f"The labels of the model were made of a column {source.column!r}, which {dataset.name} "
        f"does not have; its column {column!r} may hold others, and is read only where it is "
        "named (--target-column).",
    )


def _score_table(dataset: FundusDataset, predictions: Predictions) -> pd.DataFrame:
    scores = predictions.frame().drop(columns=["fold", "patient_id"])
    scores = scores[[name for name in scores if not str(name).startswith("y_true")]]
    known = dataset.select(predictions.image_ids).table[["image_id", "path", "patient_id"]]
    return known.merge(scores, on="image_id")


def external_labels(
    dataset: FundusDataset, target: Target
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns the labels of a run's target in another data set.

    Classes are those of the run, also where the other data set holds only some of them. If it has
    no such column, no label is known.
    """
    if any(column not in dataset.table.columns for column in target.columns):
        shape = (len(dataset), len(target.scored_classes))
        return np.zeros(shape, bool), np.zeros(len(dataset), bool)
    return dataset.labels(target)


def _summarise(
    run: Run,
    dataset: FundusDataset,
    dataset_id: str,
    outside: Predictions,
    cautions: tuple[Caution, ...],
    *,
    evaluable: bool,
    other_column: str,
) -> Run:
    read = [run.id, dataset.fingerprint(), *filter(None, [other_column])]
    key = fingerprint_of(read)[:8]
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.name.lower()).strip("-")[:24]
    return Run(
        id=f"{run.id}-on-{slug}-{key}",
        kind="external",
        label=f"{run.label}, trained on {run.dataset_name}",
        dataset_id=dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        target=run.target,
        probe=run.probe,
        embeddings=run.embeddings,
        weights_path=run.weights_path,
        n_images=len(outside.image_ids),
        n_patients=outside.n_patients,
        auc=overall_auc(outside) if evaluable else None,
        class_aucs=interval_by_class(outside) if evaluable else {},
        baseline_auc=None,
        baseline_p=None,
        folds=(),
        cautions=cautions,
        created_at=now(),
        trained_as=run.id,
        data=dataset.fingerprint(),
        labels=dataset.source_of(run.target),
    )


def _cautions(
    dataset: FundusDataset,
    run: Run,
    inside: Predictions,
    outside: Predictions,
    *,
    has_labels: bool,
) -> tuple[Caution, ...]:
    foreign = foreign_labels_caution(dataset, run.target)
    told = () if foreign is None else (foreign,)
    if not has_labels:
        return told
    moved = None if foreign else prevalence_caution(inside, outside)
    return (*target_cautions(dataset, run.target, outside), *told, *([moved] if moved else []))


def _seen(taught: pd.DataFrame | None, outside: Predictions) -> int:
    """Returns how many of the judged photographs the model learned from."""
    known = set() if taught is None else set(taught["image_id"])
    return len(known & set(outside.image_ids))


def _of_training(
    taught: pd.DataFrame | None, n_seen: int, outside: Predictions
) -> tuple[Caution, ...]:
    """Returns what to know where photographs or patients are those that taught the model."""
    found = taught_caution(n_seen, len(outside.image_ids))
    if found is not None:
        return (found,)
    if taught is None or outside.patient_ids is None:
        return ()
    shared = set(taught["patient_id"].dropna().astype(str)) & set(outside.patient_ids)
    where = "among those that taught the model and among those it is judged on"
    same = same_patients_caution(len(shared), where)
    return (same,) if same else ()


def _of_both_sides(
    inside: Predictions, outside: Predictions, told: tuple[Caution, ...]
) -> tuple[Caution, ...]:
    """Returns a caution where patients are on both sides of the test, unless it was told."""
    if any(one.code == "FD023" for one in told):
        return ()
    return shared_patients((inside, outside), "on both sides of the test of inside against outside")


def has_both_sides(predictions: Predictions) -> bool:
    """Says whether any class has at least two cases and two controls.

    A class that the other data set lacks is left out of the average and shown with the reason.
    """
    positives = predictions.y_true.sum(axis=0)
    controls = len(predictions.y_true) - positives
    return bool(((positives >= 2) & (controls >= 2)).any())


@dataclass(frozen=True, slots=True)
class _Sides:
    """What a run reaches inside and outside, over the same classes."""

    inside: AucInterval | None
    outside: AucInterval | None
    classes: tuple[str, ...]
    """None of one class, or without labels."""


def _sides(run: Run, external: Run, inside: Predictions, outside: Predictions) -> _Sides:
    """Returns both AUCs over the classes that both sides have patients (images) enough of.

    Args:
        run: That was learned.
        external: The same on the other data set.
        inside: Its held-out predictions.
        outside: Those of the other data set.
    """
    if run.target.task == "binary" or external.auc is None:
        return _Sides(run.auc, external.auc, ())
    columns = [column for column in averaged_columns(inside) if column in averaged_columns(outside)]
    names = tuple(inside.class_names[column] for column in columns)
    if not names:
        return _Sides(None, None, ())
    return _Sides(_over(columns, inside), _over(columns, outside), names)


def _over(columns: list[int], said: Predictions) -> AucInterval:
    """Returns the mean of the AUCs of some classes."""
    return macro_auc(said.y_true[:, columns], said.y_score[:, columns], patients=said.patient_ids)


def _test(inside: Predictions, outside: Predictions) -> tuple[AucComparison | None, str]:
    """Returns the unpaired test, by patient where both sides know theirs, and why there is none.

    For several classes it is that of the macro averages over the classes that both sets have, each
    of which must have patients (images) enough to be tested by itself.
    """
    by_patient = inside.patient_ids is not None and outside.patient_ids is not None
    try:
        if inside.task != "binary":
            found = compare_classes_unpaired(
                inside.y_true,
                inside.y_score,
                outside.y_true,
                outside.y_score,
                inside.class_names,
                patients_a=inside.patient_ids if by_patient else None,
                patients_b=outside.patient_ids if by_patient else None,
            )
            return found.macro, found.reason
        test = compare_unpaired(
            inside.y_true[:, 0],
            inside.y_score[:, 0],
            outside.y_true[:, 0],
            outside.y_score[:, 0],
            patients_a=inside.patient_ids if by_patient else None,
            patients_b=outside.patient_ids if by_patient else None,
        )
    except FundusError:
        return None, ""
    return test, ""
