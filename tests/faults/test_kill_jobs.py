"""kill -9 of any process of a job: said within seconds, nothing left over, and it goes on.

Jobs are submitted as the pages submit them. A random one of their processes is killed: the watcher,
the command, or a process that the command started.
"""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from fundus_core.errors import StudyError
from fundus_core.io.workspace import Workspace
from fundus_core.jobs.folder import JobFolder
from fundus_core.jobs.job import Job
from fundus_core.jobs.progress import FILE_NAME, JOB_FOLDER_VARIABLE
from fundus_core.jobs.store import JobStore
from fundus_core.studies.run import open_study, run_study, run_with_workers
from fundus_core.workflows.data.integrity import examine
from tests.conftest import ROOT
from tests.faults.undisturbed import (
    COMMANDS,
    KILLS_IN_ALL,
    Undisturbed,
    assert_clean,
    figures_of,
    write_commands,
)
from tests.jobs.waiting import is_gone, wait_until

SECONDS_TO_SAY_SO = 5.0
SECONDS_FOR_ANOTHER_WORKER = 120.0
"""A worker of a study that is killed leaves its cell to the others, who go on."""

Run = Callable[[str], Undisturbed]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    commands = write_commands(tmp_path_factory.mktemp("data"))
    return {**commands, "study": (*commands["study"], "--workers", 2)}


