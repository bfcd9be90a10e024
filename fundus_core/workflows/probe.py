"""Use case: how well a simple probe on a frozen backbone does on a data set, per patient."""

from dataclasses import dataclass

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import ProbeRecipe
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.probes import PROBES
from fundus_core.workflows.embed import BackboneChoice, ResolvedChoice, embed_resolved, resolve
from fundus_core.workflows.held_out import (
    HeldOut,
    Labelled,
    Validation,
    cross_validated,
    evaluated_run,
    labelled_photographs,
    run_id,
    shortcut_predictions,
    stored_run,
)
from fundus_core.workflows.runs import Run, save_run


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
    validation = Validation(choice.target, choice.folds, choice.seed, choice.use_split)
    labelled = labelled_photographs(dataset, embeddings.image_ids, validation)
    name = run_id(resolved, target, _recipe(labelled, resolved, choice))
    if stored := stored_run(workspace, name):
        return stored

    result = cross_validated(labelled, embeddings, choice.probe, progress)
    baseline = shortcut_predictions(workspace, labelled, progress)
    label = _label(resolved, choice)
    run = evaluated_run(
        name,
        dataset_id,
        labelled,
        resolved,
        HeldOut(result.y_score, result.fold, result.strengths),
        baseline,
        kind="probe",
        method=choice.probe,
        label=label,
    )
    everything = labelled.predictions(result.y_score, result.fold, label)
    save_run(
        workspace,
        run,
        everything.select(result.fold >= 0),
        baseline=baseline,
        probes=result.probes if choice.probe == "logistic" else (),
        final=result.final,
    )
    return run


def _require_probe(probe: str) -> None:
    if probe not in PROBES:
        raise TargetError(
            f"There is no probe called {probe!r}.", hint=f"Choose one of {', '.join(PROBES)}."
        )


def _recipe(labelled: Labelled, resolved: ResolvedChoice, choice: ProbeChoice) -> ProbeRecipe:
    return ProbeRecipe(
        dataset=labelled.fingerprint(),
        embeddings=resolved.recipe.fingerprint(),
        target=labelled.target.name,
        positive=labelled.positive,
        probe=choice.probe,
        folds=0 if choice.use_split else choice.folds,
        seed=choice.seed,
    )


def _label(resolved: ResolvedChoice, choice: ProbeChoice) -> str:
    return resolved.label if choice.probe == "logistic" else f"{resolved.label}, {choice.probe}"
