"""What turns an embedding into a logit per class while a network is trained: HEADS, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_HIDDEN = 512
_COSINE_SCALE = 16.0
"""How far apart logits can be: cosines alone lie in [-1, 1], too near for a softmax."""


@dataclass(frozen=True, slots=True)
class HeadKind:
    """One row of the menu of heads."""

    label: str
    build: Callable[[int, int], "nn.Module"]
    """(length of the embedding, number of outputs) -> module with random weights."""

    reference: str
    from_probe: bool = False
    """It can start as a linear probe."""


def _linear(embed_dim: int, n_outputs: int) -> "nn.Module":
    from torch import nn

    return nn.Linear(embed_dim, n_outputs)


def _two_layers(embed_dim: int, n_outputs: int) -> "nn.Module":
    from torch import nn

    return nn.Sequential(
        nn.Linear(embed_dim, _HIDDEN),
        nn.BatchNorm1d(_HIDDEN),
        nn.ReLU(),
        nn.Linear(_HIDDEN, n_outputs),
    )


def _cosine(embed_dim: int, n_outputs: int) -> "nn.Module":
    from fundus_core.finetune.cosine import CosineHead

    return CosineHead(embed_dim, n_outputs, scale=_COSINE_SCALE)


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
}
"""Heads by name. To add one, add one entry."""
