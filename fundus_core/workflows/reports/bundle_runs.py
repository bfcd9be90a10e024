"""What a run of a bundle must be: every file of it is read once before it is stored."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError

from fundus_core.caution_codes import CAUTIONS
from fundus_core.domain.dataset import OWN_PATIENT, FundusDataset, own_patients
from fundus_core.domain.predictions import Predictions
from fundus_core.finetune.curves import CURVE_FILE, LearningCurves, read_curves
from fundus_core.finetune.strategies import STRATEGIES
from fundus_core.io.bounded import open_parquet
from fundus_core.io.tables import MOST_BYTES, MOST_CELLS
from fundus_core.probes import PROBES
from fundus_core.workflows.data.labelled import TRAIN_SPLITS
from fundus_core.workflows.models.probe_file import probe_in
from fundus_core.workflows.models.run_record import Run, run_from_json
from fundus_core.workflows.models.runs import (
    BASELINE,
    PREDICTIONS,
    PROBE_FILE,
    TRAINED_ON,
    predictions_in,
)
from fundus_core.workflows.reports.bundle_figures import (
    TRAINED_HERE,
    with_found_cautions,
    with_right_figures,
)
from fundus_core.workflows.reports.bundle_types import require_ids, require_text, require_type

RUN = "run.json"
_FILES = {RUN, PREDICTIONS, BASELINE, TRAINED_ON, PROBE_FILE, CURVE_FILE}
_COLUMNS = ["image_id", "patient_id"]
"""Of what taught a model."""

_FOUND_HERE = ("auc", "class_aucs", "baseline_auc", "baseline_p", "folds", "cautions")
"""Fields of a run that are stored as they are found here, not as the bundle says them."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
"""In which a run may have been made: what lies at the ends of a calendar has no local time."""

_METHODS = {
    "probe": {*PROBES},
    "finetune": {*STRATEGIES},
    "external": {*PROBES, *STRATEGIES},
    "zero_shot": {"zero_shot"},
}


def checked_runs(
    abouts: dict[str, dict[str, Any]], folder: Path, dataset: FundusDataset
) -> Iterator[tuple[str, Run]]:
    """Yields the runs of a bundle by the names of their folders, having read all of their files.

    What taught them is completed: all that a run was cross-validated on, or that its data set's
    own split gives to training. So are cautions that data set and predictions give.

    Args:
        abouts: Name of its folder -> what is to be stored of a run.
        folder: Where they were unpacked.
        dataset: That of the bundle.

    Raises:
        DataError: If a figure is not that of the predictions.
        ValueError: If a file cannot be read, or holds other values than it must.
    """
    runs = {name: _run(about, dataset) for name, about in abouts.items()}
    taught = {run.id: _completed(run, folder / name, dataset) for name, run in runs.items()}
    for name, run in runs.items():
        place = folder / name
        said, colour = _predictions(run, place)
        right = with_right_figures(run, said, colour, dataset)
        _require_readable(run, place)
        yield name, with_found_cautions(right, said, dataset, taught.get(run.trained_as, set()))


def read_table(path: Path) -> pd.DataFrame:
    """Returns a Parquet table that unpacks to a sensible size, text as Python strings.

    Raises:
        ValueError: If it is none.
    """
    try:
        open_parquet(path, most_bytes=MOST_BYTES, most_cells=MOST_CELLS).close()
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path.name} of {path.parent.name}, because {error}") from error
    return table.astype({name: object for name in table if table[name].dtype == "str"})


