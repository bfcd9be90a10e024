"""Losses against their formulas, written out, and what they must not do."""

import numpy as np
import pytest
import torch
from scipy.ndimage import grey_dilation, grey_erosion
from torch import Tensor

from fundus_core.segmentation.losses import LOSSES, SMOOTH, soft_skeleton

LOGITS = torch.tensor([[[[2.0, -1.0], [0.5, -3.0]]], [[[0.0, 1.0], [-2.0, 4.0]]]])
TRUTH = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]], [[[0.0, 1.0], [1.0, 1.0]]]])
WEIGHT = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]], [[[1.0, 0.0], [1.0, 1.0]]]])


def dice_by_hand(logits: Tensor, truth: Tensor, weight: Tensor) -> float:
    found = []
    for one, mask, inside in zip(logits.numpy(), truth.numpy(), weight.numpy(), strict=True):
        both = total = 0.0
        for channel in range(one.shape[0]):
            for row in range(one.shape[1]):
                for column in range(one.shape[2]):
                    if inside[0, row, column]:
                        p = 1 / (1 + np.exp(-one[channel, row, column]))
                        both += p * mask[channel, row, column]
                        total += p + mask[channel, row, column]
        found.append(1 - (2 * both + SMOOTH) / (total + SMOOTH))
    return float(np.mean(found))


def test_dice__is_its_formula_per_image_and_then_the_mean() -> None:
    found = LOSSES["dice"].of(LOGITS, TRUTH, WEIGHT)

    assert float(found) == pytest.approx(dice_by_hand(LOGITS, TRUTH, WEIGHT), abs=1e-6)


def test_dice__channels_count_alike() -> None:
    logits, truth = torch.cat([LOGITS, -LOGITS], dim=1), torch.cat([TRUTH, TRUTH], dim=1)

    found = LOSSES["dice"].of(logits, truth, WEIGHT)

    one, other = (dice_by_hand(sign * LOGITS, TRUTH, WEIGHT) for sign in (1, -1))
    assert float(found) == pytest.approx((one + other) / 2, abs=1e-6)


def test_dice_bce__adds_the_mean_cross_entropy_of_the_field() -> None:
    found = LOSSES["dice_bce"].of(LOGITS, TRUTH, WEIGHT)

    p = 1 / (1 + np.exp(-LOGITS.numpy()))
    each = -(TRUTH.numpy() * np.log(p) + (1 - TRUTH.numpy()) * np.log(1 - p))
    entropy = each[WEIGHT.numpy() > 0].mean()
    expected = dice_by_hand(LOGITS, TRUTH, WEIGHT) + entropy
    assert float(found) == pytest.approx(expected, abs=1e-5)


def test_dice_cldice__is_its_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(1, 1, 24, 24, generator=generator)
    truth = (torch.randn(1, 1, 24, 24, generator=generator) > 0.6).float()
    weight = torch.ones(1, 1, 24, 24)

    found = LOSSES["dice_cldice"].of(logits, truth, weight)

    p, t = logits.sigmoid()[0, 0].numpy().astype(float), truth[0, 0].numpy().astype(float)
    of_p, of_t = skeleton_by_hand(p), skeleton_by_hand(t)
    precision, sensitivity = (of_p * t).sum() / of_p.sum(), (of_t * p).sum() / of_t.sum()
    cldice = 2 * precision * sensitivity / (precision + sensitivity)
    expected = (dice_by_hand(logits, truth, weight) + 1 - cldice) / 2
    assert float(found) == pytest.approx(expected, abs=1e-5)


def skeleton_by_hand(shares: np.ndarray, steps: int = 8) -> np.ndarray:
    """Algorithm 1 of Shit et al. with the grey morphology of SciPy."""
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)

    def eroded(values: np.ndarray) -> np.ndarray:
        return grey_erosion(values, footprint=cross, mode="nearest")

    def opened(values: np.ndarray) -> np.ndarray:
        return grey_dilation(eroded(values), size=(3, 3), mode="nearest")

    skeleton = np.maximum(shares - opened(shares), 0)
    for _ in range(steps):
        shares = eroded(shares)
        line = np.maximum(shares - opened(shares), 0)
        skeleton = skeleton + np.maximum(line - skeleton * line, 0)
    return skeleton


def test_soft_skeleton__of_a_bar_is_its_middle_line() -> None:
    bar = torch.zeros(1, 1, 21, 21)
    bar[..., 8:13, :] = 1

    found = soft_skeleton(bar)[0, 0]

    assert found[10, 5:16].tolist() == [1.0] * 11
    assert found[[8, 9, 11, 12], 5:16].sum() == 0


@pytest.mark.parametrize("name", LOSSES)
def test_what_lies_outside_the_field_neither_costs_nor_moves(name: str) -> None:
    logits = LOGITS.clone().requires_grad_(True)
    other = torch.where(WEIGHT > 0, LOGITS, torch.tensor(9.0))
    other_truth = torch.where(WEIGHT > 0, TRUTH, 1 - TRUTH)

    loss = LOSSES[name].of(logits, TRUTH, WEIGHT)
    loss.backward()

    assert logits.grad is not None
    assert logits.grad[WEIGHT == 0].abs().max() == 0
    assert logits.grad[WEIGHT == 1].abs().max() > 0
    again = LOSSES[name].of(other, other_truth, WEIGHT)
    assert float(again) == pytest.approx(float(loss.detach()), abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_answer_costs_nearly_nothing_and_a_wrong_one_more(name: str) -> None:
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 6:9, :] = 1
    everywhere = torch.ones(1, 1, 16, 16)
    sure = 40 * (truth - 0.5)

    right, wrong = (float(LOSSES[name].of(s * sure, truth, everywhere)) for s in (1, -1))

    assert right < 1e-3
    assert wrong > 0.9


@pytest.mark.parametrize("name", LOSSES)
def test_an_empty_patch_has_a_finite_loss(name: str) -> None:
    nothing = torch.zeros(1, 1, 8, 8)
    logits = torch.full((1, 1, 8, 8), -30.0).requires_grad_(True)

    for weight in (nothing, nothing + 1):
        loss = LOSSES[name].of(logits, nothing, weight)
        loss.backward()

        assert torch.isfinite(loss)
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
