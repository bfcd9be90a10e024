"""Schedules: which parameters move in which epoch, how fast, and what pulls them back."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.errors import TrainingError
from fundus_core.finetune.batches import Batch
from fundus_core.finetune.loop import TrainingRecipe, train
from fundus_core.finetune.rates import Adaptation
from fundus_core.finetune.schedules import released_blocks, scaled_to_one
from fundus_core.finetune.strategies import DEFAULTS, STRATEGIES, StrategyOptions
from fundus_core.finetune.trainee import trainee_of
from tests.finetune.small import ARCHITECTURES, CPU, bright_and_dark, small_classifier


def _no_gradients(n_batches: int) -> dict[str, float]:
    raise AssertionError("this strategy asks for no gradients")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("code", "first"), [("g-lf", -1), ("g-fl", 0)])
def test_gradual_unfreezing__releases_block_after_block(
    code: str, first: int, architecture: str
) -> None:
    trainee = trainee_of(small_classifier(architecture).module)
    n_blocks = len(trainee.blocks)
    schedule = STRATEGIES[code].start(trainee, 3 * n_blocks, DEFAULTS)

    released = [set(schedule.rates(epoch, _no_gradients)) for epoch in range(1, 3 * n_blocks + 1)]

    order = trainee.blocks if first == 0 else trainee.blocks[::-1]
    for number, names in enumerate(released):
        expected = {name for block in order[: 1 + number // 3] for name in block.parameters}
        assert names == expected | set(trainee.head)


def test_released_blocks__fewer_epochs_than_blocks_still_release_all() -> None:
    assert [released_blocks(epoch, 4, 13) for epoch in (1, 2, 3, 4)] == [4, 7, 10, 13]


class _TwoWeights(nn.Module):
    """A network of two numbers, and a head of two."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Linear(2, 1)
        self.head = nn.Linear(2, 1)
        with torch.no_grad():
            self.backbone.weight.copy_(torch.tensor([[1.0, -2.0]]))
            self.head.weight.copy_(torch.tensor([[3.0, 4.0]]))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # moved by (0.5, -1): 0.1 / 2 * (0.25 + 1) + 0.01 / 2 * (9 + 16)
        ("l2-sp", 0.05 * 1.25 + 0.005 * 25),
        # moved by (0.5, -1): 0.1 * (0.5 + 1) + 0.01 / 2 * (9 + 16)
        ("l1-sp", 0.1 * 1.5 + 0.005 * 25),
    ],
)
def test_penalty__equals_its_formula_on_a_network_of_two_weights(
    code: str, expected: float
) -> None:
    module = _TwoWeights()
    schedule = STRATEGIES[code].start(trainee_of(module, "backbone", "head"), 1, DEFAULTS)

    at_start = schedule.penalty()
    with torch.no_grad():
        module.backbone.weight += torch.tensor([[0.5, -1.0]])
        module.backbone.bias += 7.0  # biases are not anchored
    moved = schedule.penalty()

    assert at_start is not None
    assert moved is not None
    assert at_start.item() == pytest.approx(0.125)
    assert moved.item() == pytest.approx(expected)
    moved.backward()  # type: ignore[no-untyped-call]
    assert module.backbone.weight.grad is not None


def test_auto_rgn__rates_are_the_ratios_over_the_largest() -> None:
    trainee = trainee_of(small_classifier("test_resnet").module)
    schedule = STRATEGIES["auto-rgn"].start(trainee, 1, DEFAULTS)
    asked = []

    def measured(n_batches: int) -> dict[str, float]:
        asked.append(n_batches)
        kept = [name for name in trainee.backbone if name not in trainee.norms][:2]
        return {kept[0]: 0.2, kept[1]: 0.05, next(iter(trainee.norms)): 9.0, "1.bias": 0.0}

    rates = schedule.rates(1, measured)

    assert asked == [5]
    assert sorted(rates.values()) == pytest.approx([0.25, 1.0])
    assert not set(rates) & trainee.norms


def test_relative_gradients__are_norm_of_gradient_over_norm_of_weight() -> None:
    """The loss is w . x with x all ones, so the gradient of w is known by hand."""
    module = nn.Module()
    module.small = nn.Parameter(torch.tensor([3.0, 4.0]))
    module.large = nn.Parameter(torch.tensor([30.0, 40.0]))
    seen: dict[str, float] = {}

    class Schedule:
        def rates(self, epoch: int, relative_gradients: object) -> dict[str, float]:
            seen.update(relative_gradients(2))  # type: ignore[operator]
            return {"small": 1.0}

        def penalty(self) -> None:
            return None

    def loss(batch: Batch) -> Tensor:
        return module.small.sum() + module.large.sum()

    squares, _ = bright_and_dark(8)
    rows = np.arange(8)
    recipe = TrainingRecipe(epochs=1, batch_size=2, augmentation="none", precision="fp32")
    train(
        module, loss, squares, rows, rows[:0], recipe, device=CPU,
        adaptation=Adaptation(Schedule(), "by hand"),
    )  # fmt: skip

    assert seen == pytest.approx({"small": 2**0.5 / 5, "large": 2**0.5 / 50})
    assert torch.equal(module.large, torch.tensor([30.0, 40.0]))
    assert not torch.equal(module.small, torch.tensor([3.0, 4.0]))


def test_scaled_to_one__a_tensor_of_zeros_does_not_break_the_others() -> None:
    assert scaled_to_one({"a": float("inf"), "b": 0.3, "c": 0.1}) == pytest.approx(
        {"a": 1.0, "b": 1.0, "c": 1 / 3}
    )


def test_layer_wise_decay__falls_block_by_block_towards_the_input() -> None:
    trainee = trainee_of(small_classifier("test_vit").module)
    options = StrategyOptions(layer_decay=0.5)

    rates = STRATEGIES["llrd"].start(trainee, 1, options).rates(1, _no_gradients)

    by_block = [{rates[name] for name in block.parameters} for block in trainee.blocks]
    assert by_block == [{0.5 ** (len(by_block) - i)} for i in range(len(by_block))]
    assert {rates[name] for name in trainee.head} == {1.0}


def test_surgical__an_unknown_block_gets_the_known_ones() -> None:
    trainee = trainee_of(small_classifier("test_vit").module)

    with pytest.raises(TrainingError, match="no block 'layer9'") as error:
        STRATEGIES["surgical"].start(trainee, 1, StrategyOptions(block="layer9"))

    assert trainee.blocks[0].name in error.value.hint