def _run(about: dict[str, Any], dataset: FundusDataset) -> Run:
    run = run_from_json(about)
    if run is None:
        raise ValueError(f"the run {about['id']}")
    what = f"the run {run.id}"
    require_type(run, Run, what)
    made = datetime.fromisoformat(run.created_at)
    if made.tzinfo is None or not _FIRST_YEAR <= made.year <= _LAST_YEAR:
        raise ValueError(f"{what} made at {run.created_at}, which is no moment with an offset")
    if run.probe not in _METHODS[run.kind]:
        raise ValueError(f"{what} by {run.probe!r}, which is no way to a {run.kind}")
    if unknown := {one.code for one in run.cautions} - set(CAUTIONS):
        raise ValueError(f"{what} with the cautions {sorted(unknown)}")
    if [one.fold for one in run.folds] != list(range(len(run.folds))):
        raise ValueError(f"{what} with folds that are not numbered")
    if bool(run.folds) != (run.kind in TRAINED_HERE):
        raise ValueError(f"{what}, a {run.kind} with {len(run.folds)} folds")
    missing = set(run.target.columns) - set(dataset.table.columns)
    if missing and run.kind != "external":
        raise ValueError(f"{what} of the column {min(missing)!r}, which is not in the table")
    n_classes, n_columns = len(set(run.target.classes)), len(run.target.columns)
    wanted = {"binary": (2, 1), "multiclass": (n_classes, 1), "multilabel": (n_classes, n_classes)}
    counts = len(run.target.classes), n_columns
    if counts != wanted[run.target.task] or (n_classes < 2):
        raise ValueError(f"{what} with {n_classes} classes in {n_columns} columns")
    return run


def _predictions(run: Run, place: Path) -> tuple[Predictions, Predictions | None]:
    """Returns held-out predictions and those of the mean colour, if there are any."""
    said = _scores(run, place / PREDICTIONS)
    if not (place / BASELINE).is_file():
        if run.kind in TRAINED_HERE:
            raise ValueError(f"the run {run.id} without what the mean colour predicts")
        return said, None
    colour = _scores(run, place / BASELINE)
    same = colour.image_ids == said.image_ids and np.array_equal(colour.y_true, said.y_true)
    if not same:
        raise ValueError(f"the run {run.id}: its baseline is of other photographs or labels")
    return said, colour


def _scores(run: Run, path: Path) -> Predictions:
    table = read_table(path)
    what = f"the run {run.id}: {path.stem}"
    names = run.target.scored_classes
    suffixes = [""] if run.target.task == "binary" else [f"_{name}" for name in names]
    truths, scores = ([f"{stem}{one}" for one in suffixes] for stem in ("y_true", "y_score"))
    if set(table.columns) != {"image_id", "patient_id", "fold", *truths, *scores}:
        raise ValueError(f"{what} with the columns {list(table.columns)}")
    require_ids(table["image_id"], f"{what}: image id")
    require_text(table["patient_id"], f"{what}: patient")
    own = table["patient_id"].astype(str).str.startswith(OWN_PATIENT)
    if (own & ~own_patients(table)).any():
        raise ValueError(f"{what} with a patient who is another photograph")
    kinds = {name: table[name].dtype.kind for name in ("fold", *truths, *scores)}
    wrong = [name for name, kind in kinds.items() if kind not in ("f" if name in scores else "iu")]
    if wrong or not table[truths].isin([0, 1]).all(axis=None):
        raise ValueError(f"{what} with other values than labels and scores in {wrong or truths}")
    if not np.isfinite(table[scores].to_numpy()).all():
        raise ValueError(f"{what} with scores that are no numbers")
    if table["patient_id"].isna().any() and not table["patient_id"].isna().all():
        raise ValueError(f"{what} names the patients of some photographs only")
    return predictions_in(table, run)


def _require_readable(run: Run, place: Path) -> None:
    """Reads what else there is of a run."""
    if unknown := {path.name for path in place.iterdir()} - _FILES:
        raise ValueError(f"the run {run.id}: {min(unknown)}, which no run in a bundle has")
    if (place / CURVE_FILE).is_file():
        require_type(read_curves(place / CURVE_FILE), LearningCurves, f"the curves of {run.id}")
    if (place / PROBE_FILE).is_file():
        _require_probes(run, place / PROBE_FILE)


def _require_probes(run: Run, path: Path) -> None:
    """Reads the probe of all photographs, and those of the folds that are kept."""
    if run.kind != "probe":
        raise ValueError(f"the run {run.id} has probes, and is none")
    try:
        found = {
            fold: probe_in(path, run.probe, run.target.task, fold=fold)
            for fold in (None, *range(len(run.folds)))
        }
    except (SafetensorError, TypeError, KeyError) as error:
        raise ValueError(f"{path.name} of the run {run.id}, because {error}") from error
    if found[None] is None:
        raise ValueError(f"the run {run.id} has no probe of all photographs")
    for probe in filter(None, found.values()):
        arrays = probe.arrays()
        if any(one.dtype != np.float32 or not np.isfinite(one).all() for one in arrays.values()):
            raise ValueError(f"the run {run.id}: a probe with values that are no numbers")
        if "mean" not in arrays:
            continue
        scores = probe.score(np.zeros((1, len(arrays["mean"])), np.float32))
        if scores.shape != (1, len(run.target.scored_classes)):
            raise ValueError(f"the run {run.id}: a probe of {scores.shape[1:]} classes")


