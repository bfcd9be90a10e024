"""Augmentation of training photographs: AUGMENTATIONS, each a torchvision pipeline.

A pipeline is given a photograph alone, or a photograph with its mask: both are turned alike, and
colours change in the photograph only.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_core.preprocessing import clahe

if TYPE_CHECKING:
    from torch import Tensor
    from torchvision.transforms import v2

_CLAHE_SHARE = 0.2


def _none() -> "v2.Transform":
    """Returns a pipeline that changes nothing."""
    from torchvision.transforms import v2

    return v2.Identity()


def _paper() -> "v2.Transform":
    """Returns the augmentations that the fundus foundation model names; their strengths are ours.

    References:
        Jang et al. (2024), arXiv:2408.08790: horizontal flip, grey, blur, CLAHE.
    """
    from torchvision.transforms import v2

    return v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomGrayscale(0.1),
            v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], 0.2),
            v2.RandomApply([v2.Lambda(_equalised)], _CLAHE_SHARE),
        ]
    )


def _retina() -> "v2.Transform":
    """Returns what photographs of one retina may differ in: position, light, colour, sharpness.

    A vertical flip is left out: it would exchange the upper and the lower arcade.
    """
    from torchvision.transforms import v2

    bilinear = v2.InterpolationMode.BILINEAR
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomAffine(15, translate=(0.04, 0.04), scale=(0.85, 1.15), interpolation=bilinear),
            v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
            v2.RandomApply([v2.Lambda(_tinted)], 0.7),
            v2.RandomGrayscale(0.1),
            v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.2))], 0.2),
            v2.RandomAdjustSharpness(2.0, 0.2),
            v2.RandomApply([v2.Lambda(_equalised)], _CLAHE_SHARE),
        ]
    )


AUGMENTATIONS: dict[str, Callable[[], "v2.Transform"]] = {
    "retina": _retina,
    "paper": _paper,
    "none": _none,
}
"""Pipelines by name. To add one, add an entry."""


def _tinted(value: Any) -> Any:
    """Returns a photograph with each colour weakened or strengthened; a mask as it is."""
    import torch
    from torchvision import tv_tensors

    if not isinstance(value, tv_tensors.Image):
        return value
    gain = torch.exp(0.15 * torch.randn(3, 1, 1))
    return tv_tensors.Image((value.float() * gain).clamp(0, 255).to(torch.uint8))


def _equalised(value: Any) -> Any:
    """Returns a photograph with its local contrast equalised; a mask as it is."""
    import torch
    from torchvision import tv_tensors

    if not isinstance(value, tv_tensors.Image):
        return value
    image = np.ascontiguousarray(value.permute(1, 2, 0).numpy())
    return tv_tensors.Image(torch.from_numpy(clahe(image)).permute(2, 0, 1))


def augmented(
    pipeline: "v2.Transform", pixels: "Tensor", mask: "Tensor | None", seed: int
) -> tuple["Tensor", "Tensor | None"]:
    """Returns one photograph and its mask, changed as a seed decides.

    Args:
        pipeline: An entry of `AUGMENTATIONS`, built.
        pixels: Shape (3, S, S), uint8.
        mask: Shape (S, S), whole numbers: nearest pixels are taken, so bits stay bits.
        seed: Equal seeds change a photograph equally; the process's random state stays.
    """
    import torch
    from torchvision import tv_tensors

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if mask is None:
            return pipeline(tv_tensors.Image(pixels)).as_subclass(torch.Tensor), None
        image, turned = pipeline(tv_tensors.Image(pixels), tv_tensors.Mask(mask[None]))
    return image.as_subclass(torch.Tensor), turned.as_subclass(torch.Tensor)[0]
