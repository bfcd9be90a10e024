"""Running one cell of a study, and remembering what came of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.compute import PeakMemory
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import PreprocessRecipe, fingerprint_of
from fundus_core.errors import FundusError
from fundus_core.io.data_roots import is_within_roots
from fundus_core.io.sealed import read_sealed, write_sealed
from fundus_core.io.typed_paths import file_at
from fundus_core.io.weights import find_weights
from fundus_core.io.workspace import Workspace
from fundus_core.studies.data import StudyData
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.grid import Cell
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs


@dataclass(frozen=True, slots=True)
class CellRecord:
    """What came of a cell."""

    run_id: str
    """Of the stored run; empty where there is none."""

    external: dict[str, str]
    """Fingerprint of an external data set -> id of the stored run on it; older versions wrote its
    name instead, which a study may give to another set. `external_run` reads it."""

    problem: str
    """Why there is no run; else empty."""

    seconds: float
    """What it took when it was run first."""

    peak_mb: float = 0.0
    """Most memory of the process, or of the accelerator where there is one, while it ran."""


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """Where a study's work is remembered: cells by their content, not by study."""

    workspace: Workspace
    study: StudyDocument
    folder: Path
    """Of the study file: sources and weights are named relative to it."""

    data: tuple[StudyData, ...]

    def record_of(self, cell: Cell) -> CellRecord | None:
        """Returns what came of a cell, or None if it was not run."""
        about: Any = read_sealed(self._record_file(cell))
        try:
            return CellRecord(**about)
        except TypeError:
            return None

    def remember(self, cell: Cell, record: CellRecord) -> None:
        """Writes what came of a cell."""
        write_sealed(self._record_file(cell), asdict(record))

    def lock_file(self, cell: Cell) -> Path:
        """Returns the file that whoever runs the cell holds locked."""
        return self._record_file(cell).with_suffix(".lock")

    def data_of(self, cell: Cell) -> StudyData:
        """Returns the data set a cell learns from."""
        return next(one for one in self.data if one.part.name == cell.data.name)

    def external_to(self, cell: Cell) -> tuple[StudyData, ...]:
        """Returns the data sets that a cell's model is tested on besides."""
        return tuple(
            one
            for one in self.data
            if one.part.role == "external" and one.part.target == cell.data.target
        )

    def _record_file(self, cell: Cell) -> Path:
        return self.workspace.studies / "cells" / f"{self._key(cell)}.json"

    def _key(self, cell: Cell) -> str:
        """Returns a key of everything a study says that determines the cell's run."""
        study = self.study
        trained = not cell.is_probe
        return fingerprint_of(
            {
                **cell.values(),
                "model": {
                    "backbone": cell.backbone,
                    **cell.model.model_dump(include={"weights", "pooling", "normalisation", "fit"}),
                },
                "preprocessing": cell.preprocessing.model_dump(),
                "data": self.data_of(cell).fingerprint,
                "target": cell.data.target,
                "validation": study.validation.model_dump(),
                "training": study.training.model_dump() if trained else None,
                "options": study.options.chosen().to_dict() if trained else None,
                "external": [one.fingerprint for one in self.external_to(cell)],
            }
        )


def run_cell(files: StudyFiles, cell: Cell, progress: Progress = silent) -> CellRecord:
    """Trains and evaluates one cell; a run that is stored already is taken as it is.

    A cell that cannot be run is remembered with the reason, and the study goes on.
    """
    started = time.perf_counter()
    try:
        with PeakMemory() as memory:
            run = _evaluated(files, cell, progress)
            outside = {
                one.fingerprint: predict(
                    files.workspace,
                    run.id,
                    one.dataset,
                    one.id,
                    label_column=_column_as_it_is(run, one),
                    progress=progress,
                ).run.id
                for one in files.external_to(cell)
            }
        record = CellRecord(run.id, outside, "", time.perf_counter() - started, memory.peak_mb)
    except FundusError as error:
        record = CellRecord("", {}, error.message, time.perf_counter() - started)
    files.remember(cell, record)
    return record


