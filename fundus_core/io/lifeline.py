"""Processes that do not outlive the one that started them, however that one ends.

Whoever starts them keeps one end of a pipe open, and they hold the other. The system closes the
first when its process is gone, also by `kill -9`; whoever waits at the other end then ends itself.
"""

import contextlib
import os
import signal
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

VARIABLE = "FUNDUS_LIFELINE"
"""Environment variable: which descriptor to watch, and the pipe that it must be."""


@dataclass(frozen=True, slots=True)
class Lifeline:
    """What to give to `subprocess.Popen` for a process that is to end with this one."""

    environment: Mapping[str, str]
    """To be added to the environment of the process."""

    pass_fds: tuple[int, ...]
    """Descriptors that the process is to inherit."""


@contextlib.contextmanager
def lifeline() -> Iterator[Lifeline]:
    """Makes a lifeline for any number of processes; those left on the way out end as well.

    Only processes that call `end_with_starter` heed it.
    """
    watched, held = os.pipe()  # neither is inherited by processes started without being told to
    try:
        number = os.fstat(watched).st_ino
        yield Lifeline({VARIABLE: f"{watched}:{number}"}, (watched,))
    finally:
        os.close(watched)
        os.close(held)


def end_with_starter() -> None:
    """Lets this process end as soon as the one that started it is gone, if that was asked for.

    The variable is taken out of the environment: processes that this one starts are its own.
    """
    watched = _watched(os.environ.pop(VARIABLE, ""))
    if watched is not None:
        os.set_inheritable(watched, False)
        threading.Thread(target=_end_at_the_end_of, args=(watched,), daemon=True).start()


def signal_name(number: int) -> str:
    """Returns what a signal is called; most of the real-time ones have numbers alone.

    Examples:
        >>> signal_name(9), signal_name(35)
        ('SIGKILL', 'signal 35')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _watched(told: str) -> int | None:
    """Returns the descriptor; None where it is not, or no longer, the pipe that was meant."""
    descriptor, _, number = told.partition(":")
    if not (descriptor.isdecimal() and number.isdecimal()):
        return None
    try:
        status = os.fstat(int(descriptor))
    except OSError:
        return None
    is_meant = stat.S_ISFIFO(status.st_mode) and status.st_ino == int(number)
    return int(descriptor) if is_meant else None


def _end_at_the_end_of(descriptor: int) -> None:
    """Waits until nobody can write to a pipe any more, then ends this process at once."""
    os.read(descriptor, 1)
    os._exit(1)
