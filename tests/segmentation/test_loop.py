"""Training: it learns, it is repeatable, and an interruption changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.errors import FundusError, TrainingError
from fundus_core.segmentation.augment import AUGMENTATIONS, pipeline
from fundus_core.segmentation.data import FIELD_BIT, Examples
from fundus_core.segmentation.loop import SegmentationTraining, Trained, train
from fundus_core.segmentation.losses import LOSSES
from fundus_core.segmentation.wnet import WNet
from tests.segmentation.drawn import examples

CPU = torch.device("cpu")
TINY = SegmentationTraining(
    epochs=2, batch_size=2, learning_rate=0.01, augmentation="none", precision="fp32"
)


def tiny_network() -> nn.Module:
    torch.manual_seed(0)
    return WNet(1, (4, 8))


def trained(
    recipe: SegmentationTraining = TINY,
    data: Examples | None = None,
    state_file: Path | None = None,
    n_validation: int = 2,
) -> tuple[nn.Module, Trained]:
    data = data or examples()
    n = len(data.image_ids)
    network = tiny_network()
    rows = np.arange(n)
    result = train(
        network, data, rows[n_validation:], rows[:n_validation], recipe, multiple=2, device=CPU,
        state_file=state_file,
    )  # fmt: skip
    return network, result


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def dice(network: nn.Module, data: Examples, row: int) -> float:
    with torch.inference_mode():
        pixels = torch.from_numpy(np.array(data.pixels[row]))[None].float() / 255
        marked = network.eval()(pixels)[0, 0].sigmoid().numpy() >= 0.5
    field, truth = (data.masks[row] & FIELD_BIT) > 0, (data.masks[row] & 1) > 0
    marked = marked & field
    return float(2 * (marked & truth).sum() / (marked.sum() + truth.sum()))


def test_train__learns_to_mark_lines_on_drawings_it_never_saw() -> None:
    recipe = replace(TINY, epochs=12, augmentation="all", patch=32, patches=4, batch_size=4)

    network, result = trained(recipe)

    held_out = np.mean([dice(network, examples(), row) for row in (0, 1)])
    before = np.mean([dice(tiny_network(), examples(), row) for row in (0, 1)])
    losses = [epoch.validation_loss for epoch in result.epochs]
    assert before < 0.4 < 0.75 < held_out
    assert result.best == 1 + int(np.argmin(losses))


@pytest.mark.parametrize("loss", LOSSES)
def test_train__every_loss_falls(loss: str) -> None:
    _, result = trained(replace(TINY, epochs=4, loss=loss))

    assert result.epochs[-1].train_loss < result.epochs[0].train_loss


def test_train__equal_seeds_give_equal_weights_and_leave_the_random_state() -> None:
    recipe = replace(TINY, augmentation="all", patch=32, patches=2)
    state = torch.get_rng_state()

    one, again, other = (trained(replace(recipe, seed=seed))[0] for seed in (0, 0, 1))

    assert same(one, again)
    assert not same(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_train__goes_on_after_an_interruption_as_if_there_had_been_none(tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=4, augmentation="turns", patch=32, patches=2)
    whole, expected = trained(recipe)
    state_file = tmp_path / "state.safetensors"
    seen = []

    class StopError(Exception):
        """Stands for a kill."""

    def stop(epoch: object) -> None:
        seen.append(epoch)
        if len(seen) == 2:
            raise StopError

    data, rows = examples(), np.arange(6)
    with pytest.raises(StopError):
        train(
            tiny_network(), data, rows[2:], rows[:2], recipe, multiple=2, device=CPU,
            state_file=state_file, on_epoch=stop,
        )  # fmt: skip
    resumed, result = trained(recipe, state_file=state_file)

    assert list(result.epochs[:2]) == seen  # with their seconds: they were not done again
    assert same(resumed, whole)
    assert [e.train_loss for e in result.epochs] == [e.train_loss for e in expected.epochs]


def test_train__another_recipe_does_not_go_on_from_the_state(tmp_path: Path) -> None:
    state_file = tmp_path / "state.safetensors"
    trained(TINY, state_file=state_file)

    other, _ = trained(replace(TINY, loss="dice"), state_file=state_file)

    assert same(other, trained(replace(TINY, loss="dice"))[0])


def test_train__without_validation_the_last_epoch_is_kept() -> None:
    _, result = trained(n_validation=0)

    assert result.best == 2
    assert result.epochs[-1].validation_loss is None


def test_train__patience_ends_it() -> None:
    _, result = trained(replace(TINY, epochs=30, patience=2, learning_rate=1e-9))

    assert len(result.epochs) - result.best <= 2 or len(result.epochs) < 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "mse"}, "no loss called 'mse'"),
        ({"augmentation": "much"}, "no augmentation called 'much'"),
        ({"epochs": 0}, "epochs must be a whole number from 1"),
        ({"patches": 0}, "patches must be a whole number from 1"),
        ({"patch": 33}, "multiples of 2"),
        ({"patch": 128}, "at most the photograph's 64"),
    ],
)
def test_train__what_cannot_be_done_is_said(change: dict[str, object], message: str) -> None:
    with pytest.raises(FundusError, match=message):
        trained(replace(TINY, **change))  # type: ignore[arg-type]


def test_train__what_diverges_names_the_learning_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    def steep(logits: Tensor, truth: Tensor, inside: Tensor) -> Tensor:
        return (logits - logits.detach()).abs().sum().sqrt()  # 0, and its slope is no number

    monkeypatch.setitem(LOSSES, "dice_bce", replace(LOSSES["dice_bce"], of=steep))

    with pytest.raises(TrainingError, match=r"step 1: the training diverged at .* of 0\.01"):
        trained(TINY)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("patch", [32, 64])
def test_pipeline__photograph_and_mask_stay_on_one_another(name: str, patch: int) -> None:
    from fundus_core.finetune.augment import augmented

    data = examples(1)
    pixels = torch.from_numpy(np.array(data.pixels[0]))
    mask = torch.from_numpy(data.masks[0].astype(np.int32))

    for seed in range(5):
        image, bits = augmented(pipeline(name, 64, patch), pixels, mask, seed)

        assert bits is not None
        assert image.shape == (3, patch, patch)
        assert bits.shape == (patch, patch)
        inside, line = (bits & FIELD_BIT) > 0, (bits & 1) > 0
        assert _darker(image, line, inside & ~line)


def _darker(image: Tensor, line: Tensor, rest: Tensor) -> bool:
    if not line.any() or not rest.any():
        return True
    green = image[1].float()
    return bool(green[line].mean() < 0.75 * green[rest].mean())
