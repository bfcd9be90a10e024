"""Who taught weights is stored with them, and said of every figure on those photographs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
from safetensors.torch import save_file

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import WeightsError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.manifest import DataSource
from fundus_core.io.weights import file_sha256
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.hidden_ids import VARIABLE, without_names
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.predict import ExternalResult, predict
from fundus_core.workflows.models.pretrain import PretrainChoice, Pretrained, pretrain
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run
from fundus_core.workflows.segmenting.masks import Truth
from fundus_core.workflows.segmenting.segmentation import train_segmenter
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice
from fundus_core.workflows.segmenting.segmentation_scores import score_model
from fundus_core.workflows.single.one_photograph_scores import score_photograph
from fundus_core.workflows.weights.convert import convert
from fundus_core.workflows.weights.teacher_tables import (
    COLUMNS,
    TEACHERS,
    inherit_teachers,
    store_teachers,
    table_of_teachers,
    teachers_of,
)
from fundus_core.workflows.weights.teachers import (
    Exposure,
    exposure,
    exposure_of_photographs,
)
from tests.fakes import tiny_dataset, write_dataset
from tests.segmentation.drawn import write_drawings

CODE = "FD025"
TINY = "timm:test_resnet"
TRAINING = TrainingRecipe(
    epochs=1, batch_size=8, learning_rate=1e-3, augmentation="none", precision="fp32"
)
MARKING = SegmentationTraining(epochs=1, batch_size=4, patch=32, patches=4, precision="fp32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 photographs of 20 patients, with tables of both eyes and of halves of the patients."""
    folder = write_dataset(tmp_path_factory.mktemp("taught") / "data", n_patients=20)
    table = pd.read_csv(folder / "labels.csv")
    number = table["patient_id"].str[1:].astype(int)
    parts = {
        "right": table["eye"] == "OD",
        "left": table["eye"] == "OS",
        "first": number < 10,
        "last": number >= 10,
    }
    for name, rows in parts.items():
        table[rows].to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


def taught(
    place: Workspace, folder: Path, table: str, name: str = "mine", initial: str = "scratch"
) -> Pretrained:
    dataset = open_dataset(place, DataSource(folder / f"{table}.csv"))
    choice = PretrainChoice(TINY, name, initial, "abnormal", ("dr",), 64, TRAINING)
    return pretrain(place, dataset, choice)


def by(weights: Path) -> BackboneChoice:
    return BackboneChoice(TINY, weights=str(weights), image_size=64)


def probed(place: Workspace, folder: Path, table: str, weights: Path) -> Run:
    source = DataSource(folder / f"{table}.csv")
    dataset = open_dataset(place, source)
    choice = ProbeChoice("dr", folds=2)
    return probe_dataset(place, dataset, dataset_id(source), by(weights), choice)


def used_on(place: Workspace, run: Run, folder: Path, table: str) -> ExternalResult:
    source = DataSource(folder / f"{table}.csv")
    return predict(place, run.id, open_dataset(place, source), dataset_id(source))


def n_teachers(place: Workspace, sha256: str) -> int:
    teachers = teachers_of(place, sha256)
    return 0 if teachers is None else len(teachers)


def without_count(card: Path) -> None:
    """Makes a card one of an older version, that did not say how many taught."""
    about = json.loads(card.read_text())
    del about["n_teachers"]
    card.write_text(json.dumps(about))


def said(run: Run) -> list[str]:
    return [caution.text for caution in run.cautions if caution.code == CODE]


def met(place: Workspace, sha256: str, judged: FundusDataset) -> Exposure:
    return exposure(place, sha256, judged, judged.image_ids, judged.patient_ids)


def test_probe__on_those_who_taught_the_weights_says_so(place: Workspace, folder: Path) -> None:
    made = taught(place, folder, "labels")

    run = probed(place, folder, "labels", made.weights)

    assert said(run) == ["40 of 40 photographs taught the weights 'mine', with labels."]
    assert said(load_run(place, run.id)) == said(run)


