"""Folders for what is kept only while a process looks at it, which no killed process leaves behind.

Whoever makes one holds a lock in it, which the system lets go of when the process ends, however
that ends. A later start finds such folders and removes those that nobody holds:

    fundus-photograph-ab12cd34/held.lock    locked by its maker, before anything else lies there
    fundus-photograph-ab12cd34/photograph
"""

import os
import re
import shutil
import stat
import time
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Literal, Self

from filelock import FileLock, Timeout

Kind = Literal["photograph", "read-only"]

_NAME = re.compile(r"fundus-(?:photograph|read-only)-[a-z0-9_]{8}")  # as `tempfile` makes it
_LOCK = "held.lock"

_LEFT_AFTER_SECONDS = 86_400.0
"""A folder with nothing but its lock may be one that is just being made, unless it is so old."""


class ScratchFolder:
    """A folder among the temporary files that goes with this object, or with the process."""

    def __init__(self, kind: Kind) -> None:
        """Makes it, for this user only, and holds it."""
        self._folder = TemporaryDirectory(prefix=f"fundus-{kind}-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._lock = FileLock(self.path / _LOCK, thread_local=False)  # any thread may let it go
        self._lock.acquire()

    def cleanup(self) -> None:
        """Removes it with all that it holds; once is enough."""
        self._lock.release()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Returns the folder."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Removes it."""
        self.cleanup()


def sweep_scratch() -> int:
    """Removes this user's folders that nobody holds any more; returns how many there were."""
    try:
        named = [one for one in Path(gettempdir()).iterdir() if _NAME.fullmatch(one.name)]
    except OSError:
        return 0
    left = [path for path in named if _is_left(path)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _is_left(path: Path) -> bool:
    """Says whether a folder is ours, and its maker gone.

    One without our lock is somebody's own, whatever it is called.
    """
    try:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != _user(status):
            return False
        if os.name == "posix" and stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
            return False
        held = {one.name for one in path.iterdir()}
        if _LOCK not in held or (path / _LOCK).stat().st_size:
            return False
    except OSError:  # it is gone by now
        return False
    if held == {_LOCK} and time.time() - status.st_mtime < _LEFT_AFTER_SECONDS:
        return False
    try:
        with FileLock(path / _LOCK, timeout=0):
            return True
    except (OSError, Timeout):
        return False


def _user(status: os.stat_result) -> int:
    """Returns who runs this process; where the system does not tell, whoever owns the file."""
    return os.getuid() if hasattr(os, "getuid") else status.st_uid
