"""kill -9 at any moment: the same command again finishes, and nothing differs from never killed."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.integrity import examine
from tests.faults.forks import KILLED, Forks, forks
from tests.faults.undisturbed import (
    COMMANDS,
    KILLS_IN_ALL,
    Undisturbed,
    assert_clean,
    figures_of,
    write_commands,
)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("forks") / "log.txt") as started:
        started.run(["strategies"])  # it has imported everything once this is answered
        yield started


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    return write_commands(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(
    fork: Forks,
    commands: dict[str, tuple[object, ...]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Undisturbed]:
    """Runs a command without disturbance, once."""
    known: dict[str, Undisturbed] = {}

    def run(name: str) -> Undisturbed:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            place, moments = Workspace(folder / "workspace"), folder / "moments"
            began = time.monotonic()
            argv = [*commands[name], "--workspace", place.root]
            _, code = fork.run(argv, count_to=moments)
            seconds = time.monotonic() - began
            assert code == 0
            n_moments = int(moments.read_text(encoding="utf-8"))
            known[name] = Undisturbed(commands[name], seconds, n_moments, figures_of(place))
        return known[name]

    return run


def kill_again_and_again(
    fork: Forks, what: Undisturbed, folder: Path, n_kills: int, seed: int
) -> Workspace:
    """Kills a command so many times at random moments; each time it goes on from what was left.

    Every other kill is at a sync or rename, the others at a time. Where a command comes to its end
    before its kill, what it gave is compared, and the next one begins anew.

    Returns:
        The workspace that the last kill left.
    """
    generator, killed = np.random.default_rng(seed), 0
    places = (Workspace(folder / f"workspace-{number}") for number in itertools.count())
    place = next(places)
    while killed < n_kills:
        argv = [*what.argv, "--workspace", place.root]
        if killed % 2:
            pid, code = fork.run(argv, die_at=int(generator.integers(what.n_moments)))
        else:
            pid, code = fork.run(argv, kill_after=float(generator.uniform(0.05, what.seconds)))
        assert code in {KILLED, 0}
        assert processes_of(pid) == []
        assert examine(place).damaged == ()
        if code == KILLED:
            killed += 1
        else:
            assert figures_of(place) == what.figures
            place = next(places)
    return place


def processes_of(leader: int) -> list[int]:
    """Returns who is left of a session."""
    left = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader:
                left.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return left


@pytest.mark.parametrize(
    "n_kills",
    [2, pytest.param(KILLS_IN_ALL // len(COMMANDS), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_kill_9__the_same_command_again_gives_what_nobody_disturbed_gives(
    fork: Forks,
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
    name: str,
    n_kills: int,
) -> None:
    what, seed = undisturbed(name), 1000 * n_kills + COMMANDS.index(name)

    place = kill_again_and_again(fork, what, tmp_path, n_kills, seed)
    _, code = fork.run([*what.argv, "--workspace", place.root])

    assert code == 0
    assert figures_of(place) == what.figures
    assert_clean(place)


@pytest.mark.parametrize("moment", range(0, 24, 3))
def test_kill_9__at_every_step_of_a_commit_keeps_what_was_committed_before(
    fork: Forks, commands: dict[str, tuple[object, ...]], tmp_path: Path, moment: int
) -> None:
    argv = [*commands["embed"], "--workspace", tmp_path / "workspace"]
    place = Workspace(tmp_path / "workspace")

    _, code = fork.run(argv, die_at=moment)
    before = {path: path.read_bytes() for path in place.root.glob("embeddings/*/[0-9]*.json")}
    _, again = fork.run(argv)

    assert (code, again) == (KILLED, 0)
    assert {path: path.read_bytes() for path in before} == before
    assert_clean(place)
