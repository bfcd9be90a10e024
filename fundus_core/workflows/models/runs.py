"""Evaluated models as they are stored: lists, files, and how to score again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fundus_core.checks import Caution
from fundus_core.domain.beginnings import meant
from fundus_core.domain.dataset import own_patients
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DataError, FundusError, StoreError
from fundus_core.finetune.curves import CURVE_FILE, LearningCurves, read_curves, write_curves
from fundus_core.io.damage import known_damage, known_unread
from fundus_core.io.files import write_json
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.refused_reading import require_readable
from fundus_core.io.store import MANIFEST, ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.probes import Probe
from fundus_core.workflows.data.datasets import dataset_as_given, stored_fingerprint
from fundus_core.workflows.data.hidden_ids import (
    has_pseudonyms,
    hides_ids,
    with_names,
    without_patients,
)
from fundus_core.workflows.models.changed_since import CODE, changes_since
from fundus_core.workflows.models.figures_of_today import is_of_today, with_figures_of
from fundus_core.workflows.models.probe_file import probe_in, write_probes
from fundus_core.workflows.models.run_record import Run, run_from_json, run_to_json

PREDICTIONS = "predictions.parquet"
BASELINE = "baseline.parquet"
_ABOUT = "run.json"
NETWORKS = "networks.safetensors"
"""What fine-tuning changed of each fold's network, see `workflows.models.networks`."""

TRAINED_ON = "trained_on.parquet"
"""Photographs that taught the model, by `image_id` and `patient_id`."""

PROBE_FILE = "probes.safetensors"

OF_BUNDLE = "-bundle"
"""Ends the ids of data sets and runs that came in a bundle: those made here end in hexadecimal
digits."""


def save_run(
    workspace: Workspace,
    run: Run,
    predictions: Predictions,
    *,
    baseline: Predictions | None = None,
    probes: Sequence[Probe] = (),
    final: Probe | None = None,
    curves: LearningCurves | None = None,
    write_networks: Callable[[Path], None] | None = None,
    trained_on: pd.DataFrame | None = None,
) -> Path:
    """Stores a run and returns its folder."""

    def write(folder: Path) -> None:
        predictions.frame().to_parquet(folder / PREDICTIONS, index=False)
        if baseline is not None:
            baseline.frame().to_parquet(folder / BASELINE, index=False)
        if final is not None:
            write_probes(folder / PROBE_FILE, probes, final)
        if curves is not None:
            write_curves(folder / CURVE_FILE, curves)
        if write_networks is not None:
            write_networks(folder / NETWORKS)
        if trained_on is not None:
            trained_on.to_parquet(folder / TRAINED_ON, index=False)
        write_json(folder / _ABOUT, run_to_json(run))

    return ArtifactStore(workspace.runs).put(run.id, run_to_json(run), write)


def list_runs(workspace: Workspace, *, dataset_id: str | None = None) -> tuple[Run, ...]:
    """Returns the stored runs, newest first; of one data set only if asked.

    Those whose data set was changed since say so by a caution.
    """
    runs = runs_as_stored(workspace, dataset_id)
    today = {name: stored_fingerprint(workspace, name) for name in {run.dataset_id for run in runs}}
    return tuple(_as_of_today(workspace, run, today[run.dataset_id]) for run in runs)


def runs_as_stored(workspace: Workspace, dataset_id: str | None = None) -> list[Run]:
    """Returns the runs as they were stored, newest first; of one data set only if asked.

    What this version does not understand is left out, and `left_out` names it.
    """
    return [
        run
        for run in ArtifactStore(workspace.runs).understood(run_from_json).values()
        if (dataset_id is None or run.dataset_id == dataset_id)
        and _is_opened(workspace, run.dataset_id)
    ]


def _as_of_today(workspace: Workspace, run: Run, fingerprint: str) -> Run:
    """Returns a run with what is to be said of it by now, whatever was said of it before.

    Args:
        workspace: Where it is.
        run: As it was stored.
        fingerprint: Of its data set today; empty where there is none.
    """
    run = _with_figures_of_today(workspace, run)
    if fingerprint in {"", run.data}:
        return run
    key = (workspace.root, run.id, run.created_at, fingerprint)
    if key not in _CHANGED:
        _CHANGED[key] = _changed(workspace, run)
    found = _CHANGED[key]
    said = tuple(caution for caution in run.cautions if caution.code != CODE)
    return replace(run, cautions=said if found is None else (*said, found))


