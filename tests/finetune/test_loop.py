"""The training loop: it learns, keeps the best epoch, and goes on as if never interrupted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.errors import FundusError, TrainingError
from fundus_core.finetune.batches import Batch
from fundus_core.finetune.loop import TrainingRecipe, train
from fundus_core.finetune.rates import OPTIMISERS, RATE_SCHEDULES
from fundus_core.finetune.squares import Squares
from fundus_core.finetune.state import Epoch

CPU = torch.device("cpu")
RECIPE = TrainingRecipe(
    epochs=4, batch_size=8, learning_rate=0.05, augmentation="none", precision="fp32"
)


class KillError(Exception):
    """Stands for a kill between two epochs."""


def bright_and_dark(n: int = 32) -> tuple[Squares, Tensor]:
    """N squares, every second one bright, and which those are."""
    rng = np.random.default_rng(0)
    bright = np.arange(n) % 2
    level = np.where(bright, 150, 100)[:, None, None, None]
    pixels = (level + rng.integers(-30, 30, (n, 3, 16, 16))).astype(np.uint8)
    return Squares(tuple(map(str, range(n))), pixels, None, ()), torch.tensor(bright).float()


def network(seed: int = 0) -> nn.Module:
    """A tiny network with what makes resuming hard: normalisation and dropout."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(0.2), nn.Linear(4, 1),
    )  # fmt: skip


def run(
    module: nn.Module,
    recipe: TrainingRecipe = RECIPE,
    *,
    state_file: Path | None = None,
    stop_after: int | None = None,
) -> tuple[Epoch, ...]:
    """Trains on 24 squares, validates on 8; stops after an epoch as a kill would."""
    squares, labels = bright_and_dark()

    def loss(batch: Batch) -> Tensor:
        logits = module(batch.pixels)[:, 0]
        return nn.functional.binary_cross_entropy_with_logits(logits, labels[batch.rows])

    def stop(epoch: Epoch) -> None:
        if epoch.number == stop_after:
            raise KillError

    rows = np.arange(32)
    return train(
        module, loss, squares, rows[:24], rows[24:], recipe,
        device=CPU, state_file=state_file, on_epoch=stop,
    ).epochs  # fmt: skip


def test_train__lowers_the_loss_on_photographs_it_did_not_learn_from() -> None:
    module = network()

    epochs = run(module, replace(RECIPE, epochs=12))

    first, last = epochs[0].validation_loss, epochs[-1].validation_loss
    assert first is not None
    assert last is not None
    assert last < 0.5 * first


def test_train__interrupted_and_repeated_gives_the_weights_of_one_undisturbed(
    tmp_path: Path,
) -> None:
    undisturbed, interrupted, resumed = network(), network(), network(seed=9)
    run(undisturbed)

    with pytest.raises(KillError):
        run(interrupted, state_file=tmp_path / "state.safetensors", stop_after=2)
    epochs = run(resumed, state_file=tmp_path / "state.safetensors")

    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("schedule", RATE_SCHEDULES)
def test_train__every_optimiser_and_schedule_learns_and_can_be_interrupted(
    optimiser: str, schedule: str, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, optimiser=optimiser, rate_schedule=schedule, learning_rate=0.02)
    expected, interrupted = network(), network()
    epochs = run(expected, recipe)

    with pytest.raises(KillError):
        run(interrupted, recipe, state_file=tmp_path / "state", stop_after=2)
    again = network()
    run(again, recipe, state_file=tmp_path / "state")

    assert epochs[-1].train_loss < epochs[0].train_loss
    for name, value in again.state_dict().items():
        assert torch.equal(value, expected.state_dict()[name]), name


def test_train__constant_rate_stays_where_cosine_falls() -> None:
    constant = run(network(), replace(RECIPE, rate_schedule="constant"))
    cosine = run(network(), RECIPE)

    assert constant[-1].learning_rate == RECIPE.learning_rate
    assert cosine[-1].learning_rate < 0.1 * RECIPE.learning_rate


def test_train__equal_seeds_equal_weights_other_seeds_others() -> None:
    one, same, other = network(), network(), network()

    run(one)
    run(same)
    run(other, replace(RECIPE, seed=1))

    assert torch.equal(one[0].weight, same[0].weight)  # type: ignore[index]
    assert not torch.equal(one[0].weight, other[0].weight)  # type: ignore[index]


