"""Strategies: exactly what each promises moves, weights and statistics, on a CNN and on a ViT."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from fundus_core.errors import TrainingError
from fundus_core.finetune.classifier import Classifier, Normalisation, fine_tune
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.squares import Squares
from fundus_core.finetune.strategies import (
    DEFAULTS,
    STRATEGIES,
    StrategyOptions,
    released_blocks,
    scaled_to_one,
)
from fundus_core.finetune.trainee import Trainee, hold_still, norm_layers, trainee_of

CPU = torch.device("cpu")
ARCHITECTURES = ("test_resnet", "test_vit")
SIDE = 32
RECIPE = TrainingRecipe(
    epochs=2, batch_size=8, learning_rate=0.01, augmentation="none", precision="fp32"
)


def _no_gradients(n_batches: int) -> dict[str, float]:
    raise AssertionError("this strategy asks for no gradients")


def _network(architecture: str) -> nn.Module:
    size = {"img_size": SIDE} if "vit" in architecture else {}
    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=0, **size)
    for _, norm in norm_layers(network):  # timm starts some at zero, which stops all gradients
        nn.init.ones_(norm.weight)
    return network


def _classifier(architecture: str, head: str = "linear") -> Classifier:
    half = (0.5, 0.5, 0.5)
    return Classifier(
        _network(architecture), Normalisation(half, half), n_outputs=1, image_size=SIDE,
        device=CPU, seed=0, head=head,
    )  # fmt: skip


def _bright_and_dark(n: int = 24) -> tuple[Squares, np.ndarray]:
    rng = np.random.default_rng(0)
    bright = np.arange(n) % 2 == 1
    level = np.where(bright, 150, 100)[:, None, None, None]
    pixels = (level + rng.integers(-30, 30, (n, 3, SIDE, SIDE))).astype(np.uint8)
    return Squares(tuple(map(str, range(n))), pixels, None, ()), bright[:, None]


def _options(trainee: Trainee) -> StrategyOptions:
    return StrategyOptions(block=trainee.blocks[1].name)


def _promised(code: str, trainee: Trainee) -> set[str]:
    """Which parameters may have moved after all epochs, written down by hand."""
    biases = {name for name in trainee.backbone if name.endswith(".bias")}
    return set(trainee.head) | {
        "lp": set(),
        "ft-last": set(trainee.blocks[-1].parameters),
        "surgical": set(trainee.blocks[1].parameters),
        "bitfit": biases,
        "auto-rgn": set(trainee.backbone) - trainee.norms,
    }.get(code, set(trainee.backbone))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("code", "head"),
    [
        (code, head)
        for code, strategy in STRATEGIES.items()
        for head, kind in HEADS.items()
        if kind.from_probe or not strategy.from_probe
    ],
)
def test_fine_tune__moves_what_the_strategy_promises_and_nothing_else(
    code: str, head: str, architecture: str
) -> None:
    classifier = _classifier(architecture, head)
    trainee = trainee_of(classifier.module)
    before = {name: value.clone() for name, value in classifier.module.state_dict().items()}
    squares, y_true = _bright_and_dark()
    rows = np.arange(24)

    fine_tune(
        classifier, squares, y_true, "binary", train_rows=rows[:16], validation_rows=rows[:0],
        test_rows=rows[16:], recipe=RECIPE, device=CPU, strategy=code, options=_options(trainee),
    )  # fmt: skip

    after = classifier.module.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    parameters = set(trainee.backbone) | set(trainee.head)
    promised = _promised(code, trainee)
    assert moved & parameters <= promised
    # Auto-RGN may give a tensor a rate too small to show; the others move all they promise.
    share = len(moved & promised) / len(promised)
    assert share == 1 if code != "auto-rgn" else share > 0.9
    statistics = {
        name for name in moved - parameters if "running" in name and name.startswith("0.")
    }
    moving_blocks = [block for block in trainee.blocks if set(block.parameters) & promised]
    if code in {"lp", "lp-ft"}:
        assert not statistics
    elif code in {"ft-last", "surgical"}:
        (block,) = moving_blocks
        homes = {name.rsplit(".", 1)[0] for name in block.parameters}
        assert {name.rsplit(".", 1)[0] for name in statistics} <= homes


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("code", "first"), [("g-lf", -1), ("g-fl", 0)])
def test_gradual_unfreezing__releases_block_after_block(
    code: str, first: int, architecture: str
) -> None:
    trainee = trainee_of(_classifier(architecture).module)
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


@pytest.mark.parametrize("code", ["l1-sp", "l2-sp"])
def test_fine_tune__the_penalty_keeps_weights_near_their_start(code: str) -> None:
    squares, y_true = _bright_and_dark()
    rows = np.arange(24)
    distances = {}

    for pull in (0.0, 10.0):
        classifier = _classifier("test_vit")
        trainee = trainee_of(classifier.module)
        start = {name: value.detach().clone() for name, value in trainee.parameters().items()}
        fine_tune(
            classifier, squares, y_true, "binary", train_rows=rows, validation_rows=rows[:0],
            test_rows=rows, recipe=replace(RECIPE, epochs=4), device=CPU, strategy=code,
            options=StrategyOptions(pull=pull),
        )  # fmt: skip
        now = trainee.parameters()
        weights = [name for name in trainee.backbone if now[name].ndim > 1]
        distances[pull] = sum((now[n] - start[n]).detach().square().sum().item() for n in weights)

    assert distances[10.0] < 0.5 * distances[0.0]


def test_auto_rgn__rates_are_the_ratios_over_the_largest() -> None:
    trainee = trainee_of(_classifier("test_resnet").module)
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


def test_relative_gradients__are_norm_of_gradient_over_norm_of_weight(tmp_path: Path) -> None:
    """The loss is w . x with x all ones, so the gradient of w is known by hand."""
    from fundus_core.finetune.loop import Batch, train
    from fundus_core.finetune.rates import Adaptation

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

    squares, _ = _bright_and_dark(8)
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
    trainee = trainee_of(_classifier("test_vit").module)
    options = StrategyOptions(layer_decay=0.5)

    rates = STRATEGIES["llrd"].start(trainee, 1, options).rates(1, _no_gradients)

    by_block = [{rates[name] for name in block.parameters} for block in trainee.blocks]
    assert by_block == [{0.5 ** (len(by_block) - i)} for i in range(len(by_block))]
    assert {rates[name] for name in trainee.head} == {1.0}


def test_surgical__an_unknown_block_gets_the_known_ones() -> None:
    trainee = trainee_of(_classifier("test_vit").module)

    with pytest.raises(TrainingError, match="no block 'layer9'") as error:
        STRATEGIES["surgical"].start(trainee, 1, StrategyOptions(block="layer9"))

    assert trainee.blocks[0].name in error.value.hint


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_lp_ft__the_head_starts_as_the_probe_for_every_kind_of_task(task: str) -> None:
    classifier = _classifier("test_resnet")
    squares, bright = _bright_and_dark(30)
    rows = np.arange(30)
    third = np.arange(30) % 3 == 0
    y_true = {
        "binary": bright,
        "multiclass": np.stack([third, ~third & bright[:, 0], ~third & ~bright[:, 0]], axis=1),
        "multilabel": np.stack([bright[:, 0], third], axis=1),
    }[task]
    half = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    classifier = Classifier(
        _network("test_resnet"), half, n_outputs=y_true.shape[1], image_size=SIDE, device=CPU,
        seed=0,
    )  # fmt: skip

    classifier.start_from_probe(squares, rows, y_true, task, None, 0)  # type: ignore[arg-type]

    from fundus_core.probes import fit_probe

    vectors = classifier.embeddings(squares, rows)
    probe, _ = fit_probe(
        "logistic", vectors, y_true, task=task, groups=None, seed=0  # type: ignore[arg-type]
    )  # fmt: skip
    scores = classifier.scores(squares, rows, task)  # type: ignore[arg-type]
    assert scores == pytest.approx(probe.score(vectors), abs=1e-4)


@pytest.mark.parametrize("code", ["ft", "g-lf", "lp-ft", "llrd"])
def test_fine_tune__learns_sixteen_photographs_by_heart(code: str) -> None:
    classifier = _classifier("test_resnet")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, 3, SIDE, SIDE)).astype(np.uint8)
    squares = Squares(tuple(map(str, range(16))), pixels, None, ())
    y_true = (np.arange(16) % 2 == 1)[:, None]
    rows = np.arange(16)
    recipe = TrainingRecipe(
        epochs=80, batch_size=8, learning_rate=0.01, augmentation="none", precision="fp32"
    )

    tuned = fine_tune(
        classifier, squares, y_true, "binary", train_rows=rows, validation_rows=rows[:0],
        test_rows=rows, recipe=recipe, device=CPU, strategy=code, options=DEFAULTS,
    )  # fmt: skip

    assert tuned.epochs[-1].train_loss < 0.02
    assert ((tuned.y_score[:, 0] > 0.5) == y_true[:, 0]).all()


def test_start_from_probe__a_head_that_is_no_probe_is_refused() -> None:
    squares, y_true = _bright_and_dark()

    with pytest.raises(TrainingError, match="'cosine' cannot start as a linear probe"):
        _classifier("test_resnet", "cosine").start_from_probe(
            squares, np.arange(24), y_true, "binary", None, 0
        )


def test_cosine_head__does_not_depend_on_the_length_of_the_embedding() -> None:
    head = HEADS["cosine"].build(5, 2)
    embeddings = torch.randn(3, 5)

    logits = head(embeddings)

    assert torch.allclose(head(7 * embeddings), logits, atol=1e-5)
    assert logits.abs().max() <= 16.0 + 1e-4


def test_hold_still__dropout_in_a_moving_block_stays_on() -> None:
    module = nn.ModuleDict(
        {
            "frozen": nn.Sequential(nn.BatchNorm2d(2), nn.Dropout()),
            "moving": nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Dropout()),
        }
    ).train()

    hold_still(module, {f"moving.{name}" for name in ("0.weight", "0.bias", "1.weight", "1.bias")})

    training = {name: layer.training for name, layer in module.named_modules() if name}
    assert [name for name, on in training.items() if not on] == ["frozen", "frozen.0", "frozen.1"]
