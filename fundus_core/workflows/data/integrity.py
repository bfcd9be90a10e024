"""Use case: is everything in a workspace as it was written, and what to do where it is not.

What is damaged is moved aside, into the workspace's folder `damaged`, and never deleted: a result
is computed again when it is asked for, and a person may still want to look at what was there.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fundus_core.errors import StoreError
from fundus_core.io.embedding_store import damaged_shards, stored_recipes
from fundus_core.io.files import read_json
from fundus_core.io.refused_reading import all_may_be_read, may_be_read
from fundus_core.io.sealed import is_sealed, read_sealed, write_sealed
from fundus_core.io.selections import FOLDER as SELECTIONS
from fundus_core.io.selections import read_set
from fundus_core.io.square_store import damaged_squares
from fundus_core.io.store import MANIFEST, ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import write_stamp
from fundus_core.workflows.weights.teacher_tables import (
    give_checksum,
    is_whole,
    lacks_checksum,
    tables_of_teachers,
)

_SEALED_RECORDS = ("precision/*.json", "studies/cells/*.json", "selections/*/names/*.json")
"""Small files of their own that results depend on."""


@dataclass(frozen=True, slots=True)
class Integrity:
    """What was found in a workspace; every path is relative to it."""

    n_results: int
    n_shards: int
    n_records: int
    """Small files of their own."""

    damaged: tuple[str, ...]
    """Results, shards and records that are torn, or were changed since they were written."""

    unsealed: tuple[str, ...]
    """Whole as far as can be told, but written before records had a checksum of their own."""

    unreadable: tuple[str, ...] = ()
    """What this user may not read; whether it is whole, nobody knows."""


def examine(workspace: Workspace) -> Integrity:
    """Reads every stored file and compares it with its checksum.

    Raises:
        StoreError: If something in it was written by a newer version of the program.
    """
    places = list(workspaces_in(workspace))
    results = [one for place in places for one in _results(place)]
    shards = [one for place in places for one in _shards(place)]
    records = [one for place in places for one in _records(place)]
    found = [*results, *shards, *records]
    closed = [*_closed_folders(workspace), *(path for path, whole in found if whole is None)]
    every = dict.fromkeys([*(path for path, _ in found), *closed])
    relative = {path: path.relative_to(workspace.root).as_posix() for path in every}
    return Integrity(
        len(results),
        len(shards),
        len(records),
        tuple(relative[path] for path, whole in found if whole is False),
        tuple(relative[path] for path, whole in found if whole and _lacks_seal(path)),
        tuple(relative[path] for path in dict.fromkeys(closed)),
    )


def mend(workspace: Workspace, found: Integrity) -> None:
    """Moves aside what is damaged, and gives checksums to what is whole and has none.

    Raises:
        StoreError: If the disk is full, or the place may not be written to.
        ReadOnlyError: If the workspace is only to be looked at.
    """
    for name in found.damaged:
        _move_aside(workspace, workspace.root / name)
    for name in found.unsealed:
        record = _record_of(workspace.root / name)
        if record.suffix == ".parquet":
            give_checksum(record)
            continue
        value, status = read_json(record), record.stat()
        if isinstance(value, dict):
            write_sealed(record, value)
            os.utime(record, ns=(status.st_atime_ns, status.st_mtime_ns))  # lists are by time
    write_stamp(workspace.root)


def workspaces_in(workspace: Workspace) -> Iterator[Workspace]:
    """Yields a workspace and those in it: of tries, reports made again and examples."""
    yield workspace
    for pattern in ("smoke", "rerun/[!.]*", "examples/[!.]*.computed"):
        for folder in sorted(workspace.root.glob(pattern)):
            if folder.is_dir():
                yield Workspace(folder)


_Found = tuple[Path, bool | None]
"""What is stored, and whether it is whole; None where it may not be read."""


def _results(workspace: Workspace) -> Iterator[_Found]:
    """Yields the folder of each stored result."""
    roots = {manifest.parents[1] for manifest in workspace.root.glob(f"[!.]*/[!.]*/{MANIFEST}")}
    for root in sorted(roots):
        if root == workspace.damaged:
            continue
        store = ArtifactStore(root)
        for name in store.names():
            whole = None if _is_closed(root / name) else store.get(name) is not None
            yield root / name, whole


def _shards(workspace: Workspace) -> Iterator[_Found]:
    """Yields the file that commits each shard."""
    for folder in sorted(workspace.embeddings.glob("[!.]*")):
        damaged = set(damaged_shards(folder))
        for commit in sorted(folder.glob("[0-9]*.json")):
            yield commit, None if _is_closed(commit) else commit not in damaged
    for folder in sorted(workspace.squares.glob("[!.]*")):
        damaged = set(damaged_squares(folder))
        for commit in sorted(folder.glob("[0-9a-f]*.json")):
            yield commit, None if _is_closed(commit) else commit not in damaged


def _records(workspace: Workspace) -> Iterator[_Found]:
    for pattern in _SEALED_RECORDS:
        for path in sorted(workspace.root.glob(pattern)):
            yield path, None if _is_closed(path) else read_sealed(path) is not None
    recipes = stored_recipes(workspace.embeddings)
    for path in sorted(workspace.embeddings.glob("[!.]*/recipe.json")):
        yield path, None if _is_closed(path) else path.parent.name in recipes
    for folder in sorted((workspace.root / SELECTIONS).glob("[!.]*")):
        for path in sorted(folder.glob("sets/[!.]*.json")):
            yield path, None if _is_closed(path) else read_set(path) is not None
    for path in tables_of_teachers(workspace):
        yield path, None if _is_closed(path) else is_whole(path)


def _closed_folders(workspace: Workspace) -> Iterator[Path]:
    """Yields the folders of which nobody here knows what is stored in them."""
    for pattern in ("[!.]*", "[!.]*/[!.]*"):
        for folder in sorted(workspace.root.glob(pattern)):
            if folder.is_dir() and not may_be_read(folder):
                yield folder


def _is_closed(path: Path) -> bool:
    """Says whether a file of a result, a shard or a record may not be read."""
    return not (all_may_be_read(path) and may_be_read(path.with_suffix(".npy")))


def _lacks_seal(path: Path) -> bool:
    """Says whether something was written before it had a seal; recipes are named by content."""
    if path.name == "recipe.json":
        return False
    if path.suffix == ".parquet":
        return lacks_checksum(path)
    return not is_sealed(read_json(_record_of(path)))


def _record_of(path: Path) -> Path:
    """Returns the file that carries the seal of a result, a shard or a record."""
    return path / MANIFEST if path.is_dir() else path


def _move_aside(workspace: Workspace, path: Path) -> None:
    """Moves a result, or both files of a shard, out of the way of readers."""
    together = [path]
    if (
        path.parent.parent.name in {workspace.embeddings.name, workspace.squares.name}
        and path.name != "recipe.json"
    ):
        together.append(path.with_suffix(".npy"))
    for each in filter(Path.exists, together):
        place = workspace.damaged / each.relative_to(workspace.root)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            each.replace(place)
        except OSError as error:
            raise StoreError(
                f"{each} cannot be moved to {place.parent}: {error.strerror}.",
                hint="Mend the permissions of the workspace, or move it aside by hand.",
            ) from error
