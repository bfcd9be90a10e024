"""All jobs of a workspace: submit, look, cancel, remove."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from fundus_core.domain.visible import visible
from fundus_core.errors import JobError, StoreError
from fundus_core.io.event_log import note
from fundus_core.io.own_modules import own_modules
from fundus_core.io.read_only import is_read_only, require_writable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.jobs.folder import JobFolder, Outcome, folders_in, is_job_id, make_folder
from fundus_core.jobs.job import Job
from fundus_core.jobs.processes import end_session, is_alive
from fundus_core.jobs.queue import reconcile
from fundus_core.jobs.runner import last_sentences

FUNDUS_COMMAND = (sys.executable, "-P", "-m", "fundus_core")
"""What a job runs. `-P`: a file of the current folder never stands in for a module."""

_RUNNER = (sys.executable, "-P", "-m", "fundus_core.jobs.runner")
_RUNNER_MAY_END_IT_SECONDS = 2.0
"""The runner asks, waits for a second and kills; after this it is taken to be dead itself."""

_POLL_SECONDS = 0.02
_BYTES_PER_LOG_LINE = 400


class JobStore:
    """The jobs under one folder. Keeps nothing in memory: any number of processes may hold one."""

    def __init__(self, root: Path, *, command: Sequence[str] = FUNDUS_COMMAND) -> None:
        """Reads nothing yet.

        Args:
            root: The workspace's folder of jobs; made on the first submission.
            command: The program that command lines are given to.
        """
        self.root = root
        self._command = tuple(command)

    def submit(self, argv: Sequence[str], *, title: str, device: str = "cpu") -> Job:
        """Starts a job, or lets it wait for those submitted to the same device before it.

        The job runs in the current folder and outlives this process. If the very same command line
        is waiting or running already, that job is returned and nothing is started.

        Args:
            argv: The command line after the program's name, with its `--workspace`, and `--json`
                if the result is wanted.
            title: What menus show.
            device: `cpu` or `cuda:0`, ...

        Raises:
            JobError: If its process cannot be started, or no process can be given such arguments.
            StoreError: If the disk is full, or the workspace may not be written to.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        require_writable(self.root)
        _require_arguments(argv)
        with full_disk_explained(self.root / ".submit.lock", 0):
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / ".submit.lock"):
                if (twin := self._unfinished(tuple(argv))) is not None:
                    return twin
                folder = make_folder(
                    self.root, argv, title=title, device=device, command=self._command
                )
            _start_runner(folder)
        note("job submitted", job=folder.path.name, command=str(argv[0]) if argv else "")
        return folder.read()

    def list(self) -> tuple[Job, ...]:
        """Returns all jobs, newest first."""
        jobs = []
        for folder in folders_in(self.root):
            with contextlib.suppress(FileNotFoundError):  # removed in this very moment
                jobs.append(folder.read())
        return tuple(sorted(jobs, key=lambda job: (job.created_at, job.id), reverse=True))

    def get(self, job_id: str) -> Job:
        """Returns one job.

        Raises:
            JobError: If there is none of that id.
        """
        return self._folder(job_id).read()

    def cancel(self, job_id: str) -> Job:
        """Ends a job and every process it started, in under three seconds.

        A finished job stays as it is.

        Raises:
            JobError: If there is none of that id.
            StoreError: If it was ended, but the disk is too full to write that down.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        require_writable(self.root)
        folder = self._folder(job_id)
        job = folder.read()
        if job.is_finished:
            reconcile(folder)
            return folder.read()
        with contextlib.suppress(OSError):  # a full disk: the runner is not asked, but ended
            folder.ask_to_end()
            _wait_for_the_runner(folder)
        try:
            _end_without_runner(folder)
        except StoreError as error:
            raise StoreError(
                f"{job.title} was ended, but that cannot be written down: {error.message}",
                hint=error.hint,
            ) from error
        return folder.read()

    def log(self, job_id: str, tail: int = 200) -> str:
        """Returns the last lines of what a job wrote to standard error, then to standard output.

        Of a line that was overwritten in place, like a progress bar, the last state is returned.

        Args:
            job_id: Which job.
            tail: How many lines at most.

        Raises:
            JobError: If there is none of that id.
        """
        folder = self._folder(job_id)
        lines = [line for file in (folder.log, folder.output) for line in _last_lines(file, tail)]
        return "\n".join(lines[-tail:])

    def result(self, job_id: str) -> Any | None:
        """Returns what a job printed as JSON; None if it printed none, or not yet, or is damaged.

        Raises:
            JobError: If there is no job of that id.
        """
        try:
            return json.loads(self._folder(job_id).result.read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def remove(self, job_id: str) -> None:
        """Forgets a finished job, with its log and its printed result; what it stored stays.

        Raises:
            JobError: If there is none of that id, or it is not finished.
            StoreError: If the system does not let this program remove it.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        require_writable(self.root)
        job = self.get(job_id)
        if not job.is_finished:
            raise JobError(
                f"The job {job.title!r} is {job.state}; only a finished one can be removed.",
                hint="Cancel it first.",
            )
        folder = self.root / job_id
        with full_disk_explained(folder, 0), contextlib.suppress(FileNotFoundError):  # by another
            shutil.rmtree(folder.rename(self.root / f".removed-{job_id}"))

    def reconcile(self) -> None:
        """Ends what is left of jobs whose runner is gone, and writes down how they ended.

        Call it when the dashboard starts and wherever jobs are shown. A job whose processes are
        all gone reads as interrupted before; this also ends a command that lost its runner. Nothing
        happens where the workspace is only to be looked at.
        """
        if is_read_only():
            return
        for folder in folders_in(self.root):
            reconcile(folder)

    def _unfinished(self, argv: tuple[str, ...]) -> Job | None:
        """Returns the job that runs, or waits to run, this very command line."""
        for folder in folders_in(self.root):
            request = None if folder.is_settled else folder.request()
            if request is None or (request.command, request.argv) != (self._command, argv):
                continue
            if not (job := folder.read()).is_finished:
                return job
        return None

    def _folder(self, job_id: str) -> JobFolder:
        """Returns the folder of a job, or says that there is none."""
        folder = JobFolder(self.root / job_id)
        if not is_job_id(job_id) or not folder.path.is_dir():
            raise JobError(
                f"There is no job {job_id!r} in {self.root}.",
                hint="List the jobs to see their ids: `fundus jobs`.",
            )
        return folder


