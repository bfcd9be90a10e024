"""How a job tells those who wait for it how far it is: a small file, rewritten now and then."""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from fundus_core.errors import StoreError
from fundus_core.jobs.files import read_json, write_json
from fundus_core.jobs.job import JobProgress

JOB_FOLDER_VARIABLE = "FUNDUS_JOB_DIR"
"""Environment variable that names the folder of the job a process belongs to."""

FILE_NAME = "progress.json"

_SECONDS_BETWEEN_WRITES = 0.25
_WINDOW_SECONDS = 30.0
"""The rate is that of the last half minute: a slow start is forgotten, a hiccup smoothed."""


class ProgressFile:
    """A `Progress` that keeps a file up to date; made for being called thousands of times a second.

    Work counts from the first call on: a resumed extraction that begins at 300 of 400 images shows
    the rate of the images it makes, not of those it found.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Writes nothing yet.

        Args:
            path: The file; its folder must exist.
            clock: Seconds from any fixed moment on.
        """
        self._path = path
        self._clock = clock
        self._total = -1
        self._samples: deque[tuple[float, int]] = deque()  # (seconds, done), oldest first

    def __call__(self, done: int, total: int, message: str) -> None:
        """Reports `done` of `total` units; a new phase and the last unit are always written."""
        now = self._clock()
        is_new_phase = total != self._total or done < self._samples[-1][1]
        if is_new_phase:
            self._samples.clear()
            self._total = total
        elif done < total and now - self._samples[-1][0] < _SECONDS_BETWEEN_WRITES:
            return
        self._samples.append((now, done))
        while now - self._samples[0][0] > _WINDOW_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        self._write(done, message)

    def _write(self, done: int, message: str) -> None:
        """Writes how far the work is, with the rate of the samples at hand."""
        (first_time, first_done), (last_time, last_done) = self._samples[0], self._samples[-1]
        seconds = last_time - first_time
        rate = (last_done - first_done) / seconds if seconds > 0 else None
        state = {
            "done": done,
            "total": self._total,
            "message": message,
            "rate": rate,
            "eta_seconds": (self._total - done) / rate if rate else None,
        }
        # A full disk is reported by the store, with what to do; progress is not worth failing for.
        with contextlib.suppress(OSError, StoreError):
            write_json(self._path, state)


def progress_of_this_job(environment: Mapping[str, str] = os.environ) -> ProgressFile | None:
    """Returns where this process reports its progress; None unless it runs as a job."""
    folder = environment.get(JOB_FOLDER_VARIABLE)
    return ProgressFile(Path(folder) / FILE_NAME) if folder else None


def read_progress(path: Path) -> JobProgress | None:
    """Returns what was last reported; None where nothing was."""
    state = read_json(path)
    try:
        return None if state is None else JobProgress(**state)
    except TypeError:
        return None
