"""Strategies: exactly what each promises moves, weights and statistics, on a CNN and on a ViT."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from fundus_core.errors import TrainingError
from fundus_core.finetune.classifier import fine_tune
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.finetune.trainee import Trainee, hold_still, trainee_of
from fundus_core.probes import fit_probe
from tests.finetune.small import (
    ARCHITECTURES,
    CPU,
    RECIPE,
    bright_and_dark,
    noise,
    small_classifier,
)


def _promised(code: str, trainee: Trainee) -> set[str]:
    """Which parameters may have moved after all epochs, written down by hand."""
    backbone = set(trainee.backbone)
    moving = {
        "lp": set(),
        "ft-last": set(trainee.blocks[-1].parameters),
        "surgical": set(trainee.blocks[1].parameters),
        "ft-from": backbone - set(trainee.blocks[0].parameters),
        "bitfit": {name for name in backbone if name.endswith(".bias")},
        "lora": {name for name in backbone if ".lora_A." in name or ".lora_B." in name},
    }.get(code, backbone)
    return (moving | set(trainee.head)) - (trainee.norms if code == "auto-rgn" else set())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("code", "head"),
    [
        (code, head)
        for code, strategy in STRATEGIES.items()
        for head, kind in HEADS.items()
        if head != "deit"  # the same as deit-tiny, twenty times as large
        if kind.from_probe or not strategy.from_probe
    ],
)
def test_fine_tune__moves_what_the_strategy_promises_and_nothing_else(
    code: str, head: str, architecture: str
) -> None:
    side = 64 if HEADS[head].tokens else 32  # a ResNet has a single place at 32 px
    classifier = small_classifier(architecture, head, side=side)
    options = StrategyOptions(block=trainee_of(classifier.module).blocks[1].name)
    classifier.prepare(code, options)
    trainee = trainee_of(classifier.module)
    before = {name: value.clone() for name, value in classifier.module.state_dict().items()}
    squares, y_true = bright_and_dark(side=side)
    rows = np.arange(24)

    fine_tune(
        classifier, squares, y_true, "binary", train_rows=rows[:16], validation_rows=rows[:0],
        test_rows=rows[16:], recipe=RECIPE, device=CPU, loss="binary",
        strategy=code, options=options,
    )  # fmt: skip

    after = classifier.module.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    parameters = set(trainee.backbone) | set(trainee.head)
    promised = _promised(code, trainee)
    assert moved & parameters <= promised
    # Auto-RGN may give a tensor a rate too small to show; the others move all they promise.
    share = len(moved & promised) / len(promised)
    assert share == 1 if code != "auto-rgn" else share > 0.9
    homes = {name.rpartition(".")[0] for name in promised}
    statistics = {name for name in moved - parameters if name.startswith("0.")}
    assert {name.rpartition(".")[0] for name in statistics} <= homes
    if code in {"lp", "lp-ft", "lora"}:
        assert not statistics


@pytest.mark.parametrize("code", ["l1-sp", "l2-sp"])
def test_fine_tune__the_penalty_keeps_weights_near_their_start(code: str) -> None:
    squares, y_true = bright_and_dark()
    rows = np.arange(24)
    distances = {}

    for pull in (0.0, 10.0):
        classifier = small_classifier("test_vit")
        trainee = trainee_of(classifier.module)
        start = {name: value.detach().clone() for name, value in trainee.parameters().items()}
        fine_tune(
            classifier, squares, y_true, "binary", train_rows=rows, validation_rows=rows[:0],
            test_rows=rows, recipe=replace(RECIPE, epochs=4), device=CPU, loss="binary",
            strategy=code, options=StrategyOptions(pull=pull),
        )  # fmt: skip
        now = trainee.parameters()
        weights = [name for name in trainee.backbone if now[name].ndim > 1]
        distances[pull] = sum((now[n] - start[n]).detach().square().sum().item() for n in weights)

    assert distances[10.0] < 0.5 * distances[0.0]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_lp_ft__the_head_starts_as_the_probe_for_every_kind_of_task(task: str) -> None:
    squares, bright = bright_and_dark(30)
    rows = np.arange(30)
    third = np.arange(30) % 3 == 0
    y_true = {
        "binary": bright,
        "multiclass": np.stack([third, ~third & bright[:, 0], ~third & ~bright[:, 0]], axis=1),
        "multilabel": np.stack([bright[:, 0], third], axis=1),
    }[task]
    classifier = small_classifier("test_resnet", n_outputs=y_true.shape[1])

    classifier.start_from_probe(squares, rows, y_true, task, None, 0)  # type: ignore[arg-type]

    vectors = classifier.embeddings(squares, rows)
    probe, _ = fit_probe(
        "logistic", vectors, y_true, task=task, groups=None, seed=0  # type: ignore[arg-type]
    )  # fmt: skip
    scores = classifier.scores(squares, rows, task)  # type: ignore[arg-type]
    assert scores == pytest.approx(probe.score(vectors), abs=1e-4)


@pytest.mark.parametrize(
    ("code", "head"),
    [
        ("ft", "linear"),
        ("lp-ft", "linear"),
        ("lora", "linear"),
        ("lp", "deit-tiny"),
        pytest.param("g-lf", "linear", marks=pytest.mark.slow),
        pytest.param("llrd", "linear", marks=pytest.mark.slow),
        pytest.param("ft", "deit-tiny", marks=pytest.mark.slow),
    ],
)
def test_fine_tune__learns_sixteen_photographs_by_heart(code: str, head: str) -> None:
    large = head == "deit-tiny"
    classifier = small_classifier("test_vit" if large else "test_resnet", head)
    squares, rows = noise(16), np.arange(16)
    y_true = (rows % 2 == 1)[:, None]
    rate, epochs = (0.001, 30) if large else (0.01, 80)
    recipe = replace(RECIPE, epochs=epochs, learning_rate=rate)

    tuned = fine_tune(
        classifier, squares, y_true, "binary", train_rows=rows, validation_rows=rows[:0],
        test_rows=rows, recipe=recipe, device=CPU, loss="binary", strategy=code,
    )  # fmt: skip

    assert tuned.epochs[-1].train_loss < 0.02
    assert ((tuned.y_score[:, 0] > 0.5) == y_true[:, 0]).all()


def test_start_from_probe__a_head_that_is_no_probe_is_refused() -> None:
    squares, y_true = bright_and_dark()

    with pytest.raises(TrainingError, match="'cosine' cannot start as a linear probe"):
        small_classifier("test_resnet", "cosine").start_from_probe(
            squares, np.arange(24), y_true, "binary", None, 0
        )


def test_cosine_head__does_not_depend_on_the_length_of_the_embedding() -> None:
    head = HEADS["cosine"].build((5,), 2, None)
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
