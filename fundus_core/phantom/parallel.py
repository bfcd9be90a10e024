"""Drawing many photographs at once, each in one of several processes."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

import cv2

from fundus_core.domain.progress import Progress
from fundus_core.io.own_modules import VARIABLE as SAFE_PATH

_Item = TypeVar("_Item")

_WORTH_A_PROCESS = 12
"""Fewer items than this per process are done sooner than the process has started."""

_MOST_PROCESSES = 16
_MESSAGE = "Drawing synthetic photographs"


def for_each(
    work: Callable[[_Item], None],
    items: Sequence[_Item],
    *,
    workers: int | None,
    progress: Progress,
    already: int = 0,
) -> None:
    """Does the same work on every item, in any order, and waits for the end.

    Processes are started afresh (spawned), because forking a process with threads, such as the
    dashboard's, may deadlock. They end with this one, even if it is killed. None of them runs the
    main file of this one again, as others that are spawned do: it may be a script that has no `if
    __name__ == "__main__"`.

    Args:
        work: A top-level function of a module, not of the main file.
        items: Given to it one by one.
        workers: Number of processes; None for one per core, 1 for none beside this one.
        progress: Told after every item, in this process.
        already: Items done before this call; counted in the progress.
    """
    processes = workers or min(_cores(), _MOST_PROCESSES, len(items) // _WORTH_A_PROCESS)
    total = already + len(items)
    if processes <= 1:
        for done, item in enumerate(items, start=already + 1):
            work(item)
            progress(done, total, _MESSAGE)
        return
    spawned = multiprocessing.get_context("spawn")
    with _own_modules():
        pool = ProcessPoolExecutor(processes, mp_context=spawned, initializer=_start_worker)
    try:
        # The processes that begin here inherit all three.
        with _own_modules(), _ctrl_c_ignored(), _no_main_file():
            futures = [pool.submit(work, item) for item in items]
        for done, future in enumerate(as_completed(futures), start=already + 1):
            future.result()
            progress(done, total, _MESSAGE)
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Ignores Ctrl-C for a moment; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _own_modules() -> Iterator[None]:
    """Keeps processes that are spawned for a moment from looking into the current folder.

    A notebook or a script may be what starts them; of `fundus` that holds all the time.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


@contextlib.contextmanager
def _no_main_file() -> Iterator[None]:
    """Keeps processes that are spawned for a moment from running this one's main file again."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker() -> None:
    """Prepares a process of the pool: one thread, and no life after its parent's.

    Ctrl-C reaches all processes of a terminal; the parent ends the others once their item is done.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """Waits for the parent to die, then ends this process: its pool would wait for ever."""
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
