"""From pixels to a logit per pixel and channel: encoders with decoders of two kinds.

B is the batch size, C the number of channels to mark, S the side of the input in pixels. Features
are counted by their reduction: at reduction 8, one place stands for 8 x 8 pixels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.checkpoints import TRUNK
from fundus_core.backbones.networks import load_network
from fundus_core.errors import BackboneError

_PAPER_WIDTHS = (512, 256, 128, 64)
"""Features that up4, up3, up2 and up1 return, as published."""

_SMALL_WIDTHS = (96, 64, 48, 32, 16)
"""Most features of the small decoder, from the deepest scale on; 16 at full size."""

_FIRST_LOGIT = -2.0
"""Of every pixel before training: what is marked is rare, about one pixel in eight for vessels."""

_SHALLOWEST, _DEEPEST = 4, 16
"""A pyramid has features at least as fine as the first reduction and as coarse as the second."""


class Normalised(nn.Module):
    """A network that takes pixels in [0, 1], around one that takes normalised pixels."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
        std: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> None:
        """Remembers what is subtracted and divided by, per channel, in units of [0, 1]."""
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps pixels (B, 3, S, S) in [0, 1] to logits (B, C, S, S), float32."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits.float()


class Pyramid(nn.Module):
    """The features of a CNN at several scales, the finest first."""

    def __init__(self, spec: BackboneSpec) -> None:
        """Builds a CNN of timm without classifier, with random weights.

        Args:
            spec: Of the catalogue, of the loader `timm`.

        Raises:
            BackboneError: If it gives no features at several scales.
        """
        super().__init__()
        network: Any = _features_only(spec)
        self.network: nn.Module = network
        self.reductions: tuple[int, ...] = tuple(network.feature_info.reduction())
        self.widths: tuple[int, ...] = tuple(network.feature_info.channels())
        is_pyramid = all(
            b == 2 * a for a, b in zip(self.reductions, self.reductions[1:], strict=False)
        )
        reaches = self.reductions[0] <= _SHALLOWEST and self.reductions[-1] >= _DEEPEST
        if not (is_pyramid and reaches):
            raise _no_pyramid(spec, f"its features have the reductions {self.reductions}")

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Maps (B, 3, S, S) to features (B, width, S / reduction, S / reduction), finest first."""
        features: list[Tensor] = self.network(pixels)
        return features

    def fill(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes the weights of the same CNN with all of its layers.

        Args:
            tensors: Its state, as timm names it when it is built whole.

        Raises:
            BackboneError: If it lacks one that the pyramid needs.
        """
        # A list of features joins the names of nested layers by _ in place of a dot.
        by_name = {name.replace(".", "_"): value for name, value in tensors.items()}
        own = self.network.state_dict()
        found = {name: by_name.get(name.replace(".", "_")) for name in own}
        missing = [name for name, value in found.items() if value is None]
        if missing:
            raise BackboneError(
                f"{len(missing)} of {len(own)} tensors of the encoder are not in the network with "
                f"all of its layers, the first {missing[0]}.",
                hint="Choose a ResNet, MobileNet, EfficientNet or ConvNeXt.",
            )
        self.network.load_state_dict(found)


def encoder(spec: BackboneSpec, weights: Path | None, seed: int = 0) -> Pyramid:
    """Returns an encoder, filled from any checkpoint that the catalogue's loader takes.

    Args:
        spec: Of the catalogue.
        weights: The checkpoint; None for random weights.
        seed: Of random weights.

    Raises:
        BackboneError: If the backbone gives no features at several scales.
        WeightsError: If the checkpoint is not one of the backbone.
    """
    if spec.loader != "timm":
        raise _no_pyramid(spec, "it is not built by timm")
    pyramid = Pyramid(spec)
    whole = load_network(spec, weights, spec.image_size, seed).state_dict()
    pyramid.fill({name.removeprefix(TRUNK): value for name, value in whole.items()})
    return pyramid


def _features_only(spec: BackboneSpec) -> nn.Module:
    import timm

    arguments: dict[str, Any] = dict(spec.architecture_args)
    try:
        network: nn.Module = timm.create_model(
            spec.architecture, pretrained=False, features_only=True, **arguments
        )
    except (AssertionError, AttributeError, RuntimeError) as error:
        raise _no_pyramid(spec, "timm gives none for it") from error
    return network


def _no_pyramid(spec: BackboneSpec, reason: str) -> BackboneError:
    return BackboneError(
        f"{spec.id} gives no features at several scales: {reason}.",
        hint="Choose a convolutional network, such as resnet18 or mobilenetv2_100.",
    )