def _require_arguments(argv: Sequence[str]) -> None:
    """Refuses what the system takes for no argument of a command: its process would not start."""
    for argument in argv:
        if "\0" in argument:
            raise JobError(
                f"{visible(argument)} holds a NUL, a character that no command can be given.",
                hint="Type it again without that character.",
            )


def _start_runner(folder: JobFolder) -> None:
    """Starts the process that watches over a job, detached from this one.

    Where not even the reason can be kept that it did not start, on a full disk, no job is left.
    """
    try:
        _start(folder)
    except (OSError, StoreError):
        shutil.rmtree(folder.path, ignore_errors=True)
        raise


def _start(folder: JobFolder) -> None:
    with folder.log.open("ab") as log:
        started = subprocess.run(
            [*_RUNNER, str(folder.path)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | own_modules(),
            start_new_session=True,
        )
    if started.returncode != 0:
        reason = (last_sentences(folder.log) or ["its watcher ended at once"])[-1]
        folder.write_outcome(Outcome("failed", started.returncode, reason))
        raise JobError(
            f"The job could not be started: {reason}",
            hint="Run the same command in a terminal to see the whole message.",
        )


def _wait_for_the_runner(folder: JobFolder) -> None:
    """Gives the runner of a cancelled job the time to end it."""
    deadline = time.monotonic() + _RUNNER_MAY_END_IT_SECONDS
    while not folder.is_settled and folder.is_watched() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _end_without_runner(folder: JobFolder) -> None:
    """Ends a cancelled job whose runner is dead, or did not do it in time."""
    if folder.is_settled:
        return
    runner, command = folder.runner, folder.command
    if runner is not None and is_alive(runner):
        end_session(runner, grace_seconds=0.0)
    if command is not None:
        end_session(command, grace_seconds=0.0)
    folder.write_outcome(Outcome("cancelled"))


def _last_lines(file: Path, count: int) -> Sequence[str]:
    """Returns the last lines of a text file; none where there is no file."""
    if not file.exists():
        return []
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - count * _BYTES_PER_LOG_LINE))
        lines = opened.read().decode(errors="replace").split("\n")
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    return shown[:-1][-count:] if shown[-1] == "" else shown[-count:]
