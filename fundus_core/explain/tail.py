"""One forward pass that keeps gradients only behind one layer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.base import Backbone
from fundus_core.backbones.token_grid import Layout, declared_grid, to_channels_first
from fundus_core.errors import SaliencyError

if TYPE_CHECKING:
    from torch import Tensor, nn

Target = Callable[["Tensor"], "Tensor"]
"""Maps embeddings (B, D) to the numbers (B,) that are to be explained, row by row."""


@dataclass(frozen=True, slots=True)
class CamLayer:
    """A layer whose places can be shown on the photograph."""

    name: str
    """Dotted name inside the network, as in `module.get_submodule(name)`."""

    layout: Layout
    """Axis order of what it returns."""


@dataclass(frozen=True, slots=True)
class TailRecord:
    """A layer's activations, and what the target would gain from a little more of each."""

    activations: "Tensor"
    """Shape (B, C, h, w), float32."""

    gradients: "Tensor"
    """Shape (B, C, h, w), float32: d target / d activation."""


def record_tail(backbone: Backbone, batch: "Tensor", target: Target, layer: CamLayer) -> TailRecord:
    """Runs the network once and differentiates a function of the embedding back to one layer.

    B is the batch size, S the side of the input, D the length of an embedding. What the layer
    returns is replaced by a new leaf of the graph. Before it nothing is recorded, so the cost is
    one forward pass and the backward pass of the tail. Weights stay frozen, and the gradient mode
    of the caller, `torch.inference_mode` included, is as before afterwards. Other threads may use
    the same network meanwhile.

    Args:
        backbone: In eval mode, so that no row of the batch depends on another.
        batch: Shape (B, 3, S, S), uint8.
        target: What to explain, such as the logit of a linear probe.
        layer: Where to stop.

    Raises:
        SaliencyError: If the network has no such layer, or the embedding does not depend on it.
        ValueError: If the network is in training mode.
    """
    import torch

    require_eval(backbone.module)
    cut = _Cut()
    with torch.inference_mode(mode=False):
        with (
            torch.no_grad(),
            torch.autocast(device_type(backbone.module), enabled=False),
            _hooked(submodule(backbone, layer), cut),
        ):
            targets = target(backbone.forward(batch))
        leaf, gradients = _differentiate(targets, cut.leaf, layer)
    height, width = batch.shape[-2:]
    tokens = layer.layout == "NLC"
    grid = declared_grid(backbone.module, (height, width)) if tokens else None
    return TailRecord(
        activations=to_channels_first(leaf.detach(), layer.layout, grid).float(),
        gradients=to_channels_first(gradients, layer.layout, grid).float(),
    )


def require_eval(module: "nn.Module") -> None:
    """Raises unless a network is in eval mode.

    Raises:
        ValueError: If it is in training mode.
    """
    if module.training:
        raise ValueError("The network is in training mode; call module.eval() first.")


class _Cut:
    """A forward hook that puts a fresh leaf in place of what its layer returned."""

    def __init__(self) -> None:
        self.leaf: Tensor | None = None
        self._owner = threading.get_ident()

    def __call__(self, layer: "nn.Module", inputs: Any, output: Any) -> "Tensor | None":
        import torch

        if threading.get_ident() != self._owner:  # another session uses the same network
            return None
        if not isinstance(output, torch.Tensor):
            raise SaliencyError(
                f"The layer {type(layer).__name__} returns a {type(output).__name__}, no tensor.",
                hint="Choose another layer.",
            )
        torch.set_grad_enabled(True)
        self.leaf = output.detach().requires_grad_(True)
        return self.leaf.clone()  # the next operation may work in place, which a leaf refuses


@contextmanager
def _hooked(layer: "nn.Module", hook: _Cut) -> Iterator[None]:
    """Keeps a forward hook on a layer for the length of a block."""
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def submodule(backbone: Backbone, layer: CamLayer) -> "nn.Module":
    """Returns the layer, or says that the network has none of this name.

    Raises:
        SaliencyError: If there is none.
    """
    try:
        return backbone.module.get_submodule(layer.name)
    except AttributeError as error:
        raise SaliencyError(
            f"{backbone.spec.id} has no layer {layer.name!r}.",
            hint="Use the default layer, or a name from the network's named_modules().",
        ) from error


def _differentiate(
    targets: "Tensor", leaf: "Tensor | None", layer: CamLayer
) -> tuple["Tensor", "Tensor"]:
    """Returns the leaf and d target / d leaf, each row of the batch for itself."""
    import torch

    if leaf is not None and targets.requires_grad:
        (gradients,) = torch.autograd.grad(targets.sum(), leaf, allow_unused=True)
        if gradients is not None:
            return leaf, gradients
    raise SaliencyError(
        f"The embedding does not depend on the layer {layer.name!r}.",
        hint="Choose a layer on the way from the photograph to the embedding.",
    )


def device_type(module: "nn.Module") -> str:
    """Returns where the network computes, such as `cpu` or `cuda`."""
    parameter = next(module.parameters(), None)
    return parameter.device.type if parameter is not None else "cpu"
