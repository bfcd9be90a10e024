"""Runs whose data set was changed say so; what joins them to today's table does not fall over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DifferentImagesError, StoreError
from fundus_core.io.manifest import DataSource
from fundus_core.io.sealed import read_sealed, write_sealed
from fundus_core.io.workspace import Workspace
from fundus_core.studies.data import mapped_labels, open_study_data
from fundus_core.studies.document import DataPart
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.hidden_ids import VARIABLE
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.evaluation.shortcuts import shortcuts_of
from fundus_core.workflows.evaluation.subgroups import subgroups_of
from fundus_core.workflows.models.changed_since import Changes, changes_since, still_there
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, load_run, run_predictions
from tests.fakes import tiny_dataset, write_dataset

TINY = BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32")
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 photographs of 12 patients, half of them for the training."""
    folder = write_dataset(tmp_path / "data")
    half = {True: "train", False: "test"}
    edited(folder, lambda table: table.assign(split=(table["patient_id"] < "P06").map(half)))
    return folder


def edited(folder: Path, change: Change) -> None:
    path = folder / "labels.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


def opened_again(place: Workspace, folder: Path, change: Change) -> None:
    edited(folder, change)
    open_dataset(place, DataSource(folder))


def fitted(place: Workspace, folder: Path, *, use_split: bool = False) -> Run:
    source = DataSource(folder)
    choice = ProbeChoice("dr", folds=2, use_split=use_split)
    return probe_dataset(place, open_dataset(place, source), dataset_id(source), TINY, choice)


def said(run: Run) -> str:
    """What the run says of its data set; empty where nothing."""
    return " ".join(caution.text for caution in run.cautions if caution.code == "FD026")


