"""Commands that are asked to end: Ctrl-C, SIGTERM and SIGHUP clear up alike and say one sentence.

Imports nothing that takes time: it is needed before the commands are imported.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOPPED = "Stopped. What was finished is stored; the same command goes on from there."
EXIT_INTERRUPTED = 130

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ended_at_once() -> Iterator[None]:
    """Ends this process at Ctrl-C, with the sentence alone; for a time with nothing to clear up.

    An exception would be raised inside an import, where libraries make something else of it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # it is to be ignored, or somebody else's
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def ended_as_by_an_interrupt() -> Iterator[None]:
    """Has SIGTERM and SIGHUP raise KeyboardInterrupt, once, so that commands clear up.

    A signal that is ignored, as by `nohup`, stays so. Processes that are forked off end at once, as
    they would without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return
    ours, is_ending = os.getpid(), False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_ending
        if os.getpid() != ours:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not is_ending:
            is_ending = True
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _ENDING}
    heeded = [number for number in _ENDING if before[number] == signal.SIG_DFL]
    for number in heeded:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def _end(number: int, frame: FrameType | None) -> None:
    """Says that this process was stopped and ends it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{STOPPED}\n".encode())
    os._exit(EXIT_INTERRUPTED)
