"""A transformer as a head: it reads a backbone's features of all places and pools them itself.

References:
    Huix et al. (2024), arXiv:2310.19522, from its published code.
"""

from pathlib import Path
from typing import Any

import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.networks import build_network, fill_network


class DeitHead(nn.Module):
    """A DeiT whose patches are the places of another network's last features."""

    def __init__(self, deit: Any, shape: tuple[int, ...], n_outputs: int) -> None:
        """Takes a DeiT's own patches away, and draws what it needs in their place.

        Args:
            deit: A `timm.models.VisionTransformer` without classifier; changed in place. Its
                position embeddings are interpolated (bicubic) to the places; that of the class
                token stays.
            shape: (C, h, w) of the features.
            n_outputs: Number of logits.
        """
        super().__init__()
        n_features, *grid = shape
        positions = resample_abs_pos_embed(
            deit.pos_embed.detach(), grid, num_prefix_tokens=deit.num_prefix_tokens
        )
        deit.pos_embed = nn.Parameter(positions.clone())
        deit.patch_embed = nn.Identity()
        self.projection = nn.Sequential(
            nn.Linear(n_features, deit.embed_dim), nn.LayerNorm(deit.embed_dim)
        )
        self.deit = deit
        self.classifier = nn.Linear(deit.embed_dim, n_outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Maps features (B, C, h, w) to logits (B, n_outputs)."""
        tokens = self.projection(features.flatten(2).transpose(1, 2))  # (B, h * w, D)
        logits: Tensor = self.classifier(self.deit(tokens))
        return logits


def deit_head(
    spec: BackboneSpec, shape: tuple[int, ...], n_outputs: int, weights: Path | None
) -> DeitHead:
    """Returns a head made of a DeiT.

    Args:
        spec: Of the DeiT.
        shape: (C, h, w) of the features that it is given.
        n_outputs: Number of logits.
        weights: A checkpoint of the DeiT. None for random weights, which is not what the paper
            did: a transformer of this size learns little from a few hundred photographs alone.

    Raises:
        WeightsError: If the checkpoint is not one of this DeiT.
    """
    deit = build_network(spec, seed=int(torch.randint(2**31, (), device="cpu")))
    if weights is not None:
        fill_network(deit, spec, weights)
    return DeitHead(deit, shape, n_outputs)
