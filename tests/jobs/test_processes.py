"""Ending processes: those meant, and no others."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fundus_core.jobs.processes import end_session, identify, is_alive


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session of its own."""
    code = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as process:
        yield process
        process.kill()


def test_is_alive__until_it_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    process = identify(sleeper.pid)
    before = is_alive(process)

    sleeper.kill()
    sleeper.wait()

    assert before
    assert not is_alive(process)


def test_end_session__leaves_a_later_process_of_the_same_number_alone(
    sleeper: subprocess.Popen[bytes],
) -> None:
    now = identify(sleeper.pid)
    earlier = replace(now, seconds_after_boot=now.seconds_after_boot - 60)

    end_session(earlier)

    assert not is_alive(earlier)
    assert is_alive(now)


def test_end_session__leaves_the_exit_status_to_whoever_started_it(
    sleeper: subprocess.Popen[bytes],
) -> None:
    end_session(identify(sleeper.pid))

    assert sleeper.wait() == -15
