"""What a backbone is, and what is known of one before it is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

LicenceKind = Literal["open", "non-commercial", "gated"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """One row of the catalogue: all that is known of a backbone without loading it."""

    id: str
    """Unique; what the user types."""

    title: str
    """What menus show."""

    loader: str
    """Key of `LOADERS`."""

    architecture: str
    """The architecture's name in the loader's library."""

    embed_dim: int
    """D, the length of an embedding."""

    image_size: int = 224
    """Default side of the square input, in pixels."""

    size_multiple: int = 1
    """Other sizes must be a multiple of this; 0 means that no other size is accepted."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Per channel, in units of [0, 1]."""

    std: tuple[float, float, float] = IMAGENET_STD
    """Per channel, in units of [0, 1]."""

    architecture_args: tuple[tuple[str, str | int | float | bool], ...] = ()
    """Arguments of the architecture, sorted by name."""

    pooling: str = "default"
    """How the last features become one vector."""

    weights_files: tuple[str, ...] = ()
    """File names looked for in the weights folders, in order of preference."""

    hub_repository: str = ""
    """Repository on the model hub; empty when there is none."""

    hub_file: str = ""
    """File in that repository."""

    licence: str = ""
    """Licence of the weights."""

    licence_kind: LicenceKind = "open"

    reference: str = ""
    """Who made it: paper or page."""

    seen_in_pretraining: tuple[str, ...] = ()
    """Names of data sets known to be in the pre-training."""


class Backbone(Protocol):
    """A loaded network that turns photographs into vectors.

    B is the batch size, S the side of the input in pixels, D the length of an embedding.
    """

    spec: BackboneSpec
    image_size: int
    """S."""
    module: "nn.Module"
    """The network, in eval mode, parameters frozen; for hooks."""

    def preprocess(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turns a photograph (H, W, 3), RGB, into the network's input (3, S, S), uint8."""

    def forward(self, batch: "Tensor") -> "Tensor":
        """Maps uint8 inputs (B, 3, S, S) to float32 embeddings (B, D), in the current grad mode."""

    def embed(self, batch: "Tensor") -> "Tensor":
        """Like `forward`, without gradients, at the backbone's precision; returns to the CPU."""

    def feature_map(self, batch: "Tensor") -> "Tensor":
        """Maps uint8 inputs (B, 3, S, S) to the last spatial features (B, C, h, w), float32."""

    def blocks(self) -> Sequence[tuple[str, "nn.Module"]]:
        """Returns the parts of the network from input to head, for gradual unfreezing."""
