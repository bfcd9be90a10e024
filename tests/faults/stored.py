"""A small workspace that holds one of everything, and all that can be read from it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fundus_core.domain.dataset import FundusDataset
from fundus_core.embedding import SHARD_ROWS
from fundus_core.errors import FundusError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.embedding_store import EmbeddingStore, stored_recipes
from fundus_core.io.manifest import DataSource
from fundus_core.io.scans import ScanFile
from fundus_core.io.selections import SelectionFiles
from fundus_core.io.workspace import Workspace
from fundus_core.studies.cells import CellRecord
from fundus_core.workflows.data.datasets import (
    dataset_id,
    list_datasets,
    open_dataset,
    stored_dataset,
)
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.data.measured import measure_dataset, stored_measurements
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.embeddings.project import project_embeddings, stored_projection
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import (
    NETWORKS,
    list_runs,
    run_folder,
    run_predictions,
    run_probe,
)
from tests.fakes import write_dataset

RESNET = BackboneChoice("timm:test_resnet", "scratch", 32, precision="fp32")
ONE_EPOCH = TrainingRecipe(
    epochs=1, batch_size=8, learning_rate=1e-3, augmentation="none", precision="fp32"
)

Read = Callable[[], object]


@dataclass(frozen=True)
class Stored:
    """One of everything, and how each is read; nothing is computed by reading."""

    place: Workspace
    dataset: FundusDataset
    resolved: ResolvedChoice
    readers: Mapping[str, Read]

    def everything(self) -> dict[str, object]:
        """Returns what each reader gives; None for what is absent or refused."""
        return {name: _or_none(read) for name, read in self.readers.items()}


def store_everything(folder: Path, *, n_patients: int = SHARD_ROWS // 2 + 4) -> Stored:
    """Stores one of everything by the program's own use cases."""
    place = Workspace(folder / "workspace")
    source = DataSource(write_dataset(folder / "data", n_patients=n_patients, side=72))
    dataset, name = open_dataset(place, source), dataset_id(source)
    resolved = resolve(place, RESNET)
    embeddings = embed_resolved(place, dataset, resolved)
    probe = probe_dataset(place, dataset, name, RESNET, ProbeChoice("dr", folds=2))
    tuned = finetune_dataset(
        place, dataset, name, RESNET, FinetuneChoice(Validation("dr", 2), training=ONE_EPOCH)
    )
    project_embeddings(place, embeddings, method="pca")
    measure_dataset(place, dataset)
    selections = SelectionFiles(place, name)
    key = selections.keep(dataset.image_ids[:5], "by hand")
    selections.name("Five", key, 5)
    cell = _remember_cell(place, probe)
    store = EmbeddingStore(place.embeddings, resolved.recipe)

    readers: dict[str, Read] = {
        "data sets": lambda: [asdict(one) for one in list_datasets(place)] or None,
        "table": lambda: stored_dataset(place, name).table.to_dict("list"),
        "recipes": lambda: stored_recipes(place.embeddings).get(store.fingerprint),
        "rows": lambda: _rows(store, dataset),
        "map": lambda: _map(place, embeddings),
        "measurements": lambda: _measurements(place, dataset),
        "selection": lambda: selections.read(key),
        "names": lambda: selections.named() or None,
        "scans": lambda: _scans(place, dataset),
        "cell": cell,
        **{f"{kind} record": _record(place, run) for kind, run in _both(probe, tuned)},
        **{f"{kind} scores": _scores(place, run) for kind, run in _both(probe, tuned)},
        "probe": lambda: {k: v.tolist() for k, v in run_probe(place, probe).arrays().items()},
        "networks": lambda: _bytes(place, tuned),
    }
    return Stored(place, dataset, resolved, readers)


def _both(probe: Run, tuned: Run) -> tuple[tuple[str, Run], ...]:
    return ("probe", probe), ("fine-tuned", tuned)


def _or_none(read: Read) -> object:
    try:
        return read()
    except FundusError:
        return None


def _rows(store: EmbeddingStore, dataset: FundusDataset) -> dict[str, bytes]:
    found = store.read(dataset.image_ids)
    return {key: row.tobytes() for key, row in zip(found.image_ids, found.vectors, strict=True)}


def _map(place: Workspace, embeddings: Any) -> object:
    found = stored_projection(place, embeddings, method="pca")
    return None if found is None else (found.image_ids, found.points.tolist(), found.n_neighbors)


def _measurements(place: Workspace, dataset: FundusDataset) -> object:
    found = stored_measurements(place, dataset)
    return None if found is None else found.table.to_dict("list")


def _record(place: Workspace, run: Run) -> Read:
    return lambda: next((one for one in list_runs(place) if one.id == run.id), None)


def _scores(place: Workspace, run: Run) -> Read:
    def read() -> object:
        said = run_predictions(place, run)
        assert said.patient_ids is not None
        return said.image_ids, said.y_score.tolist(), said.y_true.tolist(), list(said.patient_ids)

    return read


def _bytes(place: Workspace, run: Run) -> bytes:
    return (run_folder(place, run) / NETWORKS).read_bytes()


def _scans(place: Workspace, dataset: FundusDataset) -> object:
    """Returns what is remembered of each file; None once anything is forgotten."""
    scans, found = ScanFile(place.scans), []
    for path in dataset.table["path"]:
        status = Path(path).stat()
        found.append(scans.get(path, status.st_size, status.st_mtime_ns))
    return None if None in found else found


def _remember_cell(place: Workspace, run: Run) -> Read:
    from fundus_core.io.sealed import read_sealed, write_sealed

    path = place.studies / "cells" / "0123.json"
    write_sealed(path, asdict(CellRecord(run.id, {}, "", 1.25, 300.0)))
    return lambda: read_sealed(path)


def files_of(place: Workspace) -> list[Path]:
    """Returns every stored file that a figure can come from: no locks, no pictures, no jobs."""
    return sorted(
        path
        for path in place.root.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".jpg"
    )


def same(first: object, second: object) -> bool:
    """Says whether two readings are equal, arrays included."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return bool(np.array_equal(np.asarray(first), np.asarray(second)))
    return repr(first) == repr(second)
