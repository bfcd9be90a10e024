"""Cancelling: everything a job started is gone within three seconds, whatever it does."""

import os
import signal
import time
from pathlib import Path

import pytest

from fundus_core.jobs.folder import JobFolder
from fundus_core.jobs.job import Job
from fundus_core.jobs.store import JobStore
from tests.jobs.waiting import finished, is_gone, started, wait_until

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)\n"

SECONDS_ALLOWED = 3.0


def _runner(store: JobStore, job: Job) -> int:
    runner = JobFolder(store.root / job.id).runner
    assert runner is not None
    return runner.pid


def _cancel(store: JobStore, job: Job) -> Job:
    """Cancels a job and checks that it took no longer than promised."""
    begin = time.monotonic()
    cancelled = store.cancel(job.id)
    assert time.monotonic() - begin < SECONDS_ALLOWED
    return cancelled


def test_cancel__ends_a_running_job(store: JobStore) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))

    cancelled = _cancel(store, job)

    assert (cancelled.state, cancelled.exit_code) == ("cancelled", -signal.SIGTERM)
    assert cancelled.finished_at is not None
    wait_until(lambda: is_gone(_runner(store, job)))


@pytest.mark.parametrize("own_session", [False, True], ids=["in its session", "in one of its own"])
def test_cancel__ends_a_job_and_children_that_will_not_go(
    store: JobStore, tmp_path: Path, own_session: bool
) -> None:
    pids = tmp_path / "pids.txt"
    code = (
        f"import os, subprocess, sys\n{STUBBORN}"
        "def start(code):\n"
        "    child = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE,"
        f" start_new_session={own_session})\n"
        "    child.stdout.readline(); return child.pid\n"
        f"children = [start({STUBBORN + 'time.sleep(60)'!r}) for _ in range(2)]\n"
        f"path = {str(pids)!r}\n"
        "with open(path + '.new', 'w') as file: print(os.getpid(), *children, file=file)\n"
        "os.replace(path + '.new', path)\n"
        "time.sleep(60)"
    )
    job = store.submit([code], title="Extract")
    wait_until(pids.exists)
    processes = [int(pid) for pid in pids.read_text(encoding="utf-8").split()]

    cancelled = _cancel(store, job)

    assert cancelled.state == "cancelled"
    assert len(processes) == 3
    assert all(is_gone(pid) for pid in processes)


def test_cancel__a_waiting_job_never_runs_and_the_next_one_does(store: JobStore) -> None:
    first = started(store, store.submit(["import time; time.sleep(1)"], title="first"))
    second = store.submit(["print('ran')", "second"], title="second")
    third = store.submit(["print('ran')", "third"], title="third")

    cancelled = _cancel(store, second)

    assert (cancelled.state, cancelled.started_at) == ("cancelled", None)
    assert finished(store, third).state == "done"
    assert store.get(first.id).state == "done"
    assert store.log(second.id) == ""


def test_cancel__right_after_submitting(store: JobStore) -> None:
    job = store.submit([SLEEP], title="Extract")

    assert _cancel(store, job).state == "cancelled"
    wait_until(lambda: is_gone(_runner(store, job)))


def test_cancel__twice_is_once(store: JobStore) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))

    first, second = _cancel(store, job), _cancel(store, job)

    assert first == second


def test_cancel__a_finished_job_stays_as_it_is(store: JobStore) -> None:
    job = finished(store, store.submit(["pass"], title="Extract"))

    assert _cancel(store, job) == job


def test_cancel__a_job_whose_runner_was_killed(store: JobStore) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))
    command = JobFolder(store.root / job.id).command
    os.kill(_runner(store, job), signal.SIGKILL)

    cancelled = _cancel(store, job)

    assert cancelled.state == "cancelled"
    assert command is not None
    assert is_gone(command.pid)


def test_cancel__a_job_whose_runner_does_not_answer(store: JobStore) -> None:
    job = started(store, store.submit([STUBBORN + SLEEP], title="Extract"))
    command = JobFolder(store.root / job.id).command
    runner = _runner(store, job)
    os.kill(runner, signal.SIGSTOP)

    cancelled = _cancel(store, job)

    assert cancelled.state == "cancelled"
    assert command is not None
    assert is_gone(command.pid)
    assert is_gone(runner)