def _completed(run: Run, place: Path, dataset: FundusDataset) -> set[str]:
    """Completes the list of what taught a run; returns the image ids in it.

    Raises:
        ValueError: If the list cannot be that of the run.
    """
    path = place / TRAINED_ON
    if run.kind not in TRAINED_HERE:
        if path.is_file():
            raise ValueError(f"the run {run.id} learned from nothing here, and says from what")
        return set()
    must = _must_have_taught(run, place, dataset)
    if not path.is_file():
        given = must.iloc[:0]
    else:
        given = read_table(path)
        _require_possible(run, given, must)
    more = must[~must["image_id"].isin(given["image_id"])]
    patients = dict(zip(must["image_id"], must["patient_id"], strict=True))
    own = given.assign(
        patient_id=[
            patients.get(one, patient)
            for one, patient in zip(given["image_id"], given["patient_id"], strict=True)
        ]
    ).astype(object)
    whole = pd.concat([own, more], ignore_index=True) if len(more) else own
    if len(whole) and not (path.is_file() and whole.equals(given.astype(object))):
        whole.to_parquet(path, index=False)
    return set(whole["image_id"])


def _must_have_taught(run: Run, place: Path, dataset: FundusDataset) -> pd.DataFrame:
    """Returns what a run learned from, as far as predictions and data set tell.

    In cross-validation every photograph was held out once, and taught before or after.
    """
    if len(run.folds) > 1:
        said = _scores(run, place / PREDICTIONS)
        patients = [None] * len(said.image_ids) if said.patient_ids is None else said.patient_ids
        return pd.DataFrame({"image_id": said.image_ids, "patient_id": patients}, dtype=object)
    if dataset.patient_ids is None:
        table = dataset.table[_COLUMNS].astype(object)
    else:
        table = dataset.table[_COLUMNS].assign(patient_id=dataset.patient_ids.astype(object))
    in_training = dataset.table["split"].isin(TRAIN_SPLITS).to_numpy(bool)
    return table[dataset.labels(run.target)[1] & in_training].reset_index(drop=True)


def _require_possible(run: Run, given: pd.DataFrame, must: pd.DataFrame) -> None:
    """Refuses a list that is of other types, or shorter than what the folds learned from."""
    what = f"the run {run.id}: what taught it"
    if list(given.columns) != _COLUMNS:
        raise ValueError(f"{what}, with the columns {list(given.columns)}")
    require_ids(given["image_id"], f"{what}, image id")
    require_text(given["patient_id"], f"{what}, patient")
    n_missing = len(set(must["image_id"]) - set(given["image_id"]))
    n_all = [len(must) - one.n_test for one in run.folds]
    learned_from_all = len(run.folds) > 1 and n_all == [one.n_train for one in run.folds]
    if learned_from_all and n_missing:
        raise ValueError(f"{what} lacks {n_missing} of its {len(must)} photographs")
    least = max((one.n_train for one in run.folds), default=0)
    if len(given) < (least if run.kind == "finetune" else run.folds[0].n_train):
        raise ValueError(f"{what} has {len(given)} photographs, fewer than a fold learned from")
    of_first_fold = run.kind == "probe" and len(run.folds) > 1 and n_missing > 0
    if of_first_fold and len(given) != run.folds[0].n_train:
        raise ValueError(
            f"{what} has {len(given)} photographs, and fold 0 learned from {run.folds[0].n_train}"
        )


def stored(run: Run, about: dict[str, Any]) -> dict[str, Any]:
    """Returns what is stored of a run that was checked: its figures and cautions are those here."""
    found = asdict(run)
    return {**about, **{name: found[name] for name in _FOUND_HERE}}