def test_probe__on_other_patients_says_nothing(place: Workspace, folder: Path) -> None:
    made = taught(place, folder, "first")

    assert said(probed(place, folder, "last", made.weights)) == []
    assert n_teachers(place, file_sha256(made.weights)) == 20


def test_probe__on_the_other_eyes_counts_patients(place: Workspace, folder: Path) -> None:
    made = taught(place, folder, "right")

    run = probed(place, folder, "left", made.weights)

    (text,) = said(run)
    assert text == (
        "Other photographs of 20 patients (or of others with the same ids) taught the weights "
        "'mine', with labels."
    )


def test_probe__by_a_copy_without_its_card_is_found_out(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    made = taught(place, folder, "labels")
    copy = tmp_path / "somewhere" / "else.safetensors"
    copy.parent.mkdir()
    shutil.copy(made.weights, copy)
    made.weights.unlink()
    made.card.unlink()

    (text,) = said(probed(place, folder, "labels", copy))

    assert text.endswith("taught the weights 'else', with labels.")


def test_probe__by_weights_that_started_from_others_says_who_taught_those(
    place: Workspace, folder: Path
) -> None:
    first = taught(place, folder, "first", "one")
    second = taught(place, folder, "last", "two", initial=str(first.weights))

    assert said(probed(place, folder, "first", second.weights))
    assert n_teachers(place, file_sha256(second.weights)) == 40


def test_probe__by_weights_of_an_older_version_is_known_by_the_card(
    place: Workspace, folder: Path
) -> None:
    made = taught(place, folder, "first")
    shutil.rmtree(place.weights / TEACHERS)
    without_count(made.card)

    assert said(probed(place, folder, "first", made.weights))
    assert not said(probed(place, folder, "last", made.weights))
    taught(place, folder, "first")
    assert n_teachers(place, file_sha256(made.weights)) == 20


def test_finetune__on_those_who_taught_the_weights_says_so(place: Workspace, folder: Path) -> None:
    made = taught(place, folder, "right")
    source = DataSource(folder / "left.csv")
    choice = FinetuneChoice(Validation("dr", folds=2), training=TRAINING)

    run = finetune_dataset(
        place, open_dataset(place, source), dataset_id(source), by(made.weights), choice
    )

    assert said(run)


def test_predict__on_those_who_taught_the_weights_is_no_external_test(
    place: Workspace, folder: Path
) -> None:
    fresh, outside = taught(place, folder, "last", "fresh"), taught(place, folder, "first", "other")
    of_last = used_on(place, probed(place, folder, "first", fresh.weights), folder, "last")
    of_first = used_on(place, probed(place, folder, "first", outside.weights), folder, "last")

    assert said(of_last.run) == ["20 of 20 photographs taught the weights 'fresh', with labels."]
    assert of_last.comparison is None
    assert said(of_first.run) == []
    assert of_first.comparison is None  # inside flatters
    assert CODE in {caution.code for caution in of_first.inside_cautions}
    assert CODE not in {caution.code for caution in of_last.inside_cautions}


def test_predict__by_weights_of_unknown_teachers_is_no_external_test(
    place: Workspace, folder: Path
) -> None:
    made = taught(place, folder, "first")
    run = probed(place, folder, "first", made.weights)
    shutil.rmtree(place.weights / TEACHERS)

    found = used_on(place, run, folder, "last")

    assert found.comparison is None
    assert "not known" in said(found.run)[0]


def test_score_photograph__of_one_that_taught_the_weights_says_so(
    place: Workspace, folder: Path
) -> None:
    made = taught(place, folder, "right")
    run = probed(place, folder, "labels", made.weights)
    table = pd.read_csv(folder / "labels.csv")
    path = dict(zip(table["eye"], table["image"], strict=True))

    right = score_photograph(place, run.id, folder / path["OD"], n_resamples=20)
    left = score_photograph(place, run.id, folder / path["OS"], n_resamples=20)

    (caution,) = right.cautions
    assert caution.text == "The photograph taught the weights 'mine', with labels."
    assert right.classes[0].probability is not None
    assert left.cautions == ()


def test_segmentation__on_those_who_taught_the_weights_says_so(
    place: Workspace, tmp_path: Path
) -> None:
    source = DataSource(write_drawings(tmp_path / "drawn"))
    dataset = open_dataset(place, source)
    weights = tmp_path / "start.safetensors"
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), weights)
    choice = SegmentationChoice(network="small", size=64, backbone=by(weights), training=MARKING)
    half = dataset.image_ids[: len(dataset) // 2]

    model = train_segmenter(place, dataset, dataset_id(source), choice)
    before = score_model(place, model.id, dataset, dataset_id(source), Truth())
    teachers = table_of_teachers(dataset, half, np.zeros(len(half), bool))
    store_teachers(place, file_sha256(weights), teachers)
    after = score_model(place, model.id, dataset, dataset_id(source), Truth(), threshold=0.4)

    assert CODE not in {one.code for one in before.about.cautions}
    (text,) = [one.text for one in after.about.cautions if one.code == CODE]
    assert text.startswith(f"{len(half)} of {len(dataset)} photographs")
    assert "taught the weights 'start', without labels" in text


def test_hidden_names__are_not_in_the_table_and_patients_are_still_found(
    place: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    hidden = taught(place, folder, "right", "hidden")
    table = teachers_of(place, file_sha256(hidden.weights))
    while_hidden = said(probed(place, folder, "left", hidden.weights))
    monkeypatch.delenv(VARIABLE)
    later = said(probed(place, folder, "first", hidden.weights))
    named = taught(place, folder, "left", "named")
    monkeypatch.setenv(VARIABLE, "1")
    mixed = said(probed(place, folder, "right", named.weights))

    assert table is not None
    assert not table["patient_id"].str.fullmatch(r"P\d\d").any()
    assert while_hidden[0].startswith("Other photographs of 20 patients")
    assert later[0].startswith("10 of 20 photographs taught")
    assert mixed[0].startswith("Other photographs of 20 patients")


@pytest.mark.parametrize("hide_first", [False, True])
def test_hidden_names__patients_who_have_pseudonyms_elsewhere_are_still_found(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, hide_first: bool
) -> None:
    named = tiny_dataset(4)
    named.table["patient_id"] = [f"p{int(one[1:]):016x}" for one in named.table["patient_id"]]
    right, left = named.image_ids[::2], named.image_ids[1::2]

    def seen(*, hide: bool) -> FundusDataset:
        monkeypatch.setenv(VARIABLE, "1" if hide else "0")
        return without_names(place, named)

    seen(hide=True)  # draws the key
    taught_by = seen(hide=hide_first).select(right)
    store_teachers(place, "b" * 64, table_of_teachers(taught_by, right, np.ones(4, bool)))

    found = met(place, "b" * 64, seen(hide=not hide_first).select(left))

    assert found.n_patients == 4


def test_convert__keeps_who_taught_a_checkpoint(place: Workspace, folder: Path) -> None:
    made = taught(place, folder, "first")

    converted = convert(place, made.weights, TINY, out=place.weights / "again.safetensors")

    assert converted.sha256 != file_sha256(made.weights)
    assert n_teachers(place, converted.sha256) == 20


def test_exposure__counts_photographs_and_further_patients(place: Workspace) -> None:
    dataset = tiny_dataset(4)
    ids = ("h0OD", "h0OS", "d1OD")  # both eyes of P0, one eye of P1
    teachers = table_of_teachers(dataset, ids, np.array([False, False, True]))
    store_teachers(place, "a" * 64, teachers)
    without_p1_right = dataset.select([one for one in dataset.image_ids if one != "d1OD"])

    found = met(place, "a" * 64, dataset)
    fewer = met(place, "a" * 64, without_p1_right)

    assert found == Exposure(3, 8, 0, labelled=True)
    assert fewer == Exposure(2, 7, 1, labelled=True)
    assert met(place, "", dataset) == Exposure(0, 8, 0, labelled=False)
    assert met(place, "b" * 64, dataset).caution("x") is None


def test_exposure__a_drawn_patient_is_no_real_ones_namesake(place: Workspace) -> None:
    drawn = replace(tiny_dataset(4), synthetic=True)
    real = tiny_dataset(4)
    right = [one for one in drawn.image_ids if one.endswith("OD")]
    left = real.select([one for one in real.image_ids if one.endswith("OS")])
    store_teachers(place, "a" * 64, table_of_teachers(drawn, right, np.ones(4, bool)))

    assert met(place, "a" * 64, left).n_patients == 0
    assert met(place, "a" * 64, replace(left, synthetic=True)).n_patients == 4


def test_exposure__without_labels_is_said_in_milder_words() -> None:
    caution = Exposure(2, 9, 3, labelled=False).caution("mine")

    assert caution is not None
    assert caution.code == CODE
    assert caution.text == (
        "2 of 9 photographs, and other photographs of 3 further patients (or of others with the "
        "same ids) taught the weights 'mine', without labels, which flatters less."
    )


def test_exposure__one_patient_is_one() -> None:
    caution = Exposure(0, 9, 1, labelled=True).caution("mine")

    assert caution is not None
    assert caution.text.startswith("Other photographs of 1 patient (")


def test_inherit_teachers__labels_count_if_they_ever_taught(place: Workspace) -> None:
    dataset = tiny_dataset(2)
    ids = dataset.image_ids
    store_teachers(place, "c" * 64, table_of_teachers(dataset, ids[:2], np.array([True, True])))
    store_teachers(
        place,
        "d" * 64,
        table_of_teachers(dataset, ids[1:3], np.array([False, False])),
        started_from="c" * 64,
    )

    inherit_teachers(place, "e" * 64, started_from="d" * 64)

    found = teachers_of(place, "e" * 64)
    assert found is not None
    labelled = dict(found[["image_id", "labelled"]].itertuples(index=False))
    assert labelled == {ids[0]: True, ids[1]: True, ids[2]: False}


def test_store_teachers__a_photograph_keeps_the_patient_that_a_later_table_lacks(
    place: Workspace,
) -> None:
    dataset = tiny_dataset(4)
    right = [one for one in dataset.image_ids if one.endswith("OD")]
    left = dataset.select([one for one in dataset.image_ids if one.endswith("OS")])
    nameless = replace(dataset, table=dataset.table.assign(patient_id=None))
    labelled, unlabelled = np.ones(4, bool), np.zeros(4, bool)
    store_teachers(place, "c" * 64, table_of_teachers(dataset, right, unlabelled))

    n_teachers = store_teachers(
        place, "d" * 64, table_of_teachers(nameless, right, labelled), started_from="c" * 64
    )

    assert n_teachers == 4
    assert met(place, "d" * 64, left) == Exposure(0, 4, 4, labelled=True)
    assert met(place, "d" * 64, dataset) == Exposure(4, 8, 0, labelled=True)


def test_store_teachers__a_photograph_of_two_patients_counts_once_and_for_both(
    place: Workspace,
) -> None:
    dataset = tiny_dataset(4)
    ids = [one for one in dataset.image_ids if one.endswith("OD")]
    renamed = replace(dataset, table=dataset.table.assign(patient_id="Q"))
    labelled = np.ones(4, bool)
    store_teachers(place, "c" * 64, table_of_teachers(dataset, ids, labelled))

    n_teachers = store_teachers(
        place, "d" * 64, table_of_teachers(renamed, ids, labelled), started_from="c" * 64
    )

    left = dataset.select([one for one in dataset.image_ids if one.endswith("OS")])
    both = replace(left, table=left.table.assign(patient_id=["Q", "P1", "P2", "P3"]))
    assert n_teachers == 4
    assert met(place, "d" * 64, dataset).n_seen == 4
    assert met(place, "d" * 64, left).n_patients == 4
    assert met(place, "d" * 64, both).n_patients == 4
    assert exposure_of_photographs(place, "d" * 64, ids) == Exposure(4, 4, 0, labelled=True)


def test_store_teachers__one_that_was_called_drawn_later_stays_a_real_one(place: Workspace) -> None:
    dataset = tiny_dataset(4)
    ids = [one for one in dataset.image_ids if one.endswith("OD")]
    left = dataset.select([one for one in dataset.image_ids if one.endswith("OS")])
    labelled = np.ones(4, bool)
    store_teachers(place, "c" * 64, table_of_teachers(dataset, ids, labelled))
    drawn = table_of_teachers(replace(dataset, synthetic=True), ids, labelled)

    store_teachers(place, "d" * 64, drawn, started_from="c" * 64)

    assert met(place, "d" * 64, left).n_patients == 4
    assert met(place, "d" * 64, replace(left, synthetic=True)).n_patients == 4


def test_store_teachers__of_equal_weights_keeps_who_was_known(place: Workspace) -> None:
    dataset = tiny_dataset(2)
    ids, labelled = dataset.image_ids, np.ones(2, bool)
    store_teachers(place, "a" * 64, table_of_teachers(dataset, ids[:2], labelled))

    n_teachers = store_teachers(place, "a" * 64, table_of_teachers(dataset, ids[1:3], labelled))

    assert n_teachers == 3


def test_probe__by_weights_of_which_the_table_is_gone_says_that_nobody_knows(
    place: Workspace, folder: Path
) -> None:
    made = taught(place, folder, "first")
    converted = convert(place, made.weights, TINY, out=place.weights / "again.safetensors")
    n_told = json.loads(made.card.read_text())["n_teachers"]
    shutil.rmtree(place.weights / TEACHERS)

    last = probed(place, folder, "last", made.weights)
    first = probed(place, folder, "first", made.weights)
    again = probed(place, folder, "last", converted.path)
    used = used_on(place, last, folder, "right")
    photograph = exposure_of_photographs(place, converted.sha256, ["a"])

    assert n_told == 20
    unknown = "taught the weights {!r} is not known: the list is missing here."
    assert said(last) == [f"Who {unknown.format('mine')}"]
    assert said(again) == [f"Who {unknown.format('again')}"]
    assert said(first) == [
        f"20 of 20 photographs taught the weights 'mine', with labels. "
        f"Who else {unknown.format('mine')}"
    ]
    assert said(used.run) == said(last)
    assert photograph == Exposure(0, 1, 0, labelled=False, is_known=False)


def test_weights__that_started_from_ones_of_which_nobody_knows_say_so_for_ever(
    place: Workspace, folder: Path
) -> None:
    first = taught(place, folder, "first", "one")
    shutil.rmtree(place.weights / TEACHERS)

    second = taught(place, folder, "last", "two", initial=str(first.weights))
    converted = convert(place, second.weights, TINY, out=place.weights / "three.safetensors")
    copied = convert(place, first.weights, TINY, out=place.weights / "four.safetensors")
    taught(place, folder, "first", "one")

    for sha256 in (file_sha256(second.weights), converted.sha256, copied.sha256):
        assert not met(place, sha256, tiny_dataset(1)).is_known
    assert met(place, file_sha256(first.weights), tiny_dataset(1)).is_known
    text = said(probed(place, folder, "last", converted.path))
    assert text[0].startswith("20 of 20 photographs taught")
    assert "Who else taught" in text[0]


def test_pretrain__repeated_makes_a_table_anew_that_is_gone_or_damaged(
    place: Workspace, folder: Path
) -> None:
    made = taught(place, folder, "first")
    (table,) = (place.weights / TEACHERS).glob("*.parquet")

    table.write_bytes(b"no table")
    taught(place, folder, "first")
    after_damage = n_teachers(place, file_sha256(made.weights))
    table.unlink()
    taught(place, folder, "first")

    assert after_damage == n_teachers(place, file_sha256(made.weights)) == 20
    assert not said(probed(place, folder, "last", made.weights))


def older_table(place: Workspace, sha256: str) -> Path:
    """Writes a table as versions did that gave it no checksum."""
    dataset = tiny_dataset(4)
    teachers = table_of_teachers(dataset, dataset.image_ids, np.ones(8, bool))
    path = place.weights / TEACHERS / f"{sha256}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    teachers.to_parquet(path, index=False)
    return path


def test_teachers_of__a_table_without_a_checksum_is_read(place: Workspace) -> None:
    older_table(place, "a" * 64)

    found = teachers_of(place, "a" * 64)

    assert found is not None
    assert list(found.columns) == list(COLUMNS)
    assert met(place, "a" * 64, tiny_dataset(4)) == Exposure(8, 8, 0, labelled=True)


@pytest.mark.parametrize("n_bits", [300, pytest.param(4000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("is_older", [False, True], ids=["present", "older"])
def test_teachers_of__a_flipped_bit_is_refused_in_words(
    place: Workspace, n_bits: int, *, is_older: bool
) -> None:
    dataset = tiny_dataset(4)
    path = older_table(place, "a" * 64)
    if not is_older:
        path.unlink()
        teachers = table_of_teachers(dataset, dataset.image_ids, np.ones(8, bool))
        store_teachers(place, "a" * 64, teachers)
    whole, right = path.read_bytes(), met(place, "a" * 64, dataset)
    generator = np.random.default_rng(0)

    found, refused = [], []
    for _ in range(n_bits):
        changed = bytearray(whole)
        changed[generator.integers(len(whole))] ^= 1 << int(generator.integers(8))
        path.write_bytes(changed)
        try:
            found.append(met(place, "a" * 64, dataset))
        except WeightsError as error:
            refused.append(error.message)

    assert all("cannot be read" in one for one in refused)
    assert is_older or set(found) <= {right}
    assert len(refused) > n_bits / 3


@pytest.mark.parametrize(
    "values",
    [
        {"labelled": [1, 0]},
        {"image_id": [b"a", b"b"]},
        {"patient_id": [1.5, 2.0]},
        {"synthetic": ["yes", "no"]},
    ],
)
def test_teachers_of__an_older_table_with_other_values_is_refused(
    place: Workspace, values: dict[str, list[object]]
) -> None:
    path = older_table(place, "a" * 64)
    columns: dict[str, list[object]] = {
        "image_id": ["a", "b"],
        "patient_id": ["P", None],
        "labelled": [True, False],
        "synthetic": [False, False],
    }
    pd.DataFrame(columns | values).to_parquet(path, index=False)

    with pytest.raises(WeightsError, match="cannot be read"):
        teachers_of(place, "a" * 64)


def test_teachers_of__a_hash_that_leads_elsewhere_finds_nobody(place: Workspace) -> None:
    dataset = tiny_dataset(2)
    store_teachers(place, "a" * 64, table_of_teachers(dataset, dataset.image_ids, np.ones(4, bool)))

    assert teachers_of(place, "a" * 64) is not None
    assert teachers_of(place, f"../{TEACHERS}/{'a' * 64}") is None


def test_teachers_of__a_damaged_table_is_refused(place: Workspace) -> None:
    (place.weights / TEACHERS).mkdir(parents=True)
    (place.weights / TEACHERS / f"{'a' * 64}.parquet").write_bytes(b"no table")

    with pytest.raises(WeightsError, match="cannot be read"):
        teachers_of(place, "a" * 64)


def test_pretrain__who_chose_the_epoch_counts_as_having_taught(
    place: Workspace, folder: Path
) -> None:
    made = taught(place, folder, "labels")

    teachers = teachers_of(place, file_sha256(made.weights))

    assert teachers is not None
    assert teachers["patient_id"].nunique() == 20  # two of them validated
