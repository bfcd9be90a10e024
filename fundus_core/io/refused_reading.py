"""Refusals to read, in words: files of other users, and a current folder that is gone."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from fundus_core.errors import StoreError
from fundus_core.io.lack_of_memory import lack_of_memory_explained
from fundus_core.io.refused_writing import nearest, refused_writing_explained

ASK_ITS_OWNER = "Its owner can give the right to read it, for example to a group: chmod g+r."
"""The next step where something may not be read."""

_NAMED_IN_WORDS = re.compile(r"Failed to open local file '(.+?)'")  # Arrow


@contextlib.contextmanager
def refusals_explained() -> Iterator[None]:
    """Turns whatever the system refuses a command or a page into a sentence: files, memory.

    Raises:
        StoreError: As `refused_reading_explained` and `refused_writing_explained`.
        MemoryLimitError: As `lack_of_memory_explained`.
    """
    with refused_reading_explained(), refused_writing_explained(), lack_of_memory_explained():
        yield


@contextlib.contextmanager
def refused_reading_explained() -> Iterator[None]:
    """Turns a file that may not be read, and a current folder that is gone, into a sentence.

    Raises:
        StoreError: If one of the two is the cause. Every other error is left as it is.
    """
    try:
        yield
    except PermissionError as error:
        path = _named(error)
        if path is None or may_be_read(path):
            raise
        raise may_not_be_read(path) from error
    except FileNotFoundError as error:
        if error.filename is None:
            require_current_folder()
        raise


def require_current_folder() -> None:
    """Refuses to go on where the current folder was deleted: libraries end the process there.

    Raises:
        StoreError: If it is not there.
    """
    if _is_current_folder_gone():
        raise StoreError(
            "The current folder is not there any more: it was deleted, or replaced by another.",
            hint="Change to a folder that is there: cd.",
        )


def require_readable(path: Path) -> None:
    """Refuses a file that is there, and a folder, that this user may not read.

    Raises:
        StoreError: If it may not be read.
    """
    if not may_be_read(path):
        raise may_not_be_read(path)


def may_be_read(path: Path) -> bool:
    """Says whether this user may read a file, or list a folder; what is not there may be read."""
    there = nearest(path)
    try:
        is_folder = stat.S_ISDIR(there.stat().st_mode)
    except OSError as error:
        return error.errno != errno.EACCES  # what a link leads to, if anything
    if there != path:
        return not is_folder or _has(there, os.X_OK)
    return _has(there, os.R_OK | (os.X_OK if is_folder else 0))


def all_may_be_read(path: Path) -> bool:
    """As `may_be_read`, of a folder and all that lies right in it."""
    return may_be_read(path) and (not path.is_dir() or all(map(may_be_read, path.iterdir())))


def may_not_be_read(path: Path) -> StoreError:
    """Returns the sentence about something that may not be read, or that lies in such a folder."""
    return StoreError(
        f"{nearest(path)} may not be read by this user: {os.strerror(errno.EACCES)}.",
        hint=ASK_ITS_OWNER,
    )


def _has(path: Path, right: int) -> bool:
    """Says whether the user that this process works for has a right."""
    return os.access(path, right, effective_ids=os.access in os.supports_effective_ids)


def _named(error: PermissionError) -> Path | None:
    """Returns the file that the system, or a library, names."""
    if isinstance(error.filename, str):
        return Path(error.filename)
    found = _NAMED_IN_WORDS.search(str(error))
    return Path(found[1]) if found else None


def _is_current_folder_gone() -> bool:
    try:
        Path.cwd()
    except OSError:
        return True
    return False
