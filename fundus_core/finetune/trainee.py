"""A network with a head that is about to be trained, and the names of its parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fundus_core.backbones.blocks import Block, network_blocks

if TYPE_CHECKING:
    from torch import Tensor, nn

HEAD = "head"
"""What reports call the part after the backbone."""

_NORMS = ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RmsNorm", "RMSNorm")
"""What the names of the classes of normalisation layers have in them."""


@dataclass(frozen=True, slots=True)
class Trainee:
    """A backbone and a head in one module."""

    module: "nn.Module"

    blocks: tuple[Block, ...]
    """Parts of the backbone from input to embedding; parameters by their names in the module."""

    head: tuple[str, ...]
    """Names of the head's parameters."""

    norms: frozenset[str]
    """Names of the parameters of normalisation layers."""

    @property
    def backbone(self) -> tuple[str, ...]:
        """Returns the names of the backbone's parameters."""
        return tuple(name for block in self.blocks for name in block.parameters)

    def parameters(self) -> "dict[str, Tensor]":
        """Returns the parameters by name."""
        return dict(self.module.named_parameters())


def trainee_of(module: "nn.Module", backbone: str = "0", head: str = "1") -> Trainee:
    """Names the parts of a module that holds a backbone and a head.

    Args:
        module: Holds both.
        backbone: Name of the backbone in it.
        head: Name of the head in it.
    """
    blocks = tuple(
        Block(block.name, tuple(f"{backbone}.{name}" for name in block.parameters))
        for block in network_blocks(module.get_submodule(backbone))
    )
    names = tuple(f"{head}.{name}" for name, _ in module.get_submodule(head).named_parameters())
    norms = frozenset(
        f"{prefix}.{name}"
        for prefix, layer in norm_layers(module)
        for name, _ in layer.named_parameters(recurse=False)
    )
    return Trainee(module, blocks, names, norms)


def norm_layers(module: "nn.Module") -> "Iterator[tuple[str, nn.Module]]":
    """Yields the normalisation layers of a module with their names, by their type."""
    for name, layer in module.named_modules():
        if any(norm in type(layer).__name__ for norm in _NORMS):
            yield name, layer


def hold_still(module: "nn.Module", moving: "set[str]", *, norms: bool = False) -> None:
    """Puts what does not move into eval mode, so that its statistics do not move either.

    Args:
        module: In training mode.
        moving: Names of the parameters that are trained.
        norms: Hold all normalisation layers still.
    """
    _hold(module, "", moving)
    if norms:
        for _, layer in norm_layers(module):
            layer.eval()


def _hold(module: "nn.Module", prefix: str, moving: "set[str]") -> None:
    own = [f"{prefix}{name}" for name, _ in module.named_parameters()]
    if own and moving.isdisjoint(own):
        module.eval()
        return
    for name, child in module.named_children():
        _hold(child, f"{prefix}{name}.", moving)
