"""Builds what is in a bundle beside the workspace, by the names it will have there, and reads it.

Nothing of a bundle reaches a list before all of it was read.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import (
    OWN_PATIENT,
    RESERVED_COLUMNS,
    FundusDataset,
    RejectedRow,
    RejectReason,
    Target,
)
from fundus_core.domain.recipe import EmbedRecipe, fingerprint_of
from fundus_core.explain.trust import TrustFigures
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.files import read_json, write_json
from fundus_core.io.manifest import DataSource
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.projections import Projection
from fundus_core.workflows.data.datasets import remember
from fundus_core.workflows.data.measured import n_unmeasured
from fundus_core.workflows.embeddings.project import stored_projection
from fundus_core.workflows.reports.bundle_format import ABOUT, IMAGE_ID, TABLE, Contents
from fundus_core.workflows.reports.bundle_names import BundleNames, require_named_after
from fundus_core.workflows.reports.bundle_runs import RUN, checked_runs, read_table, stored
from fundus_core.workflows.reports.bundle_types import (
    require_cells,
    require_ids,
    require_text,
    require_type,
)

NOT_HERE = "(not in the bundle)"
"""Ends the name of every photograph, so that whoever asks for one is told."""

STORES = ("projections", "shortcuts", "trust")
"""Folders of results that belong to a data set or to its runs."""

_PLACE = "bundles"


class Staged:
    """A bundle as it will stand in a workspace, in a workspace of its own."""

    def __init__(
        self, workspace: Workspace, contents: Contents, unpacked: Path, staging: Workspace
    ) -> None:
        """Stores and reads everything.

        Args:
            workspace: Where it is to go in the end.
            contents: The list of contents.
            unpacked: The files in it.
            staging: Filled here.

        Raises:
            DataError: If a figure is not that of the predictions.
            StoreError: If the disk is full.
            ValueError: If a file cannot be read, or holds other values than it must. Readers have
                more kinds of errors.
        """
        self.names = BundleNames.of(contents.dataset_id)
        self._contents, self._unpacked, self._staging = contents, unpacked, staging
        self._place = workspace.root / _PLACE / self.names.dataset_id
        self.dataset = self._read_dataset()
        remember(staging, self.dataset, DataSource(self._place), name=self.names.dataset_id)
        self.runs = self._store_runs()
        self.embeddings = dict(self._store_embeddings())
        for kind in STORES:
            for path in sorted((unpacked / kind).glob("*/about.json")):
                self._store_artifact(kind, path)

    def _read_dataset(self) -> FundusDataset:
        table = read_table(self._unpacked / TABLE)
        _require_table(table)
        paths = [str(self._place / f"{one[:8]} {NOT_HERE}") for one in table["image_id"]]
        table = table.assign(path=pd.Series(paths, index=table.index, dtype=object))
        about = json.loads((self._unpacked / ABOUT).read_text(encoding="utf-8"))
        targets = [_target(one, table) for one in about["targets"]]
        reasons = [one for one in about["rejected"] if one in get_args(RejectReason)]
        name, synthetic = self._contents.about["name"], self._contents.about["synthetic"]
        require_type(name, str, "the data set's name")
        require_type(synthetic, bool, "whether it was drawn")
        return FundusDataset(
            self.names.dataset_name(name),
            f"a bundle of {self._contents.dataset_id}",
            table[[*RESERVED_COLUMNS, *(c for c in table if c not in RESERVED_COLUMNS)]],
            tuple(targets),
            tuple(
                RejectedRow(NOT_HERE, one, "A file that is not in the bundle.") for one in reasons
            ),
            synthetic,
            bundle=self.names.dataset_id,
        )

    def _store_runs(self) -> dict[str, str]:
        """Returns the id that its author knows each run by -> the one it has here."""
        folder = self._unpacked / "runs"
        told = dict(_told(self._contents, folder))
        abouts = {
            name: self.names.run(said, dataset_name=self.dataset.name, runs=told)
            for name, said in told.items()
        }
        store = ArtifactStore(self._staging.runs)
        for name, run in checked_runs(abouts, folder, self.dataset):
            about = stored(run, abouts[name])
            write_json(folder / name / RUN, about)
            store.put(run.id, about, _copier(folder / name))
        return {name: str(about["id"]) for name, about in abouts.items()}

    def _store_embeddings(self) -> Iterator[tuple[str, str]]:
        """Yields the fingerprint of each recipe in the bundle, and the one it has here."""
        self._recipes: dict[str, EmbedRecipe] = {}
        for place in sorted((self._unpacked / "embeddings").glob("*/")):
            said = read_json(place / "recipe.json") or {}
            require_named_after(said, place.name)
            recipe = self.names.recipe(said)
            require_type(recipe, EmbedRecipe, f"the recipe {place.name}")
            ids = read_json(place / "image_ids.json") or []
            require_type(ids, tuple[str, ...], f"the image ids of the embeddings {place.name}")
            vectors = np.load(place / "vectors.npy", mmap_mode="r", allow_pickle=False)
            if vectors.ndim != 2 or len(vectors) != len(ids) or len(set(ids)) != len(ids):
                raise ValueError(f"the embeddings {place.name} have {len(ids)} names")
            if vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
                raise ValueError(f"the embeddings {place.name} hold values that are no numbers")
            store = EmbeddingStore(self._staging.embeddings, recipe)
            with store.lock():
                store.add(vectors.astype(np.float32), ids, {})
            self._recipes[recipe.fingerprint()] = recipe
            yield place.name, recipe.fingerprint()

    def _store_artifact(self, kind: str, path: Path) -> None:
        said = json.loads(path.read_text(encoding="utf-8"))
        require_named_after(said, path.parent.name)
        path.unlink()
        about = self.names.artifact(dict(said), runs=self.runs, embeddings=self.embeddings)
        for file in sorted(path.parent.iterdir()):
            _require_artifact(kind, file)
        store = ArtifactStore(self._staging.root / kind)
        store.put(fingerprint_of(about), about, _copier(path.parent))
        if kind == "projections":
            self._read_map(about)
        elif kind == "shortcuts":
            n_unmeasured(self._staging, self.dataset)

    def _read_map(self, about: dict[str, Any]) -> None:
        recipe = self._recipes[str(about["embeddings"])]
        rows = EmbeddingStore(self._staging.embeddings, recipe).read(self.dataset.image_ids)
        found = stored_projection(
            self._staging, rows, method=str(about["method"]), seed=int(about["seed"])
        )
        if found is not None:
            require_type(found, Projection, "a map")
            if not np.isfinite(found.points).all():
                raise ValueError("a map with points that are no numbers")


def _require_table(table: pd.DataFrame) -> None:
    missing = set(RESERVED_COLUMNS) - {"path"} - set(table.columns)
    if missing or not all(isinstance(one, str) for one in table.columns):
        raise ValueError(f"missing columns {sorted(missing)}")
    wrong = [one for one in table["image_id"] if not IMAGE_ID.fullmatch(str(one))]
    if wrong:
        raise ValueError(f"image ids {wrong[:1]}")
    require_ids(table["image_id"], "image id")
    if wrong := [one for one in table["patient_id"] if str(one).startswith(OWN_PATIENT)]:
        raise ValueError(f"the patient {wrong[0]!r}, an id that no table gives")
    for name in table.columns:
        if name in RESERVED_COLUMNS:
            require_text(table[name], f"the column {name!r}")
        else:
            require_cells(table[name], f"the column {name!r}")


def _target(about: Any, table: pd.DataFrame) -> Target:
    require_type(about, Target, "a target")
    target = Target(about["name"], about["task"], tuple(about["classes"]), tuple(about["columns"]))
    if missing := set(target.columns) - set(table.columns):
        raise ValueError(f"the target {target.name!r}: no column {min(missing)!r} in the table")
    for name in target.columns:
        require_text(table[name], f"the column {name!r}")
    return target


def _told(contents: Contents, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*/")):
        about = json.loads((path / RUN).read_text(encoding="utf-8"))
        if about["id"] != path.name or about["dataset_id"] != contents.dataset_id:
            raise ValueError(f"the run {path.name} belongs elsewhere")
        yield path.name, about


def _require_artifact(kind: str, file: Path) -> None:
    what = f"{kind} {file.name}"
    if file.suffix == ".parquet":
        table = read_table(file)
        require_ids(table["image_id"], f"{what}: image id")
        for name in table.columns.drop("image_id"):
            require_cells(table[name], f"{what}: {name}")
    elif file.suffix == ".json":
        value = read_json(file)
        hint = TrustFigures if kind == "trust" else dict[str, Any]
        require_type(value, hint, what)
    else:
        raise ValueError(f"{what}, which is no such result")


def _copier(source: Path) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for path in sorted(source.iterdir()):
            shutil.copyfile(path, folder / path.name)

    return write
