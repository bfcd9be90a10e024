"""The folder in which a report is made again: new, and cleared if the work does not end."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fundus_core.io.files import temporary_name
from fundus_core.io.read_only import require_writable
from fundus_core.io.workspace import Workspace

FOLDER = "rerun"
"""Of a workspace: what was made again, apart from what is stored already."""

HELD = ".held"
"""File in such a folder: its process holds it locked until everything is made."""


@contextlib.contextmanager
def new_place(workspace: Workspace) -> Iterator[Workspace]:
    """Makes a folder of the workspace in which nothing is stored.

    It stays if the work within ends, and goes if that fails. What a killed process left of one goes
    the next time.

    Raises:
        ReadOnlyError: If the workspace is only to be looked at; what is there stays.
    """
    parent = workspace.root / FOLDER
    require_writable(parent)
    parent.mkdir(parents=True, exist_ok=True)
    clear_unfinished(parent)
    taken = [int(one.name) for one in parent.iterdir() if one.name.isdigit()]
    root = parent / f"{max(taken, default=0) + 1:03d}"
    coming = temporary_name(root)
    coming.mkdir()
    lock = FileLock(coming / HELD)
    with lock:
        coming.rename(root)  # held already: nobody else takes it for one that was left
        try:
            yield Workspace(root, weights_in=workspace.weights)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)  # no later call would use what is in it
            raise
        (root / HELD).unlink()


def clear_unfinished(parent: Path) -> None:
    """Removes the folders of reports that were being made again by a process that is gone."""
    for mark in parent.glob(f"[0-9]*/{HELD}"):
        with contextlib.suppress(Timeout, OSError), FileLock(mark, timeout=0):
            shutil.rmtree(mark.parent, ignore_errors=True)
