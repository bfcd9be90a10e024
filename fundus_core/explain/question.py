"""What a saliency method is asked, and how a network is asked for scores alone.

B is the batch size, S the side of the network's input in pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fundus_core.backbones.base import Backbone
from fundus_core.explain.tail import CamLayer, Target, device_type

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 32
"""Inputs sent through a network together."""

_BLUR_SHARE = 1 / 12
"""Standard deviation of the blur that takes details away, as a share of the side."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to explain: photographs, and one number of each."""

    backbone: Backbone
    """In eval mode."""

    batch: "Tensor"
    """Shape (B, 3, S, S), uint8. Rows do not influence each other."""

    target: Target
    """The number to explain, such as the logit of a linear probe."""

    layer: CamLayer | None = None
    """Where to look; None for the layer that `cam_layer` finds."""


def scores_of(backbone: Backbone, pixels: "Tensor", target: Target) -> "Tensor":
    """Returns the target (B,) of pixels (B, 3, S, S) in [0, 255], at full precision.

    The pixels may be whole numbers or fractions, and are left as they are.
    """
    import torch

    with torch.inference_mode(), torch.autocast(device_type(backbone.module), enabled=False):
        scores = [target(backbone.forward(some.clone())) for some in chunks(pixels)]
    return torch.cat([some.cpu() for some in scores])


def chunks(values: "Tensor", size: int = AT_ONCE) -> "list[Tensor]":
    """Returns the rows of a tensor in pieces of at most `size`."""
    return [values[first : first + size] for first in range(0, len(values), size)]


def without_detail(pixels: "Tensor") -> "Tensor":
    """Returns pixels (B, 3, S, S), float32, so blurred that only colour and brightness stay.

    The baseline of what is taken away: where the photograph is replaced by it, lesions and vessels
    vanish, and no edge appears. A black or grey patch would be a lesion of its own in a retina.

    References:
        Fong & Vedaldi (2017), ICCV, arXiv:1704.03296 (blur as the least informative deletion).
    """
    import cv2
    import numpy as np
    import torch

    sigma = pixels.shape[-1] * _BLUR_SHARE
    pictures = pixels.cpu().float().permute(0, 2, 3, 1).numpy()
    blurred = [
        cv2.GaussianBlur(np.ascontiguousarray(one), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        for one in pictures
    ]
    return torch.from_numpy(np.stack(blurred)).permute(0, 3, 1, 2).to(pixels.device)