class PaperUNet(nn.Module):
    """The decoder of the fundus foundation model on any pyramid from reduction 4 to 32.

    The stem's features, at reduction 2, are not used: the last doubling of size has no skip.

    References:
        Jang et al. (2024), arXiv:2408.08790; layers and names as in the first author's public
        decoder, see docs/marking.md.
    """

    def __init__(self, pyramid: Pyramid, n_channels: int) -> None:
        """Puts a fresh decoder on an encoder.

        Args:
            pyramid: The encoder.
            n_channels: C.

        Raises:
            BackboneError: If it lacks one of the reductions 4, 8, 16 and 32.
        """
        super().__init__()
        self.encoder = pyramid
        places = {reduction: place for place, reduction in enumerate(pyramid.reductions)}
        if not {4, 8, 16, 32} <= places.keys():
            raise BackboneError(
                f"The paper's decoder needs features at the reductions 4, 8, 16 and 32; this "
                f"backbone has {pyramid.reductions}.",
                hint="Choose the decoder 'small', or a ResNet.",
            )
        self._places = [places[reduction] for reduction in (4, 8, 16, 32)]
        w1, w2, w3, w4 = (pyramid.widths[place] for place in self._places)
        self.up4 = _doubled(w4, _PAPER_WIDTHS[0])
        self.up3 = _doubled(_PAPER_WIDTHS[0] + w3, _PAPER_WIDTHS[1])
        self.up2 = _doubled(_PAPER_WIDTHS[1] + w2, _PAPER_WIDTHS[2])
        self.up1 = _doubled(_PAPER_WIDTHS[2] + w1, _PAPER_WIDTHS[3])
        self.final_conv = nn.ConvTranspose2d(_PAPER_WIDTHS[3], n_channels, 2, stride=2)

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps normalised pixels (B, 3, S, S) to logits (B, C, S, S)."""
        features = self.encoder(pixels)
        f1, f2, f3, f4 = (features[place] for place in self._places)
        up = torch.cat([self.up4(f4), f3], dim=1)
        up = torch.cat([self.up3(up), f2], dim=1)
        up = torch.cat([self.up2(up), f1], dim=1)
        logits: Tensor = self.final_conv(self.up1(up))
        return logits


def _doubled(n_in: int, n_out: int) -> nn.Sequential:
    """Returns two convolutions at half the features and a transposed one to twice the size."""
    half = n_in // 2
    layers = nn.Sequential(
        *(nn.Conv2d(n_in, half, 3, padding=1), nn.BatchNorm2d(half), nn.ReLU()),
        *(nn.Conv2d(half, half, 3, padding=1), nn.BatchNorm2d(half), nn.ReLU()),
        nn.ConvTranspose2d(half, n_out, 2, stride=2),
    )
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight)
    return layers


class SmallUNet(nn.Module):
    """A light decoder: features are doubled bilinearly and joined with those of every scale.

    At full size two convolutions of the pixels themselves join in, so that vessels of one pixel
    survive an encoder that begins with a step of two or four pixels.
    """

    def __init__(self, pyramid: Pyramid, n_channels: int) -> None:
        """Puts a fresh decoder on an encoder.

        Args:
            pyramid: The encoder.
            n_channels: C.
        """
        super().__init__()
        self.encoder = pyramid
        finest = _SMALL_WIDTHS[-1]
        self.detail = nn.Sequential(_convolved(3, finest), _convolved(finest, finest))
        n_in, steps = pyramid.widths[-1], []
        skips = [*reversed(pyramid.widths[:-1]), finest]
        for skip, most in zip(skips, _small_widths(len(skips)), strict=True):
            n_out = min(most, n_in)
            steps.append(nn.Sequential(_convolved(n_in + skip, n_out), _convolved(n_out, n_out)))
            n_in = n_out
        self.steps = nn.ModuleList(steps)
        self.final = nn.Conv2d(n_in, n_channels, 1)
        nn.init.constant_(cast(Tensor, self.final.bias), _FIRST_LOGIT)

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps normalised pixels (B, 3, S, S) to logits (B, C, S, S)."""
        *skips, deepest = self.encoder(pixels)
        for step, skip in zip(self.steps, [*reversed(skips), self.detail(pixels)], strict=True):
            size = skip.shape[2:]
            larger = functional.interpolate(deepest, size, mode="bilinear", align_corners=False)
            deepest = step(torch.cat([larger, skip], dim=1))
        logits: Tensor = self.final(deepest)
        return logits


def _small_widths(n_steps: int) -> Sequence[int]:
    """Returns the most features of each step, the last ones being those of full size."""
    return [_SMALL_WIDTHS[0]] * max(0, n_steps - len(_SMALL_WIDTHS)) + list(
        _SMALL_WIDTHS[-n_steps:]
    )


def _convolved(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()
    )
