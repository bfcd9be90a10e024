"""What is worked out of a table is remembered as long as the table is the same."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.plots.map import colouring_by
from fundus_core.ui import dataset_caches, wiring
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from tests.fakes import write_dataset


@pytest.fixture
def source(workspace: Path, tmp_path: Path) -> DataSource:
    found = DataSource(write_dataset(tmp_path / "photographs", 6))
    open_dataset(Workspace(workspace), found)
    return found


def without_patients(source: DataSource, place: Path) -> None:
    """Opens the same photographs again, by a table that names no patients."""
    table = source.path / "labels.csv"
    pd.read_csv(table).drop(columns="patient_id").to_csv(table, index=False)
    open_dataset(Workspace(place), source)


def test_cautions__of_a_table_that_was_opened_again_are_its_own(
    workspace: Path, source: DataSource
) -> None:
    name = dataset_id(source)
    before = {one.code for one in dataset_caches.cautions(name)}

    without_patients(source, workspace)

    after = {one.code for one in dataset_caches.cautions(name)}
    assert after - before
    assert dataset_caches.cautions(name) is dataset_caches.cautions(name)


def test_colour_columns__of_a_table_that_was_opened_again_are_its_own(
    workspace: Path, source: DataSource
) -> None:
    assert "patient_id" in dataset_caches.colour_columns(dataset_id(source))

    without_patients(source, workspace)

    assert "patient_id" not in dataset_caches.colour_columns(dataset_id(source))


def test_colours__follow_the_order_of_the_photographs(source: DataSource, workspace: Path) -> None:
    name = dataset_id(source)
    dataset = wiring.dataset(name)
    ids = dataset.image_ids

    for order in (ids, ids[::-1], ids[3:7]):
        for column in ("dr", "grade"):
            found = dataset_caches.colours(name, column, order)
            expected = colouring_by(dataset, order, column)
            assert found.codes is not None
            assert expected.codes is not None
            assert found.codes.tolist() == expected.codes.tolist()
            assert found.names == expected.names
