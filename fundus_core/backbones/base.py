"""What a backbone is, and what is known of one before it is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.recipe import Fit

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fundus_core.backbones.blocks import Block

LicenceKind = Literal["open", "non-commercial", "gated"]

Group = Literal["ours", "retinal", "general", "baseline"]
"""What a backbone was trained on: our phantoms, retinas, everyday pictures, or nothing at all."""

Arguments = tuple[tuple[str, str | int | float | bool], ...]
"""Arguments of an architecture, sorted by name."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Pooling:
    """One way in which a backbone's last features become one vector."""

    name: str
    """Unique among those of a backbone; what the user types."""

    title: str
    """What menus show."""

    embed_dim: int
    """D, the length of the vector."""

    architecture_args: Arguments = ()
    """Added to those of the architecture."""

    head: str = ""
    """Key of `HEADS`; empty where the architecture itself pools like this."""

    drops: tuple[str, ...] = ()
    """Tensors of the checkpoint that this pooling has no use for, as patterns of whole names."""

    fresh: tuple[str, ...] = ()
    """Tensors of the network that the checkpoint does not have and that keep their fixed initial
    values, as patterns of whole names."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the weights of a backbone are published."""

    repository: str = ""
    """Repository on the model hub; empty for weights published elsewhere."""

    file: str = ""
    """File in that repository."""

    revision: str = "main"
    """Branch, tag or commit of the repository."""

    url: str = ""
    """Address of the file itself, for weights that are not on the hub."""

    page: str = ""
    """Address of a page with a link to follow by hand, where no program may download."""

    sha256: str = ""
    """Hash of the file, where it is known."""

    @property
    def fetchable(self) -> bool:
        """Says whether `fundus backbones fetch` can download it."""
        return bool(self.repository or self.url)


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """One row of the catalogue: all that is known of a backbone without loading it."""

    id: str
    """Unique; what the user types."""

    title: str
    """What menus show."""

    architecture: str
    """The architecture's name in the loader's library."""

    embed_dim: int
    """D, the length of an embedding by the chosen pooling."""

    group: Group = "general"

    used_in: tuple[str, ...] = ()
    """arXiv ids of the papers behind this program that used it."""

    loader: str = "timm"
    """Key of `BUILDERS`."""

    architecture_args: Arguments = ()

    layouts: tuple[str, ...] = ("timm",)
    """Keys of `LAYOUTS`: how published checkpoints name their tensors."""

    image_size: int = 224
    """Default side of the square input, in pixels."""

    size_multiple: int = 1
    """Other sizes must be a multiple of this; 0 means that no other size is accepted."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Per channel, in units of [0, 1]."""

    std: tuple[float, float, float] = IMAGENET_STD
    """Per channel, in units of [0, 1]."""

    fit: Fit = "pad"
    """How a photograph that is not square becomes the square input."""

    poolings: tuple[Pooling, ...] = ()
    """Ways to pool, the default first; empty where there is only the architecture's own."""

    pooling: str = "default"
    """The chosen one, by name."""

    weights_files: tuple[str, ...] = ()
    """File names looked for in the weights folders, in order of preference."""

    source: Source = Source()

    licence: str = ""
    """Licence of the weights."""

    licence_kind: LicenceKind = "open"

    reference: str = ""
    """Who made it: paper or page."""

    seen_in_pretraining: tuple[str, ...] = ()
    """Names of data sets known to be in the pre-training."""

    text_tower: str = ""
    """Key of `TEXT_TOWERS`: what turns words into vectors of the same space; empty for none."""

    note: str = ""
    """What a user must know before trusting it: a doubt about the published layout, for example."""


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

    def blocks(self) -> "Sequence[Block]":
        """Returns the parts of the network from input to embedding, for gradual unfreezing."""