def _column_as_it_is(run: Run, outside: StudyData) -> str | None:
    """Returns the column that holds the labels of an external data set; None where they are made.

    Without a map of its own it is the target's, unless the run's map reads a column of that name.
    """
    (column, *more) = run.target.columns
    learned_from = run.labels.column if run.labels else ""
    is_made = outside.part.map is not None or learned_from in {"", column}
    return None if more or is_made else column


def _evaluated(files: StudyFiles, cell: Cell, progress: Progress) -> Run:
    """Returns the run of a cell."""
    data, study = files.data_of(cell), files.study
    backbone = backbone_of(cell, files.folder)
    folds = study.validation
    if cell.is_probe:
        probing = ProbeChoice(
            cell.data.target,
            cell.strategy,
            folds.folds,
            folds.seed,
            folds.use_split,
            cell.fraction,
            cell.draw,
        )
        return probe_dataset(
            files.workspace, data.dataset, data.id, backbone, probing, progress=progress
        )
    validation = Validation(
        cell.data.target, folds.folds, folds.seed, folds.use_split, cell.fraction, cell.draw
    )
    tuning = FinetuneChoice(
        validation,
        cell.strategy,
        study.options.chosen(),
        cell.head,
        study.training.loss,
        study.training.recipe(cell.seed),
        keep_weights=study.training.keep_weights or bool(files.external_to(cell)),
    )
    return finetune_dataset(
        files.workspace, data.dataset, data.id, backbone, tuning, progress=progress
    )


def backbone_of(cell: Cell, folder: Path) -> BackboneChoice:
    """Returns the backbone a cell starts from."""
    model, prepared = cell.model, cell.preprocessing
    return BackboneChoice(
        backbone=cell.backbone,
        weights=_weights(model.weights, folder),
        image_size=cell.image_size,
        preprocessing=PreprocessRecipe(
            crop=prepared.crop, clahe=prepared.clahe, ben_graham=prepared.ben_graham
        ),
        fit=model.fit,
        pooling=model.pooling,
        normalisation=model.normalisation,
    )


def _weights(named: str | None, folder: Path) -> str | None:
    """Returns weights as `--weights` takes them; a file beside the study file is found.

    Where folders that may be read are named, none is found elsewhere.
    """
    beside = None if named is None else file_at(str(folder / named))
    return str(beside) if beside is not None and is_within_roots(beside) else named


def unfinished(files: StudyFiles, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Returns the cells without a stored run: never begun, interrupted, or failed."""
    stored = {run.id: run for run in list_runs(files.workspace)}
    return tuple(cell for cell in cells if not _is_done(files, cell, stored))


def stored_run(files: StudyFiles, cell: Cell, stored: Mapping[str, Run]) -> Run | None:
    """Returns the run of a cell, unless the weights it began with are others by now.

    Where the weights are no longer on this machine, it is that of the weights there were.

    Args:
        files: Of the study.
        cell: One of its cells.
        stored: The workspace's runs by their ids.
    """
    record = files.record_of(cell)
    run = stored.get(record.run_id) if record else None
    if run is None:
        return None
    choice = backbone_of(cell, files.folder)
    try:
        now = find_weights(backbone_spec(choice.backbone), choice.weights, files.workspace)
    except FundusError:
        return run
    return run if now.sha256 == run.embeddings.weights_sha256 else None


def external_run(record: CellRecord, outside: StudyData, stored: Mapping[str, Run]) -> Run | None:
    """Returns the run of a cell's model on an external data set, whatever the study calls the set.

    Args:
        record: Of the cell.
        outside: The data set; only a run that says it was judged on this data, by the labels that
            the model learned, is taken.
        stored: The workspace's runs by their ids.
    """
    inside = stored.get(record.run_id)
    if inside is None:
        return None
    said = (inside.target, outside.fingerprint)
    runs = (stored.get(run_id) for run_id in record.external.values())
    return next((run for run in runs if run and (run.target, run.data) == said), None)


def _is_done(files: StudyFiles, cell: Cell, stored: Mapping[str, Run]) -> bool:
    record = files.record_of(cell)
    if record is None or stored_run(files, cell, stored) is None:
        return False
    return all(external_run(record, one, stored) for one in files.external_to(cell))
