"""Whose turn it is, also when a process in the queue is killed."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil

from fundus_core.jobs.folder import JobFolder
from fundus_core.jobs.job import Job
from fundus_core.jobs.processes import identify
from fundus_core.jobs.store import JobStore
from tests.jobs.waiting import finished, is_gone, started, wait_until

SLEEP = "import time; time.sleep(60)"


def _pid_of_runner(store: JobStore, job: Job) -> int:
    runner = JobFolder(store.root / job.id).runner
    assert runner is not None
    return runner.pid


def _pid_of_command(store: JobStore, job: Job) -> int:
    command = JobFolder(store.root / job.id).command
    assert command is not None
    return command.pid


def test_one_device__jobs_run_one_at_a_time_in_their_order(store: JobStore, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    code = (
        "import sys, time\n"
        f"diary = open({str(diary)!r}, 'a')\n"
        "diary.write('+' + sys.argv[1]); diary.flush(); time.sleep(0.3); diary.write('-')"
    )

    jobs = [store.submit([code, name], title=name) for name in "abc"]
    for job in jobs:
        finished(store, job)

    assert diary.read_text(encoding="utf-8") == "+a-+b-+c-"


def test_two_devices__run_at_the_same_time(store: JobStore) -> None:
    jobs = [
        store.submit([SLEEP, device], title="Train", device=device)
        for device in ("cpu", "cuda:0", "cuda:1")
    ]

    wait_until(lambda: all(store.get(job.id).state == "running" for job in jobs))


def test_a_killed_job__the_next_one_proceeds(store: JobStore) -> None:
    first = started(store, store.submit([SLEEP], title="first"))
    second = store.submit(["pass"], title="second")

    os.kill(_pid_of_command(store, first), signal.SIGKILL)

    assert finished(store, first).state == "failed"
    assert finished(store, second).state == "done"


def test_a_killed_runner__its_command_is_ended_before_the_next_one_starts(store: JobStore) -> None:
    first = started(store, store.submit([SLEEP], title="first"))
    command = _pid_of_command(store, first)
    look = f"from tests.jobs.waiting import is_gone; print(is_gone({command}))"
    second = store.submit([look], title="second")

    os.kill(_pid_of_runner(store, first), signal.SIGKILL)

    assert finished(store, second).state == "done"
    assert store.log(second.id) == "True"
    assert store.get(first.id).state == "interrupted"


def test_a_killed_runner__without_a_queue_the_job_works_on_until_reconciled(
    store: JobStore,
) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))
    runner, command = _pid_of_runner(store, job), _pid_of_command(store, job)
    os.kill(runner, signal.SIGKILL)
    wait_until(lambda: is_gone(runner))
    before = store.get(job.id).state

    store.reconcile()

    assert before == "running"
    assert store.get(job.id).state == "interrupted"
    assert is_gone(command)


def test_a_killed_waiting_runner__does_not_hold_up_the_queue(store: JobStore) -> None:
    first = started(store, store.submit(["import time; time.sleep(1)"], title="first"))
    second = store.submit(["pass", "second"], title="second")
    third = store.submit(["pass", "third"], title="third")

    os.kill(_pid_of_runner(store, second), signal.SIGKILL)

    assert finished(store, third).state == "done"
    assert store.get(first.id).state == "done"
    assert store.get(second.id).state == "interrupted"


def test_everything_killed__the_job_reads_as_interrupted_by_itself(store: JobStore) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))

    os.kill(_pid_of_runner(store, job), signal.SIGKILL)
    os.kill(_pid_of_command(store, job), signal.SIGKILL)
    wait_until(lambda: store.get(job.id).is_finished)

    assert store.get(job.id).state == "interrupted"
    assert not (store.root / job.id / "outcome.json").exists()


def test_a_number_given_to_another_process__is_not_mistaken_for_the_runner(
    store: JobStore,
) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))
    os.kill(_pid_of_runner(store, job), signal.SIGKILL)
    os.kill(_pid_of_command(store, job), signal.SIGKILL)
    folder = JobFolder(store.root / job.id)
    mine = identify(os.getpid())

    folder.write_runner(replace(mine, seconds_after_boot=mine.seconds_after_boot - 3600))
    folder.write_command(replace(mine, seconds_after_boot=mine.seconds_after_boot - 3600))
    store.reconcile()  # must not end this very process

    assert store.get(job.id).state == "interrupted"


def test_a_finished_job__leaves_no_process_behind(store: JobStore) -> None:
    leave_one = (
        "import subprocess, sys\n"
        f"left = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        "left.returncode = 0; print(left.pid)"
    )

    job = finished(store, store.submit([leave_one], title="Extract"))

    assert job.state == "done"
    assert is_gone(int(store.log(job.id)))


def test_waiting__costs_next_to_nothing(store: JobStore) -> None:
    started(store, store.submit([SLEEP], title="first"))
    waiting = [store.submit(["pass", str(number)], title="") for number in range(5)]
    runners = [psutil.Process(_pid_of_runner(store, job)) for job in waiting]
    before = [sum(runner.cpu_times()[:2]) for runner in runners]

    time.sleep(1)

    used = [sum(runner.cpu_times()[:2]) for runner in runners]
    assert max(after - earlier for after, earlier in zip(used, before, strict=True)) < 0.1
