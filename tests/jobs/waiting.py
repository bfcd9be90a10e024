"""Waiting for other processes without waiting longer than needed."""

import time
from collections.abc import Callable

import psutil

from fundus_core.jobs.job import Job
from fundus_core.jobs.store import JobStore


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Returns once the condition holds; fails the test if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Tells whether a process is no more than an entry that nobody has reaped yet."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def finished(store: JobStore, job: Job) -> Job:
    """Returns the job once it is finished."""
    wait_until(lambda: store.get(job.id).is_finished)
    return store.get(job.id)


def started(store: JobStore, job: Job) -> Job:
    """Returns the job once it runs."""
    wait_until(lambda: store.get(job.id).state == "running")
    return store.get(job.id)
