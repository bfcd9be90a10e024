"""The kinds of networks that mark pixels: NETWORKS."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.errors import BackboneError, TrainingError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class NetworkKind:
    """One row of the menu of networks."""

    label: str
    build: Callable[[BackboneSpec | None, Path | None, int, int], "nn.Module"]
    """Encoder, its checkpoint (None for random weights), channels, seed -> network."""

    has_encoder: bool
    """It starts from a backbone of the catalogue."""

    multiple: int
    """Sides of the input are multiples of this."""

    reference: str


def _small(spec: BackboneSpec | None, weights: Path | None, n: int, seed: int) -> "nn.Module":
    from fundus_core.segmentation.networks import SmallUNet, encoder

    return SmallUNet(encoder(_given(spec), weights, seed), n)


def _paper(spec: BackboneSpec | None, weights: Path | None, n: int, seed: int) -> "nn.Module":
    from fundus_core.segmentation.networks import PaperUNet, encoder

    return PaperUNet(encoder(_given(spec), weights, seed), n)


def _wnet(spec: BackboneSpec | None, weights: Path | None, n: int, seed: int) -> "nn.Module":
    from fundus_core.segmentation.wnet import WNet

    return WNet(n)


NETWORKS: dict[str, NetworkKind] = {
    "small": NetworkKind(
        "U-Net, light decoder with all skips",
        _small,
        has_encoder=True,
        multiple=32,
        reference="after Ronneberger et al. (2015), arXiv:1505.04597",
    ),
    "paper": NetworkKind(
        "U-Net, the fundus foundation model's decoder",
        _paper,
        has_encoder=True,
        multiple=32,
        reference="Jang et al. (2024), arXiv:2408.08790",
    ),
    "wnet": NetworkKind(
        "W-Net, two small U-Nets in a row, always from scratch",
        _wnet,
        has_encoder=False,
        multiple=4,
        reference="Galdran et al. (2022), Scientific Reports 12, 6174",
    ),
}
"""By name. To add one, add an entry."""


def build(
    kind: str, spec: BackboneSpec | None, weights: Path | None, n_channels: int, seed: int
) -> "nn.Module":
    """Returns a network from pixels (B, 3, S, S) in [0, 1] to logits (B, C, S, S).

    Args:
        kind: Key of `NETWORKS`.
        spec: Its encoder; None for a kind without.
        weights: The encoder's checkpoint; None for random weights.
        n_channels: C.
        seed: Of all random weights.

    Raises:
        TrainingError: If there is no such kind.
        BackboneError: If the backbone cannot be its encoder.
        WeightsError: If the checkpoint is not one of the backbone.
    """
    import torch

    from fundus_core.segmentation.networks import Normalised

    if kind not in NETWORKS:
        raise TrainingError(
            f"There is no network called {kind!r}.", hint=f"Choose one of {', '.join(NETWORKS)}."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS[kind].build(spec, weights, n_channels, seed)
    return Normalised(network, spec.mean, spec.std) if spec else Normalised(network)


def encoder_spec(kind: str, backbone: str) -> BackboneSpec | None:
    """Returns the spec of a network's encoder; None for a kind without."""
    return backbone_spec(backbone) if NETWORKS[kind].has_encoder else None


def _given(spec: BackboneSpec | None) -> BackboneSpec:
    if spec is None:
        raise BackboneError(
            "This network needs an encoder.", hint="Name one, e.g. resnet18 (--backbone)."
        )
    return spec
