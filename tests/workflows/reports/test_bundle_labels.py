"""Labels that tell patients apart leave in no bundle, nor do runs that predict them."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from fundus_core.domain.dataset import Target
from fundus_core.errors import TargetError
from fundus_core.io.columns import ColumnMapping
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import (
    dataset_as_given,
    dataset_id,
    open_dataset,
    open_with_target,
    remember,
    stored_dataset,
)
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, run_predictions, save_run
from fundus_core.workflows.reports.bundle import BundleOptions, export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.fakes import write_dataset
from tests.workflows.reported import probed


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def source(place: Workspace, tmp_path: Path) -> DataSource:
    """Photographs of 22 patients, each with a surname."""
    folder = write_dataset(tmp_path / "photographs", n_patients=22, side=64)
    table = pd.read_csv(folder / "labels.csv")
    table["patient_id"] = "Doe " + table["patient_id"]
    table["surname"] = table["patient_id"].str.replace("Doe", "Roe")
    table.to_csv(folder / "labels.csv", index=False)
    return DataSource(folder)


def on_names(place: Workspace, source: DataSource, column: str) -> Run:
    """Stores a data set with a column as a target, as an earlier version did, and a run on it."""
    run = probed(place, source)
    dataset = dataset_as_given(place, run.dataset_id)
    names = tuple(sorted(set(dataset.table[column])))
    target = Target(column, "multiclass", names, (column,))
    shutil.rmtree(place.datasets / run.dataset_id)
    remember(place, replace(dataset, targets=(*dataset.targets, target)), source)
    said = run_predictions(place, run)
    told = replace(run, id="of-names-0a1b2c3d", target=target, data="")
    save_run(place, told, said)
    return told


def everything(file: Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize(("column", "name"), [("patient_id", b"Doe P"), ("surname", b"Roe P")])
def test_export_bundle__leaves_labels_that_name_patients_behind(
    place: Workspace, source: DataSource, tmp_path: Path, column: str, name: bytes
) -> None:
    run = on_names(place, source, column)

    done = export_bundle(place, run.dataset_id, tmp_path / "all.zip")
    elsewhere = Workspace(tmp_path / "elsewhere")
    opened = open_bundle(elsewhere, tmp_path / "all.zip")

    assert name not in everything(tmp_path / "all.zip")
    assert done.runs_left_out == (run.id,)
    assert done.left_out == ("surname",)
    assert len(list_runs(elsewhere)) == 1
    there = stored_dataset(elsewhere, opened.dataset_id)
    assert {one.name for one in there.targets} == {"dr", "grade"}


def test_export_bundle__of_hidden_names_keeps_no_label_that_names_them(
    place: Workspace, source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = on_names(place, source, "surname")
    few = replace(run, id="of-few-0a1b2c3d", kind="external")
    few = replace(few, target=replace(few.target, classes=few.target.classes[:3]))
    (of_dr,) = (one for one in list_runs(place) if one.target.name == "dr")
    save_run(place, few, run_predictions(place, of_dr))
    monkeypatch.setenv("FUNDUS_HIDE_IDS", "1")
    chosen = BundleOptions(keep_columns=("surname",))

    done = export_bundle(place, run.dataset_id, tmp_path / "all.zip", chosen)

    assert set(done.runs_left_out) == {run.id, few.id}
    assert b"Roe P" not in everything(tmp_path / "all.zip")


def test_export_bundle__keeps_labels_that_are_asked_for(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    run = on_names(place, source, "surname")
    chosen = BundleOptions(keep_columns=("surname", "patient_id"))

    done = export_bundle(place, run.dataset_id, tmp_path / "all.zip", chosen)

    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        about = json.loads(archive.read("dataset/dataset.json"))
    assert done.runs_left_out == ()
    assert "surname" in {one["name"] for one in about["targets"]}


def test_export_bundle__a_run_elsewhere_that_predicts_names_stays_behind(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    run = on_names(place, source, "surname")
    table = pd.read_csv(source.path / "labels.csv").drop(columns="surname")
    table.to_csv(tmp_path / "bare.csv", index=False)
    bare = DataSource(source.path, tmp_path / "bare.csv")
    open_with_target(place, bare, "dr")
    there = replace(
        run, id="of-names-on-bare-4d5e6f70", kind="external", dataset_id=dataset_id(bare)
    )
    (of_dr,) = (one for one in list_runs(place) if one.target.name == "dr")
    save_run(place, there, run_predictions(place, of_dr))

    done = export_bundle(place, dataset_id(bare), tmp_path / "all.zip")

    assert done.runs_left_out == (there.id,)
    assert b"Roe P" not in everything(tmp_path / "all.zip")


@pytest.mark.parametrize("column", ["subject", "image"])
def test_open_dataset__refuses_a_column_of_patients_or_photographs_by_its_own_name(
    place: Workspace, source: DataSource, column: str
) -> None:
    table = pd.read_csv(source.path / "labels.csv").rename(columns={"patient_id": "subject"})
    table.to_csv(source.path / "labels.csv", index=False)
    named = replace(source, columns=ColumnMapping(patient="subject", target=column))

    with pytest.raises(TargetError, match="so it cannot be a target"):
        open_dataset(place, named)


@pytest.mark.parametrize("column", ["patient_id", "patient_id=Doe P00"])
def test_open_with_target__refuses_the_names_of_patients(
    place: Workspace, source: DataSource, column: str
) -> None:
    with pytest.raises(TargetError, match="says whose photograph each one is"):
        open_with_target(place, source, column)


def test_stored_dataset__offers_no_names_that_an_earlier_version_took_for_labels(
    place: Workspace, source: DataSource
) -> None:
    run = on_names(place, source, "patient_id")

    found = stored_dataset(place, run.dataset_id)

    assert {one.name for one in found.targets} == {"dr", "grade"}
    with pytest.raises(TargetError):
        found.target("patient_id=Doe P00")
