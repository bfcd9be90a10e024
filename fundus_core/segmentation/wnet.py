"""The W-Net: two small U-Nets in a row, of which the second sees what the first one found.

Its module names are those of the published checkpoints, which load as they are.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from fundus_core.errors import WeightsError

WIDTHS = (8, 16, 32)
"""Features at each scale of the small W-Net; the big one has a fourth scale of 64."""


class _Block(nn.Module):
    """Two convolutions, and a shortcut around both; halves its input first where `pools`."""

    def __init__(self, n_in: int, n_out: int, *, pools: bool) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
        self.block = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(n_out),
            nn.Conv2d(n_out, n_out, 3, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(n_out),
        )
        self._pools = pools

    def forward(self, features: Tensor) -> Tensor:
        """Maps (B, n_in, H, W) to (B, n_out, H, W), or to half of H and W."""
        features = functional.max_pool2d(features, 2) if self._pools else features
        found: Tensor = self.block(features) + self.shortcut(features)
        return found


class _Sequence(nn.Module):
    """Layers under the name `block`, as the checkpoints have them."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.block(features)
        return found


class _Up(nn.Module):
    """Doubles the deeper features and joins them with those of their scale."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.up_layer = _Sequence(nn.ConvTranspose2d(n_in, n_out, 2, stride=2))
        self.conv_layer = _Block(2 * n_out, n_out, pools=False)
        self.conv_bridge_layer = _Sequence(
            nn.Conv2d(n_out, n_out, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(n_out)
        )

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        joined = torch.cat([self.up_layer(deep), self.conv_bridge_layer(skip)], dim=1)
        found: Tensor = self.conv_layer(joined)
        return found


class _SmallUNet(nn.Module):
    def __init__(self, n_in: int, n_out: int, widths: Sequence[int]) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        self.first = _Block(n_in, widths[0], pools=False)
        self.down_path = nn.ModuleList(_Block(a, b, pools=True) for a, b in steps)
        self.up_path = nn.ModuleList(_Up(b, a) for a, b in reversed(steps))
        self.final = nn.Conv2d(widths[0], n_out, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        scales = [self.first(pixels)]
        for down in self.down_path:
            scales.append(down(scales[-1]))
        features = scales.pop()
        for up in self.up_path:
            features = up(features, scales.pop())
        logits: Tensor = self.final(features)
        return logits


class WNet(nn.Module):
    """Two small U-Nets in a row.

    References:
        Galdran, Anjos, Dolz, Chakor, Lombaert & Ben Ayed (2022), State-of-the-art retinal vessel
        segmentation with minimalistic models, Scientific Reports 12, 6174.
    """

    def __init__(self, n_out: int = 1, widths: Sequence[int] = WIDTHS) -> None:
        """Starts from random weights.

        Args:
            n_out: Logits per pixel.
            widths: Features at each scale, the finest first; sides of the input are multiples of
                2 ** (number of scales - 1).
        """
        super().__init__()
        self.unet1 = _SmallUNet(3, n_out, widths)
        self.unet2 = _SmallUNet(3 + n_out, n_out, widths)

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps pixels (B, 3, H, W) in [0, 1] to logits (B, n_out, H, W)."""
        first = self.unet1(pixels)
        logits: Tensor = self.unet2(torch.cat([pixels, first], dim=1))
        return logits


def wnet_from(tensors: Mapping[str, Tensor], *, source: str) -> WNet:
    """Returns the W-Net of a published checkpoint, in eval mode; every tensor must have its place.

    Args:
        tensors: The checkpoint.
        source: Its name, for the message.

    Raises:
        WeightsError: If it is not one of a W-Net.
    """
    firsts = [name for name in tensors if name.startswith("unet1.down_path.")]
    n_down = len({name.split(".")[2] for name in firsts})
    final, first = tensors.get("unet2.final.weight"), tensors.get("unet1.first.block.0.weight")
    if final is None or first is None or not n_down:
        raise WeightsError(
            f"{source} is no checkpoint of a W-Net: it lacks unet1 or unet2.",
            hint="Choose a file of the published W-Nets.",
        )
    widths = [first.shape[0] * 2**scale for scale in range(n_down + 1)]
    network = WNet(final.shape[0], widths)
    try:
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(
            f"{source} does not fit a W-Net of widths {widths}: "
            f"{' '.join(str(error).split())[:300]}",
            hint="Choose a file of the published W-Nets, or copy it again.",
        ) from error
    return network.eval()
