"""Use case: open a bundle of somebody else's results in this workspace."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import (
    RESERVED_COLUMNS,
    FundusDataset,
    RejectedRow,
    RejectReason,
    Target,
)
from fundus_core.errors import DataError, StoreError
from fundus_core.io.bounded import open_parquet
from fundus_core.io.embedding_store import EmbeddingStore, recipe_from_dict
from fundus_core.io.files import read_json, write_json
from fundus_core.io.store import ArtifactStore
from fundus_core.io.tables import MOST_BYTES, MOST_CELLS
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import list_datasets
from fundus_core.workflows.models.runs import list_runs
from fundus_core.workflows.reports.bundle_format import ABOUT, TABLE, Contents, unpack

NOT_HERE = "(not in the bundle)"
"""Ends the name of every photograph, so that whoever asks for one is told."""

_UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OSError,
    RuntimeError,
    OverflowError,
)
_PLACE = "bundles"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,150}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle that was opened."""

    dataset_id: str
    name: str
    n_images: int
    n_runs: int
    """Runs that are new here."""

    known_runs: tuple[str, ...]
    """Runs that were here already, and were left as they are."""

    n_embeddings: int
    left_out: tuple[str, ...]
    """Columns of the table that stayed behind."""

    patient_ids: str
    """`replaced` or `kept`."""


def open_bundle(workspace: Workspace, bundle: Path) -> Opened:
    """Opens a bundle: its data set appears beside the others, with its runs, without photographs.

    Every name, size and hash is checked before anything is stored.

    Raises:
        DataError: If it is no bundle, or a damaged one.
        StoreError: If a data set of this id is here already.
    """
    if not bundle.is_file():
        raise DataError(f"There is no file {bundle}.", hint="Name the bundle's zip file.")
    workspace.root.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace.root, prefix=".tmp-bundle-") as temporary:
        folder = Path(temporary)
        contents = unpack(bundle, folder)
        _require_new(workspace, contents, bundle.name)
        try:
            return _installed(workspace, contents, folder)
        except _UNREADABLE as error:
            raise DataError(
                f"{bundle.name} holds what this version cannot read: {error}.",
                hint="Open it with the version of the program that made it.",
            ) from error


def _require_new(workspace: Workspace, contents: Contents, bundle: str) -> None:
    if not _ID.fullmatch(contents.dataset_id):
        raise DataError(
            f"{bundle} names its data set {contents.dataset_id!r}, which is no id.",
            hint="Ask for the file again, as `fundus bundle export` wrote it.",
        )
    if contents.dataset_id in {one.id for one in list_datasets(workspace)}:
        raise StoreError(
            f"{workspace.root} has a data set {contents.dataset_id} already.",
            hint="Open the bundle in another workspace: --workspace FOLDER.",
        )


def _installed(workspace: Workspace, contents: Contents, folder: Path) -> Opened:
    dataset = _dataset(workspace, contents, folder)
    runs = dict(_runs(contents, folder))
    known = tuple(sorted(set(runs) & {run.id for run in list_runs(workspace)}))
    n_embeddings = _embeddings(workspace, folder)
    for kind, name, about in _artifacts(folder):
        ArtifactStore(workspace.root / kind).put(name, about, _copier(folder / kind / name))
    store = ArtifactStore(workspace.runs)
    new = [name for name in runs if name not in known]
    for name in new:
        store.put(name, runs[name], _copier(folder / "runs" / name))
    unread = set(new) - {run.id for run in list_runs(workspace)}
    if unread:
        for name in new:
            store.remove(name)
        raise ValueError(f"the runs {', '.join(sorted(unread))}")
    _remember(workspace, contents, dataset)
    return Opened(
        contents.dataset_id,
        dataset.name,
        len(dataset),
        len(new),
        known,
        n_embeddings,
        contents.left_out,
        contents.patient_ids,
    )