@pytest.fixture(scope="module")
def undisturbed(
    commands: dict[str, tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Runs a job without disturbance, once."""
    known: dict[str, Undisturbed] = {}

    def run(name: str) -> Undisturbed:
        if name not in known:
            place = Workspace(tmp_path_factory.mktemp(name) / "workspace")
            began = time.monotonic()
            job = ended(place, submit(place, commands[name]))
            seconds = time.monotonic() - began
            assert job.state == "done", job.message
            known[name] = Undisturbed(commands[name], seconds, 0, figures_of(place))
        return known[name]

    return run


def submit(place: Workspace, argv: tuple[object, ...]) -> Job:
    told = [*map(str, argv), "--workspace", str(place.root)]
    return JobStore(place.jobs).submit(told, title=told[0])


def ended(place: Workspace, job: Job, seconds: float = 300.0) -> Job:
    store = JobStore(place.jobs)
    wait_until(lambda: store.get(job.id).is_finished, seconds)
    return store.get(job.id)


def processes_of(folder: JobFolder) -> dict[int, str]:
    """Returns the living processes of a job, in whatever session they are, by what they are."""
    runner, command = folder.runner, folder.command
    told = {} if runner is None or is_gone(runner.pid) else {runner.pid: "watcher"}
    for process in psutil.process_iter():
        try:
            belongs = process.environ().get(JOB_FOLDER_VARIABLE) == str(folder.path)
            if belongs and process.status() != psutil.STATUS_ZOMBIE:
                is_command = command is not None and process.pid == command.pid
                told[process.pid] = "command" if is_command else "started by it"
        except psutil.Error:
            continue
    return told


def kill_one(
    place: Workspace, job: Job, what: Undisturbed, generator: np.random.Generator, victim: str
) -> str:
    """Kills a process of a job at a random moment; returns which it was, empty if it was over.

    Every other time it is a moment after the work itself has begun.
    """
    store, folder = JobStore(place.jobs), JobFolder(place.jobs / job.id)
    seconds = what.seconds
    if victim == "started by it":
        wait_until(
            lambda: victim in processes_of(folder).values() or store.get(job.id).is_finished, 60
        )
        seconds /= 2
    elif generator.random() < 0.5:
        progress = folder.path / FILE_NAME
        wait_until(lambda: progress.is_file() or store.get(job.id).is_finished, 60)
        seconds /= 4
    time.sleep(generator.uniform(0.0, seconds))
    alive = processes_of(folder)
    if store.get(job.id).is_finished or not alive:
        return ""
    wanted = [pid for pid, kind in alive.items() if kind == victim] or list(alive)
    pid = int(generator.choice(wanted))
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return alive[pid]


def kill_again_and_again(
    what: Undisturbed, folder: Path, n_kills: int, seed: int
) -> tuple[Workspace, Counter[str]]:
    """Kills a job so many times; each time it is submitted again and goes on from what was left.

    Returns:
        The workspace that the last kill left, and how often each kind of process was killed.
    """
    generator, killed = np.random.default_rng(seed), Counter[str]()
    kinds = ["command", "watcher"] + ["started by it"] * ("--workers" in what.argv)
    places = (Workspace(folder / f"workspace-{number}") for number in itertools.count())
    place = next(places)
    for victim in itertools.islice(itertools.cycle(kinds), 4 * n_kills):
        job = submit(place, what.argv)
        hit = kill_one(place, job, what, generator, victim)
        allowed = SECONDS_FOR_ANOTHER_WORKER if hit in {"", "started by it"} else SECONDS_TO_SAY_SO
        job = ended(place, job, allowed)
        assert_over(place, job)
        killed[hit] += bool(hit)
        if job.state == "done":
            assert figures_of(place) == what.figures
            place = next(places)
        if killed.total() >= n_kills:
            return place, +killed
    raise AssertionError(f"{killed.total()} of {n_kills} kills hit a job")


def assert_over(place: Workspace, job: Job) -> None:
    """A killed job says what to do; none of its processes is left, and nothing is damaged."""
    folder = JobFolder(place.jobs / job.id)
    wait_until(lambda: not processes_of(folder), SECONDS_TO_SAY_SO)
    assert examine(place).damaged == ()
    if job.state != "done":
        assert job.state in {"failed", "interrupted"}
        assert "tart it again" in job.message or "Run the study again" in job.message


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "n_kills"),
    [
        ("embed", 2),
        *(
            pytest.param(name, KILLS_IN_ALL // len(COMMANDS), marks=pytest.mark.slow)
            for name in COMMANDS
        ),
    ],
)
def test_kill_9_of_a_job__submitted_again_it_gives_what_nobody_disturbed_gives(
    undisturbed: Run, tmp_path: Path, name: str, n_kills: int
) -> None:
    what = undisturbed(name)

    place, killed = kill_again_and_again(what, tmp_path, n_kills, seed=COMMANDS.index(name))
    job = ended(place, submit(place, what.argv))

    sys.stdout.write(f"{name}: {dict(killed)}\n")  # for docs/reliability.md
    assert job.state == "done", job.message
    assert figures_of(place) == what.figures
    assert_clean(place)


def test_kill_9_of_a_command__ends_what_it_started_in_a_session_of_its_own(
    python: JobStore, tmp_path: Path
) -> None:
    pids = tmp_path / "pid.txt"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '60'], env={}, start_new_session=True)\n"
        f"path = {str(pids)!r}\n"
        "with open(path + '.new', 'w') as file: print(os.getpid(), child.pid, file=file)\n"
        "os.replace(path + '.new', path)\n"
        "time.sleep(60)"
    )

    job = python.submit([code], title="Extract")
    wait_until(pids.exists)
    command, child = (int(pid) for pid in pids.read_text(encoding="utf-8").split())
    os.kill(command, signal.SIGKILL)
    wait_until(lambda: python.get(job.id).is_finished, SECONDS_TO_SAY_SO)

    assert python.get(job.id).state == "failed"
    assert "Start it again" in python.get(job.id).message
    assert is_gone(child)


def test_kill_9_of_a_study__outside_a_job_ends_its_workers(
    commands: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    argv = [*map(str, commands["study"]), "--workspace", str(tmp_path / "workspace")]

    study = subprocess.Popen(
        [sys.executable, "-m", "fundus_core", *argv], stderr=subprocess.DEVNULL, cwd=ROOT
    )
    workers: list[int] = []
    while len(workers) < 2:
        assert study.poll() is None
        workers = [one.pid for one in psutil.Process(study.pid).children()]
        time.sleep(0.05)
    study.kill()
    study.communicate()

    wait_until(lambda: all(is_gone(pid) for pid in workers), SECONDS_TO_SAY_SO)


def test_study__whose_workers_end_badly_fails_only_if_cells_are_left(
    commands: dict[str, tuple[object, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_study(Workspace(tmp_path / "workspace"), Path(str(commands["study"][1])))
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(StudyError, match=r"2 of 2 processes .* 2 of 2 cells are left"):
        run_with_workers(study, [], 2)
    run_study(study)

    run_with_workers(study, [], 2)  # nothing is left to be done
