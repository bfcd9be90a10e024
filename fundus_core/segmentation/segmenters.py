"""Whatever marks a photograph: trained networks, published ones, and the classical baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.preprocessing import prepare

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_FLIPS = ((), (-1,), (-2,), (-2, -1))
"""Axes by which a photograph is mirrored when the mean of all four answers is asked for."""


class Segmenter(Protocol):
    """Marks photographs."""

    @property
    def channels(self) -> tuple[str, ...]:
        """What is marked, C names."""

    def mark(self, photograph: NDArray[np.uint8], field: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Returns shares (C, H, W) in [0, 1] for a photograph (H, W, 3) and its field (H, W)."""


@dataclass(frozen=True, slots=True)
class FrangiSegmenter:
    """Frangi's filter; see `frangi_shares`."""

    channels: tuple[str, ...] = ("vessel",)

    def mark(self, photograph: NDArray[np.uint8], field: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Returns shares (1, H, W)."""
        from fundus_core.segmentation.classical import frangi_shares

        return frangi_shares(photograph, field)[np.newaxis]


@dataclass(frozen=True, slots=True)
class NetworkSegmenter:
    """The mean of one or several networks."""

    networks: "tuple[nn.Module, ...]"
    """Each maps pixels (1, 3, S, S) in [0, 1] to logits (1, K, S, S); in eval mode."""

    channels: tuple[str, ...]
    size: int
    """S, in pixels."""

    preprocessing: PreprocessRecipe
    device: "torch.device"
    classes: tuple[tuple[float, ...], ...] = ()
    """Shape (C, K): what each of K classes that exclude one another adds to each channel; empty
    where each channel has a logit of its own."""

    flips: bool = False
    """Mark the photograph and its three mirror images, and return the mean."""

    def mark(self, photograph: NDArray[np.uint8], field: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Returns shares (C, H, W); 0 where the networks saw nothing."""
        import torch

        prepared = prepare(photograph, self.size, self.preprocessing)
        square = torch.from_numpy(np.ascontiguousarray(prepared.pixels.transpose(2, 0, 1)))
        pixels = (square[None].to(self.device).float() / 255).contiguous(
            memory_format=torch.channels_last
        )
        with torch.inference_mode():
            found = [self._shares(network, pixels) for network in self.networks]
        shares = torch.stack(found).mean(dim=0)[0].cpu().numpy()  # (C, S, S)
        return np.stack([prepared.geometry.to_original(one) for one in shares])

    def _shares(self, network: "nn.Module", pixels: "Tensor") -> "Tensor":
        """Returns the shares (1, C, S, S) of one network, the mean over mirror images."""
        import torch

        flips = _FLIPS if self.flips else _FLIPS[:1]
        found = [self._of_channels(network(pixels.flip(axes))).flip(axes) for axes in flips]
        return torch.stack(found).mean(dim=0)

    def _of_channels(self, logits: "Tensor") -> "Tensor":
        import torch

        if not self.classes:
            return logits.float().sigmoid()
        weights = torch.tensor(self.classes, device=logits.device)
        return torch.einsum("ck,bkhw->bchw", weights, logits.float().softmax(dim=1))


def marked(shares: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Returns which pixels are marked: those of shares from the threshold on."""
    return np.asarray(shares >= threshold)


def named(
    channels: Sequence[str], shares: NDArray[np.float32], threshold: float
) -> dict[str, NDArray[np.bool_]]:
    """Returns which pixels are marked, by the channel's name."""
    return dict(zip(channels, marked(shares, threshold), strict=True))
