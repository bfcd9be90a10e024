"""Folders of temporary files: gone with their process, and never taken from one that lives."""

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from fundus_core.io import scratch_folders
from fundus_core.io.scratch_folders import ScratchFolder, sweep_scratch

HOLDS = """
import sys, time
from fundus_core.io.scratch_folders import ScratchFolder

folder = ScratchFolder("photograph")
(folder.path / "photograph").write_bytes(b"of a patient")
sys.stdout.write(f"{folder.path}\\n")
sys.stdout.flush()
time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process, and those that it starts, put temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_sweep_scratch__what_a_killed_process_left_goes_and_what_one_holds_stays(
    temporary: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().decode().strip())
        while_held = sweep_scratch(), (folder / "photograph").is_file()
        holder.kill()
        holder.wait()
        assert (folder / "photograph").is_file()

        assert (while_held, sweep_scratch()) == ((0, True), 1)

    assert list(temporary.iterdir()) == []


def test_cleanup__leaves_nothing_and_another_thread_or_a_second_call_may_do_it(
    temporary: Path,
) -> None:
    with ScratchFolder("read-only") as folder:
        (folder.path / "picture").touch()
        assert sweep_scratch() == 0
        other = Thread(target=folder.cleanup)
        other.start()
        other.join()
        assert not folder._lock.is_locked
        assert list(temporary.iterdir()) == []


def made(folder: Path, *within: str, mode: int = 0o700) -> Path:
    """Returns a folder with empty files, made the day before yesterday."""
    folder.mkdir(mode=mode)
    for name in within:
        (folder / name).touch()
    before = time.time() - 2 * scratch_folders._LEFT_AFTER_SECONDS
    os.utime(folder, (before, before))
    return folder


def test_sweep_scratch__one_that_is_just_being_made_is_left_alone_until_it_is_old(
    temporary: Path,
) -> None:
    folder = made(temporary / "fundus-photograph-abcd1234", "held.lock")
    os.utime(folder)

    young = sweep_scratch()
    before = time.time() - 2 * scratch_folders._LEFT_AFTER_SECONDS
    os.utime(folder, (before, before))

    assert (young, sweep_scratch()) == (0, 1)


def test_sweep_scratch__one_with_nothing_in_it_that_is_held_stays_however_old(
    temporary: Path,
) -> None:
    with ScratchFolder("read-only") as folder:
        before = time.time() - 2 * scratch_folders._LEFT_AFTER_SECONDS
        os.utime(folder.path, (before, before))

        assert sweep_scratch() == 0
        assert folder.path.is_dir()


def test_sweep_scratch__takes_no_folder_that_somebody_called_like_ours(temporary: Path) -> None:
    kept = [
        made(temporary / "fundus-read-only-demo", "workspace.json"),
        made(temporary / "fundus-photograph-results", "held.lock", "notes.txt"),
        made(temporary / "fundus-photograph-abcd1234", "photograph"),
        made(temporary / "fundus-photograph-abcd1235", "held.lock", "photograph", mode=0o755),
    ]

    assert sweep_scratch() == 0
    assert all(folder.is_dir() for folder in kept)


def test_sweep_scratch__takes_nothing_of_others(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = temporary / "theirs"
    theirs.mkdir()
    (temporary / "fundus-photograph-linked__").symlink_to(theirs)
    for name in ("fundus-photograph-file.txt", "fundus-photograph-justfile"):
        (temporary / name).touch()
    of_another = temporary / "fundus-photograph-another_"
    of_another.mkdir(mode=0o700)
    for name in ("held.lock", "photograph"):
        (of_another / name).touch()
        (theirs / name).touch()
    user = os.getuid()
    before = sorted(temporary.rglob("*"))
    monkeypatch.setattr(os, "getuid", lambda: user + 1)

    assert sweep_scratch() == 0
    assert sorted(temporary.rglob("*")) == before
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert sweep_scratch() == 1
    assert (theirs / "photograph").is_file()
