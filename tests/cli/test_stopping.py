"""Ctrl-C, SIGTERM and SIGHUP: one sentence, nothing left behind, whenever they come."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fundus_core.cli.stopping import STOPPED
from tests.imports.dicom_files import dataset, picture, save

ROOT = Path(__file__).parents[2]
SECONDS = 60.0
SLOW = """
import time
print("importing", flush=True)
try:
    time.sleep(60)
except BaseException as error:  # as some libraries do while they are imported
    raise ImportError from error
"""


@pytest.fixture(autouse=True)
def _usual_signals() -> Iterator[None]:
    """Heeds signals that tests in the background ignore, and so would what they start."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def started(*command: object, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def slow_imports(tmp_path: Path) -> str:
    """A search path on which the commands take a minute to be imported, and say when that began."""
    (tmp_path / "typer.py").write_text(SLOW)
    return os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])


@pytest.mark.parametrize(
    "entry", [("-m", "fundus_core"), ("-c", "from fundus_core.__main__ import run; run()")]
)
def test_fundus__ctrl_c_while_commands_are_imported_is_one_sentence(
    slow_imports: str, entry: tuple[str, str]
) -> None:
    process = started(*entry, "runs", PYTHONPATH=slow_imports)
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=SECONDS)

    assert (process.returncode, said) == (130, f"{STOPPED}\n")


def test_fundus__the_installed_script_is_the_entry_point() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert 'fundus = "fundus_core.__main__:run"' in settings


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_import__stopped_in_the_middle_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    first = save(dataset(picture()), tmp_path / "in" / "0.dcm")
    for name in range(1, 1_000):
        os.link(first, tmp_path / "in" / f"{name}.dcm")
    process = started("-m", "fundus_core", "import", tmp_path / "in", tmp_path / "out")
    _wait_for_a_photograph(tmp_path)
    process.send_signal(number)

    _, said = process.communicate(timeout=SECONDS)

    assert (process.returncode, said) == (130, f"{STOPPED}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


HEADER = """
import os, signal, time
from fundus_core.cli.stopping import ended_as_by_an_interrupt
"""


def test_ended_as_by_an_interrupt__a_signal_that_is_ignored_stays_so() -> None:
    said = spoken(
        """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with ended_as_by_an_interrupt():
            signal.raise_signal(signal.SIGHUP)
            print("goes on")
        """
    )

    assert said == "goes on\n"


def test_ended_as_by_an_interrupt__the_second_signal_does_not_disturb_the_clearing_up() -> None:
    said = spoken(
        """
        try:
            with ended_as_by_an_interrupt():
                try:
                    signal.raise_signal(signal.SIGTERM)
                    print("goes on")
                finally:
                    signal.raise_signal(signal.SIGTERM)
                    print("cleared up")
        except KeyboardInterrupt:
            print("as before:", signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
        """
    )

    assert said == "cleared up\nas before: True\n"


def test_ended_as_by_an_interrupt__a_forked_process_ends_as_it_would_without() -> None:
    said = spoken(
        """
        begun, says_so = os.pipe()
        with ended_as_by_an_interrupt():
            child = os.fork()
            if child == 0:
                os.write(says_so, b"!")
                time.sleep(60)
                os._exit(0)
            os.read(begun, 1)
            os.kill(child, signal.SIGTERM)
            _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status))
        """
    )

    assert said == f"{-signal.SIGTERM}\n"


def spoken(script: str) -> str:
    """Returns what a process of its own prints; a signal too many must not end the tests."""
    said, _ = started("-c", HEADER + textwrap.dedent(script)).communicate(timeout=SECONDS)
    return said


def _wait_for_a_photograph(folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not list(folder.glob(".out-*/images/*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
