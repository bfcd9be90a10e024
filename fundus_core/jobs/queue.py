"""Whose turn it is: one job at a time on each device, in the order they were submitted.

Every waiting job looks only at those submitted before it. That decides who is next; a lock of the
operating system, given back however its holder ends, makes sure that only one runs.
"""

import contextlib
import re
import time

from filelock import BaseFileLock, FileLock, Timeout

from fundus_core.errors import StoreError
from fundus_core.jobs.folder import JobFolder, Outcome, Request, folders_in
from fundus_core.jobs.processes import end_session

_POLL_SECONDS = 0.2


def wait_for_turn(folder: JobFolder, request: Request) -> BaseFileLock | None:
    """Waits until every job submitted before this one to the same device has ended.

    Args:
        folder: The waiting job's.
        request: What it asked for.

    Returns:
        The lock on the device, held; None if the job is cancelled while it waits.
    """
    ahead = _submitted_before(folder, request)
    lock = FileLock(folder.path.parent / f".device-{_file_name(request.device)}.lock")
    while not folder.is_cancelled:
        ahead = _still_ahead(ahead)
        if not ahead and _is_acquired(lock):
            return lock
        time.sleep(_POLL_SECONDS)
    return None


def reconcile(folder: JobFolder) -> bool:
    """Ends what is left of a job whose runner is gone, and writes down that it was interrupted.

    Where that cannot be written, on a full disk, the job reads as interrupted all the same.

    Returns:
        True if the job is over, now or before.
    """
    if folder.is_settled:
        return True
    if folder.is_watched():
        return False
    why = folder.why_interrupted
    if (command := folder.command) is not None:
        end_session(command)
    with contextlib.suppress(StoreError):
        folder.write_outcome(Outcome("interrupted", message=why))
    return True


def _submitted_before(folder: JobFolder, request: Request) -> list[JobFolder]:
    """Returns the unfinished jobs of the same device that came earlier, oldest first."""
    unfinished = [other for other in folders_in(folder.path.parent) if not other.is_settled]
    asked = [(other.request(), other) for other in unfinished]
    earlier = {
        (theirs.created_at, theirs.id): other
        for theirs, other in asked
        if theirs is not None
        and theirs.device == request.device
        and (theirs.created_at, theirs.id) < (request.created_at, request.id)
    }
    return [earlier[place] for place in sorted(earlier)]


def _still_ahead(ahead: list[JobFolder]) -> list[JobFolder]:
    """Drops jobs from the front of the queue that are over, or that nobody watches over."""
    for position, folder in enumerate(ahead):
        if folder.path.is_dir() and not reconcile(folder):
            return ahead[position:]
    return []


def _file_name(device: str) -> str:
    """Returns a device's name as part of a file name: `cuda:0` becomes `cuda-0`."""
    return re.sub(r"[^A-Za-z0-9]", "-", device)


def _is_acquired(lock: BaseFileLock) -> bool:
    """Tries to take the lock."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
