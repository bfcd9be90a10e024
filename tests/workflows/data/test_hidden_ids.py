"""Hiding names changes what is shown and nothing else: folds, keys, scores and masks stay."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.checks import dataset_cautions
from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.data.hidden_ids import VARIABLE
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.evaluation.recalibrate import recalibrated
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, run_predictions
from fundus_core.workflows.segmenting.masks import Truth, mask_columns, masked_photographs
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice, patient_folds
from tests.fakes import write_dataset

COLOUR = BackboneChoice("mean_colour")
N_PATIENTS = 30


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """Photographs whose masks are called by their patients, and a remark on each."""
    folder = write_dataset(tmp_path_factory.mktemp("named") / "data", N_PATIENTS, side=72)
    table = pd.read_csv(folder / "labels.csv")
    table["marks"] = [f"masks/{patient}-{eye}.png" for patient, eye in table[["patient_id", "eye"]]
                      .itertuples(index=False)]  # fmt: skip
    table["remark"] = [f"seen by P{row}" for row in range(len(table))]
    table.to_csv(folder / "labels.csv", index=False)
    (folder / "masks").mkdir()
    for number, name in enumerate(table["marks"]):
        Image.fromarray(np.full((72, 72), number, np.uint8)).save(folder / name)
    return DataSource(folder)


def opened(
    place: Workspace, source: DataSource, monkeypatch: pytest.MonkeyPatch, *, hide: bool
) -> FundusDataset:
    """Opens the data set with names hidden from now on, or shown."""
    monkeypatch.setenv(VARIABLE, "1" if hide else "0")
    open_dataset(place, source)
    return stored_dataset(place, dataset_id(source))


def probed(place: Workspace, dataset: FundusDataset, source: DataSource) -> Run:
    return probe_dataset(place, dataset, dataset_id(source), COLOUR, ProbeChoice("dr", folds=3))


@pytest.fixture
def both(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[FundusDataset, FundusDataset]:
    """The data set with names shown, and with names hidden, each of a workspace of its own."""
    shown = opened(Workspace(tmp_path / "shown"), source, monkeypatch, hide=False)
    return shown, opened(Workspace(tmp_path / "hidden"), source, monkeypatch, hide=True)


def test_hidden_names__sort_differently_and_yet_the_groups_and_keys_are_the_same(
    both: tuple[FundusDataset, FundusDataset],
) -> None:
    shown, hidden = both

    assert shown.patient_ids is not None
    assert hidden.patient_ids is not None
    order = [np.unique(one.patient_ids, return_inverse=True)[1].tolist() for one in both]
    assert order[0] != order[1]  # what would divide patients otherwise
    assert not set(shown.patient_ids) & set(hidden.patient_ids)
    assert np.array_equal(shown.groups, hidden.groups)
    assert shown.fingerprint() == hidden.fingerprint()
    assert shown.select(shown.image_ids[5:9]).fingerprint() == (
        hidden.select(hidden.image_ids[5:9]).fingerprint()
    )
    assert "remark" not in hidden.table


def test_hidden_names__a_probe_is_the_same_run_with_the_same_scores(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for hide in (False, True):
        place = Workspace(tmp_path / f"hide-{hide}")
        run = probed(place, opened(place, source, monkeypatch, hide=hide), source)
        found.append((run, run_predictions(place, run)))
    (plain, said), (hidden, whispered) = found

    assert hidden.id == plain.id
    assert (hidden.auc, hidden.folds, hidden.class_aucs) == (
        plain.auc,
        plain.folds,
        plain.class_aucs,
    )
    assert np.array_equal(said.fold, whispered.fold)
    assert np.array_equal(said.y_score, whispered.y_score)
    assert not set(said.patient_ids) & set(whispered.patient_ids)


def test_hidden_names__folds_made_for_a_model_without_any_are_the_same(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    run = probed(place, opened(place, source, monkeypatch, hide=False), source)

    folds = []
    for hide in (False, True):
        monkeypatch.setenv(VARIABLE, "1" if hide else "0")
        without = replace(run_predictions(place, run), fold=None)
        folds.append(recalibrated(without, "platt").predictions.fold)

    assert np.array_equal(*folds)


def test_hidden_names__masks_named_by_a_column_are_found_by_links_that_name_nobody(
    both: tuple[FundusDataset, FundusDataset],
) -> None:
    shown, hidden = both
    truth = Truth(column="marks")

    as_named, as_linked = (masked_photographs(one, truth) for one in both)

    assert mask_columns(hidden) == ["marks"]
    assert as_linked.n_without == 0
    assert as_linked.fingerprint(truth) == as_named.fingerprint(truth)
    told = " ".join([*hidden.table["marks"], *(str(one.mask) for one in as_linked.photographs)])
    assert not [patient for patient in set(shown.table["patient_id"]) if f"{patient}-" in told]


def test_hidden_names__a_segmenter_learns_from_the_same_patients(
    both: tuple[FundusDataset, FundusDataset],
) -> None:
    choice = SegmentationChoice(folds=3, fraction=0.5)

    plain, hidden = (patient_folds(one, choice) for one in both)

    for one, other in zip(plain, hidden, strict=True):
        assert np.array_equal(one.train, other.train)
        assert np.array_equal(one.test, other.test)


def test_run_stored_while_names_were_hidden__has_them_where_they_are_shown(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    hidden = opened(place, source, monkeypatch, hide=True)
    probed(place, hidden, source)

    monkeypatch.setenv(VARIABLE, "0")
    (run,) = list_runs(place)
    again = probed(place, stored_dataset(place, dataset_id(source)), source)

    assert again.id == run.id  # nothing is computed twice
    patients = run_predictions(place, run).patient_ids
    assert patients is not None
    assert set(patients) == set(stored_dataset(place, dataset_id(source)).table["patient_id"])


def test_hidden_names__a_table_that_is_left_out_or_refused_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path / "data", n_patients=4)
    (folder / "Erika Mustermann.csv").write_text("topic,text\ncamera,Topcon\n")
    hidden = opened(Workspace(tmp_path / "workspace"), DataSource(folder), monkeypatch, hide=True)

    (row,) = hidden.rejected
    said = [row.path, row.detail, *(one.text for one in dataset_cautions(hidden))]
    assert row.reason == "other_table"
    assert not [one for one in said if "Mustermann" in one]

    (folder / "labels.csv").write_text("image,dr\nErika Mustermann.jpg,1\n")
    with pytest.raises(DataError, match=r"column 'image' of labels\.csv names") as refused:
        open_dataset(Workspace(tmp_path / "workspace"), DataSource(folder))
    assert "Mustermann" not in refused.value.message
    monkeypatch.setenv(VARIABLE, "0")
    with pytest.raises(DataError, match="such as 'Erika Mustermann"):
        open_dataset(Workspace(tmp_path / "workspace"), DataSource(folder))
