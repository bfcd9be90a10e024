"""The upstream task: what is asked, and that every head's answer reaches the backbone."""

import numpy as np
import pandas as pd
import pytest
import timm
import torch

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.errors import TargetError
from fundus_core.finetune.batches import Batch
from fundus_core.pretraining import (
    UPSTREAM_TASKS,
    UpstreamTargets,
    lesion_places,
    upstream_network,
    upstream_targets,
)

BITS = {"drusen": 64, "laser_scar": 4096}
HALF = (0.5, 0.5, 0.5)


def dataset() -> FundusDataset:
    """Three photographs with two labels and one count."""
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "path": ["a.jpg", "b.jpg", "c.jpg"],
            "patient_id": ["p", "p", "q"],
            "eye": ["OD", "OS", "OD"],
            "split": [None, None, None],
            "abnormal": ["1", "0", "1"],
            "amd": ["0", "0", "1"],
            "camera": ["A", "B", "A"],
            "count_drusen": ["0", "0", "7"],
        },
        dtype=object,
    )
    targets = tuple(Target(n, "binary", ("0", "1"), (n,)) for n in ("abnormal", "amd"))
    return FundusDataset(
        "eyes", "eyes", table, (*targets, Target("camera", "binary", ("A", "B"), ("camera",)))
    )


def test_upstream_targets__rows_follow_the_ids_asked_for() -> None:
    task = UPSTREAM_TASKS["lesions"]

    targets = upstream_targets(dataset(), ["c", "a"], task, ("abnormal", "amd"), BITS)

    assert targets.labels.tolist() == [[1, 1], [1, 0]]
    assert targets.count_names == ("count_drusen",)
    assert targets.counts == pytest.approx(np.log([[8], [1]]))
    assert targets.bits == (64, 4096)


def test_upstream_targets__published_task_asks_for_the_first_label_only() -> None:
    task = UPSTREAM_TASKS["abnormal"]

    targets = upstream_targets(dataset(), ["a", "b", "c"], task, ("abnormal", "amd"), BITS)

    assert targets.label_names == ("abnormal",)
    assert targets.counts.shape == (3, 0)
    assert targets.bits == ()


def test_upstream_targets__label_that_is_not_0_or_1_is_refused() -> None:
    with pytest.raises(TargetError, match="camera has the classes A, B"):
        upstream_targets(dataset(), ["a"], UPSTREAM_TASKS["abnormal"], ("camera",), {})


def test_upstream_targets__label_that_is_named_again_is_refused() -> None:
    labels = ("amd", "abnormal", "amd")

    with pytest.raises(TargetError, match="names 'amd' more than once"):
        upstream_targets(dataset(), ["a"], UPSTREAM_TASKS["lesions"], labels, BITS)


def test_lesion_places__cell_with_one_pixel_of_a_kind_holds_it() -> None:
    masks = torch.zeros((1, 32, 32), dtype=torch.int32)
    masks[0, 5, 30] = 64 + 4096
    masks[0, 20, 3] = 4096

    places = lesion_places(masks, (64, 4096), (4, 4))

    assert places[0, 0].nonzero().tolist() == [[0, 3]]
    assert places[0, 1].nonzero().tolist() == [[0, 3], [2, 0]]


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("task", UPSTREAM_TASKS)
def test_upstream_network__loss_reaches_every_head_and_the_backbone(
    task: str, architecture: str
) -> None:
    asked = UPSTREAM_TASKS[task]
    backbone = timm.create_model(architecture, pretrained=False, num_classes=0)
    targets = upstream_targets(dataset(), ["a", "b", "c"], asked, ("abnormal", "amd"), BITS)
    network = upstream_network(
        backbone, targets, asked,
        image_size=160, mean=HALF, std=HALF, device=torch.device("cpu"), seed=0,
    )  # fmt: skip
    masks = torch.zeros((3, 160, 160), dtype=torch.int32)
    masks[1, 10, 10] = 64

    network.loss(Batch(torch.rand(3, 3, 160, 160), np.arange(3), masks), targets).backward()

    expected = {"labels"} | ({"counts", "places"} if task == "lesions" else set())
    expected |= {"counts"} if task == "diseases" else set()
    assert set(network.heads) == expected
    for name, parameter in network.everything.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_upstream_network__unknown_labels_do_not_count() -> None:
    asked = UPSTREAM_TASKS["abnormal"]
    backbone = timm.create_model("test_resnet", pretrained=False, num_classes=0)
    pixels = torch.rand(2, 3, 96, 96)

    def loss(labels: list[float]) -> float:
        column = np.array(labels, np.float32)[:, None]
        targets = UpstreamTargets(("abnormal",), column, (), np.zeros((2, 0), np.float32), ())
        network = upstream_network(
            backbone, targets, asked,
            image_size=96, mean=HALF, std=HALF, device=torch.device("cpu"), seed=0,
        )  # fmt: skip
        rows = np.arange(2)
        return float(network.loss(Batch(pixels, rows, None), targets).detach())

    both = [loss([1, value]) for value in (0, 1)]

    assert loss([1, float("nan")]) != pytest.approx(both[0])
    assert 2 * loss([1, 1]) - loss([1, float("nan")]) == pytest.approx(
        loss([float("nan"), 1]), rel=1e-4
    )
