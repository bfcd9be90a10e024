"""Only plain files of an agreed size are read, and only from where somebody said."""

import os
import stat
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from fundus_core.domain.dataset import RejectedRow
from fundus_core.io.bounded import open_parquet, read_bounded
from fundus_core.io.data_roots import VARIABLE, is_within_roots
from fundus_core.io.images import ScannedImage
from fundus_core.io.scans import ScanFile
from fundus_core.io.targets import infer_targets
from fundus_core.io.workspace import find_workspace


def test_read_bounded__reads_up_to_the_agreed_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")

    assert read_bounded(tmp_path / "a", 5) == b"12345"
    with pytest.raises(ValueError, match="5 bytes; at most 4"):
        read_bounded(tmp_path / "a", 4)


def test_read_bounded__does_not_trust_a_status_that_says_nothing() -> None:
    with pytest.raises(ValueError, match="more than 3"):
        read_bounded(Path("/proc/self/status"), 3)  # has 0 bytes, it says


def test_read_bounded__does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ValueError, match="not a plain file"):
        read_bounded(tmp_path / "pipe", 5)


def test_read_bounded__takes_the_memory_that_the_file_has(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    tracemalloc.start()
    try:
        data = read_bounded(tmp_path / "a", 1 << 27)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert data == b"12345"
    assert peak < 1 << 22


def test_read_bounded__a_file_that_grows_meanwhile_is_not_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = tmp_path / "a"
    grown.write_bytes(bytes(6_000_000))
    small = os.stat_result((stat.S_IFREG, *[0] * 9))
    monkeypatch.setattr("fundus_core.io.bounded.require_plain_file", lambda *_: small)

    assert len(read_bounded(grown, 6_000_000)) == 6_000_000
    with pytest.raises(ValueError, match="more than 5,999,999 bytes"):
        read_bounded(grown, 5_999_999)


def test_open_parquet__looks_at_the_summary_first(tmp_path: Path) -> None:
    pd.DataFrame({"a": ["x"] * 100}).to_parquet(tmp_path / "a.parquet")

    with pytest.raises(ValueError, match="100 cells; at most 99"):
        open_parquet(tmp_path / "a.parquet", most_bytes=10_000, most_cells=99)


def test_is_within_roots__in_whichever_workspace_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "in"))
    found = [find_workspace(), find_workspace(tmp_path / "b")]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert all(is_within_roots(place.root / "demo") for place in found)
    assert not is_within_roots(tmp_path / "elsewhere" / "workspace")


@pytest.mark.parametrize(
    ("place", "within"),
    [("in/a", True), ("in/../out", False), ("in/link", False), ("out", False), ("work/x", True)],
)
def test_is_within_roots__follows_links(
    place: str, within: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("in/a", "out", "work"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "work"))

    assert is_within_roots(tmp_path / place)  # nobody named any
    monkeypatch.setenv(VARIABLE, str(tmp_path / "in"))

    assert is_within_roots(tmp_path / place) is within


def test_scan_file__under_other_names_keeps_no_path_and_no_words(tmp_path: Path) -> None:
    path, found = tmp_path / "scans.parquet", ScannedImage("ab" * 16, 10, 10, 5)
    with ScanFile(path, named=lambda name: f"x{len(name)}") as scans:
        scans.put("/data/Jane.jpg", 5, 7, found)
        scans.put("/data/John.jpg2", 5, 7, RejectedRow("/data/John.jpg2", "truncated", "John ends"))

    again = ScanFile(path, named=lambda name: f"x{len(name)}")

    assert again.get("/data/Jane.jpg", 5, 7) == found
    assert again.get("/data/John.jpg2", 5, 7) is None
    assert "Jane" not in pd.read_parquet(path).to_csv()


def test_infer_targets__a_name_for_every_patient_is_no_class() -> None:
    patients = ["p1", "p1", "p2", "p2", "p3", "p3"]
    table = pd.DataFrame(
        {
            "patient_id": patients,
            "called": ["Ann", "Ann", "Bob", "Bob", "Cid", "Cid"],
            "surname": ["A", "A", "B", "B", "B", "B"],
            "grade": ["0", "1", "0", "1", "2", "2"],
        },
        dtype=object,
    )

    assert [target.name for target in infer_targets(table)] == ["grade"]
