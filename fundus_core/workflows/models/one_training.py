"""Equal trainings begun at the same time: one trains, the others wait for what it stores."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from fundus_core.domain.progress import Progress
from fundus_core.io.files import in_turn

Result = TypeVar("Result")

WAITING = "Waiting for an equal training that was begun elsewhere"


def trained_once(
    folder: Path,
    stored: Callable[[], Result | None],
    train: Callable[[], Result],
    progress: Progress,
) -> Result:
    """Returns what is stored, also by a call that is waited for, or else what is trained.

    Args:
        folder: Where unfinished work is kept. The lock lies beside it, as the folder is deleted
            when the work is done; so is the lock then.
        stored: Returns the finished result, if it is there.
        train: Trains and stores it.
        progress: Told every few seconds while another call trains.
    """
    found = stored()
    if found is not None:
        return found
    lock = folder.with_name(f".{folder.name}.lock")
    with in_turn(lock, partial(progress, 0, 1, WAITING)):
        found = stored()  # by an equal call meanwhile
        made = train() if found is None else found
        with contextlib.suppress(OSError):  # of an open file on Windows: the next one takes it
            lock.unlink()
    return made
