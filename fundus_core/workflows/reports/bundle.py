"""Use case: a data set's results without its photographs, as one file for another workspace."""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import FundusDataset, own_patients
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.label_source import LabelSource
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError
from fundus_core.finetune.curves import CURVE_FILE
from fundus_core.io.files import read_json, write_atomically
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.manifest import DataSource
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.report.privacy import Discretion
from fundus_core.workflows.data.datasets import dataset_id, list_datasets, stored_dataset
from fundus_core.workflows.embeddings.stored import list_embeddings, vectors_of
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import (
    BASELINE,
    PREDICTIONS,
    TRAINED_ON,
    list_runs,
    run_folder,
    run_table,
)
from fundus_core.workflows.reports.bundle_format import ABOUT, CONTENTS, FORMAT, TABLE, VERSION
from fundus_core.workflows.reports.bundle_pseudonyms import (
    pseudonyms,
    renamed,
    shared_table,
    tells_patients,
    without_telling_targets,
)

_PROBES, _RUN = "probes.safetensors", "run.json"
_WITH_PATIENTS = (PREDICTIONS, BASELINE, TRAINED_ON)
"""Tables of a run that name patients."""

_WHEN = (1980, 1, 1, 0, 0, 0)
"""Of every entry: equal results, equal files."""

_STORES = ("projections", "shortcuts", "trust")
"""Folders of the workspace whose results belong to a data set or to its runs."""


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What goes into a bundle besides runs."""

    embeddings: bool = False
    """And the maps that were made of them."""

    keep_patient_ids: bool = False
    keep_columns: tuple[str, ...] = ()
    """That would be left out because they may tell patients apart."""

    def __post_init__(self) -> None:
        """Refuses what is neither True nor False.

        Raises:
            ParameterError: With what it is.
        """
        settle_fields(self)


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that was written."""

    file: Path
    dataset_id: str
    n_images: int
    n_runs: int
    n_embeddings: int
    left_out: tuple[str, ...]
    """Columns that stayed behind."""

    n_bytes: int

    runs_left_out: tuple[str, ...] = ()
    """Runs that stayed behind: their labels are in no column of the table, nor made of one, or
    they may tell patients apart."""


def named_dataset(workspace: Workspace, name: str) -> str:
    """Returns the id of a data set that was opened: by its id, its name, or its place.

    Raises:
        DataError: If there is none, or several are called so.
    """
    known = list_datasets(workspace)
    for matches in (
        [one.id for one in known if one.id == name],
        [one.id for one in known if one.name == name],
        [one.id for one in known if one.id == dataset_id(DataSource(Path(name)))],
    ):
        if len(matches) == 1:
            return matches[0]
    raise DataError(
        f"No data set, or more than one, is {name!r} in {workspace.root}.",
        hint=hint_with_left_out(
            f"Name one of: {', '.join(one.id for one in known) or 'there is none'}.",
            workspace.root,
            "datasets",
        ),
    )


def export_bundle(
    workspace: Workspace, name: str, out: Path, options: BundleOptions | None = None
) -> Exported:
    """Writes a data set's table, runs and predictions into one file: no photographs, no paths.

    Patients become numbers unless told otherwise. Names of files are taken out of every text.
    Checkpoints of fine-tuned networks, thumbnails and weights stay behind.

    Args:
        workspace: Where the results are.
        name: Id of the data set.
        out: The file.
        options: What else goes in.

    Raises:
        DataError: If the data set is not remembered.
        StoreError: If a run's files are damaged, or the disk is full.
    """
    chosen = options or BundleOptions()
    dataset = stored_dataset(workspace, name)
    stored = list_runs(workspace, dataset_id=name)
    dataset, runs = _with_labels_of(dataset, stored)
    keep = chosen.keep_columns
    runs = tuple(run for run in runs if not tells_patients(dataset, run.target, keep=keep))
    dataset = without_telling_targets(dataset, keep)
    packer = _Packer(workspace, dataset, name, runs, chosen)
    n_embeddings = 0

    def write(file: BinaryIO) -> None:
        nonlocal n_embeddings
        n_embeddings = packer.write(file)

    write_atomically(out, write)
    return Exported(
        out,
        name,
        len(dataset),
        len(runs),
        n_embeddings,
        packer.shared.left_out,
        out.stat().st_size,
        tuple(run.id for run in stored if run not in runs),
    )


