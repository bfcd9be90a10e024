"""What a report writes down so that its results can be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_summary, stored_dataset
from fundus_core.workflows.models.precomputed import drawn_with
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from fundus_core.workflows.reports.rerun_manifest import (
    Manifest,
    RecordedData,
    RecordedRun,
    in_order,
    predictions_fingerprint,
    versions_here,
)
from fundus_core.workflows.reports.rerun_settings import (
    DATA_NOT_HERE,
    MODEL_NOT_HERE,
    TAUGHT_NOT_HERE,
    run_that_trained,
    settings_of,
    why_labels_are_not_made,
)


def manifest_of(
    workspace: Workspace, runs: Sequence[Run], *, title: str, options: Mapping[str, Any]
) -> Manifest:
    """Returns what makes some runs again, those included whose model they use elsewhere.

    Args:
        workspace: Where they are.
        runs: What the report is about.
        title: Of the report.
        options: Of the report, as plain JSON values.
    """
    external = [run for run in runs if run.kind == "external"]
    used = list(filter(None, (run_that_trained(workspace, run) for run in external)))
    stored = {run.id: run for run in used}
    every = {run.id: run for run in (*runs, *used)}
    data = {run.dataset_id: _dataset(workspace, run) for run in every.values()}
    recorded = [_recorded(workspace, run, data[run.dataset_id], stored) for run in every.values()]
    return Manifest(
        title,
        versions_here(),
        tuple(_data(workspace, name, found) for name, found in data.items() if found is not None),
        in_order(recorded),
        tuple(run.id for run in runs),
        dict(options),
    )


def _dataset(workspace: Workspace, run: Run) -> FundusDataset | None:
    try:
        return stored_dataset(workspace, run.dataset_id)
    except FundusError:
        return None


def _data(workspace: Workspace, name: str, dataset: FundusDataset) -> RecordedData:
    source = dataset_summary(workspace, name).source
    return RecordedData(
        name,
        dataset.name,
        dataset.fingerprint(),
        len(dataset),
        dataset.n_patients,
        asdict(source.columns),
        source.classes,
        "" if source.table is None else source.table.name,
        drawn_with(source.path) if dataset.synthetic else "",
    )


def _recorded(
    workspace: Workspace, run: Run, dataset: FundusDataset | None, stored: Mapping[str, Run]
) -> RecordedRun:
    validation, reason, column = None, "", ""
    if dataset is None:
        reason = DATA_NOT_HERE
    elif run.kind == "external":
        inside = stored.get(run.trained_as)
        known = None if inside is None else _dataset(workspace, inside)
        if inside is None or known is None:
            reason = MODEL_NOT_HERE if inside is None else TAUGHT_NOT_HERE
        elif labels := why_labels_are_not_made(dataset, run, inside):
            reason = labels
        elif (found := settings_of(workspace, known, inside)).validation is None:
            reason = f"the run whose model it uses cannot be made again: {found.reason}"
        elif run.target.columns != inside.target.columns:
            column = run.target.columns[0]
    else:
        settings = settings_of(workspace, dataset, run)
        validation, reason = settings.validation, settings.reason
    return RecordedRun(
        run.id,
        run.label,
        run.kind,
        run.dataset_id,
        run.target.name,
        run.probe,
        run.embeddings,
        validation,
        run.recipe,
        run.trained_as,
        reason,
        None if run.auc is None else run.auc.auc,
        predictions_fingerprint(run_predictions(workspace, run)),
        run.n_images,
        run.n_patients,
        tuple(caution.code for caution in run.cautions),
        column,
    )
