"""Use case: measurements of every photograph of a data set, made once and stored."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe, added_later, fingerprint_of
from fundus_core.errors import DataError, ImageError
from fundus_core.io.files import read_json, write_json
from fundus_core.io.images import holds
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.shortcuts import VERSION, as_row, measure

FOLDER = "shortcuts"
"""Name of the workspace's folder of measurements."""

_TABLE, _UNREADABLE = "measurements.parquet", "unreadable.json"
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class MeasureRecipe(Recipe):
    """Which photographs were measured, and how."""

    images: str
    """Fingerprint of the sorted image ids."""

    version: int
    """`fundus_core.shortcuts.VERSION`."""

    origin: str = added_later("")
    """As `EmbedRecipe.origin`."""


@dataclass(frozen=True)
class MeasuredPhotographs:
    """Measurements of a data set."""

    table: pd.DataFrame
    """A row per photograph that could be read, by image id; columns are those of `Measurements`."""

    unreadable: dict[str, str]
    """Image id -> why it could not be measured."""


def measure_dataset(
    workspace: Workspace, dataset: FundusDataset, *, progress: Progress = silent
) -> MeasuredPhotographs:
    """Returns the measurements of a data set; photographs measured before are not read again.

    Raises:
        DataError: If no photograph can be read.
        StoreError: If the disk is full.
    """
    stored = stored_measurements(workspace, dataset)
    if stored is not None:
        return stored
    wanted = dataset.table.set_index("image_id")["path"]
    before = _measured_before(workspace, dataset)
    found = _measure(wanted[~wanted.index.isin(before.index)], progress)
    parts = [one for one in (before, found.table) if len(one)]
    if not parts:
        raise DataError(
            f"None of the {len(wanted)} photographs could be read to be measured.",
            hint="See `fundus check` for what is wrong with each file.",
        )
    table = pd.concat(parts)
    ordered = table.reindex([image_id for image_id in wanted.index if image_id in table.index])
    recipe = _recipe(dataset)

    def write(folder: Path) -> None:
        ordered.rename_axis("image_id").reset_index().to_parquet(folder / _TABLE, index=False)
        write_json(folder / _UNREADABLE, found.unreadable)

    if all(holds(Path(wanted[image_id]), image_id) for image_id in found.unreadable):
        _store(workspace).put(recipe.fingerprint(), recipe.to_dict(), write)
    return MeasuredPhotographs(ordered, found.unreadable)  # else a file may be back next time


def stored_measurements(workspace: Workspace, dataset: FundusDataset) -> MeasuredPhotographs | None:
    """Returns the measurements of a data set if all of it was measured; None otherwise."""
    folder = _store(workspace).get(_recipe(dataset).fingerprint())
    if folder is None:
        return None
    table = pd.read_parquet(folder / _TABLE).set_index("image_id")
    return MeasuredPhotographs(table, read_json(folder / _UNREADABLE) or {})


def n_unmeasured(workspace: Workspace, dataset: FundusDataset) -> int:
    """Returns how many photographs `measure_dataset` would have to read."""
    if stored_measurements(workspace, dataset) is not None:
        return 0
    return len(dataset) - len(_measured_before(workspace, dataset))


def _recipe(dataset: FundusDataset) -> MeasureRecipe:
    return MeasureRecipe(fingerprint_of(sorted(dataset.image_ids)), VERSION, dataset.bundle)


def _store(workspace: Workspace) -> ArtifactStore:
    return ArtifactStore(workspace.root / FOLDER)


def _measured_before(workspace: Workspace, dataset: FundusDataset) -> pd.DataFrame:
    """Returns what is known of these photographs from other data sets that held them.

    What came in a bundle is of its own data set only.
    """
    store, wanted = _store(workspace), set(dataset.image_ids)
    found = pd.DataFrame()
    for name, about in store.describe().items():
        fits = about.get("version") == VERSION and about.get("origin", "") == dataset.bundle
        folder = store.get(name) if fits else None
        if folder is None:
            continue
        table = pd.read_parquet(folder / _TABLE).set_index("image_id")
        new = table[table.index.isin(wanted) & ~table.index.isin(found.index)]
        found = pd.concat([found, new]) if len(found) else new
    return found


def _measure(paths: "pd.Series[str]", progress: Progress) -> MeasuredPhotographs:
    """Measures photographs in threads: decoding leaves the interpreter free."""
    rows: dict[str, dict[str, float]] = {}
    unreadable: dict[str, str] = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        outcomes = pool.map(_row_or_reason, paths.index, paths)
        for done, (image_id, outcome) in enumerate(zip(paths.index, outcomes, strict=True), 1):
            if isinstance(outcome, str):
                unreadable[image_id] = outcome
            else:
                rows[image_id] = outcome
            progress(done, len(paths), "Measuring photographs")
    return MeasuredPhotographs(pd.DataFrame.from_dict(rows, orient="index"), unreadable)


def _row_or_reason(image_id: str, path: str) -> dict[str, float] | str:
    try:
        return as_row(measure(Path(path), image_id=image_id))
    except ImageError as error:
        return error.message