def swapped(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(dr=table["dr"].map({"0": "1", "1": "0"}))


def one_corrected(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(dr=["1", *table["dr"].iloc[1:]])


def one_emptied(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(dr=[None, *table["dr"].iloc[1:]])


def one_removed(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[1:]


def column_lost(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="dr")


def two_patients_joined(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(patient_id=table["patient_id"].replace({"P01": "P00"}))


def patients_lost(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="patient_id")


def renamed(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(patient_id="site-" + table["patient_id"], age="60")


def turned_round(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[::-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swapped, "24 are labelled otherwise now"),
        (one_corrected, "1 are labelled otherwise now"),
        (one_emptied, "1 are labelled otherwise now"),
        (column_lost, "24 are labelled otherwise now"),
        (one_removed, "1 are no longer in the data set"),
        (two_patients_joined, "4 are of other patients now"),
        (patients_lost, "24 are of other patients now"),
    ],
)
def test_a_run_says_what_was_changed_since(
    place: Workspace, folder: Path, change: Change, words: str
) -> None:
    run = fitted(place, folder)
    before = said(load_run(place, run.id))

    opened_again(place, folder, change)

    assert before == ""
    assert said(load_run(place, run.id)) == (
        f"Of 24 photographs that the model was judged on, {words}; its figures are of what was "
        "there then. Fit it again."
    )
    assert [said(one) for one in list_runs(place)] == [said(load_run(place, run.id))]


@pytest.mark.parametrize("change", [renamed, turned_round])
def test_a_change_that_no_figure_rests_on_is_not_said(
    place: Workspace, folder: Path, change: Change
) -> None:
    run = fitted(place, folder)

    opened_again(place, folder, change)

    assert said(load_run(place, run.id)) == ""


def test_a_table_that_is_put_back_is_the_one_of_then(place: Workspace, folder: Path) -> None:
    run = fitted(place, folder)
    opened_again(place, folder, swapped)
    changed = said(load_run(place, run.id))

    opened_again(place, folder, swapped)

    assert changed
    assert said(load_run(place, run.id)) == ""
    assert said(fitted(place, folder)) == ""


def test_a_run_of_an_older_version_is_compared_by_its_labels(
    place: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fitted(place, folder)
    forget(place, run, "data")
    assert load_run(place, run.id).data == ""
    assert said(load_run(place, run.id)) == ""

    opened_again(place, folder, swapped)

    assert said(load_run(place, run.id))


def test_a_run_of_an_older_version_may_have_labels_that_no_column_holds(
    place: Workspace, folder: Path
) -> None:
    run = mapped(place, folder)
    forget(place, run, "labels")

    assert load_run(place, run.id).labels is None
    assert said(load_run(place, run.id)) == ""

    opened_again(place, folder, two_patients_joined)

    assert "4 are of other patients now" in said(load_run(place, run.id))
    assert "labelled otherwise" not in said(load_run(place, run.id))


MAP = {"0": "healthy", "1": "ill", "2": "ill"}


def mapped(place: Workspace, folder: Path, target: str = "state") -> Run:
    """A run whose labels a study made of the grades."""
    source = DataSource(folder)
    dataset = mapped_labels(open_dataset(place, source), "grade", target, MAP)
    return probe_dataset(place, dataset, dataset_id(source), TINY, ProbeChoice(target, folds=2))


def forget(place: Workspace, run: Run, key: str) -> None:
    """Makes a run one of a version that did not store something yet."""
    manifest = place.runs / run.id / "artifact.json"
    content = read_sealed(manifest)
    assert content is not None
    del content["about"][key]
    write_sealed(manifest, content)


@pytest.mark.parametrize("target", ["state", "dr", "grade"])
def test_labels_that_a_study_made_are_compared_as_it_made_them(
    place: Workspace, folder: Path, target: str
) -> None:
    run = mapped(place, folder, target)

    before = said(load_run(place, run.id))
    opened_again(place, folder, lambda table: table.assign(grade=table["grade"].replace("2", "1")))
    still = said(load_run(place, run.id))
    edited(folder, lambda table: table.assign(dr="0"))
    opened_again(place, folder, lambda table: table.assign(grade=["9", *table["grade"].iloc[1:]]))

    assert (before, still) == ("", "")
    assert "Of 24 photographs that the model was judged on, 1 are labelled otherwise now" in said(
        load_run(place, run.id)
    )


def test_labels_that_a_study_made_of_a_column_that_is_gone_are_others(
    place: Workspace, folder: Path
) -> None:
    run = mapped(place, folder)

    opened_again(place, folder, lambda table: table.drop(columns="grade"))

    assert "24 are labelled otherwise now" in said(load_run(place, run.id))


def test_labels_that_a_study_made_elsewhere_are_compared_with_those(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    run = fitted(place, folder)
    other = write_dataset(tmp_path / "other", n_patients=6)
    edited(other, lambda table: table.assign(dr="0"))
    source, binary = DataSource(other), {"0": "0", "1": "1", "2": "1"}
    made = mapped_labels(open_dataset(place, source), "grade", "dr", binary)

    outside = predict(place, run.id, made, dataset_id(source)).run

    assert outside.auc is not None
    assert said(load_run(place, outside.id)) == ""


def test_pseudonyms_are_no_other_patients(
    place: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    run = fitted(place, folder)
    monkeypatch.delenv(VARIABLE)
    opened_again(place, folder, lambda table: table.assign(age="60"))

    assert said(load_run(place, run.id)) == ""


def test_what_was_predicted_elsewhere_is_compared_with_that_data_set(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    run = fitted(place, folder)
    other = write_dataset(tmp_path / "other", n_patients=6)
    outside = predict(
        place, run.id, open_dataset(place, DataSource(other)), dataset_id(DataSource(other))
    ).run

    opened_again(place, other, swapped)

    assert said(load_run(place, run.id)) == ""
    assert "12 are labelled otherwise now" in said(load_run(place, outside.id))


def test_damaged_predictions_are_left_to_whoever_reads_them(place: Workspace, folder: Path) -> None:
    run = fitted(place, folder)
    opened_again(place, folder, swapped)
    (place.runs / run.id / "predictions.parquet").unlink()

    assert said(load_run(place, run.id)) == ""
    with pytest.raises(StoreError, match="missing or damaged"):
        run_predictions(place, run)


def test_subgroups__leave_out_who_is_gone(place: Workspace, folder: Path) -> None:
    run = fitted(place, folder)
    opened_again(place, folder, lambda table: table.iloc[2:])

    found = subgroups_of(place, load_run(place, run.id), "eye")

    assert found.n_images == 22
    assert "FD026" in {caution.code for caution in found.cautions}


def test_shortcuts__leave_out_who_is_gone(place: Workspace, folder: Path) -> None:
    run = fitted(place, folder)
    shortcuts_of(place, run)
    opened_again(place, folder, lambda table: table.iloc[2:])

    found = shortcuts_of(place, load_run(place, run.id))

    assert len(found.predictions.image_ids) == 22
    assert found.n_unreadable == 0
    assert "FD026" in {caution.code for caution in found.cautions}


@pytest.mark.parametrize("half", ["train", "test"])
def test_shortcuts__do_not_learn_from_a_split_that_was_changed(
    place: Workspace, folder: Path, half: str
) -> None:
    run = fitted(place, folder, use_split=True)
    before = shortcuts_of(place, load_run(place, run.id))

    def change(table: pd.DataFrame) -> pd.DataFrame:
        flipped = swapped(table)["dr"]
        return table.assign(dr=table["dr"].where(table["split"] != half, flipped))

    opened_again(place, folder, change)

    assert before.folds_from == "the table's split"
    with pytest.raises(StoreError, match="was changed since"):
        shortcuts_of(place, load_run(place, run.id))


MAPPED = {"target": "severe", "column": "grade", "map": {"0": "0", "1": "1", "2": "1"}}


@pytest.mark.parametrize(
    ("part", "photographs"),
    [(MAPPED, None), ({"target": "dr", "where": {"site": "a"}}, None), (MAPPED, 12)],
)
def test_shortcuts__learn_as_a_model_of_a_study_did_until_the_split_is_changed(
    place: Workspace, folder: Path, part: dict[str, Any], photographs: int | None
) -> None:
    edited(folder, lambda table: table.assign(site=["a", "a", "a", "b"] * 6))
    named = DataPart(name="d", source=str(folder), **part)
    data = open_study_data(place, named, folder, drawn_in=place, photographs=photographs)
    choice = ProbeChoice(named.target, use_split=True)
    run = probe_dataset(place, data.dataset, data.id, TINY, choice)

    found = shortcuts_of(place, load_run(place, run.id))

    assert found.folds_from == "the table's split"
    assert "FD026" not in {caution.code for caution in found.cautions}

    def change(table: pd.DataFrame) -> pd.DataFrame:
        other = {"dr": {"0": "1", "1": "0"}, "grade": {"0": "2", "1": "0", "2": "0"}}
        taught = table["split"] == "train"
        values = {name: table[name].mask(taught, table[name].map(to)) for name, to in other.items()}
        return table.assign(**values)

    opened_again(place, folder, change)
    with pytest.raises(StoreError, match="was changed since"):
        shortcuts_of(place, load_run(place, run.id))


def test_changes_since__counts_each_kind() -> None:
    dataset = tiny_dataset(4)
    target = dataset.targets[0]
    y_true = dataset.labels(target)[0]
    judged = Predictions(
        "model",
        "binary",
        ("1",),
        (*dataset.image_ids, "gone"),
        np.vstack([~y_true[:1], y_true[1:], [[True]]]),
        np.zeros((9, 1)),
        np.array([*["a"] * 4, "b", "b", "c", "d", "e"]),
    )

    found = changes_since(judged, target, dataset)

    # P0 and P1 were one patient then; P3 was two.
    assert found == Changes(9, n_gone=1, n_relabelled=1, n_regrouped=6)


def test_changes_since__without_labels_nothing_is_said_of_them() -> None:
    dataset = tiny_dataset(4)
    judged = Predictions(
        "model",
        "binary",
        ("1",),
        dataset.image_ids,
        np.zeros((8, 1), bool),
        np.zeros((8, 1)),
        dataset.patient_ids,
    )

    assert changes_since(judged, dataset.targets[0], dataset).caution() is None


def test_still_there__of_photographs_that_are_all_gone_says_so() -> None:
    now = tiny_dataset()
    ids = (now.image_ids[0], "gone")
    y_true = np.array([[False], [True]])
    said = Predictions("model", "binary", ("1",), ids, y_true, np.zeros((2, 1)))

    assert still_there(said, now).tolist() == [True, False]
    with pytest.raises(DifferentImagesError, match="None of the 1 photographs that were scored"):
        still_there(said.select(np.array([False, True])), now)
