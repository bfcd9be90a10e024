"""The folder of a job: who writes which file, and what state they add up to.

File            Written by            Says
--------------  --------------------  --------------------------------------------------
job.json        the store, once       what was asked for
runner.json     the runner, once      who watches over the job, and in which folder
command.json    the runner, once      who does the work, since when, and in which folder
progress.json   the command, often    how far it is
log.txt         both                  standard error
output.txt      the command           standard output, until it proves to be JSON
result.json     the runner, at last   standard output that was one JSON object
cancel          the store, once       that the job is to end
outcome.json    whoever ends it       how it ended; there is no state after this one

No state is stored while a job lives: it follows from these files and from who is alive.

A copy of a folder names the processes of the original. The records therefore say in which folder
they were written, by its device and inode, and a process that was named in another one counts for
nothing here: it is neither waited for nor ended. It is the folder's inode and not that of a file,
since backups may link to files (`cp -al`) but make folders of their own; and the device as well,
since snapshots keep inodes. Links, bind mounts and a move on the same disk keep both. Where a file
system makes up inodes as it goes (overlayfs without xino, FUSE), that of the folder stays while the
watcher lives, who has the log in it open; no other folder is given it meanwhile, either. On a
network file system that is mounted twice the device may differ: a job then reads as interrupted at
the other mount, and nothing is ended from there. Where an earlier version wrote the record, without
a folder, the process is asked which one it was started for (`names_folder`).
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, get_args

from fundus_core.io.event_log import note
from fundus_core.jobs import progress
from fundus_core.jobs.files import read_json, write_json
from fundus_core.jobs.job import Job, JobState
from fundus_core.jobs.processes import ProcessId, is_alive, names_folder

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")

_STARTING = timedelta(seconds=15)
"""How long a job without a runner is taken to be starting; a start takes a tenth of a second."""

INTERRUPTED = (
    "Its process is gone, e.g. after a restart of the machine, or because the disk was full; start "
    "it again and what it had finished is used again."
)

COPIED = (
    "It is not under way here: the workspace was copied from where it was begun, or its disk was "
    "mounted anew since. Give its command again, with this workspace, and what is here of its work "
    "is used again."
)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    id: str
    title: str
    argv: tuple[str, ...]
    device: str

    command: tuple[str, ...]
    """The program that `argv` is given to."""

    created_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    state: JobState
    exit_code: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Reads and writes the files of one job."""

    path: Path

    @property
    def log(self) -> Path:
        """Standard error of the command, and of the runner should it fail."""
        return self.path / "log.txt"

    @property
    def output(self) -> Path:
        """Standard output of the command, unless it was JSON."""
        return self.path / "output.txt"

    @property
    def result(self) -> Path:
        """Standard output of the command, if it was JSON."""
        return self.path / "result.json"

    @property
    def is_cancelled(self) -> bool:
        """True once somebody asked the job to end."""
        return (self.path / "cancel").exists()

    @property
    def is_settled(self) -> bool:
        """True once it is written down how the job ended."""
        return (self.path / "outcome.json").exists()

    @property
    def runner(self) -> ProcessId | None:
        """Who watches over the job in this folder; None while it starts, and in a copy."""
        return self._of_here(read_json(self.path / "runner.json"), self._named_runner)

    @property
    def command(self) -> ProcessId | None:
        """Who does the work in this folder; None while it waits for its turn, and in a copy."""
        written = read_json(self.path / "command.json") or {}
        return self._of_here(written, _to_process(written.get("process")))

    @property
    def why_interrupted(self) -> str:
        """What to say of a job that is over though nobody wrote down how it ended."""
        folder = (read_json(self.path / "runner.json") or {}).get("folder")
        if folder is None:  # of an earlier version
            named = self._named_runner
            return COPIED if named is not None and is_alive(named) else INTERRUPTED
        return INTERRUPTED if folder == _identity(self.path) else COPIED

    def is_watched(self) -> bool:
        """Tells whether a runner is there to start the job, or to write down how it ends."""
        if self._named_runner is not None:
            runner = self.runner
            return runner is not None and is_alive(runner)
        request = self.request()  # of tomorrow, where the clock was set back since
        return request is not None and abs(datetime.now(UTC) - request.created_at) < _STARTING

    def request(self) -> Request | None:
        """Returns what was asked for; None where the file is damaged."""
        written = read_json(self.path / "job.json")
        try:
            return None if written is None else _to_request(written)
        except (KeyError, TypeError, ValueError):
            return None

    def write_runner(self, process: ProcessId) -> None:
        """Says who watches over the job."""
        write_json(self.path / "runner.json", {**asdict(process), "folder": _identity(self.path)})

    def write_command(self, process: ProcessId) -> None:
        """Says who does the work, from now on."""
        started_at = datetime.now(UTC).isoformat()
        write_json(
            self.path / "command.json",
            {
                "process": asdict(process),
                "started_at": started_at,
                "folder": _identity(self.path),
            },
        )

    def write_outcome(self, outcome: Outcome) -> None:
        """Says how the job ended; whoever asked for its end is right, and the first word stands."""
        if self.is_settled:
            return
        if self.is_cancelled:
            outcome = Outcome("cancelled", outcome.exit_code)
        started = read_json(self.path / "command.json") or {}
        write_json(
            self.path / "outcome.json",
            {
                **asdict(outcome),
                "started_at": started.get("started_at"),
                "finished_at": datetime.now(UTC).isoformat(),
            },
        )
        note("job ended", job=self.path.name, state=outcome.state, exit_code=outcome.exit_code)

    def ask_to_end(self) -> None:
        """Leaves the sign for the runner to end the job."""
        (self.path / "cancel").touch()

    def read(self) -> Job:
        """Returns the job as it is now."""
        request = self.request()
        if request is None:
            return self._damaged()
        outcome = read_json(self.path / "outcome.json")
        if outcome is None or outcome.get("state") not in get_args(JobState):
            if self.is_settled:
                return self._damaged()
            started = read_json(self.path / "command.json") or {}
            state = self._living_state(has_started=bool(started))
            message = self.why_interrupted if state == "interrupted" else ""
            outcome = {**started, "state": state, "message": message}
        return Job(
            id=request.id,
            title=request.title,
            argv=request.argv,
            device=request.device,
            state=outcome["state"],
            progress=progress.read_progress(self.path / progress.FILE_NAME),
            created_at=request.created_at,
            started_at=_to_time(outcome.get("started_at")),
            finished_at=_to_time(outcome.get("finished_at")),
            exit_code=outcome.get("exit_code"),
            message=str(outcome.get("message", "")),
        )

    def _living_state(self, *, has_started: bool) -> JobState:
        """Returns the state of a job of which nobody wrote down how it ended."""
        if self.is_watched():
            return "running" if has_started else "queued"
        command = self.command
        if command is not None and is_alive(command):
            return "running"  # its runner was killed: it works on until somebody reconciles
        return "cancelled" if self.is_cancelled else "interrupted"

    @property
    def _named_runner(self) -> ProcessId | None:
        """Who watches over the job, wherever that was written."""
        return _to_process(read_json(self.path / "runner.json"))

    def _of_here(
        self, written: dict[str, Any] | None, process: ProcessId | None
    ) -> ProcessId | None:
        """Returns a process if it works in this very folder; None where the record is a copy."""
        if written is None or process is None:
            return None
        folder = written.get("folder")
        is_ours = (
            names_folder(process, progress.JOB_FOLDER_VARIABLE, self.path)
            if folder is None
            else folder == _identity(self.path)
        )
        return process if is_ours else None

    def _damaged(self) -> Job:
        """Returns what can be said of a folder whose description cannot be read."""
        changed = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        return Job(
            id=self.path.name,
            title=self.path.name,
            argv=(),
            device="",
            state="failed",
            progress=None,
            created_at=changed,
            started_at=None,
            finished_at=changed,
            exit_code=None,
            message="The record of this job cannot be read; remove it.",
        )


