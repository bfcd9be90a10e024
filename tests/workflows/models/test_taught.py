"""What taught a model is stored with it, and said wherever the model is judged on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.labelled import Validation, labelled_photographs
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.models.predict import ExternalResult, predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import (
    TRAINED_ON,
    load_run,
    photographs_that_taught,
    run_predictions,
    save_run,
)
from tests.fakes import write_dataset
from tests.workflows.reported import COLOUR

SEEN, SAME_PATIENTS = "FD022", "FD023"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """32 photographs of 16 patients, the first twelve of whom are for training."""
    folder = write_dataset(tmp_path / "photographs", n_patients=16)
    table = pd.read_csv(folder / "labels.csv")
    number = table["patient_id"].str[1:].astype(int)
    table["split"] = np.where(number < 12, "train", "test")
    table.to_csv(folder / "labels.csv", index=False)
    return folder


def fitted(place: Workspace, folder: Path, choice: ProbeChoice) -> Run:
    source = DataSource(folder)
    return probe_dataset(place, open_dataset(place, source), dataset_id(source), COLOUR, choice)


def part(folder: Path, split: str) -> DataSource:
    """Returns the photographs of one side of the split, as a data set of their own."""
    table = pd.read_csv(folder / "labels.csv")
    path = folder / f"{split}.csv"
    table[table["split"] == split].drop(columns="split").to_csv(path, index=False)
    return DataSource(path)


def used_on(place: Workspace, run: Run, source: DataSource) -> ExternalResult:
    return predict(place, run.id, open_dataset(place, source), dataset_id(source))


def codes(run: Run) -> set[str]:
    return {caution.code for caution in run.cautions}


def test_predict__of_a_run_with_its_own_split_knows_who_taught_it(
    place: Workspace, folder: Path
) -> None:
    run = fitted(place, folder, ProbeChoice("dr", use_split=True))

    on_training = used_on(place, run, part(folder, "train"))
    on_test = used_on(place, run, part(folder, "test"))

    assert (on_training.n_seen, on_test.n_seen) == (24, 0)
    assert SEEN in codes(on_training.run)
    assert not {SEEN, SAME_PATIENTS} & codes(on_test.run)
    assert on_training.comparison is None
    assert on_test.comparison is not None
    (said,) = on_test.comparison_cautions  # those who are judged are those of the run's own test
    assert said.code == SAME_PATIENTS
    assert said.text.startswith("4 ids of patients are on both sides of the test of inside")
    assert on_training.comparison_cautions == ()


def test_predict__the_caution_is_stored_and_shown_with_every_figure(
    place: Workspace, folder: Path
) -> None:
    run = fitted(place, folder, ProbeChoice("dr", folds=4))
    everything = DataSource(folder / "labels.csv")

    found = used_on(place, run, everything)

    assert found.n_seen == 32
    assert SEEN in codes(load_run(place, found.run.id))
    (said,) = [one.text for one in found.run.cautions if one.code == SEEN]
    assert said == "32 of 32 photographs taught the model."


def test_predict__a_fraction_teaches_fewer(place: Workspace, folder: Path) -> None:
    choice = ProbeChoice("dr", folds=4, fraction=0.5)
    run = fitted(place, folder, choice)
    dataset = open_dataset(place, DataSource(folder))
    labelled = labelled_photographs(
        dataset, dataset.image_ids, Validation("dr", 4, 0, fraction=0.5)
    )

    taught = photographs_that_taught(place, run)

    assert taught is not None
    in_a_fold = {labelled.image_ids[row] for fold in labelled.folds for row in fold.train}
    assert set(taught["image_id"]) <= in_a_fold
    first = {labelled.image_ids[row] for row in labelled.folds[0].train}
    assert set(taught["image_id"]) == first


def test_predict__the_same_patients_in_other_files_are_said(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    run = fitted(place, folder, ProbeChoice("dr", folds=4))
    table = pd.read_csv(folder / "labels.csv").head(16)
    again = tmp_path / "again"
    for name in table["image"]:
        path = again / Path(name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(folder / name).save(path)
    table["image"] = table["image"].str.replace(".jpg", ".png")
    table.to_csv(again / "labels.csv", index=False)

    found = used_on(place, run, DataSource(again))

    assert found.n_seen == 0
    (said,) = [one.text for one in found.run.cautions if one.code == SAME_PATIENTS]
    assert said.startswith("8 ids of patients are among those that taught the model")


def test_photographs_that_taught__of_an_older_run_are_those_it_held_out_in_turn(
    place: Workspace, folder: Path
) -> None:
    run = fitted(place, folder, ProbeChoice("dr", folds=4))
    stored = photographs_that_taught(place, run)
    older = replace(run, id="an-older-run")
    save_run(place, older, run_predictions(place, run))

    known = photographs_that_taught(place, older)

    assert stored is not None
    assert known is not None
    assert not (place.runs / older.id / TRAINED_ON).exists()
    assert set(known["image_id"]) == set(stored["image_id"])


def test_compare__of_two_eyes_of_the_same_patients_is_unpaired_and_says_so(
    place: Workspace, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    label = np.tile([0, 1], 20)
    for eye in ("od", "os"):
        pd.DataFrame(
            {
                "image_id": [f"{eye}{row}" for row in range(40)],
                "patient_id": [f"P{row}" for row in range(40)],
                "y_true": label,
                "y_score": 0.3 * label + generator.uniform(0, 0.7, 40),
            }
        ).to_csv(tmp_path / f"{eye}.csv", index=False)

    found = compare(place, [str(tmp_path / "od.csv"), str(tmp_path / "os.csv")])

    assert not found.paired
    (said,) = [one.text for one in found.cautions if one.code == SAME_PATIENTS]
    assert said.startswith("40 ids of patients are on both sides of an unpaired comparison")
