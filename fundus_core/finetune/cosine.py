"""A head that compares directions only."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class CosineHead(nn.Module):
    """The cosine of an embedding to one direction per class, times a learned scale, plus a bias.

    References:
        Gidaris & Komodakis (2018), arXiv:1804.09458.
    """

    def __init__(self, embed_dim: int, n_outputs: int, *, scale: float) -> None:
        """Draws random directions.

        Args:
            embed_dim: D.
            n_outputs: C.
            scale: What the cosines are multiplied by at first.
        """
        super().__init__()
        self.weight = nn.Parameter(functional.normalize(torch.randn(n_outputs, embed_dim), dim=1))
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.zeros(n_outputs))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Maps embeddings (B, D) to logits (B, C)."""
        directions = functional.normalize(self.weight, dim=1)
        cosines = functional.normalize(embeddings, dim=1) @ directions.T
        return self.scale * cosines + self.bias
