"""Imports that were killed, and disks that take nothing: no photograph is left lying about."""

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fundus_core.errors import DataError, StoreError
from fundus_core.io.read_only import VARIABLE, ReadOnlyError
from fundus_core.workflows.data.imports import import_photographs
from tests.faults.disks import only_to_be_read, small_disk
from tests.imports.dicom_files import dataset, picture, save

KILLED = (
    "import os, signal, sys; from pathlib import Path;"
    "from fundus_core.workflows.data.imports import import_photographs;"
    "import_photographs(Path(sys.argv[1]), Path(sys.argv[2]),"
    "    progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
)
SLOW = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "__import__('time').sleep(60)")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in range(2):
        save(dataset(picture(number)), tmp_path / "in" / f"{number}.dcm")
    return tmp_path / "in"


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "in")


def test_import__after_one_that_was_killed_its_photographs_are_removed_and_counted(
    source: Path, tmp_path: Path
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, source, tmp_path / "out"], check=False)
    before = left_in(tmp_path)

    found = import_photographs(source, tmp_path / "out")

    assert killed.returncode == -signal.SIGKILL
    assert len(before) == 1
    assert list(tmp_path.glob(".out-*")) == []
    assert "now removed: 1." in " ".join(found.remarks)
    assert left_in(tmp_path / "out") == ["images", "manifest.csv", "refused.csv"]


def test_import__one_that_is_under_way_to_the_same_place_is_left_alone(
    source: Path, tmp_path: Path
) -> None:
    other = subprocess.Popen([sys.executable, "-c", SLOW, source, tmp_path / "out"])
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".out-*/images/*")):
            assert time.monotonic() < deadline
            time.sleep(0.02)

        found = import_photographs(source, tmp_path / "out")

        assert found.remarks == ()
        assert len(list(tmp_path.glob(".out-*/images/*"))) == 1
    finally:
        other.kill()
        other.wait()


def test_import__folders_of_others_with_such_a_name_stay(source: Path, tmp_path: Path) -> None:
    mine, held = tmp_path / ".out-0123abcd", tmp_path / ".out-89abcdef"
    for folder in (mine, held, tmp_path / ".out-other", tmp_path / ".others-0123abcd"):
        (folder / "images").mkdir(parents=True)
    (mine / "letter.txt").write_text("mine")
    with (held / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        import_photographs(source, tmp_path / "out")

    assert left_in(tmp_path) == [
        ".others-0123abcd", ".out-0123abcd", ".out-89abcdef", ".out-other", "out",
    ]  # fmt: skip


def test_import__to_a_place_that_another_one_took_meanwhile_is_refused(
    source: Path, tmp_path: Path
) -> None:
    def take(done: int, total: int, message: str) -> None:
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "mine.txt").write_text("mine")

    with pytest.raises(DataError, match="is there already"):
        import_photographs(source, tmp_path / "out", progress=take)

    assert left_in(tmp_path) == ["out"]
    assert left_in(tmp_path / "out") == ["mine.txt"]


def test_import__where_nothing_may_be_written_says_so(source: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with (
        only_to_be_read(tmp_path / "disk") as disk,
        pytest.raises(StoreError, match="may not be written to"),
    ):
        import_photographs(source, disk / "out")


def test_import__on_a_full_disk_says_so_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8k") as disk:
        with pytest.raises(StoreError, match="No space left"):
            import_photographs(source, disk / "out")

        assert list(disk.iterdir()) == []


def test_import__into_a_workspace_that_is_only_to_be_looked_at_is_refused(
    source: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    with pytest.raises(ReadOnlyError):
        import_photographs(source, workspace / "out")

    assert list(workspace.iterdir()) == []
