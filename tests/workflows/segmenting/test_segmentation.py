"""Networks trained on masks, kept, scored on patients held out, and what they measure."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import (
    BackboneError,
    DataError,
    FoldError,
    ScoresError,
    StoreError,
    TargetError,
    TrainingError,
    WeightsError,
)
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import VESSEL, Channel, parse_channels
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.segmenting.marking import (
    list_measures,
    mark_photographs,
    with_measures,
)
from fundus_core.workflows.segmenting.masks import (
    Truth,
    mask_columns,
    mask_files,
    masked_photographs,
    usual_column,
)
from fundus_core.workflows.segmenting.score_store import list_scores, load_scores
from fundus_core.workflows.segmenting.segmentation import train_segmenter
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice, patient_folds
from fundus_core.workflows.segmenting.segmentation_scores import score_model
from fundus_core.workflows.segmenting.segmenter_store import (
    TrainedSegmenter,
    list_segmenters,
    segmenter_curves,
    segmenters_store,
)
from fundus_core.workflows.segmenting.segmenters import open_marker
from tests.segmentation.drawn import SIDE, write_drawings

SHORT = SegmentationTraining(
    epochs=3, batch_size=4, learning_rate=0.01, patch=32, patches=4, precision="fp32"
)
CHOICE = SegmentationChoice(network="wnet", size=64, training=SHORT)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_drawings(tmp_path / "data")


@pytest.fixture
def dataset(place: Workspace, table: Path) -> FundusDataset:
    return open_dataset(place, DataSource(table))


def trained(place: Workspace, dataset: FundusDataset, **changes: object) -> TrainedSegmenter:
    return train_segmenter(place, dataset, "drawn-1", replace(CHOICE, **changes))


def test_masks__of_a_column_and_of_a_folder_are_the_same(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    folder = open_dataset(place, DataSource(tmp_path / "data" / "images"))

    by_column, by_folder = mask_files(dataset, "mask"), mask_files(folder, "masks")

    assert len(by_column) == 12
    assert by_column == by_folder
    assert mask_files(folder, "nothing") == {}


def test_usual_column__is_the_one_named_like_what_is_marked(dataset: FundusDataset) -> None:
    masks = list(dataset.table["mask"])
    several = replace(dataset, table=dataset.table.assign(vessels=masks, note="no picture"))

    columns = mask_columns(several)

    assert set(columns) == {"mask", "second", "vessels"}
    assert usual_column(columns, parse_channels("vessel")) == "vessels"
    assert usual_column(columns, parse_channels("disc=16,cup=32")) == "mask"


def test_masks__photographs_without_one_are_counted(dataset: FundusDataset) -> None:
    dataset.table.loc[3, "mask"] = None

    found = masked_photographs(dataset, Truth())

    assert (len(found.photographs), found.n_without) == (11, 1)


def test_masks__missing_files_and_columns_are_named(dataset: FundusDataset) -> None:
    with pytest.raises(DataError, match="No photograph of data has a mask"):
        masked_photographs(dataset, Truth(column="vessels"))
    dataset.table.loc[0, "mask"] = "masks/gone.png"
    with pytest.raises(DataError, match=r"1 of the 12 files"):
        masked_photographs(dataset, Truth())


def test_patient_folds__keep_patients_together_and_test_everybody_once(
    dataset: FundusDataset,
) -> None:
    folds = patient_folds(dataset, replace(CHOICE, folds=3))

    patients = dataset.patient_ids
    assert patients is not None
    tested = np.concatenate([fold.test for fold in folds])
    assert sorted(tested) == list(range(12))
    assert not any(set(patients[f.train]) & set(patients[f.test]) for f in folds)


def test_patient_folds__smaller_fractions_are_part_of_larger_ones(dataset: FundusDataset) -> None:
    half, most = (
        set(patient_folds(dataset, replace(CHOICE, fraction=f))[0].train) for f in (0.5, 0.85)
    )

    assert len(half) == 6
    assert half < most < set(range(12))


def test_patient_folds__refuses_what_cannot_be_divided(dataset: FundusDataset) -> None:
    with pytest.raises(FoldError, match="with 6 patients 2 to 6"):
        patient_folds(dataset, replace(CHOICE, folds=7))
    dataset.table["split"] = "train"
    with pytest.raises(FoldError, match="12 photographs with masks to learn from and 0"):
        patient_folds(dataset, replace(CHOICE, use_split=True))
    dataset.table["split"] = ["train"] * 6 + ["exclude"] * 2 + ["test"] * 4
    with pytest.raises(TargetError, match=r"2 of 12 photographs .* nor test: 'exclude' \(2\)"):
        patient_folds(dataset, replace(CHOICE, use_split=True))
    dataset.table["split"] = None
    with pytest.raises(TargetError, match="has no split column"):
        patient_folds(dataset, replace(CHOICE, use_split=True))


def test_train__a_model_is_kept_found_and_not_trained_twice(
    place: Workspace, dataset: FundusDataset
) -> None:
    model = trained(place, dataset)

    started = time.perf_counter()
    again = trained(place, dataset)
    assert again == model
    assert time.perf_counter() - started < 2
    assert list_segmenters(place) == (model,)
    assert model.learned == dataset.image_ids
    assert (model.n_networks, model.n_patients, model.held_out) == (1, 6, {})
    curves = segmenter_curves(place, model)
    assert curves is not None
    assert [epoch.number for epoch in curves.folds[0]] == [1, 2, 3]
    assert not list(place.training.glob("*/*"))
    assert open_marker(place, model.id[:-4]).title == model.label


def test_train__other_masks_or_settings_are_another_model(
    place: Workspace, dataset: FundusDataset
) -> None:
    names = {
        trained(place, dataset, training=replace(SHORT, epochs=1, seed=seed), truth=truth).id
        for seed, truth in ((0, Truth()), (1, Truth()), (0, Truth(column="second")))
    }

    assert len(names) == 3


def test_train__folds_score_every_photograph_by_a_network_that_never_saw_it(
    place: Workspace, dataset: FundusDataset
) -> None:
    model = trained(place, dataset, folds=3, training=replace(SHORT, epochs=1))
    marker = open_marker(place, model.id)
    photograph, field = np.zeros((SIDE, SIDE, 3), np.uint8) + 90, np.ones((SIDE, SIDE), bool)
    image_id = dataset.image_ids[0]

    found = marker.mark(image_id, photograph, field)

    assert sorted(model.held_out) == sorted(dataset.image_ids)
    number = model.held_out[image_id]
    alone = [one.mark(photograph, field) for one in marker.folds]
    assert np.array_equal(found, alone[number])
    assert not np.allclose(found, alone[(number + 1) % 3])
    assert np.allclose(marker.mark("new", photograph, field), np.mean(alone, axis=0), atol=1e-6)
    scored = score_model(place, model.id, dataset, "drawn-1", Truth())
    assert set(scored.table["knows"]) == {"held out"}
    assert scored.about.n_learned == 0
    assert "FD022" not in {one.code for one in scored.about.cautions}


def test_score__other_photographs_of_the_patients_it_learned_from_are_said(
    place: Workspace, dataset: FundusDataset, table: Path
) -> None:
    known = dataset_id(DataSource(table))
    first = dataset.table.drop_duplicates("patient_id")["image_id"]
    ids = list(dataset.image_ids)
    others = [one for one in ids if one not in set(first)]
    model = train_segmenter(
        place,
        dataset.select(list(first)),
        known,
        replace(CHOICE, training=replace(SHORT, epochs=1)),
    )

    scored = score_model(place, model.id, dataset.select(others), known, Truth())
    strangers = dataset.select(others)
    strangers.table["patient_id"] = [f"other {row}" for row in range(len(others))]
    apart = score_model(place, model.id, strangers, known, Truth(), threshold=0.4)

    (caution,) = [one for one in scored.about.cautions if one.code == "FD023"]
    assert caution.text.startswith(f"{len(first)} ids of patients are of new photographs")
    assert scored.about.n_learned == 0
    assert "FD023" not in {one.code for one in apart.about.cautions}


def test_train__from_the_weights_of_a_backbone(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    import timm
    import torch

    torch.manual_seed(5)
    weights = tmp_path / "start.pth"
    torch.save(timm.create_model("test_resnet", num_classes=0).state_dict(), weights)
    backbone = BackboneChoice("timm:test_resnet", weights=str(weights))
    still = replace(SHORT, epochs=1, learning_rate=1e-30)

    model = trained(place, dataset, network="small", backbone=backbone, training=still)

    from safetensors.torch import load_file

    kept = load_file(segmenters_store(place).root / model.id / "networks.safetensors")
    started = torch.load(weights, weights_only=True)
    assert torch.equal(kept["0/network.encoder.network.conv1.0.weight"], started["conv1.0.weight"])
    assert (model.backbone, model.weights) == ("timm:test_resnet", "start")


def test_train__refusals(place: Workspace, dataset: FundusDataset) -> None:
    for changes, error, message in (
        ({"network": "vnet"}, TrainingError, "no network called 'vnet'"),
        (
            {"network": "small", "backbone": BackboneChoice("timm:test_vit", "scratch")},
            BackboneError,
            "several scales",
        ),
        (
            {"network": "small", "backbone": BackboneChoice("resnet18", "no.pth")},
            WeightsError,
            "no weights file",
        ),
        ({"size": 50}, TrainingError, "multiples of 4"),
    ):
        with pytest.raises(error, match=message):
            trained(place, dataset, **changes)


def test_score__a_model_on_what_it_learned_from_is_said_to_be(
    place: Workspace, dataset: FundusDataset
) -> None:
    model = trained(place, dataset)

    scored = score_model(place, model.id, dataset, "drawn-1", Truth())

    assert (scored.about.n_images, scored.about.n_patients) == (12, 6)
    assert scored.about.n_learned == 12
    (caution,) = [one for one in scored.about.cautions if one.code == "FD022"]
    assert caution.text == "12 of 12 photographs taught the model."
    assert scored.table["dice"].mean() > 0.5


def test_score__observers_are_scored_like_models_and_stored(
    place: Workspace, dataset: FundusDataset
) -> None:
    scored = score_model(place, "masks:second", dataset, "drawn-1", Truth())

    itself = score_model(place, "masks:mask", dataset, "drawn-1", Truth())
    assert (itself.table["dice"] == 1).all()
    assert scored.table["dice"].between(0.5, 0.99).all()
    assert (scored.table["sensitivity"] == 1).all()
    assert scored.table["auc"].isna().all()
    assert {one.title for one in list_scores(place, "drawn-1")} == {
        "observer of second",
        "observer of mask",
    }
    pd.testing.assert_frame_equal(load_scores(place, scored.about.id).table, scored.table)


def test_score__other_thresholds_and_masks_are_scored_anew(
    place: Workspace, dataset: FundusDataset
) -> None:
    first = score_model(place, "frangi", dataset, "drawn-1", Truth())

    lower = score_model(place, "frangi", dataset, "drawn-1", Truth(), threshold=0.2)
    second = score_model(place, "frangi", dataset, "drawn-1", Truth(column="second"))

    assert len({first.about.id, lower.about.id, second.about.id}) == 3
    assert (lower.table["sensitivity"] >= first.table["sensitivity"]).all()
    assert lower.table["auc"].tolist() == first.table["auc"].tolist()


def test_score__a_network_shown_photographs_at_another_side_is_scored_apart(
    place: Workspace, dataset: FundusDataset
) -> None:
    model = trained(place, dataset)

    plain = score_model(place, model.id, dataset, "drawn-1", Truth())
    larger = score_model(place, f"{model.id}@128", dataset, "drawn-1", Truth())

    assert plain.about.id != larger.about.id
    assert larger.about.title.endswith("shown at 128 px")
    assert larger.table["dice"].mean() != plain.table["dice"].mean()
    for name, message in (("frangi@128", "no network"), (f"{model.id}@100", "multiples of 32")):
        with pytest.raises(StoreError, match=message):
            score_model(place, name, dataset, "drawn-1", Truth())


def test_score__refusals(place: Workspace, dataset: FundusDataset) -> None:
    for name, truth, error, message in (
        ("frangi", Truth((Channel("disc"),)), ScoresError, "marks vessel"),
        ("masks:nothing", Truth(), DataError, "No photograph of data has a mask in 'nothing'"),
        ("wnet-vessel", Truth(), WeightsError, "not on this machine"),
        ("vessel-gone", Truth(), StoreError, "no model 'vessel-gone'"),
    ):
        with pytest.raises(error, match=message):
            score_model(place, name, dataset, "drawn-1", truth)


def test_score__a_broken_photograph_is_counted(place: Workspace, dataset: FundusDataset) -> None:
    Path(dataset.table["path"][4]).write_bytes(b"broken")

    scored = score_model(place, "frangi", dataset, "drawn-1", Truth())

    assert (scored.about.n_images, scored.about.n_unreadable) == (11, 1)
    assert "FD011" in {one.code for one in scored.about.cautions}


def test_mark__measures_join_the_table_by_image_id(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    found = mark_photographs(place, "frangi", dataset, "drawn-1", out=tmp_path / "out")

    joined = with_measures(dataset, found)
    assert list(joined["image_id"]) == list(dataset.image_ids)
    assert joined["vessel_density"].between(0.01, 0.2).all()
    assert joined["vessel_tortuosity"].dropna().between(1, 1.3).all()
    share = np.asarray(Image.open(tmp_path / "out" / "vessel" / "p0_0.png"))
    assert share.shape == (SIDE, SIDE)
    assert [one.model for one in list_measures(place, "drawn-1")] == ["frangi"]


def test_mark__what_ends_before_the_last_photograph_leaves_the_old_pictures(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    def stop(done: int, total: int, text: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    few, out = dataset.select(dataset.image_ids[:3]), tmp_path / "out"

    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in out.rglob("*.png")}

    mark_photographs(place, "frangi", few, "drawn-1", out=out)
    before = times()
    with pytest.raises(KeyboardInterrupt):
        mark_photographs(place, "frangi", few, "drawn-1", out=out, progress=stop)

    assert times() == before
    assert len(before) == 3


def test_mark__truth_masks_have_the_density_that_was_drawn(
    place: Workspace, dataset: FundusDataset
) -> None:
    from fundus_core.io.masks import read_mask
    from fundus_core.workflows.segmenting.marking import measured

    mask, field = (
        VESSEL.of(read_mask(mask_files(dataset, name)[dataset.image_ids[0]]))
        for name in ("mask", "fov")
    )

    found = measured(("vessel",), mask[None].astype(np.float32), field, 0.5)

    assert found["vessel_density"] == pytest.approx((mask & field).sum() / field.sum(), rel=0.02)
    assert found["vessel_width"] == pytest.approx(5 / 92, rel=0.2)


@pytest.mark.slow
def test_kill_9__the_same_command_again_gives_identical_networks(tmp_path: Path) -> None:
    table = write_drawings(tmp_path / "data", 3)

    def training(workspace: Path) -> "subprocess.Popen[bytes]":
        code = "from fundus_core.cli.segment import segment_app; segment_app()"
        command = [sys.executable, "-c", code, "train", str(table), "--workspace", str(workspace)]
        command += ["--network", "wnet", "--size", "64", "--patch", "32", "--epochs", "6"]
        command += ["--patches", "4", "--precision", "fp32", "--batch-size", "4"]
        return subprocess.Popen(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL
        )

    def states(workspace: Path) -> list[Path]:
        return list((workspace / "training").glob("*/fold-0.safetensors"))

    killed = training(tmp_path / "killed")
    while not states(tmp_path / "killed") and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    survived = bool(states(tmp_path / "killed"))

    assert training(tmp_path / "killed").wait() == 0
    assert training(tmp_path / "whole").wait() == 0

    assert survived
    (one,), (other,) = (
        list((tmp_path / name / "segmenters").glob("*/networks.safetensors"))
        for name in ("killed", "whole")
    )
    assert one.read_bytes() == other.read_bytes()
