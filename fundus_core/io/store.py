"""Stored results: a folder each, complete and checked or not there at all."""

import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from fundus_core.errors import StoreError
from fundus_core.io.damage import changed_at, remember_damage, remember_unread
from fundus_core.io.event_log import note
from fundus_core.io.files import (
    checksum,
    put_in_place,
    renew,
    sync_file,
    sync_folder,
    temporary_name,
)
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_reading import refused_reading_explained, require_readable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.sealed import read_sealed, write_sealed

Found = TypeVar("Found")

MANIFEST = "artifact.json"
"""Of a stored result: what was said about it, and the checksum of each of its files."""


class ArtifactStore:
    """Folders of files, each written in one step and read only when its checksums hold."""

    def __init__(self, root: Path) -> None:
        """Opens the store at `root`; the folder is made when something is put."""
        self.root = root

    def get(self, name: str, *, only: Collection[str] = ()) -> Path | None:
        """Returns the folder stored under `name`, or None if it is absent, torn or corrupt.

        Args:
            name: A fingerprint or a run id.
            only: The files that will be read: others are not compared, which takes time where they
                are large. None for all.

        Raises:
            StoreError: If a newer version of the program wrote it, or it may not be read.
        """
        folder = self._folder(name)
        changed = changed_at(folder / MANIFEST)
        manifest = _manifest(folder)
        if manifest is None:
            require_readable(folder / MANIFEST)
            return None
        with refused_reading_explained():
            for file, expected in manifest["files"].items():
                if only and file not in only:
                    continue
                path = folder / file
                if not path.is_file() or checksum(path) != expected:
                    note("damaged result left out", store=self.root.name)
                    remember_damage(folder, folder / MANIFEST, changed)
                    return None
        return folder

    def put(self, name: str, about: dict[str, Any], write: Callable[[Path], None]) -> Path:
        """Stores what `write` puts into the folder it is given; replaces what stood there.

        Args:
            name: A fingerprint or a run id.
            about: Plain values that `describe` returns without opening the files.
            write: Fills an empty folder. If it raises, nothing is stored.

        Raises:
            StoreError: If the disk is full, or the place may not be written to.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        folder = self._folder(name)
        require_writable(folder)
        temporary, retired = temporary_name(folder), None
        try:
            with full_disk_explained(folder, 0):
                temporary.mkdir(parents=True)
                write(temporary)
                sums = {path.name: checksum(path) for path in sorted(temporary.iterdir())}
                for name_of_file in sums:
                    sync_file(temporary / name_of_file)
                write_sealed(temporary / MANIFEST, {"name": name, "about": about, "files": sums})
                renew(temporary / MANIFEST, self._manifests())
                with FileLock(self.root / ".lock"):
                    retired = put_in_place(temporary, folder)
                sync_folder(self.root)
        finally:
            for left in filter(None, (temporary, retired)):
                shutil.rmtree(left, ignore_errors=True)
        return folder

    def describe(self) -> dict[str, dict[str, Any]]:
        """Returns what is stored, newest first: name -> what `put` was told about it.

        What was changed since it was stored is left out; `damaged` names it.

        Raises:
            StoreError: If a newer version of the program wrote one of them.
        """
        if not self.root.is_dir():
            return {}
        manifests = sorted(self._manifests(), key=changed_at, reverse=True)
        for torn in set(self.names()) - {path.parent.name for path in manifests}:
            remember_damage(self.root / torn, self.root / torn / MANIFEST, 0)
        found = ((path.parent.name, _manifest(path.parent)) for path in manifests)
        return {name: manifest["about"] for name, manifest in found if manifest}

    def understood(self, read: Callable[[dict[str, Any]], Found | None]) -> dict[str, Found]:
        """Returns what is stored, newest first: name -> what `read` makes of what `put` was told.

        What it makes None of is in words that this version does not know: it is left out, and
        `left_out` names it.

        Raises:
            StoreError: As `describe` does.
        """
        found = {}
        for name, about in self.describe().items():
            if (made := read(about)) is not None:
                found[name] = made
                continue
            manifest = self.root / name / MANIFEST
            changed = changed_at(manifest)
            if self.about(name) == about:  # not replaced meanwhile
                remember_unread(manifest.parent, manifest, changed)
        return found

    def about(self, name: str) -> dict[str, Any] | None:
        """Returns what `put` was told about one of them; None if it is not there, or was changed.

        Raises:
            StoreError: If a newer version of the program wrote it.
        """
        manifest = _manifest(self.root / name) if _is_name(name) else None
        about: dict[str, Any] | None = manifest["about"] if manifest else None
        return about

    def names(self) -> tuple[str, ...]:
        """Returns the names under which something stands, whole or not."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(path.name for path in self.root.glob("[!.]*") if path.is_dir()))

    def damaged(self) -> tuple[str, ...]:
        """Returns what is there and cannot be used: torn, or changed since it was stored."""
        return tuple(name for name in self.names() if self.get(name) is None)

    def touch(self, name: str) -> None:
        """Makes what is stored under `name` the newest, where anything may be changed."""
        renew(self._folder(name) / MANIFEST, self._manifests())

    def remove(self, name: str) -> None:
        """Deletes what is stored under `name`; nothing happens if there is nothing."""
        require_writable(self.root)
        shutil.rmtree(self._folder(name), ignore_errors=True)

    def _manifests(self) -> Iterator[Path]:
        return self.root.glob(f"[!.]*/{MANIFEST}")

    def _folder(self, name: str) -> Path:
        """Returns the folder of `name`, refusing names that would lead out of the store."""
        if not _is_name(name):
            raise StoreError(
                f"{name!r} is not the name of a stored result.",
                hint="List what is stored with `fundus runs`.",
            )
        return self.root / name


def _is_name(name: str) -> bool:
    """Says whether a name leads to a folder of the store, and to one that readers see."""
    return bool(name) and not name.startswith(".") and Path(name).name == name


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Returns what stands in a stored folder; None if that is missing, torn or was changed.

    A folder that was given another name is another result's by that name, and counts as changed.
    Results of older versions do not say what they are called.
    """
    changed = changed_at(folder / MANIFEST)
    manifest = read_sealed(folder / MANIFEST) or {}
    is_complete = isinstance(manifest.get("about"), dict) and isinstance(
        manifest.get("files"), dict
    )
    if is_complete and manifest.get("name", folder.name) == folder.name:
        return manifest
    if folder.is_dir():
        remember_damage(folder, folder / MANIFEST, changed)
    return None
