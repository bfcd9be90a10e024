"""Which layer of a network a saliency map is taken from, by one rule and not by a table.

The layer is the last one that still has places and that the embedding depends on place by place.
That is the one whose output the network pools. Only where the pooling reads nothing but the class
token is it another: then the places of the last block reach the embedding through its attention
alone, and the layer is what this attention reads, the last block's first norm.
"""

import re
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from fundus_core.backbones.base import Backbone
from fundus_core.backbones.token_grid import Layout
from fundus_core.errors import SaliencyError
from fundus_core.explain.tail import CamLayer, record_tail

if TYPE_CHECKING:
    from torch import Tensor, nn

_BLOCKS = re.compile(r"(trunk\.)*(blocks|transformer\.resblocks)")
"""Names of the blocks of a transformer of timm's or open_clip's, read by a head of ours or not."""

_FOUND: "weakref.WeakKeyDictionary[nn.Module, CamLayer]" = weakref.WeakKeyDictionary()
"""Layers found before: finding one costs up to three forward passes of one picture."""


def cam_layer(backbone: Backbone) -> CamLayer:
    """Finds the layer that a saliency map of this backbone is taken from.

    A test picture is sent through the network once to see which module hands its output to the
    pooling; the axis order is what the network declares, checked against its number of features.

    Args:
        backbone: Holding a network with timm's `forward_features` and `num_features`.

    Raises:
        SaliencyError: If the network keeps no places, or does not declare how they are arranged.
    """
    module = backbone.module
    if module not in _FOUND:
        _FOUND[module] = _find(backbone)
    return _FOUND[module]


def _find(backbone: Backbone) -> CamLayer:
    """Like `cam_layer`, without looking the layer up."""
    pooled = pooled_layer(backbone)
    if pooled.layout != "NLC" or _depends_on_places(backbone, pooled):
        return pooled
    before_attention = _last_norm(backbone)
    if before_attention is not None and _depends_on_places(backbone, before_attention):
        return before_attention
    raise SaliencyError(
        f"{backbone.spec.id} reads its class token only, and has no layer before its last "
        "attention that a map could be taken from.",
        hint="Choose another backbone, or name a layer.",
    )


def pooled_layer(backbone: Backbone) -> CamLayer:
    """Finds the outermost module that returns the very tensor that the network pools.

    Raises:
        SaliencyError: If the network keeps no places, or does not declare how they are arranged.
    """
    import torch
    from torch import nn

    module = backbone.module
    to_features = cast("Callable[[Tensor], Any] | None", getattr(module, "forward_features", None))
    if to_features is None:
        raise SaliencyError(
            f"{backbone.spec.id} keeps no places: it reduces a photograph to a few numbers.",
            hint="Choose a convolutional network or a vision transformer.",
        )
    returned: list[tuple[str, bool, weakref.ref[Any]]] = []

    def note(name: str, layer: "nn.Module", output: Any) -> None:
        if isinstance(output, torch.Tensor):
            returned.append((name, isinstance(layer, nn.Identity), weakref.ref(output)))

    handles = [
        layer.register_forward_hook(lambda layer, _, output, name=name: note(name, layer, output))
        for name, layer in module.named_modules()
        if name
    ]
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            features = to_features(test_picture(backbone).float() / 255)
    finally:
        for handle in handles:
            handle.remove()
    passing = [(name, identity) for name, identity, output in returned if output() is features]
    named = [name for name, identity in passing if not identity] or [name for name, _ in passing]
    if not named:
        raise SaliencyError(
            f"{backbone.spec.id} does not pool the output of one of its layers.",
            hint="Choose another backbone, or name a layer.",
        )
    return CamLayer(named[-1], _declared_layout(backbone, features))


def _declared_layout(backbone: Backbone, features: "Tensor") -> Layout:
    """Returns the axis order that the network declares, if its features bear it out."""
    module = backbone.module
    if features.ndim == 3:
        layout: Layout = "NLC"
    else:
        layout = "NHWC" if getattr(module, "output_fmt", "NCHW") == "NHWC" else "NCHW"
    n_features = getattr(module, "num_features", None)
    n_found = features.shape[layout.index("C")] if features.ndim == len(layout) else None
    if n_found is None or n_found != n_features:
        raise SaliencyError(
            f"{backbone.spec.id} declares {n_features} features in the order {layout}, and returns "
            f"shape {tuple(features.shape)}.",
            hint="Name the layer and its axis order.",
        )
    return layout


def _last_norm(backbone: Backbone) -> CamLayer | None:
    """Returns the first norm of the last transformer block, which its attention reads."""
    lists = [name for name, _ in backbone.module.named_modules() if _BLOCKS.fullmatch(name)]
    if not lists:
        return None
    blocks = list(backbone.module.get_submodule(lists[0]).named_children())
    last, block = blocks[-1]
    norms = [name for name, part in block.named_children() if "Norm" in type(part).__name__]
    return CamLayer(f"{lists[0]}.{last}.{norms[0]}", "NLC") if norms else None


def _depends_on_places(backbone: Backbone, layer: CamLayer) -> bool:
    """Tells whether any place of the layer, prefix tokens aside, moves the embedding."""
    record = record_tail(backbone, test_picture(backbone), uneven_sum, layer)
    return bool(record.gradients.any())


def uneven_sum(embeddings: "Tensor") -> "Tensor":
    """Maps embeddings (B, D) to (B,), weighing each feature differently.

    The plain sum will not do: after a layer norm it is the same for every photograph.
    """
    import torch

    length = embeddings.shape[1]
    return embeddings @ torch.cos(torch.arange(length, device=embeddings.device).float())


def test_picture(backbone: Backbone) -> "Tensor":
    """Returns one fixed picture (1, 3, S, S), uint8, without two equal neighbours."""
    import torch

    size = backbone.image_size
    device = next((p.device for p in backbone.module.parameters()), torch.device("cpu"))
    ramp = torch.arange(3 * size * size, device=device) * 97 % 256
    return ramp.to(torch.uint8).view(1, 3, size, size)
