"""Making weights: what is written, that it loads, and that an interruption changes nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import ParameterError, TargetError, TrainingError, WeightsError
from fundus_core.finetune.curves import CURVE_FILE, read_curves
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.state import Epoch
from fundus_core.io.manifest import DataSource
from fundus_core.io.weights import SCRATCH, file_sha256
from fundus_core.io.workspace import Workspace
from fundus_core.phantom.shots import LABEL_COLUMNS
from fundus_core.pretraining import UPSTREAM_TASKS
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import make_demo
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.models.pretrain import PretrainChoice, pretrain
from fundus_core.workflows.models.pretrained import Pretrained
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from tests.fakes import write_dataset

TRAINING = TrainingRecipe(
    epochs=2, batch_size=8, learning_rate=1e-3, augmentation="none", precision="fp32"
)
CHOICE = PretrainChoice(
    "timm:test_resnet", "mine", task="abnormal", image_size=64, training=TRAINING
)


class KillError(Exception):
    """Stands for a kill between two epochs."""


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of 12 drawn patients, with masks."""
    folder = tmp_path_factory.mktemp("phantoms")
    make_demo(folder, n_patients=12, image_size=128, seed=2, plants=False)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(place: Workspace, phantoms: Path) -> FundusDataset:
    """The drawn photographs."""
    return open_dataset(place, DataSource(phantoms))


def tensors(made: Pretrained) -> dict[str, torch.Tensor]:
    return load_file(made.weights)


def stop_after_first(epoch: Epoch) -> None:
    raise KillError


def test_pretrain__writes_half_precision_weights_that_the_catalogue_loads(
    place: Workspace, dataset: FundusDataset
) -> None:
    made = pretrain(place, dataset, CHOICE)

    assert made.weights == place.weights / "mine.safetensors"
    written = tensors(made)
    assert {v.dtype for v in written.values() if v.ndim > 1} == {torch.float16}
    by_name = BackboneChoice("timm:test_resnet", "mine.safetensors", 64, precision="fp32")
    ours = embed(place, dataset, by_name).vectors
    random = embed(place, dataset, replace(by_name, weights=SCRATCH)).vectors
    assert np.isfinite(ours).all()
    assert not np.allclose(ours, random, atol=1e-2)
    assert resolve(place, by_name).recipe.weights_sha256 == file_sha256(made.weights)


def test_pretrain__the_card_says_how_the_weights_were_made(
    place: Workspace, dataset: FundusDataset
) -> None:
    made = pretrain(place, dataset, CHOICE)

    card = json.loads(made.card.read_text())
    assert card["sha256"] == file_sha256(made.weights)
    assert card["recipe"]["dataset"] == dataset.fingerprint()
    assert card["recipe"]["training"]["learning_rate"] == 1e-3
    assert (card["initial"], card["recipe"]["initial_sha256"]) == (SCRATCH, "")
    assert (card["n_images"], card["n_patients"]) == (len(dataset), 12)
    assert card["synthetic"] is True
    assert [epoch["number"] for epoch in card["epochs"]] == [1, 2]
    assert card["best"] in {1, 2}


def test_pretrain__validates_on_patients_it_did_not_learn_from(
    place: Workspace, tmp_path: Path
) -> None:
    # Every tenth patient validates: two of twenty, here a healthy and a diseased one.
    dataset = open_dataset(place, DataSource(write_dataset(tmp_path / "data", n_patients=20)))
    training = replace(TRAINING, seed=1)

    made = pretrain(place, dataset, replace(CHOICE, labels=("dr",), training=training))

    auc = made.validation["dr"]
    assert (auc.n_positive, auc.n_negative, auc.n_patients) == (2, 2, 2)


