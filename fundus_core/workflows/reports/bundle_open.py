"""Use case: open a bundle of somebody else's results in this workspace."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError, FundusError, StoreError
from fundus_core.io.bounded import open_parquet
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.files import read_json, write_json
from fundus_core.io.manifest import DataSource
from fundus_core.io.store import ArtifactStore
from fundus_core.io.tables import MOST_BYTES, MOST_CELLS
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval
from fundus_core.workflows.data.datasets import list_datasets, remember
from fundus_core.workflows.evaluation.classes import interval_by_class, overall_auc
from fundus_core.workflows.models.runs import (
    Run,
    baseline_predictions,
    list_runs,
    run_predictions,
)
from fundus_core.workflows.reports.bundle_format import ABOUT, TABLE, Contents, unpack
from fundus_core.workflows.reports.bundle_names import BundleNames, require_named_after

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
_PLACE, _RUN = "bundles", "run.json"
_ROUNDING = 1e-9
"""Between an AUC and the same one computed again."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,150}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle that was opened."""

    dataset_id: str
    name: str
    n_images: int
    n_runs: int
    n_embeddings: int
    left_out: tuple[str, ...]
    """Columns of the table that stayed behind."""

    patient_ids: str
    """`replaced` or `kept`."""


def open_bundle(workspace: Workspace, bundle: Path) -> Opened:
    """Opens a bundle: its data set appears beside the others, with its runs, without photographs.

    Every name, size and hash is checked before anything is stored, and every AUC is computed again
    from the predictions that come with it. Nobody can tell whether predictions and vectors are
    what they say to be: so all of it goes by names that nothing computed here has (they end in
    `-bundle`, and vectors have an `origin`), and is never taken for a result of one's own.

    Raises:
        DataError: If it is no bundle, a damaged one, or one whose figures are not those of its
            predictions.
        StoreError: If a bundle of this data set is here already.
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
    name = BundleNames.of(contents.dataset_id).dataset_id
    if name in {one.id for one in list_datasets(workspace)}:
        raise StoreError(
            f"{workspace.root} has a data set {name} already.",
            hint="Open the bundle in another workspace: --workspace FOLDER.",
        )


def _installed(workspace: Workspace, contents: Contents, folder: Path) -> Opened:
    names = BundleNames.of(contents.dataset_id)
    dataset = _dataset(workspace, contents, names, folder)
    found = dict(_runs(contents, folder))
    fingerprints = _embeddings(workspace, names, folder)
    for kind, place, said in _artifacts(folder):
        about = names.artifact(said, runs=found, embeddings=fingerprints)
        ArtifactStore(workspace.root / kind).put(fingerprint_of(about), about, _copier(place))
    runs = [names.run(about, dataset_name=dataset.name) for about in found.values()]
    store = ArtifactStore(workspace.runs)
    if known := {str(about["id"]) for about in runs} & set(store.names()):
        raise ValueError(f"the run {min(known)}, by a name that another run has here")
    try:
        for about, name in zip(runs, found, strict=True):
            write_json(folder / "runs" / name / _RUN, about)
            store.put(about["id"], about, _copier(folder / "runs" / name))
        _require_right_figures(workspace, {str(about["id"]) for about in runs})
        source = DataSource(workspace.root / _PLACE / names.dataset_id)
        remember(workspace, dataset, source, name=names.dataset_id)
    except BaseException:
        for about in runs:
            store.remove(about["id"])
        raise
    return Opened(
        names.dataset_id,
        dataset.name,
        len(dataset),
        len(runs),
        len(fingerprints),
        contents.left_out,
        contents.patient_ids,
    )


def _require_right_figures(workspace: Workspace, names: set[str]) -> None:
    """Raises if a run cannot be read, or has other AUCs than its predictions give."""
    runs = [run for run in list_runs(workspace) if run.id in names]
    if unread := names - {run.id for run in runs}:
        raise ValueError(f"the runs {', '.join(sorted(unread))}")
    for run in runs:
        predictions = run_predictions(workspace, run)
        said = {**run.class_aucs, "all": run.auc, "mean colour": run.baseline_auc}
        try:
            given: dict[str, AucInterval | None] = {
                **(interval_by_class(predictions) if run.class_aucs else {}),
                "all": overall_auc(predictions) if run.auc else None,
                "mean colour": _baseline_auc(workspace, run),
            }
        except FundusError as error:
            raise ValueError(f"the run {run.id}: {error.message}") from error
        for name in said | given:
            if not _agree(said.get(name), given.get(name)):
                raise DataError(
                    f"The bundle says the AUC ({name}) of its run {run.label} is "
                    f"{_auc(said.get(name))}; the predictions in it give {_auc(given.get(name))}.",
                    hint="It was changed after it was made: ask its author for another one.",
                )


def _baseline_auc(workspace: Workspace, run: Run) -> AucInterval | None:
    predictions = baseline_predictions(workspace, run) if run.baseline_auc else None
    return overall_auc(predictions) if predictions else None


def _agree(one: AucInterval | None, other: AucInterval | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one.auc - other.auc) <= _ROUNDING


def _auc(interval: AucInterval | None) -> str:
    return "none" if interval is None else f"{interval.auc:.4f}"


def _dataset(
    workspace: Workspace, contents: Contents, names: BundleNames, folder: Path
) -> FundusDataset:
    open_parquet(folder / TABLE, most_bytes=MOST_BYTES, most_cells=MOST_CELLS).close()
    table = pd.read_parquet(folder / TABLE)
    table = table.astype({name: object for name in table if table[name].dtype == "str"})
    wrong = [one for one in table["image_id"] if not _ID.fullmatch(str(one))]
    missing = set(RESERVED_COLUMNS) - {"path"} - set(table.columns)
    if wrong or missing:
        raise ValueError(f"image ids {wrong[:1]}, missing columns {sorted(missing)}")
    place = workspace.root / _PLACE / names.dataset_id
    paths = [str(place / f"{one[:8]} {NOT_HERE}") for one in table["image_id"]]
    table = table.assign(path=pd.Series(paths, index=table.index, dtype=object))
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    reasons = [one for one in about["rejected"] if one in get_args(RejectReason)]
    targets = tuple(
        Target(one["name"], one["task"], tuple(one["classes"]), tuple(one["columns"]))
        for one in about["targets"]
    )
    return FundusDataset(
        names.dataset_name(str(contents.about["name"])),
        f"a bundle of {contents.dataset_id}",
        table[[*RESERVED_COLUMNS, *(c for c in table if c not in RESERVED_COLUMNS)]],
        targets,
        tuple(RejectedRow(NOT_HERE, one, "A file that is not in the bundle.") for one in reasons),
        contents.about["synthetic"] is True,
        bundle=names.dataset_id,
    )


def _runs(contents: Contents, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((folder / "runs").glob(f"*/{_RUN}")):
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["id"] != path.parent.name or about["dataset_id"] != contents.dataset_id:
            raise ValueError(f"the run {path.parent.name} belongs elsewhere")
        yield path.parent.name, about


def _artifacts(folder: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    for kind in ("projections", "shortcuts", "trust"):
        for path in sorted((folder / kind).glob("*/about.json")):
            about = json.loads(path.read_text(encoding="utf-8"))
            require_named_after(about, path.parent.name)
            path.unlink()
            yield kind, path.parent, dict(about)


def _embeddings(workspace: Workspace, names: BundleNames, folder: Path) -> dict[str, str]:
    """Stores vectors; returns the fingerprint of each recipe -> the one it has here."""
    found = {}
    for place in sorted((folder / "embeddings").glob("*/")):
        said = read_json(place / "recipe.json") or {}
        require_named_after(said, place.name)
        recipe = names.recipe(said)
        ids = [str(one) for one in read_json(place / "image_ids.json") or []]
        vectors = np.load(place / "vectors.npy", mmap_mode="r", allow_pickle=False)
        if vectors.ndim != 2 or len(vectors) != len(ids):
            raise ValueError(f"the embeddings {place.name} have {len(ids)} names")
        store = EmbeddingStore(workspace.embeddings, recipe)
        shutil.rmtree(store.folder, ignore_errors=True)  # of an attempt that was refused
        with store.lock():
            store.add(vectors.astype(np.float32), ids, {})
        found[place.name] = recipe.fingerprint()
    return found


def _copier(source: Path) -> Any:
    def write(folder: Path) -> None:
        for path in sorted(source.iterdir()):
            shutil.copyfile(path, folder / path.name)

    return write
