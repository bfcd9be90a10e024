"""What is known of a job: a command line that runs, ran or waits to run in its own process."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
"""`interrupted`: its processes are gone and nobody wrote down how it ended, e.g. after a reboot."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is, as it last said so itself."""

    done: int
    """Units of work finished, in [0, total]."""

    total: int
    """Units of work in this phase."""

    message: str
    """What is happening, in a few words."""

    rate: float | None
    """Units per second over the last half minute; None until it can be told."""

    eta_seconds: float | None
    """Time left for this phase at that rate; None until it can be told."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it is now; read it again to see it move."""

    id: str
    """Date, time and six random digits; also the name of its folder."""

    title: str
    """What menus show."""

    argv: tuple[str, ...]
    """The command line after the program's name."""

    device: str
    """`cpu` or `cuda:0`, ...; one job at a time runs on each."""

    state: JobState

    progress: JobProgress | None
    """None until the job has reported for the first time."""

    created_at: datetime
    """When it was submitted (UTC)."""

    started_at: datetime | None
    """When its turn came (UTC); None while it waits, or if it never ran."""

    finished_at: datetime | None
    """When it ended (UTC); None before, and for an interrupted job not yet reconciled."""

    exit_code: int | None
    """Of the command; minus the signal's number if one ended it; None where unknown."""

    message: str
    """For a job that did not end well: one sentence why. Else empty."""

    @property
    def is_finished(self) -> bool:
        """True once it will not change any more."""
        return self.state not in {"queued", "running"}
