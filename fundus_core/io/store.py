"""Stored results: a folder each, complete and checked or not there at all."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from fundus_core.errors import StoreError
from fundus_core.io.files import (
    checksum,
    full_disk_explained,
    read_json,
    sync_folder,
    temporary_name,
    write_json,
)
from fundus_core.io.read_only import require_writable

_MANIFEST = "artifact.json"


class ArtifactStore:
    """Folders of files, each written in one step and read only when its checksums hold."""

    def __init__(self, root: Path) -> None:
        """Opens the store at `root`; the folder is made when something is put."""
        self.root = root

    def get(self, name: str) -> Path | None:
        """Returns the folder stored under `name`, or None if it is absent, torn or corrupt."""
        folder = self._folder(name)
        manifest = read_json(folder / _MANIFEST)
        if not isinstance(manifest, dict) or "files" not in manifest:
            return None
        for file, expected in manifest["files"].items():
            path = folder / file
            if not path.is_file() or checksum(path) != expected:
                return None
        return folder

    def put(self, name: str, about: dict[str, Any], write: Callable[[Path], None]) -> Path:
        """Stores what `write` puts into the folder it is given; replaces what stood there.

        Args:
            name: A fingerprint or a run id.
            about: Plain values that `describe` returns without opening the files.
            write: Fills an empty folder. If it raises, nothing is stored.

        Raises:
            StoreError: If the disk is full.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        folder = self._folder(name)
        require_writable(folder)
        self.root.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(folder)
        temporary.mkdir()
        try:
            with full_disk_explained(folder, 0):
                write(temporary)
            sums = {path.name: checksum(path) for path in sorted(temporary.iterdir())}
            write_json(temporary / _MANIFEST, {"about": about, "files": sums})
            with FileLock(self.root / ".lock"):
                if folder.exists():
                    retired = temporary_name(folder)
                    folder.rename(retired)
                    shutil.rmtree(retired, ignore_errors=True)
                temporary.rename(folder)
            sync_folder(self.root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder

    def describe(self) -> dict[str, dict[str, Any]]:
        """Returns what is stored, newest first: name -> what `put` was told about it."""
        if not self.root.is_dir():
            return {}
        manifests = sorted(
            self.root.glob(f"[!.]*/{_MANIFEST}"),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
        found = ((path.parent.name, read_json(path)) for path in manifests)
        return {name: manifest["about"] for name, manifest in found if manifest}

    def touch(self, name: str) -> None:
        """Makes what is stored under `name` the newest."""
        require_writable(self.root)
        (self._folder(name) / _MANIFEST).touch()

    def remove(self, name: str) -> None:
        """Deletes what is stored under `name`; nothing happens if there is nothing."""
        require_writable(self.root)
        shutil.rmtree(self._folder(name), ignore_errors=True)

    def _folder(self, name: str) -> Path:
        """Returns the folder of `name`, refusing names that would lead out of the store."""
        if not name or name.startswith(".") or Path(name).name != name:
            raise StoreError(
                f"{name!r} is not the name of a stored result.",
                hint="List what is stored with `fundus runs`.",
            )
        return self.root / name
