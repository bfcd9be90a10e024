"""Two data sets of the same photographs have runs of their own, whichever came first."""

import shutil
from pathlib import Path

import pytest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, stored_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.run_names import recipe_digits
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, load_run
from fundus_core.workflows.reports.rerun_settings import settings_of
from tests.workflows.reported import opened, probed


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def first(place: Workspace, tmp_path: Path) -> DataSource:
    return opened(place, tmp_path / "first")


@pytest.fixture
def second(first: DataSource, tmp_path: Path) -> DataSource:
    """A copy of the first one, opened by its table."""
    folder = tmp_path / "second"
    shutil.copytree(first.path, folder)
    return DataSource(folder / "labels.csv")


def test_probe__of_a_copy_is_not_the_run_of_the_original(
    place: Workspace, first: DataSource, second: DataSource
) -> None:
    one, other = probed(place, first), probed(place, second)

    assert (one.dataset_id, other.dataset_id) == (dataset_id(first), dataset_id(second))
    assert one.id != other.id
    assert one.auc == other.auc
    for source, run in ((first, one), (second, other)):
        assert [each.id for each in list_runs(place, dataset_id=dataset_id(source))] == [run.id]
        assert probed(place, source) == run  # found again, not fitted again


def test_probe__keeps_its_name_when_the_other_one_is_removed(
    place: Workspace, first: DataSource, second: DataSource
) -> None:
    one, other = probed(place, first), probed(place, second)
    shutil.rmtree(place.runs / one.id)

    assert probed(place, second) == other
    assert probed(place, first).id == one.id


def test_settings_of__a_run_with_digits_of_its_data_set_are_found(
    place: Workspace, first: DataSource, second: DataSource
) -> None:
    probed(place, first, seed=3)
    run = probed(place, second, seed=3)

    found = settings_of(place, stored_dataset(place, run.dataset_id), run)

    assert found.validation is not None
    assert found.validation.seed == 3


def test_recipe_digits__are_those_of_the_plain_name(
    place: Workspace, first: DataSource, second: DataSource
) -> None:
    one, other = probed(place, first), probed(place, second)

    assert recipe_digits(one) == recipe_digits(other) == one.id[-8:]


def test_predict__of_a_copy_leaves_the_run_on_the_original(
    place: Workspace, first: DataSource, second: DataSource, tmp_path: Path
) -> None:
    trained = probed(place, opened(place, tmp_path / "training", n_patients=10))
    opened_again = probed(place, second)  # so that it is remembered

    def used_on(source: DataSource) -> Run:
        name = dataset_id(source)
        return predict(place, trained.id, stored_dataset(place, name), name).run

    one = used_on(first)
    other = used_on(second)

    assert one.id != other.id
    assert load_run(place, one.id).dataset_id == dataset_id(first)
    assert load_run(place, other.id).dataset_id == opened_again.dataset_id
    assert used_on(first).id == one.id
