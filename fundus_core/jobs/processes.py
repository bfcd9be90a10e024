"""Processes that outlive the one that started them: is it still that one, and how to end it."""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAME_START_SECONDS = 1.5
"""A process id is only given again after all others: two starts this close are the same process."""

_POLL_SECONDS = 0.02
_KILL_SECONDS = 1.0

_BECOME_SUBREAPER = 36
"""`PR_SET_CHILD_SUBREAPER` of Linux's prctl(2)."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int

    seconds_after_boot: float
    """When it started. Counted from the boot, since clocks are corrected while jobs run."""


def identify(pid: int) -> ProcessId:
    """Returns who has this number now.

    Raises:
        psutil.NoSuchProcess: If nobody does.
    """
    return ProcessId(pid, _seconds_after_boot(psutil.Process(pid)))


def is_alive(process: ProcessId) -> bool:
    """Tells whether the process is still there; one that only waits to be reaped is not."""
    return _find(process) is not None


def names_folder(process: ProcessId, variable: str, folder: Path) -> bool:
    """Tells whether a living process was started for a folder, by whatever path.

    Args:
        process: Which one.
        variable: Environment variable in which it was named, unless it ends its command line.
        folder: The folder.
    """
    found = _find(process)
    with contextlib.suppress(psutil.Error, OSError):
        if found is not None:
            named = [found.environ().get(variable, ""), *found.cmdline()[-1:]]
            place = Path(found.cwd())
            return any(_is_same(place / name, folder) for name in named if name)
    return False


def end_session(leader: ProcessId, *, grace_seconds: float = 1.0) -> None:
    """Ends a process that leads a session, all its descendants and all others of the session.

    They are asked to (SIGTERM); those still there after `grace_seconds` are killed. Works too when
    the leader itself is gone already and left some behind.
    """
    members = session_of(leader)
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    _wait_until_gone(members, grace_seconds)
    _kill_all(lambda: members | session_of(leader))


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parent dies; on Linux only.

    Elsewhere they go to the system's first process, and `end_descendants` does not find them.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kills every process that this one, or one that it started, has started."""
    _kill_all(lambda: set(psutil.Process().children(recursive=True)))


def session_of(leader: ProcessId) -> set[psutil.Process]:
    """Returns the living processes of the session, and the leader's descendants in any session."""
    found = _find(leader)
    if found is None and psutil.pid_exists(leader.pid) and not _is_zombie(leader.pid):
        return set()  # the number went to another process, so no session of that name is left

    members: set[psutil.Process] = set() if found is None else {found}
    with contextlib.suppress(psutil.NoSuchProcess):
        members |= set() if found is None else set(found.children(recursive=True))
    for pid in psutil.pids():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader.pid:
                members.add(psutil.Process(pid))
    return _running(members)


def _kill_all(members: Callable[[], set[psutil.Process]]) -> None:
    """Kills processes, and those they start meanwhile, until none is left or the time is up."""
    deadline = time.monotonic() + _KILL_SECONDS
    while (stubborn := _running(members())) and time.monotonic() < deadline:
        for member in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        _wait_until_gone(stubborn, _POLL_SECONDS * 5)


def _find(process: ProcessId) -> psutil.Process | None:
    """Returns the running process of that number and start."""
    with contextlib.suppress(psutil.NoSuchProcess):
        found = psutil.Process(process.pid)
        apart = abs(_seconds_after_boot(found) - process.seconds_after_boot)
        if apart < _SAME_START_SECONDS and found.status() != psutil.STATUS_ZOMBIE:
            return found
    return None


def _is_same(path: Path, folder: Path) -> bool:
    """Tells whether two paths lead to one folder."""
    try:
        return path.samefile(folder)
    except (OSError, ValueError):  # not there; too long, or no path at all
        return False


def _seconds_after_boot(process: psutil.Process) -> float:
    """Returns when the process started."""
    return float(process.create_time() - psutil.boot_time())


def _is_zombie(pid: int) -> bool:
    """Tells whether the number is held by a process that only waits to be reaped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return False


def _running(processes: set[psutil.Process]) -> set[psutil.Process]:
    """Returns those of the processes that are neither gone nor waiting to be reaped."""
    running = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                running.add(process)
    return running


def _wait_until_gone(processes: set[psutil.Process], seconds: float) -> None:
    """Waits until all are gone, at most so long.

    Not by `psutil.wait_procs`: it would take the exit status from whoever started them.
    """
    deadline = time.monotonic() + seconds
    while _running(processes) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
