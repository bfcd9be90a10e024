"""Processes that end with the one that started them, and those that were not asked to."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from fundus_core.io.lifeline import VARIABLE, end_with_starter, lifeline

CHILD = (
    "import os, time; from fundus_core.io.lifeline import VARIABLE, end_with_starter;"
    "end_with_starter(); print(VARIABLE in os.environ, flush=True); time.sleep(60)"
)
SECONDS_TO_END = 5.0


def started(
    environment: Mapping[str, str], pass_fds: tuple[int, ...] = ()
) -> "subprocess.Popen[str]":
    """Starts a process that heeds its lifeline, and waits until it does."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env={**os.environ, **environment},
        pass_fds=pass_fds,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "False\n"  # those that it starts are its own
    return child


def test_lifeline__all_that_hold_it_end_once_it_is_let_go() -> None:
    with lifeline() as line:
        children = [started(line.environment, line.pass_fds) for _ in range(2)]
        time.sleep(0.2)
        before = [child.poll() for child in children]

    codes = [child.wait(SECONDS_TO_END) for child in children]
    for child in children:
        child.communicate()

    assert before == [None, None]
    assert codes == [1, 1]


@pytest.mark.parametrize("told", ["", "0", "nonsense", "9999:1", "-1:-1", "{file}:1"])
def test_end_with_starter__a_descriptor_that_is_not_the_pipe_is_not_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    with (tmp_path / "file").open("wb") as file:
        monkeypatch.setenv(VARIABLE, told.format(file=file.fileno()))

        end_with_starter()
        time.sleep(0.1)

    assert VARIABLE not in os.environ


def test_end_with_starter__a_process_without_lifeline_lives_on() -> None:
    child = started({})

    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.3)

    child.kill()
    child.communicate()
