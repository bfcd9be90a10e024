"""Writing results of several files so that those of two results never lie beside each other."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fundus_core.errors import StoreError
from fundus_core.io.files import sync_folder, temporary_name
from fundus_core.io.leftovers import left_beside
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.typed_paths import real_path

_BEFORE = ".before"


@contextlib.contextmanager
def appearing_together(folder: Path) -> Iterator[Path]:
    """Gives a folder to write the files of one result to, and moves them to theirs together.

    A folder that is not there yet appears with all of them. Of one that is there, the old files of
    these names leave before the first new one comes, so that whoever ends this finds files of the
    old result or of the new one, never of both. What else lies there stays: such a folder is not
    exchanged, as it may be somebody's current folder, or a disk of its own.

    Whoever writes syncs the files.

    Args:
        folder: Where the files are to appear; it is made if needed.

    Raises:
        StoreError: If the disk is full, the place may not be written to, or a folder has the name
            of a file; the files that were there before still are.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    require_writable(folder)
    place = real_path(folder)
    _clear(place)
    made = temporary_name(place / "result" if place.is_dir() else place)
    try:
        with full_disk_explained(made, 0):
            made.mkdir(parents=True)
        yield made
        with full_disk_explained(place / "any", 0):
            if place.is_dir():
                with _alone(place):
                    _move_together(made, place)
            else:
                made.rename(place)
        sync_folder(place)
        sync_folder(place.parent)
    except StoreError as error:
        said = error.message.replace(str(made), str(folder))
        raise StoreError(said, hint=error.hint) from error
    finally:
        if not _holds_the_only_one(made, place):
            shutil.rmtree(made, ignore_errors=True)


def _clear(place: Path) -> None:
    """Removes what killed processes left of results for a folder, but old files moved away."""
    for left in left_beside(place / "result" if place.is_dir() else place):
        if not _holds_the_only_one(left, place):
            shutil.rmtree(left, ignore_errors=True)


def _holds_the_only_one(made: Path, place: Path) -> bool:
    """Says whether an old file was moved away and neither it nor a new one is at its place."""
    before = made / _BEFORE
    old = (path.relative_to(before) for path in before.rglob("*") if not path.is_dir())
    return any(not os.path.lexists(place / name) for name in old)


def _move_together(made: Path, place: Path) -> None:
    """Moves files to a folder, after those of their names were moved away; all or none."""
    names = sorted(path.relative_to(made) for path in made.rglob("*") if not path.is_dir())
    old = [name for name in names if os.path.lexists(place / name)]
    for name in old:
        if (place / name).is_dir() and not (place / name).is_symlink():
            raise StoreError(
                f"{place / name} is a folder, and a file is to be written.",
                hint="Name another folder, or move this one away.",
            )
    moves = [(place / name, made / _BEFORE / name) for name in old]
    moves += [(made / name, place / name) for name in names]
    begun: list[tuple[Path, Path]] = []
    try:
        for here, there in moves:
            there.parent.mkdir(parents=True, exist_ok=True)
            begun.append((here, there))
            here.rename(there)
    except BaseException:
        for here, there in reversed(begun):
            if not os.path.lexists(here):
                there.rename(here)
        raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process moves files to a folder, where the system can tell."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a network disk that knows no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
