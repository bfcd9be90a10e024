"""Hiding names changes what is shown and nothing else: folds, keys, scores and masks stay."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.checks import dataset_cautions
from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, TargetError
from fundus_core.io.manifest import ColumnMapping, DataSource, read_dataset
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import (
    dataset_id,
    open_dataset,
    open_with_target,
    stored_dataset,
)
from fundus_core.workflows.data.hidden_ids import VARIABLE, without_names
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.evaluation.recalibrate import recalibrated
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, run_predictions
from fundus_core.workflows.reports.bundle import export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from fundus_core.workflows.segmenting.masks import Truth, mask_columns, masked_photographs
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice, patient_folds
from tests.fakes import tiny_dataset, write_dataset

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


def retold(source: DataSource, folder: Path, **columns: object) -> DataSource:
    """Copies a data set with other columns in its table."""
    shutil.copytree(source.path, folder)
    pd.read_csv(folder / "labels.csv").assign(**columns).to_csv(folder / "labels.csv", index=False)
    return DataSource(folder)


@pytest.mark.parametrize("role", ["eye", "split"])
@pytest.mark.parametrize("column", ["remark", "dr"])
def test_hidden_names__other_words_of_eye_and_split_are_not_shown(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, column: str
) -> None:
    columns = ColumnMapping(**{role: column}, target=column)
    shown = read_dataset(replace(source, columns=columns))

    monkeypatch.setenv(VARIABLE, "1")
    hidden = without_names(Workspace(tmp_path / "workspace"), shown)

    assert shown.targets[0].name == role
    assert set(hidden.table[role]) == {"other"}
    assert role not in {target.name for target in hidden.targets}
    assert hidden.fingerprint() == shown.fingerprint()


def test_hidden_names__a_target_that_tells_patients_apart_is_refused(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    numbers = pd.read_csv(source.path / "labels.csv")["patient_id"].str[1:].astype(int)
    told = retold(source, tmp_path / "told", phone=numbers.map("0171-{}".format))
    chosen = replace(told, columns=ColumnMapping(target="phone"))
    some = replace(chosen, classes=("0171-1", "0171-2"))

    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(TargetError, match="'phone' may tell patients from one another"):
        open_dataset(place, chosen)
    with pytest.raises(TargetError, match="has no target 'phone'; it has: dr, grade"):
        open_with_target(place, told, "phone").target("phone")
    with pytest.raises(TargetError) as refused:
        open_dataset(place, replace(chosen, classes=("0171-1", "0172-2")))
    rejected = open_dataset(place, some).rejected
    monkeypatch.setenv(VARIABLE, "0")
    named = open_dataset(place, chosen)
    monkeypatch.setenv(VARIABLE, "1")
    stored = stored_dataset(place, dataset_id(chosen))

    assert "has 1." in refused.value.message
    assert {row.detail for row in rejected} == {"Its label is none of: 0171-1, 0171-2."}
    assert "phone" in {target.name for target in named.targets}
    assert "phone" not in {target.name for target in stored.targets}
    assert "phone" not in stored.table
    assert stored.fingerprint() == named.fingerprint()


@pytest.mark.parametrize("look", ["image:Doe {}", "p{:016x}"])
def test_hidden_names__ids_that_look_like_those_of_the_program_are_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    usual = DataSource(write_dataset(tmp_path / "usual", n_patients=8, side=72))
    numbers = pd.read_csv(usual.path / "labels.csv")["patient_id"].str[1:].astype(int)
    ids = numbers.map(look.format).where(numbers > 0)  # the first patient has none
    told = retold(usual, tmp_path / "told", patient_id=ids)
    place = Workspace(tmp_path / "workspace")

    shown = opened(place, told, monkeypatch, hide=False)
    run = probed(place, shown, told)
    export_bundle(place, dataset_id(told), tmp_path / "bundle.zip")
    hidden = opened(place, told, monkeypatch, hide=True)
    now_hidden = run_predictions(place, run).patient_ids
    monkeypatch.setenv(VARIABLE, "0")
    bundled = open_bundle(Workspace(tmp_path / "there"), tmp_path / "bundle.zip")
    there = stored_dataset(Workspace(tmp_path / "there"), bundled.dataset_id)

    given = set(shown.table["patient_id"].dropna())
    pseudonyms = set(hidden.table["patient_id"].dropna())
    own = {f"image:{one}" for one in shown.image_ids[:2]}
    assert not [one for one in given if one.startswith("image:")]
    assert len(given) == len(pseudonyms) == 7
    assert not given & pseudonyms
    assert set(now_hidden) == pseudonyms | own
    assert set(there.table["patient_id"].dropna()) == {f"p000{one}" for one in range(1, 8)}


def test_hidden_names__what_earlier_versions_stored_is_hidden_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    stored = tiny_dataset()
    stored.table["patient_id"] = "image:" + stored.table["patient_id"]
    monkeypatch.setenv(VARIABLE, "1")

    hidden = without_names(place, stored)

    assert hidden.table["patient_id"].str.fullmatch("p[0-9a-f]{16}").all()
    assert np.array_equal(hidden.groups, stored.groups)
