"""Equal trainings begun at the same time: one trains, the others wait for what it stores."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fundus_core.domain.progress import Progress
from fundus_core.io.files import in_turn

WAITING = "Waiting for an equal training that was begun elsewhere"


@contextlib.contextmanager
def its_turn(folder: Path, progress: Progress) -> Iterator[None]:
    """Waits until no other call trains in a folder; then look at what is stored by now.

    Args:
        folder: Where unfinished work is kept. The lock lies beside it, as the folder is deleted
            when the work is done; so is the lock then.
        progress: Told every few seconds while another call trains.
    """
    lock = folder.with_name(f".{folder.name}.lock")
    with in_turn(lock, partial(progress, 0, 1, WAITING)):
        yield
        with contextlib.suppress(OSError):  # of an open file on Windows: the next one takes it
            lock.unlink()
