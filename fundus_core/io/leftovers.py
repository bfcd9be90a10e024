"""Files that a killed process left half-written, under names that readers ignore."""

import glob
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from fundus_core.io.refused_reading import may_be_read

_OURS = re.compile(r"\.tmp-(?P<pid>\d+)-[0-9a-f]{8}-.+")
_OF_JOBS = re.compile(r"\.[\w.]+\.json-(?P<pid>\d+)-[0-9a-f]{8}")
_LEFT_AFTER_SECONDS = {
    re.compile(r"\.(?:new|removed)-\d{8}-\d{6}-[0-9a-f]{6}"): 60.0,  # a job that comes or goes
    re.compile(r"\.pseudonyms\.key-[0-9a-f]{8}"): 60.0,  # as older versions called it
    re.compile(r"\.tmp-bundle-\w+"): 86_400.0,
    re.compile(r"scoring-\w{8}"): 86_400.0,
}
"""Folders and files whose names do not tell who writes them, and the age at which nobody does."""

_STARTED_SECONDS_BEFORE = 1.0
"""A process that began this much after a file was last changed did not write it."""


def leftovers(root: Path) -> tuple[Path, ...]:
    """Returns what lies half-written under a folder, and nobody writes any more."""
    return tuple(sorted(_left(root)))


def left_beside(place: Path) -> tuple[Path, ...]:
    """Returns what killed processes left that were to write a file or folder.

    Args:
        place: What they were to write.
    """
    beside = place.parent.glob(f".tmp-*-{glob.escape(place.name)}")
    return tuple(sorted(path for path in beside if _is_left(path)))


def sweep(root: Path) -> int:
    """Removes `leftovers`; returns how many there were."""
    found = leftovers(root)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(found)


def _left(folder: Path) -> Iterator[Path]:
    if not folder.is_dir() or not may_be_read(folder):
        return
    for path in folder.iterdir():
        if _is_left(path):
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _left(path)


def _is_left(path: Path) -> bool:
    for name, seconds in _LEFT_AFTER_SECONDS.items():
        if name.fullmatch(path.name):
            return abs(time.time() - path.stat().st_mtime) > seconds
    found = _OURS.fullmatch(path.name) or _OF_JOBS.fullmatch(path.name)
    return found is not None and not _is_at_work(path, int(found["pid"]))


def _is_at_work(path: Path, pid: int) -> bool:
    """Says whether the process that wrote a file may still be there."""
    try:
        process = psutil.Process(pid)
        changed = path.stat().st_mtime
        return bool(
            process.status() != psutil.STATUS_ZOMBIE
            and process.create_time() <= changed + _STARTED_SECONDS_BEFORE
        )
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
