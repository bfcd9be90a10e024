"""What is printed finds a way out, or it is said in a sentence that it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

RUNS = "runs"


def ended(shell: str, place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `fundus runs` with something of the shell behind it."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m fundus_core {shell}', sys.executable],
        cwd=ROOT,
        env={**os.environ, "FUNDUS_WORKSPACE": str(place), **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_output__on_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    done = ended("runs > /dev/full", tmp_path / "workspace")

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "The answer cannot be printed: No space left on device.",
        "What was computed is stored: ask again, and have it printed elsewhere.",
    ]


def test_output__to_nobody_is_no_fault(tmp_path: Path) -> None:
    done = ended("runs >&-", tmp_path / "workspace")

    assert (done.returncode, done.stderr) == (0, "")


def test_output__in_another_encoding_is_written_out(tmp_path: Path) -> None:
    place = tmp_path / "é" / "workspace"
    place.mkdir(parents=True)

    done = ended("doctor", place, PYTHONIOENCODING="ascii")

    assert "Traceback" not in done.stderr
    assert "\\xe9" in done.stdout


@pytest.mark.parametrize(
    "arguments", ["check ''", "check ' '", "runs --workspace ''", "check . --table ''"]
)
def test_paths__an_empty_one_is_not_the_current_folder(tmp_path: Path, arguments: str) -> None:
    done = ended(arguments, tmp_path / "workspace")

    assert done.returncode == 2
    assert "path is empty" in done.stderr
    assert "Traceback" not in done.stderr
