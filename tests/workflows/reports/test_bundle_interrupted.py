"""However the opening of a bundle ends, it can be opened again, and no list shows a half of it."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fundus_core.errors import StoreError
from fundus_core.io.leftovers import leftovers, sweep
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, list_datasets
from fundus_core.workflows.models.runs import list_runs, run_predictions
from fundus_core.workflows.reports import bundle_format, bundle_open
from fundus_core.workflows.reports.bundle import export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.workflows.reported import opened, probed

KILLED = """
import os, sys
from pathlib import Path
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.reports import bundle_open

put, left = bundle_open.put_in_place, int(sys.argv[3])

def until_killed(made, place):
    global left
    if left == 0:
        os.kill(os.getpid(), int(sys.argv[4]))
    left -= 1
    return put(made, place)

bundle_open.put_in_place = until_killed
bundle_open.open_bundle(Workspace(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of two runs."""
    place = Workspace(tmp_path_factory.mktemp("interrupted") / "workspace")
    source = opened(place, place.root.parent / "photographs")
    probed(place, source)
    probed(place, source, probe="knn")
    out = place.root.parent / "bundle.zip"
    export_bundle(place, dataset_id(source), out)
    return out


def files(root: Path) -> set[str]:
    """Returns what lies in a workspace, locks aside."""
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {name for name in found if not name.endswith(".lock")}


@pytest.mark.parametrize(
    ("n_placed", "number"),
    [(0, signal.SIGKILL), (1, signal.SIGTERM), (2, signal.SIGKILL)],
    ids=["before anything", "after a run", "before the data set"],
)
def test_open_bundle__killed_leaves_nothing_in_a_list_and_opens_again(
    bundle: Path, tmp_path: Path, n_placed: int, number: signal.Signals
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    arguments = [str(elsewhere.root), str(bundle), str(n_placed), str(int(number))]

    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)

    assert ended.returncode == -number
    assert len(list(elsewhere.runs.glob("[!.]*"))) == n_placed
    assert list_runs(elsewhere) == ()
    assert list_datasets(elsewhere) == ()
    assert len(leftovers(elsewhere.root)) == 1
    sweep(elsewhere.root)
    assert open_bundle(elsewhere, bundle).n_runs == 2
    assert [len(run_predictions(elsewhere, run).image_ids) for run in list_runs(elsewhere)] == [
        32,
        32,
    ]
    assert not list(elsewhere.root.glob(".tmp-*"))


def test_open_bundle__that_fails_at_the_end_takes_everything_back(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    put = bundle_open.put_in_place

    def full(made: Path, place: Path) -> Path | None:
        if place.parent == elsewhere.datasets:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return put(made, place)

    monkeypatch.setattr(bundle_open, "put_in_place", full)

    with pytest.raises(StoreError, match="No space left"):
        open_bundle(elsewhere, bundle)

    assert files(elsewhere.root) == set()
    monkeypatch.undo()
    assert open_bundle(elsewhere, bundle).n_runs == 2


class KillError(BaseException):
    """Stands for a kill."""


def test_open_bundle__killed_while_it_takes_everything_back_leaves_nothing_in_a_list(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    sync, remove, removed = bundle_open.sync_folder, bundle_open.shutil.rmtree, []

    def full(folder: Path) -> None:
        if folder == elsewhere.datasets:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(folder)

    def until_killed(folder: Path, **how: Any) -> None:
        is_placed = folder.parent.parent == elsewhere.root
        if removed and is_placed:
            raise KillError
        remove(folder, **how)
        removed.extend([folder] * is_placed)

    monkeypatch.setattr(bundle_open, "sync_folder", full)
    monkeypatch.setattr(bundle_open.shutil, "rmtree", until_killed)

    with pytest.raises(KillError):
        open_bundle(elsewhere, bundle)

    assert [folder.parent for folder in removed] == [elsewhere.datasets]
    assert list_datasets(elsewhere) == ()
    assert list_runs(elsewhere) == ()
    monkeypatch.undo()
    assert open_bundle(elsewhere, bundle).n_runs == 2


def test_open_bundle__on_a_full_disk_does_not_blame_the_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")

    class Full:
        """A digest whose file cannot be written."""

        def update(self, block: bytes) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(bundle_format.hashlib, "sha256", Full)

    with pytest.raises(StoreError, match="No space left for") as refusal:
        open_bundle(elsewhere, bundle)

    assert "Free some space" in refusal.value.hint
    assert files(elsewhere.root) == set()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_open_bundle__where_nothing_may_be_written_says_so(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    make = Path.mkdir

    def refuse(self: Path, *args: Any, **kwargs: Any) -> None:
        if self.is_relative_to(elsewhere.root):
            raise OSError(number, os.strerror(number))
        make(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(StoreError, match="may not be written to"):
        open_bundle(elsewhere, bundle)
