"""The demo on disk: complete, labelled synthetic, the same for the same seed."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fundus_core.errors import DataError, ParameterError
from fundus_core.io.manifest import DataSource, read_dataset
from fundus_core.phantom.demo import PLANTED, write_demo
from fundus_core.phantom.lesion_drawing import LESION_BITS
from fundus_core.phantom.shots import COLUMNS, LABEL_COLUMNS

N_PATIENTS = 6
N_PHOTOGRAPHS = 14
"""The fourth patient comes twice."""


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


def test_write_demo__the_table_has_a_row_per_photograph_and_every_file_exists(demo: Path) -> None:
    rows = _rows(demo / "manifest.csv")

    assert len(rows) == N_PHOTOGRAPHS
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        with Image.open(demo / row["path"]) as photograph:
            assert (photograph.size, photograph.mode) == ((64, 64), "RGB")
        with Image.open(demo / row["mask"]) as mask, Image.open(demo / row["vessels"]) as vessels:
            assert (mask.size, mask.mode) == ((64, 64), "I;16")
            assert (vessels.size, vessels.mode) == ((64, 64), "L")


def test_write_demo__labels_counts_and_masks_agree(demo: Path) -> None:
    for row in _rows(demo / "manifest.csv"):
        labels = [int(row[name]) for name in LABEL_COLUMNS.values()]
        with Image.open(demo / row["mask"]) as file:
            mask = np.asarray(file)

        assert int(row["abnormal"]) == max(labels) == int(row["diagnosis"] != "normal")
        assert (float(row["severity"]) > 0) == bool(max(labels))
        assert (int(row["dr_grade"]) > 0) == (row["dr"] == "1")
        for column in LABEL_COLUMNS.values():
            assert (float(row[f"severity_{column}"]) > 0) == (row[column] == "1")
        for kind, bit in LESION_BITS.items():
            assert (int(row[f"count_{kind}"]) > 0) == bool((mask & bit).any()), kind


def test_write_demo__numbers_have_few_decimals(demo: Path) -> None:
    for row in _rows(demo / "manifest.csv"):
        for name, value in row.items():
            if value.replace(".", "", 1).isdigit():
                assert len(value.partition(".")[2]) <= 4, name


def test_write_demo__the_fovea_lies_on_its_own_side_of_the_disc(demo: Path) -> None:
    for row in _rows(demo / "manifest.csv"):
        with Image.open(demo / row["mask"]) as file:
            disc = np.nonzero(np.asarray(file) & 16)[1].mean()

        assert (float(row["fovea_x"]) < disc) == (row["eye"] == "OD")


def test_write_demo__planted_problems_are_listed_and_rejected_rows_have_reasons(
    tmp_path: Path,
) -> None:
    write_demo(tmp_path, n_patients=60, image_size=64, seed=0)
    planted = _rows(tmp_path / PLANTED)

    dataset = read_dataset(DataSource(tmp_path))

    unreadable = {row["path"] for row in planted if row["problem"] == "unreadable"}
    assert len(_rows(tmp_path / "manifest.csv")) == 150 + 2 + 1
    assert [Path(row.path).name for row in dataset.rejected] == [
        Path(path).name for path in sorted(unreadable)
    ]
    assert len(dataset) == 152
    assert dataset.synthetic


def test_write_demo__without_plants_nothing_is_wrong(tmp_path: Path) -> None:
    write_demo(tmp_path, n_patients=20, image_size=64, plants=False)

    assert len(_rows(tmp_path / "manifest.csv")) == 50
    assert not (tmp_path / PLANTED).exists()


def test_write_demo__healthy_share_sets_how_many_are_ill(tmp_path: Path) -> None:
    write_demo(tmp_path, n_patients=5, image_size=64, healthy_share=1.0)

    assert {row["abnormal"] for row in _rows(tmp_path / "manifest.csv")} == {"0"}


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
        with Image.open(demo / row["vessels"]) as vessels:
            assert "SYNTHETIC" in vessels.info["Description"]
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
    assert calls[-1] == N_PHOTOGRAPHS
    assert _bytes(tmp_path) == _bytes(demo)


def test_write_demo__other_arguments_replace_the_photographs(tmp_path: Path) -> None:
    write_demo(tmp_path, n_patients=2, image_size=64, seed=0, workers=1)
    before = _bytes(tmp_path)
    (tmp_path / "images" / "my_own.jpg").write_bytes(b"mine")
    write_demo(tmp_path, n_patients=1, image_size=64, seed=1, workers=1)
    after = _bytes(tmp_path)

    assert {name for name in after if name.startswith("images/")} == {
        "images/P0001_OD_1.jpg",
        "images/P0001_OS_1.jpg",
        "images/my_own.jpg",
    }
    assert after["images/P0001_OD_1.jpg"] != before["images/P0001_OD_1.jpg"]


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
        ({"n_patients": 0}, "a whole number from 1 to 100,000 but is 0"),
        ({"image_size": 32}, "image size must be a whole number from 64 to 4,096 but is 32"),
        ({"seed": -1}, "seed must be a whole number from 0 .* but is -1"),
        ({"healthy_share": 1.5}, r"healthy share must be a number from 0 to 1 but is 1\.5"),
    ],
)
def test_write_demo__arguments_out_of_range_are_refused(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        write_demo(tmp_path, **arguments)
