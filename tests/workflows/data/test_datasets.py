"""Opened data sets: found again as they were, without touching the photographs."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.errors import DataError
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import (
    dataset_id,
    list_datasets,
    open_dataset,
    source_arguments,
    stored_dataset,
)
from tests.fakes import write_dataset


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_stored_dataset__is_the_one_that_was_opened(place: Workspace, tmp_path: Path) -> None:
    source = DataSource(write_dataset(tmp_path / "data", n_patients=4))
    opened = open_dataset(place, source)

    stored = stored_dataset(place, dataset_id(source))

    assert stored.fingerprint() == opened.fingerprint()
    assert stored.targets == opened.targets
    assert stored.n_patients == 4


def test_open_dataset__opening_the_same_again_leaves_the_files_alone(
    place: Workspace, tmp_path: Path
) -> None:
    source = DataSource(write_dataset(tmp_path / "data", n_patients=4))
    other = DataSource(write_dataset(tmp_path / "other", n_patients=4))
    open_dataset(place, source)
    table = place.datasets / dataset_id(source) / "table.parquet"
    before = table.stat().st_ino
    open_dataset(place, other)

    open_dataset(place, source)

    assert table.stat().st_ino == before
    assert list_datasets(place)[0].id == dataset_id(source)


def test_open_dataset__a_corrected_label_is_seen(place: Workspace, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data", n_patients=4)
    source = DataSource(folder)
    open_dataset(place, source)
    table = pd.read_csv(folder / "labels.csv")
    table.loc[0, "dr"] = 1 - table.loc[0, "dr"]
    table.to_csv(folder / "labels.csv", index=False)

    open_dataset(place, source)

    counts = stored_dataset(place, dataset_id(source)).table["dr"].value_counts()
    assert counts.to_dict() == {"1": 5, "0": 3}


def test_open_dataset__rows_rejected_are_remembered(place: Workspace, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data", n_patients=4)
    (folder / "images" / "p00_OD.jpg").write_bytes(b"no picture")
    source = DataSource(folder)

    open_dataset(place, source)

    stored = stored_dataset(place, dataset_id(source))
    assert [row.reason for row in stored.rejected] == ["unreadable"]
    assert list_datasets(place)[0].n_rejected == 1


def test_open_dataset__a_folder_without_photographs_says_why(
    place: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"no picture")

    with pytest.raises(DataError, match="no usable photograph; 1 were rejected"):
        open_dataset(place, DataSource(folder))


def test_stored_dataset__an_unknown_one_says_where_to_open_it(place: Workspace) -> None:
    with pytest.raises(DataError, match="No data set 'demo-123456' was opened"):
        stored_dataset(place, "demo-123456")


def test_source_arguments__are_what_the_command_line_takes(tmp_path: Path) -> None:
    source = DataSource(
        tmp_path, tmp_path / "t.csv", ColumnMapping(patient="pid", target="grade"), ("0", "1")
    )

    assert source_arguments(source) == [
        str(tmp_path),
        "--table",
        str(tmp_path / "t.csv"),
        "--patient-column",
        "pid",
        "--target-column",
        "grade",
        "--classes",
        "0,1",
    ]
