"""Use case: how well words alone tell the classes of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.checks import target_cautions, unreadable_caution
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe, fingerprint_of
from fundus_core.io.findings import Findings, read_findings, write_findings
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.evaluation.aucs import interval_by_class, overall_auc
from fundus_core.workflows.models.held_out import older_run_ids, run_id, stored_run
from fundus_core.workflows.models.prototypes import (
    Prototype,
    Reading,
    brought_or_read,
    projected,
    require_prototypes,
    tower_of,
)
from fundus_core.workflows.models.questions import Question, question_of
from fundus_core.workflows.models.run_record import Run, now
from fundus_core.workflows.models.runs import save_run
from fundus_core.workflows.weights.teachers import weights_caution
from fundus_core.zero_shot import exclusive_scores, paired_scores

METHOD = "zero_shot"
"""What a run is called that was learned from words alone."""


@dataclass(frozen=True, slots=True)
class ZeroShotChoice:
    """What the user asks for."""

    target: str
    """See `FundusDataset.target`."""

    findings: Path | None = None
    """File of descriptions; None for those that come with the program."""

    prototypes: str = "mean"
    """Key of `zero_shot.PROTOTYPES`."""

    tokens: str = "published"
    """Key of `text_reading.READINGS`."""

    import_from: Path | None = None
    """File of prototypes that were made elsewhere, read first."""


@dataclass(frozen=True, slots=True)
class ZeroShotRecipe(Recipe):
    """Everything that determines the scores."""

    dataset: str
    """Fingerprint of image ids, labels and patients."""

    embeddings: str
    """Fingerprint of the `EmbedRecipe`."""

    target: str
    exclusive: bool
    prototypes: tuple[str, ...]
    """Fingerprints of those of the classes, then of their opposites."""


def zero_shot_dataset(
    workspace: Workspace,
    dataset: FundusDataset,
    dataset_id: str,
    backbone: BackboneChoice,
    choice: ZeroShotChoice,
    *,
    progress: Progress = silent,
) -> Run:
    """Scores every labelled photograph by words alone; nothing is fitted.

    An equal run that is stored is returned as it is.

    Raises:
        TargetError: If there is no such target, or nothing is said of one of its classes.
        FundusError: See `resolve`, `embed_resolved` and `brought_or_read`.
    """
    target = dataset.target(choice.target)
    require_prototypes(choice.prototypes)
    findings = read_findings(choice.findings)
    question = question_of(dataset, target, findings)
    resolved = resolve(workspace, projected(backbone))
    tower = tower_of(resolved)
    reading = Reading(findings.template, choice.prototypes, choice.tokens)
    prototypes = brought_or_read(
        workspace, tower, question.findings, reading, choice.import_from, progress=progress
    )
    embeddings = embed_resolved(workspace, dataset, resolved, progress=progress)
    recipe = _recipe(dataset, embeddings, question, resolved, prototypes)
    about = (workspace, dataset_id, resolved, target, recipe)
    name = run_id(*about, suffix=METHOD)
    for known in (name, *older_run_ids(*about, field="embeddings", suffix=METHOD)):
        if stored := stored_run(workspace, known):
            return stored

    label = f"{resolved.label}, zero-shot{_said_of(reading)}"
    scores = _scores(question, embeddings.vectors, prototypes)
    predictions = _labelled(dataset, target, embeddings, scores, label)
    run = _run(workspace, name, dataset, dataset_id, target, resolved, predictions)
    save_run(workspace, run, predictions)
    return run


def save_findings(workspace: Workspace, findings: Findings) -> Path:
    """Stores edited findings under a name that depends on nothing but their content."""
    said = [[one.name, *one.texts, *one.labels, one.opposite] for one in findings.findings]
    name = fingerprint_of([findings.template, said])
    path = workspace.root / "findings" / f"{name}.json"
    if not path.is_file():
        write_findings(findings, path)
    return path


def _said_of(reading: Reading) -> str:
    """Returns what tells a run from that of the usual prototypes."""
    usual = Reading(reading.template)
    parts = [reading.prototypes] if reading.prototypes != usual.prototypes else []
    parts += [reading.tokens] if reading.tokens != usual.tokens else []
    return f" ({', '.join(parts)})" if parts else ""


def _scores(
    question: Question, vectors: NDArray[np.float32], prototypes: Sequence[Prototype]
) -> NDArray[np.float64]:
    """Returns a score per photograph and scored class, shape (N, C)."""
    matrix = np.stack([one.vector for one in prototypes])
    log_scale = prototypes[0].log_scale
    if question.exclusive:
        scores = exclusive_scores(vectors, matrix, log_scale=log_scale)
        return scores[:, list(question.scored)]
    half = len(matrix) // 2
    return paired_scores(vectors, matrix[:half], matrix[half:], log_scale=log_scale)


def _labelled(
    dataset: FundusDataset,
    target: Target,
    embeddings: Embeddings,
    scores: NDArray[np.float64],
    label: str,
) -> Predictions:
    """Returns the scores of the photographs that have a label."""
    embedded = dataset.select(embeddings.image_ids)
    y_true, known = embedded.labels(target)
    everything = Predictions(
        label,
        target.task,
        target.scored_classes,
        embeddings.image_ids,
        y_true,
        scores,
        embedded.patient_ids,
    )
    return everything.select(known)


def _recipe(
    dataset: FundusDataset,
    embeddings: Embeddings,
    question: Question,
    resolved: ResolvedChoice,
    prototypes: Sequence[Prototype],
) -> ZeroShotRecipe:
    embedded = dataset.select(embeddings.image_ids)
    y_true, known = embedded.labels(question.target)
    patients = embedded.patient_ids
    return ZeroShotRecipe(
        dataset=fingerprint_of(
            {
                "images": list(embeddings.image_ids),
                "y_true": y_true.tolist(),
                "known": known.tolist(),
                "patients": None if patients is None else patients.tolist(),
            }
        ),
        embeddings=resolved.recipe.fingerprint(),
        target=question.target.name,
        exclusive=question.exclusive,
        prototypes=tuple(one.recipe.fingerprint() for one in prototypes),
    )


def _run(
    workspace: Workspace,
    name: str,
    dataset: FundusDataset,
    dataset_id: str,
    target: Target,
    resolved: ResolvedChoice,
    predictions: Predictions,
) -> Run:
    n_labelled = int(dataset.labels(target)[1].sum())
    unread = unreadable_caution(n_labelled - len(predictions.image_ids), n_labelled)
    taught = weights_caution(workspace, resolved.recipe, dataset, predictions)
    further = (unread, taught)
    found = target_cautions(dataset, target, predictions)
    return Run(
        id=name,
        kind="zero_shot",
        label=predictions.model,
        dataset_id=dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        target=target,
        probe=METHOD,
        embeddings=resolved.recipe,
        weights_path=None if resolved.weights is None else str(resolved.weights.resolve()),
        n_images=len(predictions.image_ids),
        n_patients=predictions.n_patients,
        auc=overall_auc(predictions),
        class_aucs=interval_by_class(predictions),
        baseline_auc=None,
        baseline_p=None,
        folds=(),
        cautions=(*found, *(caution for caution in further if caution)),
        created_at=now(),
        data=dataset.fingerprint(),
        labels=dataset.source_of(target),
    )