def _dataset(workspace: Workspace, contents: Contents, folder: Path) -> FundusDataset:
    open_parquet(folder / TABLE, most_bytes=MOST_BYTES, most_cells=MOST_CELLS).close()
    table = pd.read_parquet(folder / TABLE)
    table = table.astype({name: object for name in table if table[name].dtype == "str"})
    wrong = [one for one in table["image_id"] if not _ID.fullmatch(str(one))]
    missing = set(RESERVED_COLUMNS) - {"path"} - set(table.columns)
    if wrong or missing:
        raise ValueError(f"image ids {wrong[:1]}, missing columns {sorted(missing)}")
    place = workspace.root / _PLACE / contents.dataset_id
    paths = [str(place / f"{one[:8]} {NOT_HERE}") for one in table["image_id"]]
    table = table.assign(path=pd.Series(paths, index=table.index, dtype=object))
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    reasons = [one for one in about["rejected"] if one in get_args(RejectReason)]
    targets = tuple(
        Target(one["name"], one["task"], tuple(one["classes"]), tuple(one["columns"]))
        for one in about["targets"]
    )
    return FundusDataset(
        str(contents.about["name"]),
        f"a bundle of {contents.dataset_id}",
        table[[*RESERVED_COLUMNS, *(c for c in table if c not in RESERVED_COLUMNS)]],
        targets,
        tuple(RejectedRow(NOT_HERE, one, "A file that is not in the bundle.") for one in reasons),
        contents.about["synthetic"] is True,
    )


def _runs(contents: Contents, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((folder / "runs").glob("*/run.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["id"] != path.parent.name or about["dataset_id"] != contents.dataset_id:
            raise ValueError(f"the run {path.parent.name} belongs elsewhere")
        about["weights_path"] = None  # a place on another machine, or worse
        write_json(path, about)
        yield path.parent.name, about


def _artifacts(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for kind in ("projections", "shortcuts", "trust"):
        for path in sorted((folder / kind).glob("*/about.json")):
            about = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
            yield kind, path.parent.name, dict(about)


def _embeddings(workspace: Workspace, folder: Path) -> int:
    """Adds vectors to those that are stored already; returns of how many recipes."""
    folders = sorted((folder / "embeddings").glob("*/"))
    for place in folders:
        recipe = recipe_from_dict(read_json(place / "recipe.json") or {})
        if recipe.fingerprint() != place.name:
            raise ValueError(f"the embeddings {place.name} are of another recipe")
        ids = [str(one) for one in read_json(place / "image_ids.json") or []]
        vectors = np.load(place / "vectors.npy", mmap_mode="r", allow_pickle=False)
        if vectors.ndim != 2 or len(vectors) != len(ids):
            raise ValueError(f"the embeddings {place.name} have {len(ids)} names")
        store = EmbeddingStore(workspace.embeddings, recipe)
        with store.lock():
            known = store.known()
            new = [row for row, one in enumerate(ids) if one not in known]
            if new:
                store.add(vectors[new].astype(np.float32), [ids[row] for row in new], {})
    return len(folders)


def _remember(workspace: Workspace, contents: Contents, dataset: FundusDataset) -> None:
    place = workspace.root / _PLACE / contents.dataset_id
    columns = dict.fromkeys(("path", "patient", "eye", "split", "target"))
    about = {
        "name": dataset.name,
        "n_images": len(dataset),
        "n_patients": dataset.n_patients,
        "n_rejected": len(dataset.rejected),
        "synthetic": dataset.synthetic,
        "opened_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"path": str(place), "table": None, "columns": columns, "classes": []},
        "fingerprint": dataset.fingerprint(),
    }

    def write(folder: Path) -> None:
        dataset.table.to_parquet(folder / "table.parquet", index=False)
        write_json(
            folder / "dataset.json",
            {
                "source": dataset.source,
                "targets": [asdict(one) for one in dataset.targets],
                "rejected": [asdict(one) for one in dataset.rejected],
            },
        )

    ArtifactStore(workspace.datasets).put(contents.dataset_id, about, write)


def _copier(source: Path) -> Any:
    def write(folder: Path) -> None:
        for path in sorted(source.iterdir()):
            shutil.copyfile(path, folder / path.name)

    return write
