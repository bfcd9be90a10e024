"""Files of one result that appear together: never some of the old result and some of the new."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import StoreError
from fundus_core.io.files import write_array
from fundus_core.io.together import appearing_together
from tests.faults.disks import small_disk

NAMES = ("a/one.txt", "b/two.txt", "three.txt")


def put(folder: Path, text: str) -> None:
    """Writes a result whose files all hold one text."""
    with appearing_together(folder) as made:
        for name in NAMES:
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text(text, encoding="utf-8")


def held(folder: Path) -> dict[str, str]:
    """Returns what the files of a folder hold, without those that were not finished."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path: path.relative_to(folder).as_posix() for path in files}
    return {name: path.read_text() for path, name in names.items() if not name.startswith(".tmp-")}


def test_appearing_together__makes_a_folder_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    put(tmp_path / "new" / "result", "new")

    assert held(tmp_path) == {f"new/result/{name}": "new" for name in NAMES}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["result"]


def test_appearing_together__replaces_files_of_its_names_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "result", "old")
    (tmp_path / "result" / "a" / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to("result")
    inode = (tmp_path / "result").stat().st_ino

    put(tmp_path / "link", "new")
    monkeypatch.chdir(tmp_path / "result")
    put(Path(), "newest")

    assert held(tmp_path / "result") == dict.fromkeys(NAMES, "newest") | {"a/notes.txt": "mine"}
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "result").stat().st_ino == inode
    assert {path.name for path in Path().iterdir()} == {"a", "b", "three.txt"}


def test_appearing_together__what_goes_wrong_leaves_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "old")
    rename, left = Path.rename, [4]

    def refused(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)

    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, "new")
    assert left[0] < 0

    assert held(tmp_path) == dict.fromkeys(NAMES, "old")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "three.txt"}


def test_appearing_together__a_folder_in_the_way_is_not_moved(tmp_path: Path) -> None:
    (tmp_path / "three.txt").mkdir()
    (tmp_path / "three.txt" / "mine").write_text("mine", encoding="utf-8")

    with pytest.raises(StoreError, match="is a folder"):
        put(tmp_path, "new")

    assert held(tmp_path) == {"three.txt/mine": "mine"}


_KILLED = """
import os, sys
from pathlib import Path
from tests.io.test_together import put
rename = Path.rename
for step in range(8):
    folder, left = Path(sys.argv[1], str(step)), [step]
    put(folder, "old")
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    def until(self, target):
        if left[0] == 0:
            os.kill(os.getpid(), 9)
        left[0] -= 1
        return rename(self, target)
    Path.rename = until
    put(folder, "new")
    os._exit(0)
"""


def test_appearing_together__killed_at_any_step_leaves_no_mixture(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=True)

    found = [held(tmp_path / str(step)) for step in range(8)]

    assert [set(one.values()) for one in found if len(set(one.values())) > 1] == []
    assert found[0] == dict.fromkeys(NAMES, "old")
    assert found[-1] == dict.fromkeys(NAMES, "new")
    assert len(found[5]) == 2


def test_appearing_together__on_a_full_disk_names_the_folder_and_keeps_the_old_result(
    tmp_path: Path,
) -> None:
    def put_rows(folder: Path, rows: int) -> None:
        with appearing_together(folder) as made:
            write_array(made / "few.npy", np.full(4, rows))
            write_array(made / "rows.npy", np.full(rows, rows))

    with small_disk(tmp_path / "disk", "200k") as disk:
        put_rows(disk / "result", 9)

        with pytest.raises(StoreError, match="No space left") as caught:
            put_rows(disk / "result", 40_000)

        assert f"in {disk / 'result'} (" in caught.value.message
        found = {path.name: np.load(path)[0] for path in (disk / "result").iterdir()}
        assert found == {"few.npy": 9, "rows.npy": 9}


def test_appearing_together__the_only_copy_of_an_old_file_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "old")
    rename, left = Path.rename, [4]

    def refused(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)  # also the way back
        with pytest.raises(KeyboardInterrupt):
            put(tmp_path, "new")

    texts = [path.read_text() for path in tmp_path.rglob("*.txt")]
    assert texts.count("old") == len(NAMES)


def test_appearing_together__what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=True)
    place = tmp_path / "0"  # killed before its first step: nothing was moved away
    assert list(place.glob(".tmp-*"))

    put(place, "newest")

    assert not list(place.glob(".tmp-*"))
    assert held(place) == dict.fromkeys(NAMES, "newest")
