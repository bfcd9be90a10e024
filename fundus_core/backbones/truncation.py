"""Networks cut off after one of their blocks.

The output of a block is what the network hands to the next one: of a stage of a VGG, what its
pooling returns. Nothing after it is computed, and its weights are not part of the network.

References:
    Huix et al. (2024), arXiv:2310.19522: the depth at which a network is best cut off.
"""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fundus_core.backbones.blocks import network_blocks
from fundus_core.backbones.heads import Wrapped
from fundus_core.backbones.token_grid import declared_grid
from fundus_core.errors import BackboneError

if TYPE_CHECKING:
    from torch import Tensor

_FAILURES = (AssertionError, AttributeError, IndexError, RuntimeError, TypeError, ValueError)
"""What networks raise that cannot do without their later blocks, or that hand over more than one
tensor to them."""


class Truncated(Wrapped):
    """A network up to one of its blocks; its embedding is the mean of that over all places."""

    def __init__(self, trunk: nn.Module, block: str, side: int) -> None:
        """Takes a network's later blocks away from it.

        Args:
            trunk: The network; changed in place, and left in eval mode.
            block: Name of the last block that stays, one that `length_after` accepts.
            side: Of its input, in pixels.

        Raises:
            BackboneError: If it has no such block, or none whose tokens are places.
        """
        super().__init__(trunk)
        later = _later_parameters(trunk, block)
        for owner, title, _ in list(_largest_parts(trunk, later)):
            setattr(owner, title, _End())
        for owner, title in list(_single_parameters(trunk, later)):
            owner.register_parameter(title, None)
        self.eval()
        with torch.no_grad():
            features = self.forward_features(_empty_picture(self, side))
        self.output_fmt = _order(features, self)
        self.num_prefix_tokens = _n_prefix(features, self, side)
        self.num_features = int(features.shape[1 if self.output_fmt == "NCHW" else -1])
        self.head_hidden_size = self.num_features

    def forward_features(self, pixels: "Tensor") -> "Tensor":
        """Returns the block's output, its axes as the network arranges them."""
        return _features(self.trunk, pixels)

    def forward_head(self, features: "Tensor", pre_logits: bool = True) -> "Tensor":
        """Maps the block's output to its mean over all places (B, C), prefix tokens left out."""
        if features.ndim == 3:
            return features[:, self.num_prefix_tokens :].mean(dim=1)
        return features.mean(dim=(1, 2) if self.output_fmt == "NHWC" else (2, 3))


def length_after(network: nn.Module, block: str, side: int) -> int:
    """Cuts a network off after a block and returns the length of its embedding.

    Args:
        network: Is used up.
        block: Name of one of its blocks.
        side: Of its input, in pixels.

    Raises:
        BackboneError: If the block is unknown, or is no step on the one way from the photograph to
            the last features: a head, or one of several branches.
    """
    later = _later_parameters(network, block)
    own = {each.name: each.parameters for each in network_blocks(network)}[block]
    picture = _empty_picture(network, side)
    try:
        network.eval().requires_grad_(False)
        bypassed = _is_bypassed(network, later, picture.clone().requires_grad_(True))
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name in own)
        cut = Truncated(network, block, side)
        features = cut.forward_features(picture)
    except _FAILURES as error:
        raise _no_step(block) from error
    # Only the block's own weights ask for gradients now: its output does if they are part of it.
    if bypassed or not features.requires_grad:
        raise _no_step(block)
    return int(cut.num_features)


class _EndError(Exception):
    """The forward pass has come to what was taken away."""

    def __init__(self, features: "Tensor") -> None:
        super().__init__()
        self.features = features


class _End(nn.Module):
    """Stands where a part of a network was, and ends the forward pass there."""

    def forward(self, features: "Tensor", *others: Any, **options: Any) -> "Tensor":
        """Raises what it is given."""
        raise _EndError(features)


def _features(network: Any, pixels: "Tensor") -> "Tensor":
    """Returns a network's last features, or what it hands to the first part that it lacks."""
    try:
        features: Tensor = network.forward_features(pixels)
    except _EndError as end:
        return end.features
    return features


def _is_bypassed(network: nn.Module, later: Collection[str], picture: "Tensor") -> bool:
    """Says whether a picture reaches the later parts otherwise than through the first of them.

    Args:
        network: None of its parameters needs a gradient.
        later: Names of the later parameters.
        picture: Needs a gradient.
    """
    entered: list[nn.Module] = []

    def without_gradient(part: nn.Module, inputs: Any) -> Any:
        entered.append(part)
        return (inputs[0].detach(), *inputs[1:]) if len(entered) == 1 else None

    handles = [
        part.register_forward_pre_hook(without_gradient)
        for _, _, part in _largest_parts(network, later)
    ]
    try:
        features = _features(network, picture)
    finally:
        for handle in handles:
            handle.remove()
    return bool(entered) and features.requires_grad


def _later_parameters(network: nn.Module, block: str) -> frozenset[str]:
    """Returns the names of the parameters of the blocks after one."""
    blocks = network_blocks(network)
    names = [each.name for each in blocks]
    if block not in names:
        raise BackboneError(
            f"There is no block {block!r}.", hint=f"Choose one of {', '.join(names)}."
        )
    later = blocks[names.index(block) + 1 :]
    return frozenset(name for each in later for name in each.parameters)


def _largest_parts(
    module: nn.Module, names: Collection[str], prefix: str = ""
) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Yields the largest parts whose parameters are all among names: owner, title in it, part."""
    for title, part in module.named_children():
        own = [f"{prefix}{title}.{name}" for name, _ in part.named_parameters()]
        # A list of layers is gone through by its owner, and cannot be replaced by one layer.
        runs = type(part).forward is not nn.Module.forward
        if own and runs and all(name in names for name in own):
            yield module, title, part
        else:
            yield from _largest_parts(part, names, f"{prefix}{title}.")


def _single_parameters(
    module: nn.Module, names: Collection[str]
) -> Iterator[tuple[nn.Module, str]]:
    """Yields where the parameters among names are: owner, title in it."""
    for prefix, part in module.named_modules():
        for title, _ in part.named_parameters(recurse=False):
            if f"{prefix}.{title}".removeprefix(".") in names:
                yield part, title


def _empty_picture(module: nn.Module, side: int) -> "Tensor":
    first = next(module.parameters())
    return torch.zeros(1, 3, side, side, device=first.device, dtype=first.dtype)


def _order(features: "Tensor", module: Any) -> str:
    """Returns the axis order of the features of a square: two of its axes are equal."""
    if features.ndim == 3:
        return "NLC"
    if features.ndim != 4:
        raise ValueError(f"features of {features.ndim} axes")
    _, first, second, third = features.shape
    if first == second == third:
        return str(getattr(module.trunk, "output_fmt", "NCHW"))
    return "NHWC" if first == second else "NCHW"


def _n_prefix(features: "Tensor", module: nn.Module, side: int) -> int:
    """Returns how many tokens come before the first place."""
    if features.ndim != 3:
        return 0
    grid = declared_grid(module, (side, side))
    n_prefix = features.shape[1] - grid.height * grid.width
    if n_prefix not in {0, grid.n_prefix}:
        raise BackboneError(
            f"The block returns {features.shape[1]} tokens; {grid.n_prefix} + {grid.height} x "
            f"{grid.width} were expected.",
            hint="Choose another block.",
        )
    return n_prefix


def _no_step(block: str) -> BackboneError:
    return BackboneError(
        f"The block {block!r} is no step on the one way from the photograph to the embedding.",
        hint="Choose another block.",
    )
