"""Equal trainings at the same time: one trains, the other waits, says so and returns its result."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.one_training import WAITING
from fundus_core.workflows.models.pretrain import PretrainChoice, pretrain
from fundus_core.workflows.segmenting.segmentation import train_segmenter
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice
from tests.fakes import write_dataset
from tests.segmentation.drawn import write_drawings

TRAINING = TrainingRecipe(
    epochs=1, batch_size=8, learning_rate=1e-3, augmentation="none", precision="fp32"
)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(place: Workspace, tmp_path: Path) -> FundusDataset:
    return open_dataset(place, DataSource(write_dataset(tmp_path / "data")))


def both(train: Callable[..., Any]) -> tuple[Any, Any, list[int]]:
    """Begins a training while an equal one is in its first epoch.

    Returns:
        What the two returned, and which of them was told of each epoch.
    """
    begun, waited, told = threading.Event(), threading.Event(), []

    def first_epoch(*about: object) -> None:
        told.append(1)
        begun.set()
        waited.wait(20)

    def tell(done: int, total: int, message: str) -> None:
        if message == WAITING:
            waited.set()

    def second_epoch(*about: object) -> None:
        told.append(2)
        waited.set()

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(train, on_epoch=first_epoch)
        assert begun.wait(60)
        second = threads.submit(train, on_epoch=second_epoch, progress=tell)
        results = first.result(60), second.result(60)
    assert waited.is_set()
    return *results, told


def test_finetune__an_equal_call_waits_and_returns_the_run(
    place: Workspace, dataset: FundusDataset
) -> None:
    choice = FinetuneChoice(Validation("dr", folds=2), training=TRAINING)
    backbone = BackboneChoice("timm:test_resnet", "scratch", 64)

    first, second, told = both(
        lambda **tellers: finetune_dataset(place, dataset, "d-1", backbone, choice, **tellers)
    )

    assert second == first
    assert told == [1, 1]


def test_pretrain__an_equal_call_waits_and_returns_the_weights(
    place: Workspace, dataset: FundusDataset
) -> None:
    choice = PretrainChoice(
        "timm:test_resnet", "w7", task="abnormal", labels=("dr",), image_size=64, training=TRAINING
    )

    first, second, told = both(lambda **tellers: pretrain(place, dataset, choice, **tellers))

    assert second == first
    assert told == [1]


def test_train_segmenter__an_equal_call_waits_and_returns_the_model(
    place: Workspace, tmp_path: Path
) -> None:
    source = DataSource(write_drawings(tmp_path / "drawn", 3))
    drawn = open_dataset(place, source)
    training = SegmentationTraining(epochs=1, batch_size=4, patch=32, precision="fp32")
    choice = SegmentationChoice(network="wnet", size=64, folds=2, training=training)

    first, second, told = both(
        lambda **tellers: train_segmenter(place, drawn, "drawn-1", choice, **tellers)
    )

    assert second == first
    assert told == [1, 1]
