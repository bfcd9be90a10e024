"""Refusals to write, in words: full disks, places that may not be written to, things in the way."""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from fundus_core.errors import StoreError
from fundus_core.io.streams import is_stream
from fundus_core.io.workspace import workspace_folder


@contextlib.contextmanager
def full_disk_explained(path: Path, n_bytes: int) -> Iterator[None]:
    """Turns a full disk, and a place that may not be written to, into a sentence.

    Args:
        path: What is being written.
        n_bytes: How much it needs; 0 if that is not known.

    Raises:
        StoreError: If the disk or the quota is full, or the place may not be written to.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        cause = _cause(error)
        if cause == errno.ENOSPC and _is_out_of_files(path.parent):
            raise StoreError(
                f"No room for another file in {path.parent}: all the files that its disk can hold "
                f"are there{_free(path.parent)}.",
                hint=f"Delete files on that disk, or name another place{_BY_OPTION}; what was "
                "stored before is intact.",
            ) from error
        if cause in _FULL:
            where = str(path) if is_stream(path) else f"{path.parent}{_free(path.parent)}"
            raise StoreError(
                f"No space left {_needed(n_bytes)}in {where}.",
                hint=f"Free some space, or name another place{_BY_OPTION}; what was stored before "
                "is intact.",
            ) from error
        if cause in FORBIDDEN:
            raise StoreError(
                f"{path.parent} may not be written to: {os.strerror(cause)}.",
                hint=f"Name a place you may write to{_BY_OPTION}, mend its permissions, or only "
                "look: `fundus app --read-only`.",
            ) from error
        if cause in _IN_THE_WAY:
            raise StoreError(
                f"{path} cannot be stored: {os.strerror(cause)}.",
                hint="Something lies where the program keeps its own files: move it elsewhere.",
            ) from error
        raise


@contextlib.contextmanager
def refused_writing_explained() -> Iterator[None]:
    """As `full_disk_explained`, for a whole command or page: of whatever place the system names.

    Of a file that is open already it names none, and says that a disk is full all the same.

    Raises:
        StoreError: As there. An error that may be one of reading is left as it is.
    """
    try:
        yield
    except OSError as error:
        if not isinstance(error.filename, str):
            if error.errno not in _FULL:
                raise
            place = _full_place()
            if place is None:
                raise StoreError(
                    f"No space left on a disk, or none allowed: {os.strerror(error.errno)}.",
                    hint=f"Free some space, or name another place{_BY_OPTION}; what was stored "
                    "before is intact.",
                ) from error
            with full_disk_explained(place / "any", 0):
                raise
        if not _is_of_writing(error):
            raise
        with full_disk_explained(Path(error.filename), 0):
            raise


def _is_of_writing(error: OSError) -> bool:
    """Says whether the system refused to write, not to read."""
    if error.errno in _FULL | {errno.EROFS}:
        return True
    there = nearest(Path(error.filename))
    may_be_read = os.access(there, os.R_OK | (os.X_OK if there.is_dir() else 0))
    return error.errno in FORBIDDEN and may_be_read and not os.access(there, os.W_OK)


def _full_place() -> Path | None:
    """Returns the workspace or the folder of temporary files, if its disk is full; else None."""
    places = [workspace_folder().absolute()]
    with contextlib.suppress(OSError):  # there is none that can be written to
        places.append(Path(tempfile.gettempdir()))
    for place in map(nearest, places):
        with contextlib.suppress(OSError):
            if shutil.disk_usage(place).free < _NEXT_TO_NOTHING or _is_out_of_files(place):
                return place
    return None


def nearest(path: Path) -> Path:
    """Returns a path that is there: this one, or what it would be in."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
"""The system's numbers for a place that may not be written to, as on a read-only mount."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NEXT_TO_NOTHING = 16_000_000
"""Bytes; a disk with less is taken for the one that a file did not fit on."""

_BY_OPTION = " (of a workspace: --workspace)"
_IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}
"""A file where a folder belongs, a folder where a file does, or links in a circle."""
_CODE_IN_WORDS = re.compile(r"(?:os error|errno|code:) (\d+)", re.IGNORECASE)
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")  # NumPy


def _cause(error: Exception) -> int:
    """Returns the system's number of an error; 0 where there is none.

    Libraries that are not written in Python tell it in words only.
    """
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if _SHORT_WRITE.search(str(error)):
        return errno.ENOSPC
    said = _CODE_IN_WORDS.search(str(error))
    return int(said[1]) if said else 0


def _needed(n_bytes: int) -> str:
    return f"for {n_bytes:,} bytes " if n_bytes else ""


def _free(folder: Path) -> str:
    """Returns in words how much room is left where a folder is; empty where nobody knows."""
    try:
        return f" ({shutil.disk_usage(folder).free:,} bytes are free)"
    except OSError:
        return ""


def _is_out_of_files(folder: Path) -> bool:
    """Says whether a disk that counts its files has none left; disks that do not say 0 of 0."""
    try:
        disk = os.statvfs(nearest(folder))
    except OSError:
        return False
    return disk.f_files > 0 and disk.f_favail == 0
