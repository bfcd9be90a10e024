"""Use case: open a bundle of somebody else's results in this workspace."""

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError

from fundus_core.errors import DataError, StoreError
from fundus_core.io.files import locked, put_in_place, sync_folder, temporary_name
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import list_datasets
from fundus_core.workflows.reports.bundle_format import IMAGE_ID, Contents, unpack
from fundus_core.workflows.reports.bundle_names import BundleNames
from fundus_core.workflows.reports.bundle_staging import NOT_HERE, STORES, Staged

__all__ = ["NOT_HERE", "Opened", "open_bundle"]

_UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OSError,
    RuntimeError,
    OverflowError,
    SafetensorError,
)


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

    Every name, size and hash is checked, every file is read, and every figure that predictions
    give is computed again from those that come with it, before anything is stored. The data set is
    stored last: what was stored of an opening that was interrupted is in no list, and is replaced
    when the bundle is opened again. Nobody can tell whether predictions and vectors are what they
    say to be: so all of it goes by names that nothing computed here has (they end in `-bundle`, and
    vectors have an `origin`), and is never taken for a result of one's own.

    Raises:
        DataError: If it is no bundle, a damaged one, one that cannot be read, or one whose figures
            are not those of its predictions.
        StoreError: If a bundle of this data set is here already, the disk is full, or the
            workspace may not be written to.
    """
    if not bundle.is_file():
        raise DataError(f"There is no file {bundle}.", hint="Name the bundle's zip file.")
    require_writable(workspace.root)
    with _aside(workspace.root / "bundle") as folder:
        unpacked, staging = folder / "unpacked", Workspace(folder / "workspace")
        contents = unpack(bundle, unpacked)
        _require_new(workspace, contents, bundle.name)
        try:
            with full_disk_explained(staging.root, 0):
                staged = Staged(workspace, contents, unpacked, staging)
            with _alone(workspace):
                _require_new(workspace, contents, bundle.name)
                _require_free(workspace, staged)
                _put(staging, workspace)
        except _UNREADABLE as error:
            raise DataError(
                f"{bundle.name} holds what this version cannot read: {error}.",
                hint="Open it with the version of the program that made it.",
            ) from error
    return Opened(
        staged.names.dataset_id,
        staged.dataset.name,
        len(staged.dataset),
        len(staged.runs),
        len(staged.embeddings),
        contents.left_out,
        contents.patient_ids,
    )


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Makes a folder that nobody reads, swept up if this process is killed; removes it after."""
    folder = temporary_name(path)
    with full_disk_explained(folder, 0):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _alone(workspace: Workspace) -> AbstractContextManager[None]:
    """Waits until no other process puts a bundle into the workspace."""
    return locked(workspace.datasets / ".bundle.lock")


def _require_new(workspace: Workspace, contents: Contents, bundle: str) -> None:
    if not IMAGE_ID.fullmatch(contents.dataset_id):
        raise DataError(
            f"{bundle} names its data set {contents.dataset_id!r}, which is no id.",
            hint="Ask for the file again, as `fundus bundle export` wrote it.",
        )
    name = BundleNames.of(contents.dataset_id).dataset_id
    if name in {one.id for one in list_datasets(workspace)}:
        raise StoreError(
            f"{workspace.root} has a data set {name} already.",
            hint="Open the bundle in another workspace (--workspace FOLDER).",
        )


def _require_free(workspace: Workspace, staged: Staged) -> None:
    """Refuses names that runs of other data sets have; those of this bundle were interrupted."""
    store = ArtifactStore(workspace.runs)
    told = store.describe()
    taken = [
        name
        for name in sorted(set(staged.runs.values()) & set(store.names()))
        if told.get(name, {}).get("dataset_id") != staged.names.dataset_id
    ]
    if taken:
        raise ValueError(f"the run {taken[0]}, by a name that another run has here")


def _put(staging: Workspace, workspace: Workspace) -> None:
    """Moves all that was staged to its place, the data set last; takes it back in reverse."""
    placed: list[Path] = []
    try:
        for kind in ("embeddings", *STORES, "runs", "datasets"):
            for made in sorted((staging.root / kind).glob("[!.]*")):
                place = workspace.root / kind / made.name
                placed.append(place)
                _move(made, place)
    except BaseException:
        for place in reversed(placed):
            shutil.rmtree(place, ignore_errors=True)
        raise


def _move(made: Path, place: Path) -> None:
    with full_disk_explained(place, 0):
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.parent / ".lock"):
            retired = put_in_place(made, place)
    if retired is not None:
        shutil.rmtree(retired, ignore_errors=True)
    sync_folder(place.parent)
