"""Remembers what was found in each file, so that unchanged photographs are not read again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

from filelock import FileLock

from fundus_core.domain.dataset import RejectedRow, RejectReason
from fundus_core.io.images import ScannedImage
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.summed_tables import read_summed, write_summed

_VERSION = "3"
"""Raised when files would be judged differently than before."""

_COLUMNS = ("path", "size", "mtime_ns", "image_id", "width", "height", "reason", "detail")


class ScanCache(Protocol):
    """What earlier scans found, by path, size and time of last change."""

    def get(self, path: str, size: int, mtime_ns: int) -> ScannedImage | RejectedRow | None:
        """Returns what was found in this file, or None if it changed or was never scanned."""

    def put(self, path: str, size: int, mtime_ns: int, found: ScannedImage | RejectedRow) -> None:
        """Stores what was found in a file."""


class ScanFile:
    """A `ScanCache` in one Parquet file; reopening 20,000 photographs then takes only their sizes.

    A damaged file, or one of another version, counts as empty. As a context manager it saves on the
    way out, also when the scan was interrupted.
    """

    def __init__(self, path: Path, *, named: Callable[[str], str] | None = None) -> None:
        """Reads what is there.

        Args:
            path: The Parquet file.
            named: What stands for a path, where paths must not be told; refusals, whose words may
                hold names, are then not kept.
        """
        self._path = path
        self._named = named
        self._found = _load(path)
        self._new: dict[str, tuple[Any, ...]] = {}

    def get(self, path: str, size: int, mtime_ns: int) -> ScannedImage | RejectedRow | None:
        """Returns what was found in this file, or None if it changed or was never scanned."""
        row = self._found.get(self._named(path) if self._named else path)
        if row is None or row[:2] != (size, mtime_ns):
            return None
        _, _, image_id, width, height, reason, detail = row
        if image_id is None:
            return RejectedRow(path, cast(RejectReason, reason), detail)
        return ScannedImage(image_id, width, height, size)

    def put(self, path: str, size: int, mtime_ns: int, found: ScannedImage | RejectedRow) -> None:
        """Stores what was found in a file; `save` writes it to disk."""
        row: tuple[Any, ...]
        if self._named is not None:
            if isinstance(found, RejectedRow):
                return
            path = self._named(path)
        if isinstance(found, RejectedRow):
            row = (size, mtime_ns, None, 0, 0, found.reason, found.detail)
        else:
            row = (size, mtime_ns, found.image_id, found.width, found.height, None, None)
        self._found[path] = self._new[path] = row

    def save(self) -> None:
        """Writes what is new, together with what others wrote meanwhile, in one atomic step."""
        if not self._new:
            return
        require_writable(self._path)
        with full_disk_explained(self._path, 0):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._path.with_name(f".{self._path.name}.lock"))
        with full_disk_explained(self._path, 0), lock:
            self._write()

    def _write(self) -> None:
        rows = [(path, *row) for path, row in (_load(self._path) | self._new).items()]
        columns = dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
        write_summed(self._path, columns, _VERSION)
        self._new = {}

    def __enter__(self) -> "ScanFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.save()


def scanned_paths(path: Path) -> tuple[str, ...]:
    """Returns the paths in a file of scans, or what stands for them; none if it is damaged."""
    return tuple(_load(path))


def _load(path: Path) -> dict[str, tuple[Any, ...]]:
    """Returns the rows of a file by path; none if it is missing, damaged or of another version."""
    try:
        table = read_summed(path, _COLUMNS)
    except ValueError:
        return {}
    if table.version != _VERSION:
        return {}
    paths, *others = table.columns.values()
    return dict(zip(paths, zip(*others, strict=True), strict=True))
