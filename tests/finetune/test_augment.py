"""Augmentations: photograph and mask move together, and the seed decides."""

import pytest
import torch

from fundus_core.finetune.augment import AUGMENTATIONS, augmented


def eye() -> tuple[torch.Tensor, torch.Tensor]:
    """A dark square with one bright patch, and the mask of the patch."""
    pixels = torch.full((3, 64, 64), 60, dtype=torch.uint8)
    pixels[:, 20:28, 40:48] = 230
    mask = torch.zeros((64, 64), dtype=torch.int32)
    mask[20:28, 40:48] = 4096
    return pixels, mask


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations__keep_shape_and_type(name: str) -> None:
    pixels, mask = eye()

    image, turned = augmented(AUGMENTATIONS[name](), pixels, mask, seed=1)

    assert (image.shape, image.dtype) == (pixels.shape, torch.uint8)
    assert turned is not None
    assert (turned.shape, turned.dtype) == (mask.shape, torch.int32)


@pytest.mark.parametrize("seed", range(12))
def test_retina__mask_stays_on_the_patch_and_keeps_its_bits(seed: int) -> None:
    pixels, mask = eye()

    image, turned = augmented(AUGMENTATIONS["retina"](), pixels, mask, seed)

    assert turned is not None
    assert set(turned.unique().tolist()) <= {0, 4096}
    brightness = image.float().mean(dim=0)
    inside, outside = brightness[turned == 4096].mean(), brightness[turned == 0].mean()
    assert inside > outside + 40


def test_retina__never_exchanges_upper_and_lower_arcade() -> None:
    pixels, _ = eye()  # the patch lies above the centre
    pipeline = AUGMENTATIONS["retina"]()

    for seed in range(40):
        image, _ = augmented(pipeline, pixels, None, seed)

        rows = torch.nonzero(image.float().mean(dim=0) == image.float().mean(dim=0).max())[:, 0]
        assert rows.float().mean() < 32


@pytest.mark.parametrize("name", ["retina", "paper"])
def test_augmentations__seed_decides(name: str) -> None:
    pixels, _ = eye()
    pipeline = AUGMENTATIONS[name]()

    outcomes = [augmented(pipeline, pixels, None, seed)[0] for seed in range(20)]

    assert torch.equal(outcomes[3], augmented(pipeline, pixels, None, 3)[0])
    assert len({outcome.numpy().tobytes() for outcome in outcomes}) > 3


def test_none__changes_nothing() -> None:
    pixels, mask = eye()

    image, turned = augmented(AUGMENTATIONS["none"](), pixels, mask, seed=0)

    assert torch.equal(image, pixels)
    assert turned is not None
    assert torch.equal(turned, mask)
