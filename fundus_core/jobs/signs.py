"""Does a job still do anything? One that neither computes nor reports is ended.

A job that waits, for a lock or a device, reports that it waits, and so is not mistaken for one that
hangs. One that computes for ever cannot be told from one that has much to compute: it can be
cancelled.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from fundus_core.jobs.processes import ProcessId, session_of

VARIABLE = "FUNDUS_HANG_MINUTES"
"""Environment variable: minutes without a sign of life after which a job is ended; 0 for never."""

DEFAULT_MINUTES = 30.0

_LEAST_CPU_SECONDS = 0.5
"""Less than this between two looks is what threads take that only wake up to wait again."""

_LOOKS = 20
"""Looks at the processes in the time after which they are given up."""


class SignsOfLife:
    """Watches the processor time of a session, and the files that its work changes."""

    def __init__(
        self,
        leader: ProcessId,
        files: Sequence[Path],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the job to be alive now.

        Args:
            leader: Leads the session.
            files: What its work changes: progress, log, output.
            clock: Seconds from any fixed moment on.
        """
        self._leader, self._files, self._clock = leader, files, clock
        self._allowed = allowed_seconds()
        self._seen = self._looked = clock()
        self._cpu, self._changed = 0.0, self._newest()
        self.are_gone = False

    @property
    def lost(self) -> str:
        """One sentence for a job that was given up."""
        return (
            f"It neither computed nor reported anything for {self._allowed / 60:g} minutes and was "
            "ended; start it again and what it had finished is used again."
        )

    def look(self) -> bool:
        """Says whether the job is to be given up."""
        now = self._clock()
        if not self._allowed or now - self._looked < self._allowed / _LOOKS:
            return False
        self._looked = now
        cpu, changed = self._cpu_seconds(), self._newest()
        if abs(cpu - self._cpu) >= _LEAST_CPU_SECONDS or changed != self._changed:
            self._seen, self._cpu, self._changed = now, cpu, changed
        self.are_gone = now - self._seen >= self._allowed
        return self.are_gone

    def _cpu_seconds(self) -> float:
        """Returns what the living processes of the session have taken."""
        total = 0.0
        for process in session_of(self._leader):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def _newest(self) -> tuple[int, ...]:
        """Returns when the files were changed."""
        found = []
        for file in self._files:
            with contextlib.suppress(OSError):
                found.append(file.stat().st_mtime_ns)
        return tuple(found)


def allowed_seconds() -> float:
    """Returns after how long without a sign of life a job is ended; 0 for never."""
    try:
        minutes = float(os.environ.get(VARIABLE, DEFAULT_MINUTES))
    except ValueError:
        minutes = DEFAULT_MINUTES
    return max(0.0, 60 * minutes)
