"""Reading a network's features otherwise than its authors' own head does.

A wrapped network keeps the interface that the rest of the program relies on: `forward_features`,
`forward_head`, and what the network declares of itself. To add a way, add one entry to `HEADS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from fundus_core.backbones.token_grid import features_as_grid

if TYPE_CHECKING:
    from torch import Tensor


class Wrapped(nn.Module, ABC):
    """A network, `trunk`, whose embedding is read by `forward_head` below."""

    trunk: Any

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def __getattr__(self, name: str) -> Any:
        """Looks up in the network whatever it declares of itself: features, patches, sizes."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("trunk"), name)

    def forward_features(self, pixels: "Tensor") -> "Tensor":
        """Returns the network's last features."""
        features: Tensor = self.trunk.forward_features(pixels)
        return features

    @abstractmethod
    def forward_head(self, features: "Tensor", pre_logits: bool = True) -> "Tensor":
        """Maps the last features to embeddings (B, D)."""

    def forward(self, pixels: "Tensor") -> "Tensor":
        """Maps normalised pixels (B, 3, S, S) to embeddings (B, D)."""
        return self.forward_head(self.forward_features(pixels))


class Projected(Wrapped):
    """The network's embedding in the space that it shares with texts."""

    def __init__(self, trunk: nn.Module, embed_dim: int, *, unit_length: bool) -> None:
        """Adds a matrix without bias.

        Args:
            trunk: The network.
            embed_dim: D.
            unit_length: Scale the embedding to length one before and after the matrix, as FLAIR.
        """
        super().__init__(trunk)
        width = getattr(self.trunk, "head_hidden_size", None) or self.trunk.num_features
        self.projection = nn.Linear(width, embed_dim, bias=False)
        self._unit_length = unit_length

    def forward_head(self, features: "Tensor", pre_logits: bool = True) -> "Tensor":
        """Maps the last features to embeddings (B, D)."""
        pooled: Tensor = self.trunk.forward_head(features, pre_logits=True)
        if not self._unit_length:
            projected: Tensor = self.projection(pooled)
            return projected
        return functional.normalize(self.projection(functional.normalize(pooled, dim=1)), dim=1)


class FirstPatch(Wrapped):
    """The token of the upper left patch."""

    def forward_head(self, features: "Tensor", pre_logits: bool = True) -> "Tensor":
        """Maps tokens (B, N, D) to embeddings (B, D)."""
        return features[:, self.num_prefix_tokens]


class MeanOfPlaces(Wrapped):
    """The mean of the last features over all places."""

    def forward_head(self, features: "Tensor", pre_logits: bool = True) -> "Tensor":
        """Maps the last features (B, C, h, w) to embeddings (B, C)."""
        return features.mean(dim=(2, 3))


class Places(Wrapped):
    """The last features on their grid, for a head that pools them itself."""

    def __init__(self, trunk: nn.Module, side: int) -> None:
        """Takes away the parameters that the last features do not depend on.

        Args:
            trunk: The network; changed in place, and left in eval mode.
            side: Of its input, in pixels.

        Raises:
            SaliencyError: If its features have no places.
        """
        super().__init__(trunk)
        named = dict(self.eval().named_parameters())
        first = next(iter(named.values()))
        with torch.enable_grad():
            total = self(first.new_zeros(1, 3, side, side)).sum()
        gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
        for name, gradient in zip(named, gradients, strict=True):
            if gradient is None:
                owner, _, title = name.rpartition(".")
                self.get_submodule(owner).register_parameter(title, None)

    def forward_head(self, features: "Tensor", pre_logits: bool = True) -> "Tensor":
        """Returns the last features as they are."""
        return features

    def forward(self, pixels: "Tensor") -> "Tensor":
        """Maps normalised pixels (B, 3, S, S) to features (B, C, h, w)."""
        return features_as_grid(self.trunk, self.forward_features(pixels), pixels.shape[-1])


def _before_neck(trunk: Any, embed_dim: int) -> nn.Module:
    """Returns Segment Anything's encoder without the convolutions after its last block."""
    trunk.neck = nn.Identity()
    trunk.num_features = trunk.head_hidden_size = embed_dim
    return MeanOfPlaces(trunk)


HEADS: dict[str, Callable[[nn.Module, int], nn.Module]] = {
    "projection": lambda trunk, dim: Projected(trunk, dim, unit_length=False),
    "unit_projection": lambda trunk, dim: Projected(trunk, dim, unit_length=True),
    "first_patch": lambda trunk, dim: FirstPatch(trunk),
    "mean_of_places": lambda trunk, dim: MeanOfPlaces(trunk),
    "before_neck": _before_neck,
}
"""By name: network and length of the embedding -> network that reads it so."""