def test_train__keeps_the_best_epoch() -> None:
    squares, labels = bright_and_dark()
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    # Validation photographs have the opposite labels: every step makes them worse.
    labels[24:] = 1 - labels[24:]

    def loss(batch: Batch) -> Tensor:
        brightness = batch.pixels.mean(dim=(1, 2, 3))[:, None] - 0.49
        logits = module(brightness)[:, 0]
        return nn.functional.binary_cross_entropy_with_logits(logits, labels[batch.rows])

    rows = np.arange(32)
    trained = train(module, loss, squares, rows[:24], rows[24:], RECIPE, device=CPU)

    losses = [epoch.validation_loss for epoch in trained.epochs]
    assert trained.best == 1
    assert losses == sorted(losses, key=float)  # type: ignore[arg-type]


def test_train__ends_when_patience_is_out() -> None:
    module = network()
    recipe = replace(RECIPE, epochs=50, patience=2, seed=3)

    epochs = run(module, recipe)

    losses = [epoch.validation_loss for epoch in epochs]
    assert len(epochs) < 50
    assert int(np.argmin(np.array(losses, float))) == len(epochs) - 3


def test_train__state_of_another_recipe_is_not_gone_on_from(tmp_path: Path) -> None:
    first, second, alone = network(), network(), network()
    other = replace(RECIPE, learning_rate=0.01)
    run(first, state_file=tmp_path / "state.safetensors")

    run(second, other, state_file=tmp_path / "state.safetensors")
    run(alone, other)

    assert torch.equal(second[0].weight, alone[0].weight)  # type: ignore[index]


def test_train__damaged_state_starts_afresh(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    state.write_bytes(b"torn")
    module, alone = network(), network()

    run(module, state_file=state)
    run(alone)

    assert torch.equal(module[0].weight, alone[0].weight)  # type: ignore[index]


def test_train__leaves_the_process_random_state_alone() -> None:
    torch.manual_seed(5)
    module = network()
    before = torch.random.get_rng_state()

    run(module, replace(RECIPE, augmentation="retina"))

    assert torch.equal(torch.random.get_rng_state(), before)


def test_train__loss_that_is_no_number_is_refused_with_its_place() -> None:
    squares, _ = bright_and_dark()
    module = nn.Linear(1, 1)

    def broken(batch: Batch) -> Tensor:
        return module.weight.sum() * float("nan")

    with pytest.raises(TrainingError, match="nan in epoch 1, step 1"):
        train(
            module, broken, squares, np.arange(24), np.arange(0), RECIPE, device=CPU
        )  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "change"),
    [
        ("gradient's length became", {}),
        ("weights became nan at the end of epoch 1", {"weight_decay": 1000.0}),
        ("held-out loss became -inf at the end of epoch 1", {}),
    ],
)
def test_train__what_diverges_names_the_learning_rate_and_keeps_nothing(
    tmp_path: Path, lost: str, change: dict[str, float]
) -> None:
    squares, _ = bright_and_dark()
    module = nn.Linear(1, 1)
    nn.init.constant_(module.weight, 1e35)
    recipe = replace(RECIPE, batch_size=24, learning_rate=1000.0, **change)  # type: ignore[arg-type]

    def loss(batch: Batch) -> Tensor:
        value = (module.weight * 1e-35).sum()
        if "gradient" in lost:
            return (value - value.detach()).abs().sqrt()  # 0, and its slope is no number
        return value if module.training else value * float("inf")

    with pytest.raises(TrainingError, match=f"{lost}.* diverged at a learning rate of 1000"):
        train(
            module, loss, squares, np.arange(24), np.arange(24, 32), recipe, device=CPU,
            state_file=tmp_path / "state",
        )  # fmt: skip

    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 to 100,000 but is 0"),
        ({"batch_size": 1}, "batches of 2"),
        ({"patience": -1}, "patience must be a whole number from 0"),
        ({"learning_rate": float("nan")}, "above 0 and up to 1000 but is nan"),
        ({"augmentation": "mirror"}, "no augmentation called 'mirror'"),
    ],
)
def test_train__impossible_recipes_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(FundusError, match=message):
        run(network(), replace(RECIPE, **change))  # type: ignore[arg-type]