def _with_labels_of(
    dataset: FundusDataset, runs: Sequence[Run]
) -> tuple[FundusDataset, tuple[Run, ...]]:
    """Returns a data set with the labels that studies made, and the runs whose labels it holds."""
    for run in runs:
        column = run.target.columns[0]
        if run.labels and run.labels.column in dataset.table and column not in dataset.table:
            dataset = dataset.with_made(column, run.labels)
    columns = set(dataset.table.columns)
    return dataset, tuple(
        run
        for run in runs
        if (
            (run.labels or LabelSource()) == dataset.source_of(run.target)
            if columns.issuperset(run.target.columns)
            else run.kind == "external" and not (run.labels and run.labels.column)
        )
    )


class _Packer:
    """Puts files into an archive, noting the size and the hash of each."""

    def __init__(
        self,
        workspace: Workspace,
        dataset: FundusDataset,
        name: str,
        runs: Sequence[Run],
        options: BundleOptions,
    ) -> None:
        self._workspace, self._dataset, self._name = workspace, dataset, name
        self._runs, self._options = runs, options
        self._names = {} if options.keep_patient_ids else pseudonyms(self._patients())
        judged = [
            run for run in runs if run.kind != "external" or (run.labels and run.labels.column)
        ]
        told = {name for run in judged for name in run.target.columns}
        kept = (*options.keep_columns, *sorted(told))
        self.shared = shared_table(dataset, self._names, keep=kept)
        places = {dataset.source, str(workspace.root), *map(str, dataset.table["path"])}
        if dataset.hidden is not None:  # cautions of runs that were stored with names may hold them
            places |= set(map(str, dataset.hidden["path"]))
        self._discreet = Discretion(places | {row.path for row in dataset.rejected})
        self._files: dict[str, dict[str, Any]] = {}
        self._older: dict[str, str] = {}

    def write(self, file: BinaryIO) -> int:
        """Writes the whole archive; returns how many embeddings are in it."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._dataset_files():
                self._add(archive, name, content)
            for run in self._runs:
                for name, content in self._run_files(run):
                    self._add(archive, name, content)
            kept = self._embeddings() if self._options.embeddings else {}
            keys = {name: name for name in kept} | self._older
            for fingerprint, files in kept.items():
                for name, content in files.items():
                    self._add(archive, f"embeddings/{fingerprint}/{name}", content)
            for name, content in self._artifacts(keys):
                self._add(archive, name, content)
            contents = self._contents()
            archive.writestr(zipfile.ZipInfo(CONTENTS, _WHEN), _json(contents))
        return len(kept)

    def _add(self, archive: zipfile.ZipFile, name: str, content: bytes) -> None:
        entry = zipfile.ZipInfo(name, _WHEN)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
        self._files[name] = {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    def _contents(self) -> dict[str, Any]:
        about = ArtifactStore(self._workspace.datasets).describe()[self._name]
        kept = ("name", "n_images", "n_patients", "n_rejected", "synthetic")
        return {
            "format": FORMAT,
            "version": VERSION,
            "dataset_id": self._name,
            "about": {key: about[key] for key in kept},
            "left_out": list(self.shared.left_out),
            "patient_ids": "kept" if self._options.keep_patient_ids else "replaced",
            "files": self._files,
        }

    def _patients(self) -> set[str]:
        """Returns who is named, not those photographs that are their own patient."""
        found = set(self._dataset.table["patient_id"].dropna().astype(str))
        for run in self._runs:
            for name in _WITH_PATIENTS:
                table = run_table(self._workspace, run, name)
                if table is not None:
                    named = table["patient_id"][~own_patients(table)]
                    found |= set(named.dropna().astype(str))
        return found

    def _dataset_files(self) -> Iterator[tuple[str, bytes]]:
        yield TABLE, _parquet(self.shared.table)
        columns = set(self.shared.table.columns)
        targets = [asdict(one) for one in self._dataset.targets if set(one.columns) <= columns]
        reasons = [row.reason for row in self._dataset.rejected]
        yield ABOUT, _json({"targets": targets, "rejected": reasons})

    def _run_files(self, run: Run) -> Iterator[tuple[str, bytes]]:
        folder = run_folder(self._workspace, run)
        about = read_json(folder / _RUN)
        if isinstance(about, dict):
            kept = about | {"weights_path": None}
            if run.labels is not None and run.labels.column:
                kept["labels"] = None  # its words are those of a column that stays behind
            yield f"runs/{run.id}/{_RUN}", _json(self._told(kept))
        for name in _WITH_PATIENTS:
            table = run_table(self._workspace, run, name)
            if table is not None:
                table["patient_id"] = renamed(table["patient_id"], self._names)
                yield f"runs/{run.id}/{name}", _parquet(table)
        for name in (CURVE_FILE, _PROBES):
            if (folder / name).is_file():
                yield f"runs/{run.id}/{name}", (folder / name).read_bytes()

    def _embeddings(self) -> dict[str, dict[str, bytes]]:
        found = {}
        for one in list_embeddings(self._workspace, self._dataset):
            self._older |= dict.fromkeys(one.recipe.older_fingerprints(), one.fingerprint)
            rows = vectors_of(self._workspace, self._dataset, one.recipe).read(
                self._dataset.image_ids
            )
            vectors = BytesIO()
            np.save(vectors, rows.vectors, allow_pickle=False)
            found[one.fingerprint] = {
                "recipe.json": _json(one.recipe.to_dict()),
                "vectors.npy": vectors.getvalue(),
                "image_ids.json": _json(list(rows.image_ids)),
            }
        return found

    def _artifacts(self, embeddings: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """Yields what was computed of this data set or its runs and kept elsewhere.

        Args:
            embeddings: The fingerprints in the bundle, by those and by the ones that earlier
                versions gave the same embeddings.
        """
        ids = self._dataset.image_ids
        images = {fingerprint_of(list(ids)), fingerprint_of(sorted(ids))}
        runs = {run.id for run in self._runs}
        for kind in _STORES:
            store = ArtifactStore(self._workspace.root / kind)
            stored = store.describe()
            for name, about in stored.items():
                of_runs = about.get("run") in runs
                of_images = about.get("images") in images
                of_maps = kind != "projections" or about.get("embeddings") in embeddings
                folder = store.get(name) if of_runs or (of_images and of_maps) else None
                told = about
                if kind == "projections" and folder is not None:
                    told = about | {"embeddings": embeddings[about["embeddings"]]}
                key = fingerprint_of(told)
                if folder is None or (key != name and key in stored):
                    continue
                yield f"{kind}/{key}/about.json", _json(told)
                for path in sorted(folder.iterdir()):
                    if path.name != "artifact.json":
                        yield f"{kind}/{key}/{path.name}", self._content(path)

    def _content(self, path: Path) -> bytes:
        if path.suffix == ".json":
            return _json(self._told(read_json(path)))
        return path.read_bytes()

    def _told(self, value: Any) -> Any:
        """Returns plain values without the names of files."""
        if isinstance(value, str):
            return self._discreet(value)
        if isinstance(value, dict):
            return {key: self._told(item) for key, item in value.items()}
        return [self._told(item) for item in value] if isinstance(value, list) else value


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode()