def is_job_id(name: str) -> bool:
    """Tells whether a name has the form of a job's id; nothing else is looked up on disk."""
    return _ID.fullmatch(name) is not None


def make_folder(
    root: Path, argv: Sequence[str], *, title: str, device: str, command: Sequence[str]
) -> JobFolder:
    """Makes the folder of a new job; it appears complete or not at all."""
    now = datetime.now(UTC)
    job_id = f"{now:%Y%m%d-%H%M%S}-{token_hex(3)}"
    request = Request(job_id, title, tuple(argv), device, tuple(command), now)
    unfinished = root / f".new-{job_id}"
    unfinished.mkdir(parents=True)
    try:
        write_json(unfinished / "job.json", {**asdict(request), "created_at": now.isoformat()})
        return JobFolder(unfinished.rename(root / job_id))
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def folders_in(root: Path) -> list[JobFolder]:
    """Returns the folders of all jobs, oldest first to the second."""
    if not root.is_dir():
        return []
    return [JobFolder(root / name) for name in sorted(_names_in(root)) if is_job_id(name)]


def _names_in(folder: Path) -> list[str]:
    """Returns the names of what lies in a folder."""
    return [entry.name for entry in folder.iterdir()]


def _to_request(written: dict[str, Any]) -> Request:
    """Returns the content of `job.json` as the value it was made from."""
    return Request(
        id=written["id"],
        title=written["title"],
        argv=tuple(written["argv"]),
        device=written["device"],
        command=tuple(written["command"]),
        created_at=datetime.fromisoformat(written["created_at"]),
    )


def _to_process(written: object) -> ProcessId | None:
    """Returns a process as `asdict` wrote it; None where it is damaged."""
    match written:
        case {"pid": int(pid), "seconds_after_boot": float(seconds)}:
            return ProcessId(pid, seconds)
    return None


def _identity(folder: Path) -> list[int]:
    """Returns the device and inode of a folder, which a copy does not share; empty without one."""
    try:
        found = folder.stat()
    except OSError:
        return []
    return [found.st_dev, found.st_ino]


def _to_time(written: object) -> datetime | None:
    """Returns a time as written by `isoformat`; None where it is damaged."""
    try:
        return datetime.fromisoformat(str(written))
    except ValueError:
        return None
