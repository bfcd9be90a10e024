"""The folder in which a report is made again is new, and no killed process leaves one for ever."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fundus_core.io.read_only import VARIABLE, ReadOnlyError
from fundus_core.io.workspace import ENVIRONMENT_VARIABLE, Workspace
from fundus_core.workflows.reports.rerun_place import FOLDER, HELD, new_place

WORKING = """
import sys, time
from pathlib import Path
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.reports.rerun_place import new_place

with new_place(Workspace(Path(sys.argv[1]))) as place:
    (place.root / "half").mkdir()
    print(place.root.name, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def names(workspace: Workspace) -> list[str]:
    """Returns what lies where reports are made again."""
    return sorted(one.name for one in (workspace.root / FOLDER).iterdir())


def test_new_place__stays_with_nothing_in_it_but_what_was_made(workspace: Workspace) -> None:
    with new_place(workspace) as place:
        (place.root / "made").touch()

    assert names(workspace) == ["001"]
    assert [one.name for one in place.root.iterdir()] == ["made"]


def test_new_place__goes_where_the_work_fails(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt), new_place(workspace):
        raise KeyboardInterrupt

    assert names(workspace) == []


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_new_place__clears_what_a_process_that_was_ended_left(
    workspace: Workspace, end: signal.Signals
) -> None:
    with new_place(workspace):
        pass
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, workspace.root], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "002"
        with new_place(workspace) as meanwhile:  # clears nothing that is held
            assert (workspace.root / FOLDER / "002" / HELD).exists()
        process.send_signal(end)
    assert names(workspace) == ["001", "002", "003"]

    with new_place(workspace) as place:
        pass

    assert names(workspace) == ["001", "003", place.root.name]
    assert meanwhile.root.name == "003"


def test_new_place__leaves_folders_of_older_versions_alone(workspace: Workspace) -> None:
    kept = workspace.root / FOLDER / "007" / "runs"
    kept.mkdir(parents=True)

    with new_place(workspace) as place:
        pass

    assert kept.is_dir()
    assert place.root.name == "008"


def test_new_place__makes_and_clears_nothing_in_read_only_mode(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(workspace.root))
    monkeypatch.setenv(VARIABLE, "1")
    workspace.root.mkdir()
    with pytest.raises(ReadOnlyError), new_place(workspace):
        pass
    assert list(workspace.root.iterdir()) == []
    left = workspace.root / FOLDER / "009"
    left.mkdir(parents=True)
    (left / HELD).touch()

    with pytest.raises(ReadOnlyError), new_place(workspace):
        pass

    assert names(workspace) == ["009"]
    assert (left / HELD).exists()
