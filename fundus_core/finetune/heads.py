"""What turns an embedding into a logit per class while a network is trained: HEADS, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.errors import SaliencyError, TrainingError

if TYPE_CHECKING:
    from torch import nn

_HIDDEN = 512
_COSINE_SCALE = 16.0
"""How far apart logits can be: cosines alone lie in [-1, 1], too near for a softmax."""

_HUIX = "Huix et al. (2024), arXiv:2310.19522, from its published code"

Shape = tuple[int, ...]
"""Of what a head is given, without the batch: (D,) of embeddings, (C, h, w) of places."""


@dataclass(frozen=True, slots=True)
class HeadKind:
    """One row of the menu of heads."""

    label: str
    build: "Callable[[Shape, int, Path | None], nn.Module]"
    """(shape of what it is given, number of outputs, checkpoint) -> module. All its weights are
    random, but those that the checkpoint has, if there is one."""

    reference: str
    from_probe: bool = False
    """It can start as a linear probe."""

    tokens: bool = False
    """It is given the backbone's last features with their places instead of the embedding."""

    backbone: str = ""
    """Id of the backbone that it is made of, whose weights it can start from; empty for none."""


def head_backbone(head: str) -> BackboneSpec | None:
    """Returns the backbone that a head is made of, whose checkpoint `HeadKind.build` takes.

    Args:
        head: Key of `HEADS`.
    """
    backbone = HEADS[head].backbone
    return backbone_spec(backbone) if backbone else None


def read_by(head: str, backbone: "nn.Module", image_size: int, weights: Path | None) -> "nn.Module":
    """Returns a backbone as a head reads it: its embedding, or its features with their places.

    Args:
        head: Key of `HEADS`.
        backbone: The network; a head that reads places takes from it what comes after them.
        image_size: Side of its input, in pixels.
        weights: What the head is to start from.

    Raises:
        TrainingError: If the features have no places, or the head has no weights to start from.
    """
    from fundus_core.backbones.heads import Places

    kind = HEADS[head]
    if weights is not None and not kind.backbone:
        others = ", ".join(name for name, other in HEADS.items() if other.backbone)
        raise TrainingError(
            f"The head {head!r} has no weights to start from; {weights.name} was given.",
            hint=f"Leave the weights out, or choose one of {others}.",
        )
    if not kind.tokens:
        return backbone
    try:
        return Places(backbone, image_size)
    except SaliencyError as error:
        raise TrainingError(
            f"The head {head!r} needs features with places: {error.message}",
            hint="Choose the linear head, another backbone or a larger image size.",
        ) from error


def _linear(shape: Shape, n_outputs: int, weights: Path | None) -> "nn.Module":
    from torch import nn

    return nn.Linear(shape[0], n_outputs)


def _two_layers(shape: Shape, n_outputs: int, weights: Path | None) -> "nn.Module":
    from torch import nn

    return nn.Sequential(
        nn.Linear(shape[0], _HIDDEN),
        nn.BatchNorm1d(_HIDDEN),
        nn.ReLU(),
        nn.Linear(_HIDDEN, n_outputs),
    )


def _cosine(shape: Shape, n_outputs: int, weights: Path | None) -> "nn.Module":
    from fundus_core.finetune.cosine import CosineHead

    return CosineHead(shape[0], n_outputs, scale=_COSINE_SCALE)


def _deit(backbone: str) -> "Callable[[Shape, int, Path | None], nn.Module]":
    def build(shape: Shape, n_outputs: int, weights: Path | None) -> "nn.Module":
        from fundus_core.finetune.deit_head import deit_head

        return deit_head(backbone_spec(backbone), shape, n_outputs, weights)

    return build


HEADS: dict[str, HeadKind] = {
    "linear": HeadKind("One linear layer", _linear, "the usual one", from_probe=True),
    "two-layer": HeadKind(
        "Two linear layers with batch norm between them",
        _two_layers,
        "Jang et al. (2024), arXiv:2408.08790, from its published code",
    ),
    "cosine": HeadKind(
        "Cosine to a direction per class", _cosine, "Gidaris & Komodakis (2018), arXiv:1804.09458"
    ),
    "deit": HeadKind(
        "DeiT-B on the features of all places",
        _deit("deit_base"),
        _HUIX,
        tokens=True,
        backbone="deit_base",
    ),
    "deit-tiny": HeadKind(
        "DeiT-Ti on the features of all places: a small stand-in for DeiT-B",
        _deit("timm:deit_tiny_patch16_224"),
        f"{_HUIX}, there with DeiT-B",
        tokens=True,
        backbone="timm:deit_tiny_patch16_224",
    ),
}
"""Heads by name. To add one, add one entry."""
