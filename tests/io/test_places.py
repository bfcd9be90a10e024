"""A place that could not be written to is refused before anything is computed for it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fundus_core.errors import StoreError
from fundus_core.io.files import require_place
from fundus_core.io.read_only import ReadOnlyError, is_read_only, require_writable
from fundus_core.io.workspace import Workspace, find_workspace, unmade_workspace


def test_require_place__leaves_nothing_behind(tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("kept", encoding="utf-8")

    require_place(tmp_path / "new" / "deep" / "a.csv")
    require_place(tmp_path / "new" / "folder", is_folder=True)
    require_place(tmp_path, is_folder=True)
    require_place(there)

    assert list(tmp_path.iterdir()) == [there]
    assert there.read_text(encoding="utf-8") == "kept"


def test_require_place__what_is_no_file_on_a_disk_may_be_written_to() -> None:
    require_place(Path(os.devnull))


@pytest.mark.parametrize(
    ("name", "is_folder", "said"),
    [
        ("folder", False, "is a folder, and a file is to be written"),
        ("file", True, "is a file, and a folder is to be written"),
        ("file/a.csv", False, "cannot be written"),
        ("file/b/a", True, "cannot be written"),
        ("x" * 300, False, "cannot be written"),
        ("/proc/a.csv", False, "cannot be written"),
        ("/proc/new/a.csv", False, "cannot be written"),
    ],
)
def test_require_place__refuses_in_a_sentence(
    tmp_path: Path, name: str, said: str, *, is_folder: bool
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=said):
        require_place(tmp_path / name, is_folder=is_folder)


@pytest.mark.parametrize("find", [find_workspace, unmade_workspace])
@pytest.mark.parametrize("named", ["~nobody_here/workspace", "in_a_circle/workspace"])
def test_a_workspace_that_can_be_nowhere_is_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    find: Callable[[], Workspace],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in_a_circle").symlink_to("in_a_circle")
    monkeypatch.setenv("FUNDUS_WORKSPACE", named)

    with pytest.raises(StoreError, match=rf"The workspace {named} cannot be made: .*[^.][.]$"):
        find()
    assert not is_read_only()


@pytest.mark.parametrize("find", [find_workspace, unmade_workspace])
def test_a_workspace_in_a_folder_that_is_gone_is_refused_by_that_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, find: Callable[[], Workspace]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.delenv("FUNDUS_WORKSPACE", raising=False)
    (tmp_path / "gone").rmdir()

    with pytest.raises(StoreError, match="The current folder is not there any more"):
        find()


def test_a_workspace_that_was_named_is_protected_whatever_else_is_only_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = find_workspace(tmp_path / "named")
    monkeypatch.setenv("FUNDUS_READ_ONLY", "1")
    unmade_workspace()

    with pytest.raises(ReadOnlyError):
        require_writable(named.root / "runs")