def test_pretrain__interrupted_and_repeated_gives_identical_weights(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    undisturbed = pretrain(Workspace(tmp_path / "undisturbed"), dataset, CHOICE)

    with pytest.raises(KillError):
        pretrain(place, dataset, CHOICE, on_epoch=stop_after_first)
    (under_way,) = place.training.glob(f"*/{CURVE_FILE}")
    seen = read_curves(under_way)
    resumed = pretrain(place, dataset, CHOICE)

    assert resumed.weights.read_bytes() == undisturbed.weights.read_bytes()
    assert seen is not None
    assert seen.folds == (resumed.epochs[:1],)
    assert not list(place.training.iterdir())


def test_pretrain__an_equal_call_returns_what_was_made(
    place: Workspace, dataset: FundusDataset
) -> None:
    first = pretrain(place, dataset, CHOICE)

    again = pretrain(place, dataset, CHOICE, on_epoch=stop_after_first)

    assert again == first


@pytest.mark.parametrize("task", UPSTREAM_TASKS)
def test_pretrain__every_task_gives_weights(
    place: Workspace, dataset: FundusDataset, task: str
) -> None:
    made = pretrain(place, dataset, replace(CHOICE, task=task))

    recipe = json.loads(made.card.read_text())["recipe"]
    assert recipe["task"] == task
    assert recipe["labels"][0] == "abnormal"
    assert set(recipe["labels"]) <= {"abnormal", *LABEL_COLUMNS.values()}
    assert all(torch.isfinite(value.float()).all() for value in tensors(made).values())


def test_pretrain__tasks_learn_different_things(place: Workspace, dataset: FundusDataset) -> None:
    made = [pretrain(place, dataset, replace(CHOICE, name=t, task=t)) for t in UPSTREAM_TASKS]

    assert len({one.weights.read_bytes() for one in made}) == len(UPSTREAM_TASKS)


def test_pretrain__starts_from_a_file(place: Workspace, dataset: FundusDataset) -> None:
    first = pretrain(place, dataset, CHOICE)
    still = replace(TRAINING, epochs=1, learning_rate=1e-12, weight_decay=0.0)

    second = pretrain(
        place,
        dataset,
        replace(CHOICE, name="second", initial="mine.safetensors", training=still),
    )

    card = json.loads(second.card.read_text())
    assert (card["initial"], card["recipe"]["initial_sha256"]) == (
        "mine",
        file_sha256(first.weights),
    )
    before, after = tensors(first), tensors(second)
    assert torch.equal(before["conv1.0.weight"], after["conv1.0.weight"])


def test_pretrain__without_labels_of_phantoms_it_asks_for_columns(
    place: Workspace, tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "data")
    table = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(table.replace("dr", "ill", 1))
    dataset = open_dataset(place, DataSource(folder))

    with pytest.raises(TargetError, match=r"none of the phantoms' label columns.*ill") as refusal:
        pretrain(place, dataset, CHOICE)

    assert "--labels" in refusal.value.hint


def test_pretrain__unknown_task_is_refused(place: Workspace, dataset: FundusDataset) -> None:
    with pytest.raises(TargetError, match="'colours'"):
        pretrain(place, dataset, replace(CHOICE, task="colours"))


@pytest.mark.parametrize("name", ["../mine", "", "a/b", ".hidden"])
def test_pretrain__the_name_is_a_file_name(
    place: Workspace, dataset: FundusDataset, name: str
) -> None:
    with pytest.raises(WeightsError, match="cannot be the name"):
        pretrain(place, dataset, replace(CHOICE, name=name))


def test_pretrain__somebody_elses_file_is_not_replaced(
    place: Workspace, dataset: FundusDataset
) -> None:
    place.weights.mkdir(parents=True)
    (place.weights / "mine.safetensors").write_bytes(b"theirs")

    with pytest.raises(WeightsError, match="was not made by this program") as refusal:
        pretrain(place, dataset, CHOICE)

    assert (place.weights / "mine.safetensors").read_bytes() == b"theirs"
    assert "--replace" in refusal.value.hint


@pytest.mark.parametrize("has_weights", [True, False])
def test_pretrain__a_file_that_another_command_put_there_is_not_replaced(
    place: Workspace, dataset: FundusDataset, *, has_weights: bool
) -> None:
    place.weights.mkdir(parents=True)
    card = place.weights / "mine.json"
    card.write_text(json.dumps({"kind": "converted weights", "backbone": "resnet18"}))
    if has_weights:
        (place.weights / "mine.safetensors").write_bytes(b"theirs")

    with pytest.raises(WeightsError, match="converted weights of resnet18"):
        pretrain(place, dataset, CHOICE)

    assert json.loads(card.read_text())["backbone"] == "resnet18"


def test_pretrain__weights_of_another_recipe_are_replaced_only_where_that_is_said(
    place: Workspace, dataset: FundusDataset, phantoms: Path
) -> None:
    first = pretrain(place, dataset, CHOICE)
    before = first.weights.read_bytes()
    backbone = BackboneChoice(CHOICE.backbone, weights=str(first.weights), image_size=64)
    source = DataSource(phantoms)
    probe_dataset(place, dataset, dataset_id(source), backbone, ProbeChoice("abnormal", folds=2))
    other = replace(CHOICE, training=replace(TRAINING, seed=1))

    with pytest.raises(WeightsError, match=r"task abnormal, on phantoms.*; 1 run needs it"):
        pretrain(place, dataset, other, on_epoch=stop_after_first)
    kept = first.weights.read_bytes()
    second = pretrain(place, dataset, replace(other, replace=True))

    assert kept == before
    assert second.weights == first.weights
    assert second.weights.read_bytes() != before
    assert json.loads(second.card.read_text())["sha256"] == file_sha256(second.weights)


def test_pretrain__a_file_that_took_the_name_meanwhile_is_kept(
    place: Workspace, dataset: FundusDataset
) -> None:
    def somebody_else_writes(epoch: Epoch) -> None:
        place.weights.mkdir(parents=True, exist_ok=True)
        (place.weights / "mine.safetensors").write_bytes(b"theirs")

    with pytest.raises(WeightsError, match="is there already"):
        pretrain(place, dataset, CHOICE, on_epoch=somebody_else_writes)

    assert (place.weights / "mine.safetensors").read_bytes() == b"theirs"
    again = pretrain(place, dataset, replace(CHOICE, name="other"), on_epoch=lambda epoch: None)
    assert again.weights.is_file()


def test_pretrain__killed_before_the_weights_are_written_goes_on(
    place: Workspace, dataset: FundusDataset
) -> None:
    made = pretrain(place, dataset, CHOICE)
    content = made.weights.read_bytes()
    made.weights.unlink()

    again = pretrain(place, dataset, CHOICE)

    assert again.weights.read_bytes() == content


@pytest.mark.parametrize(
    "rates",
    [
        {"learning_rate": float("nan")},
        {"learning_rate": 0.0},
        {"weight_decay": float("nan")},
        {"weight_decay": float("inf")},
    ],
)
def test_pretrain__rates_that_are_no_numbers_are_refused(
    place: Workspace, dataset: FundusDataset, rates: dict[str, float]
) -> None:
    with pytest.raises(ParameterError, match="must be a number"):
        pretrain(place, dataset, replace(CHOICE, training=replace(TRAINING, **rates)))


def test_pretrain__of_too_small_squares_names_a_size_that_will_do(
    place: Workspace, dataset: FundusDataset
) -> None:
    small = replace(CHOICE, backbone="timm:resnet10t", image_size=32)

    with pytest.raises(TrainingError, match="At 32 px") as refusal:
        pretrain(place, dataset, small)

    assert refusal.value.hint.endswith("(--image-size 64).")
    training = replace(TRAINING, epochs=1)
    assert pretrain(place, dataset, replace(small, image_size=64, training=training)).epochs
