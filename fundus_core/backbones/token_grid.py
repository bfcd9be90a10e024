"""From what a layer returns to a picture of features, by what the network declares about itself.

B is the batch size, C the number of features, h and w the height and width of the grid of places,
P the number of prefix tokens (class and register tokens), which belong to no place.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fundus_core.errors import SaliencyError

if TYPE_CHECKING:
    from torch import Tensor, nn

Layout = Literal["NCHW", "NHWC", "NLC"]
"""Axis order: (B, C, h, w) of CNNs; (B, h, w, C) of Swin and SAM; (B, P + h * w, C) of ViTs."""


@dataclass(frozen=True, slots=True)
class TokenGrid:
    """How a sequence of tokens covers the photograph: prefix tokens, then rows from the top."""

    n_prefix: int
    """P: class and register tokens before the first place."""

    height: int
    """h, in tokens."""

    width: int
    """w, in tokens."""


def declared_grid(module: "nn.Module", image_size: tuple[int, int]) -> TokenGrid:
    """Reads from a timm network how its tokens cover an input of this size.

    The size of a patch, not the grid the network was built with, decides: networks with dynamic
    input size keep the latter whatever they are given.

    Args:
        module: A network whose features are tokens.
        image_size: Height and width of the input in pixels.

    Raises:
        SaliencyError: If the network declares neither patches nor a reduction.

    Examples:
        >>> import timm
        >>> declared_grid(timm.create_model("test_vit", pretrained=False), (96, 128))
        TokenGrid(n_prefix=1, height=6, width=8)
    """
    n_prefix = int(getattr(module, "num_prefix_tokens", 0) or 0)
    for name in ("patch_embed", "stem"):
        size_of_grid = getattr(getattr(module, name, None), "dynamic_feat_size", None)
        if size_of_grid is not None:
            height, width = size_of_grid(image_size)
            return TokenGrid(n_prefix, int(height), int(width))
    height, width = (math.ceil(side / _reduction(module)) for side in image_size)
    return TokenGrid(n_prefix, height, width)


def smallest_side(module: "nn.Module") -> int | None:
    """Returns the side of the smallest square input with more than one place, in pixels.

    None where the network does not say how coarse its last features are. The side is a multiple of
    that, so that networks which cut the photograph into patches take it.

    Examples:
        >>> import timm
        >>> smallest_side(timm.create_model("resnet10t", pretrained=False))
        64
    """
    try:
        return 2 * _reduction(module)
    except SaliencyError:
        return None


def to_channels_first(values: "Tensor", layout: Layout, grid: TokenGrid | None = None) -> "Tensor":
    """Arranges activations, or their gradients, as (B, C, h, w).

    Args:
        values: What a layer returned, in the axis order of `layout`.
        layout: The axis order that the network declares.
        grid: Where each token lies; needed for `NLC` only. The prefix tokens may be absent, as in
            networks that append the class token after the layer.

    Raises:
        SaliencyError: If the shape contradicts the declaration, or holds a single place.
    """
    if layout == "NLC":
        arranged = _tokens_to_grid(values, grid)
    elif values.ndim != 4:
        raise SaliencyError(
            f"The layer returns {values.ndim} axes, shape {tuple(values.shape)}; "
            f"a map of {layout} needs 4.",
            hint="Choose a layer before the pooling.",
        )
    else:
        arranged = values.permute(0, 3, 1, 2) if layout == "NHWC" else values
    if arranged.shape[2] * arranged.shape[3] == 1:
        raise SaliencyError(
            "The layer lies after the pooling: it has one value for the whole photograph.",
            hint="Choose a layer before the pooling, or a larger input size.",
        )
    return arranged


def features_as_grid(module: "nn.Module", features: "Tensor", side: int) -> "Tensor":
    """Arranges what a timm network's `forward_features` returns as (B, C, h, w).

    Args:
        module: The network.
        features: Its last features.
        side: Of the input they are of, in pixels.

    Raises:
        SaliencyError: If the network does not say where its tokens lie.
    """
    layout: Layout = "NLC" if features.ndim == 3 else getattr(module, "output_fmt", "NCHW")
    grid = declared_grid(module, (side, side)) if layout == "NLC" else None
    return to_channels_first(features, layout, grid)


def _tokens_to_grid(tokens: "Tensor", grid: TokenGrid | None) -> "Tensor":
    """Drops the prefix of tokens (B, N, C) and lays the rest out as (B, C, h, w)."""
    if grid is None:
        raise SaliencyError(
            "The layer returns tokens, and where they lie is not known.",
            hint="Choose another layer, or another backbone.",
        )
    n_places = grid.height * grid.width
    n_prefix = {n_places + grid.n_prefix: grid.n_prefix, n_places: 0}.get(
        tokens.shape[1] if tokens.ndim == 3 else -1
    )
    if n_prefix is None:
        raise SaliencyError(
            f"The layer returns shape {tuple(tokens.shape)}; (B, {grid.n_prefix} + "
            f"{grid.height} x {grid.width}, C) tokens were expected.",
            hint="Choose another layer, or another backbone.",
        )
    by_feature = tokens[:, n_prefix:].transpose(1, 2)  # (B, C, h * w)
    return by_feature.reshape(*by_feature.shape[:2], grid.height, grid.width)


def _reduction(module: "nn.Module") -> int:
    """Returns by how much the network's last features are coarser than its input."""
    features = getattr(module, "feature_info", None)
    if not features:
        raise SaliencyError(
            f"{type(module).__name__} does not say which part of a photograph a token stands for.",
            hint="Choose another backbone for this map.",
        )
    return int(features[-1]["reduction"])
