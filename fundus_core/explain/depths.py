"""Which layers a map may be taken from, from early to late, asked of the network itself.

A layer is offered if it is a step on the one way from the photograph to the embedding, so that
nothing goes round it, if it keeps places, and if the embedding depends on them place by place. The
usual layer of `cam_layer` is among them.
"""

import re
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.base import Backbone
from fundus_core.backbones.token_grid import Layout, declared_grid, to_channels_first
from fundus_core.errors import SaliencyError
from fundus_core.explain.layers import cam_layer, test_picture, uneven_sum
from fundus_core.explain.tail import CamLayer, record_tail, require_eval

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_CHOICES = 24
"""Of more layers, as many are offered, evenly spread."""

_PIECES = re.compile("Norm|Squeeze")
"""Kinds of layers with layers inside them that are a piece of a block all the same."""


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """One layer of the menu."""

    layer: CamLayer
    grid: tuple[int, int]
    """h and w: the places it keeps of an input of the backbone's size."""

    usual: bool
    """True for the layer that `cam_layer` finds."""

    @property
    def title(self) -> str:
        """Returns the layer's name and its grid."""
        return f"{self.layer.name} ({self.grid[0]} × {self.grid[1]})"


_FOUND: "weakref.WeakKeyDictionary[nn.Module, tuple[LayerChoice, ...]]" = (
    weakref.WeakKeyDictionary()
)


def layer_choices(backbone: Backbone) -> tuple[LayerChoice, ...]:
    """Returns the layers that maps of a backbone may be taken from, from early to late.

    Args:
        backbone: In eval mode; a test picture is sent through it twice.

    Raises:
        SaliencyError: If the network keeps no places.
        ValueError: If it is in training mode.
    """
    require_eval(backbone.module)
    if backbone.module not in _FOUND:
        _FOUND[backbone.module] = _find(backbone)
    return _FOUND[backbone.module]


def chosen_layer(backbone: Backbone, name: str | None) -> CamLayer:
    """Returns the layer of this name, the usual one for None.

    Raises:
        SaliencyError: If maps cannot be taken from a layer of this name.
    """
    if name is None:
        return cam_layer(backbone)
    choices = layer_choices(backbone)
    for choice in choices:
        if choice.layer.name == name:
            return choice.layer
    raise SaliencyError(
        f"No map of {backbone.spec.id} can be taken from a layer {name!r}.",
        hint=f"Choose one of {', '.join(choice.layer.name for choice in choices)}.",
    )


def _find(backbone: Backbone) -> tuple[LayerChoice, ...]:
    usual = cam_layer(backbone)
    choices = [
        choice
        for step in _steps(backbone, usual)
        if step.name != usual.name and (choice := _choice(backbone, step, usual)) is not None
    ]
    record = record_tail(backbone, test_picture(backbone), uneven_sum, usual)
    height, width = record.activations.shape[2:]
    n_shown = min(len(choices), MOST_CHOICES - 1)
    shown = {round(i * (len(choices) - 1) / max(1, n_shown - 1)) for i in range(n_shown)}
    last = LayerChoice(usual, (int(height), int(width)), usual=True)
    return (*(choice for i, choice in enumerate(choices) if i in shown), last)


@dataclass(frozen=True, slots=True)
class _Step:
    """What one layer returned on the way, and what the embedding would gain from more of it."""

    name: str
    output: "Tensor"
    gradient: "Tensor"


def _steps(backbone: Backbone, usual: CamLayer) -> list[_Step]:
    """Returns the parts that everything passes through, in the order in which they ran."""
    import torch

    returned: dict[str, tuple[Tensor, Any]] = {}

    def note(name: str, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.requires_grad:
            # What follows may work in place, which gives the tensor another node.
            returned[name] = (output, output.grad_fn)

    handles = [
        layer.register_forward_hook(lambda layer, _, output, name=name: note(name, output))
        for name, layer in backbone.module.named_modules()
        if name == usual.name or (name and _is_part(layer))
    ]
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            leaf = test_picture(backbone).float().requires_grad_(True)
            target = uneven_sum(backbone.forward(leaf * 1)).sum()  # it works in place
    finally:
        for handle in handles:
            handle.remove()
    names: dict[Any, str] = {}
    for name, (_, node) in returned.items():
        if node not in names or name == usual.name or _is_shorter(name, names[node], usual):
            names[node] = name
    kept = [name for node, name in names.items() if not _is_passed_by(target.grad_fn, node, leaf)]
    outputs = [returned[name][0] for name in kept]
    with torch.inference_mode(mode=False):
        gradients = torch.autograd.grad(target, outputs, allow_unused=True) if kept else ()
    return [
        _Step(name, output.detach(), gradient)
        for name, output, gradient in zip(kept, outputs, gradients, strict=True)
        if gradient is not None
    ]


def _is_part(layer: "nn.Module") -> bool:
    """Says whether a module is a block or a stage, or a pooling between them."""
    kind = type(layer).__name__
    return "Pool" in kind or (not _PIECES.search(kind) and any(True for _ in layer.children()))


def _is_shorter(name: str, other: str, usual: CamLayer) -> bool:
    """Says whether a name is to stand for an output that another layer returns as well."""
    return other != usual.name and len(name) < len(other)


def _is_passed_by(end: Any, node: Any, start: "Tensor") -> bool:
    """Says whether the end of a graph is reached from its start without passing a node."""
    seen, waiting = {end}, [end]
    while waiting:
        current = waiting.pop()
        if current is node:
            continue
        if getattr(current, "variable", None) is start:
            return True
        for before, _ in current.next_functions:
            if before is not None and before not in seen:
                seen.add(before)
                waiting.append(before)
    return False


def _choice(backbone: Backbone, step: _Step, usual: CamLayer) -> LayerChoice | None:
    """Returns a step as a layer of the menu; None where it keeps no places that count."""
    layout = _layout(step.output, usual)
    if layout is None:
        return None
    size = (backbone.image_size, backbone.image_size)
    try:
        grid = declared_grid(backbone.module, size) if layout == "NLC" else None
        gradients = to_channels_first(step.gradient, layout, grid)
    except SaliencyError:  # tokens of another number, or a single place
        return None
    if not gradients.any():
        return None
    height, width = gradients.shape[2:]
    return LayerChoice(CamLayer(step.name, layout), (int(height), int(width)), usual=False)


def _layout(output: "Tensor", usual: CamLayer) -> Layout | None:
    """Returns the axis order of what a layer returned of a square; None for other shapes."""
    if output.ndim == 3:
        return "NLC"
    if output.ndim != 4:
        return None
    first, second, third = output.shape[1:]
    if first == second == third:  # it could be either: as where the network ends
        return usual.layout if usual.layout != "NLC" else None
    if second == third:
        return "NCHW"
    return "NHWC" if first == second else None