_CHANGED: dict[tuple[Path, str, str, str], Caution | None] = {}
"""Workspace, run, its moment, fingerprint of its data set -> what was found; pages ask often."""


def _with_figures_of_today(workspace: Workspace, run: Run) -> Run:
    """Returns a run with the intervals that pages and commands compute from its predictions."""
    if is_of_today(run):
        return run
    key = (workspace.root, run.id, run.created_at)
    if key not in _OF_TODAY:
        try:
            folder = ArtifactStore(workspace.runs).get(run.id, only=(PREDICTIONS, BASELINE))
            if folder is None:
                return run
            tables = [folder / name for name in (PREDICTIONS, BASELINE)]
            read = [pd.read_parquet(path) for path in tables if path.is_file()]
            said, *colour = (predictions_in(table, run) for table in read)
            _OF_TODAY[key] = with_figures_of(run, said, colour[0] if colour else None)
        except (FundusError, OSError, ValueError, KeyError):  # whoever reads them says why
            return run
    return _OF_TODAY[key]


_OF_TODAY: dict[tuple[Path, str, str], Run] = {}
"""Workspace, run, its moment -> the run, where its figures were computed again."""


def _changed(workspace: Workspace, run: Run) -> Caution | None:
    """Compares what a run was judged on with its data set as it is now."""
    try:
        table = pd.read_parquet(run_folder(workspace, run) / PREDICTIONS)
        today = dataset_as_given(workspace, run.dataset_id)
        said = predictions_in(table, run)
        return changes_since(said, run.target, today, run.labels).caution()
    except (FundusError, OSError, ValueError, KeyError):  # whoever reads them says why
        return None


def load_run(workspace: Workspace, run_id: str) -> Run:
    """Returns a stored run; a unique beginning of its id is enough.

    Raises:
        StoreError: If there is none, several begin so, or it is damaged or may not be read.
    """
    runs = {run.id: run for run in runs_as_stored(workspace)}
    damaged = known_damage(workspace.runs)
    found = meant(run_id, (*runs, *damaged, *known_unread(workspace.runs)))
    if len(found) == 1:
        (name,) = found
        if run := runs.get(name):
            return _as_of_today(workspace, run, stored_fingerprint(workspace, run.dataset_id))
        if name in damaged:
            require_readable(workspace.runs / name / MANIFEST)
            raise _damaged(name)
    known = ", ".join((found or tuple(runs))[:5]) or "none"
    problem = "Several runs begin with" if len(found) > 1 else "There is no run"
    raise StoreError(
        f"{problem} {run_id!r} in {workspace.root}; there are: {known}.",
        hint=hint_with_left_out(
            "List them with `fundus runs`, or fit a probe with `fundus probe`.",
            workspace.root,
            "runs",
            "datasets",
        ),
    )


def run_folder(workspace: Workspace, run: Run) -> Path:
    """Returns the folder of a run after checking that its files are whole.

    Raises:
        StoreError: If a file is missing or damaged.
    """
    folder = ArtifactStore(workspace.runs).get(run.id)
    if folder is None:
        raise _damaged(run.id)
    return folder


def _damaged(run_id: str) -> StoreError:
    return StoreError(
        f"The files of run {run_id} are missing or damaged.",
        hint="`fundus doctor --repair` moves them aside; fit the probe again then: its embeddings "
        "are kept.",
    )


def run_table(workspace: Workspace, run: Run, name: str) -> pd.DataFrame | None:
    """Returns a stored table of a run that names patients, as it may be seen; None without it.

    Patients are pseudonyms where names are hidden, whatever was stored.

    Args:
        workspace: Where the run is.
        run: Whose table.
        name: `PREDICTIONS`, `BASELINE` or `TRAINED_ON`.

    Raises:
        StoreError: If the files of the run are damaged.
    """
    path = run_folder(workspace, run) / name
    return _shown(workspace, run, pd.read_parquet(path)) if path.is_file() else None


def run_predictions(workspace: Workspace, run: Run) -> Predictions:
    """Returns the held-out predictions of a run."""
    table = pd.read_parquet(run_folder(workspace, run) / PREDICTIONS)
    return predictions_in(_shown(workspace, run, table), run)


