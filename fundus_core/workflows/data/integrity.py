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
from fundus_core.io.sealed import is_sealed, read_sealed, write_sealed
from fundus_core.io.selections import FOLDER as SELECTIONS
from fundus_core.io.selections import SelectionFiles
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


def examine(workspace: Workspace) -> Integrity:
    """Reads every stored file and compares it with its checksum.

    Raises:
        StoreError: If something in it was written by a newer version of the program.
    """
    results = list(_results(workspace))
    shards = list(_shards(workspace))
    records = list(_records(workspace))
    found = [*results, *shards, *records]
    relative = {path: path.relative_to(workspace.root).as_posix() for path, _ in found}
    return Integrity(
        len(results),
        len(shards),
        len(records),
        tuple(relative[path] for path, whole in found if not whole),
        tuple(relative[path] for path, whole in found if whole and _lacks_seal(path)),
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


def _results(workspace: Workspace) -> Iterator[tuple[Path, bool]]:
    """Yields the folder of each stored result, and whether it is whole."""
    roots = {manifest.parents[1] for manifest in workspace.root.glob(f"[!.]*/[!.]*/{MANIFEST}")}
    for root in sorted(roots):
        if root == workspace.damaged:
            continue
        store = ArtifactStore(root)
        for name in store.names():
            yield root / name, store.get(name) is not None


def _shards(workspace: Workspace) -> Iterator[tuple[Path, bool]]:
    """Yields the file that commits each shard, and whether the shard is whole."""
    for folder in sorted(workspace.embeddings.glob("[!.]*")):
        damaged = set(damaged_shards(folder))
        for commit in sorted(folder.glob("[0-9]*.json")):
            yield commit, commit not in damaged
    for folder in sorted(workspace.squares.glob("[!.]*")):
        damaged = set(damaged_squares(folder))
        for commit in sorted(folder.glob("[0-9a-f]*.json")):
            yield commit, commit not in damaged


def _records(workspace: Workspace) -> Iterator[tuple[Path, bool]]:
    for pattern in _SEALED_RECORDS:
        for path in sorted(workspace.root.glob(pattern)):
            yield path, read_sealed(path) is not None
    recipes = stored_recipes(workspace.embeddings)
    for path in sorted(workspace.embeddings.glob("[!.]*/recipe.json")):
        yield path, path.parent.name in recipes
    for folder in sorted((workspace.root / SELECTIONS).glob("[!.]*")):
        files = SelectionFiles(workspace, folder.name)
        for path in sorted(folder.glob("sets/[!.]*.json")):
            yield path, files.read(path.stem) is not None
    for path in tables_of_teachers(workspace):
        yield path, is_whole(path)


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
        path.parent.parent in {workspace.embeddings, workspace.squares}
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
