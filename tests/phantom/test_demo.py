"""The demo on disk: complete, labelled synthetic, the same for the same seed."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_core.errors import DataError
from fundus_core.phantom.demo import COLUMNS, write_demo

N_PATIENTS = 6


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, n_patients=N_PATIENTS, image_size=64, seed=0, workers=1)
    return folder


def test_write_demo__the_table_has_a_row_per_eye_and_every_file_exists(demo: Path) -> None:
    rows = _rows(demo / "manifest.csv")

    assert len(rows) == 2 * N_PATIENTS
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        with Image.open(demo / row["path"]) as photograph, Image.open(demo / row["mask"]) as mask:
            assert photograph.size == mask.size == (64, 64)
            assert (photograph.mode, mask.mode) == ("RGB", "L")


def test_write_demo__labels_agree_with_each_other_and_with_the_mask(demo: Path) -> None:
    for row in _rows(demo / "manifest.csv"):
        labels = [int(row[name]) for name in ("dr", "amd", "glaucoma")]
        with Image.open(demo / row["mask"]) as file:
            mask = np.asarray(file)

        assert int(row["abnormal"]) == max(labels) == int(row["diagnosis"] != "normal")
        assert (float(row["severity"]) > 0) == bool(max(labels))
        assert labels == [int((mask & bits).any()) for bits in (1 | 2 | 4 | 8, 64, 128)]


def test_write_demo__both_eyes_of_a_patient_are_in_the_same_split(demo: Path) -> None:
    rows = _rows(demo / "manifest.csv")
    split_of = {row["patient_id"]: set[str]() for row in rows}
    for row in rows:
        split_of[row["patient_id"]].add(row["split"])

    assert len(split_of) == N_PATIENTS
    assert all(len(splits) == 1 for splits in split_of.values())
    assert set.union(*split_of.values()) == {"train", "test"}


def test_write_demo__every_file_says_that_it_is_synthetic(demo: Path) -> None:
    for row in _rows(demo / "manifest.csv"):
        with Image.open(demo / row["path"]) as photograph, Image.open(demo / row["mask"]) as mask:
            assert row["synthetic"] == "1"
            assert b"SYNTHETIC" in photograph.info["comment"]
            assert "SYNTHETIC" in photograph.getexif()[0x010E]
            assert "SYNTHETIC" in mask.info["Description"]
    assert (demo / "README.txt").read_text(encoding="utf-8").startswith("SYNTHETIC")


def test_write_demo__two_workers_give_the_same_bytes_as_one(demo: Path, tmp_path: Path) -> None:
    write_demo(tmp_path, n_patients=N_PATIENTS, image_size=64, seed=0, workers=2)

    assert _bytes(tmp_path) == _bytes(demo)


def test_write_demo__an_interruption_leaves_no_table_and_the_next_call_completes(
    demo: Path, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int, message: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path, n_patients=N_PATIENTS, image_size=64, workers=1, progress=interrupt)
    n_written = len(list((tmp_path / "images").iterdir()))
    left_a_table = (tmp_path / "manifest.csv").exists()
    calls: list[int] = []
    write_demo(
        tmp_path,
        n_patients=N_PATIENTS,
        image_size=64,
        workers=1,
        progress=lambda done, total, message: calls.append(done),
    )

    assert (n_written, left_a_table) == (5, False)
    assert calls[0] == 6
    assert _bytes(tmp_path) == _bytes(demo)


def test_write_demo__other_arguments_replace_the_photographs(tmp_path: Path) -> None:
    write_demo(tmp_path, n_patients=2, image_size=64, seed=0, workers=1)
    before = _bytes(tmp_path)
    (tmp_path / "images" / "my_own.jpg").write_bytes(b"mine")
    write_demo(tmp_path, n_patients=1, image_size=64, seed=1, workers=1)
    after = _bytes(tmp_path)

    assert {name for name in after if name.startswith("images/")} == {
        "images/P0001_OD.jpg",
        "images/P0001_OS.jpg",
        "images/my_own.jpg",
    }
    assert after["images/P0001_OD.jpg"] != before["images/P0001_OD.jpg"]


def test_write_demo__refuses_a_folder_with_somebody_elses_table(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,label\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"already holds manifest\.csv"):
        write_demo(tmp_path, n_patients=1, image_size=64)

    assert (tmp_path / "manifest.csv").read_text(encoding="utf-8") == "path,label\n"


def test_write_demo__refuses_a_folder_with_somebody_elses_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()

    with pytest.raises(DataError, match="already holds images"):
        write_demo(tmp_path, n_patients=1, image_size=64)


def test_write_demo__refuses_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file", encoding="utf-8")

    with pytest.raises(DataError, match="is a file"):
        write_demo(tmp_path / "demo", n_patients=1, image_size=64)


def test_write_demo__a_complete_demo_is_left_as_it_is(demo: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*") if path.is_file()}

    write_demo(demo, n_patients=N_PATIENTS, image_size=64, seed=0)

    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_patients": 0}, "patients must be at least 1 but was 0"),
        ({"image_size": 32}, "image size must be at least 64 but was 32"),
        ({"seed": -1}, "seed must be at least 0 but was -1"),
    ],
)
def test_write_demo__arguments_out_of_range_are_refused(
    tmp_path: Path, arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write_demo(tmp_path, **arguments)