def baseline_predictions(workspace: Workspace, run: Run) -> Predictions | None:
    """Returns the predictions of the mean colour in the same folds, if there are any."""
    table = run_table(workspace, run, BASELINE)
    if table is None:
        return None
    return predictions_in(table, run, model="mean colour (shortcut baseline)")


def photographs_that_taught(workspace: Workspace, run: Run) -> pd.DataFrame | None:
    """Returns the `image_id` and `patient_id` of what the model of a run learned from.

    None where it learned from nothing here, or an older version of the program did not say.
    """
    taught = run_table(workspace, run, TRAINED_ON)
    if taught is not None:
        return taught
    if run.kind not in {"probe", "finetune"} or len(run.folds) == 1:
        return None
    said = run_predictions(workspace, run)  # every photograph was held out once, and taught before
    return pd.DataFrame({"image_id": said.image_ids, "patient_id": said.patient_ids})


def run_curves(workspace: Workspace, run: Run) -> LearningCurves | None:
    """Returns the learning curves of a fine-tuned run; None for a probe."""
    return read_curves(run_folder(workspace, run) / CURVE_FILE)


def run_probe(workspace: Workspace, run: Run, *, fold: int | None = None) -> Probe:
    """Returns the probe of a run: the one that held a fold out, else the one of all photographs.

    Raises:
        StoreError: If the run keeps no probe.
    """
    path = run_folder(workspace, run) / PROBE_FILE
    if run.kind == "finetune":
        raise StoreError(
            f"Run {run.id} is a fine-tuned network and has no probe.",
            hint="Fit a linear probe on the same backbone and use that run.",
        )
    if run.kind == "zero_shot":
        raise StoreError(
            f"Run {run.id} has no probe: words gave its scores and nothing was fitted.",
            hint="Score other photographs by `fundus zero-shot`, or fit a probe to explain it.",
        )
    if not path.is_file():
        raise StoreError(
            f"Run {run.id} keeps no probe: it is a table of predictions.",
            hint="Choose the run of the probe itself.",
        )
    found = probe_in(path, run.probe, run.target.task, fold=fold)
    return run_probe(workspace, run) if found is None else found


def predictions_in(table: pd.DataFrame, run: Run, *, model: str = "") -> Predictions:
    """Returns what a run's stored table of predictions says.

    Args:
        table: As `Predictions.frame` gives it.
        run: The run it is of.
        model: Name shown to the user, if it is not the run's.
    """
    names = run.target.scored_classes
    suffixes = [""] if run.target.task == "binary" else [f"_{name}" for name in names]
    patients = table["patient_id"]
    fold = table["fold"].to_numpy(np.int64)
    return Predictions(
        model or run.label,
        run.target.task,
        names,
        tuple(table["image_id"]),
        table[[f"y_true{suffix}" for suffix in suffixes]].to_numpy() == 1,
        table[[f"y_score{suffix}" for suffix in suffixes]].to_numpy(np.float64),
        None if patients.isna().all() else patients.to_numpy(dtype=str),
        None if (fold < 0).all() else fold,
    )


def _is_opened(workspace: Workspace, name: str) -> bool:
    """Says whether a data set is here, if it came in a bundle: its data set is stored last."""
    return not name.endswith(OF_BUNDLE) or (workspace.datasets / name).is_dir()


def _shown(workspace: Workspace, run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Returns predictions as they may be seen: patients by pseudonyms where names are hidden.

    Those that were stored while names were hidden get them back where names are shown.
    """
    patients = table["patient_id"].astype(object)
    known = patients.notna() & ~own_patients(table)
    if not known.any():
        return table
    if hides_ids():
        patients[known] = without_patients(
            workspace, list(patients[known]), lambda: _named(workspace, run)
        )
    elif has_pseudonyms(workspace, patients[known]):
        patients[known] = with_names(workspace, list(patients[known]), _named(workspace, run))
    return table.assign(patient_id=patients)


def _named(workspace: Workspace, run: Run) -> set[str]:
    """Returns the patients of a run's data set by name; none where it cannot be read any more."""
    try:
        return set(dataset_as_given(workspace, run.dataset_id).table["patient_id"].dropna())
    except DataError:
        return set()
