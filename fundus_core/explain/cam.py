"""Where a backbone with a probe or a head looked: saliency maps.

A map of a layer shows which of its places moved the logit, to first order. It does not show that
these places are a sign of disease, nor what would happen without them, and its detail is that of
the layer's grid (7 x 7 for a ResNet at 224 px), however smoothly it is drawn.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone
from fundus_core.errors import SaliencyError
from fundus_core.explain.layers import cam_layer
from fundus_core.explain.methods import METHODS, SaliencyMethod
from fundus_core.explain.question import Question
from fundus_core.explain.tail import CamLayer, Target

if TYPE_CHECKING:
    from torch import Tensor

_NEGLIGIBLE = 1e-6
"""Differences in a map below this share of its largest value are rounding."""


@dataclass(frozen=True, slots=True)
class SaliencyMap:
    """Where one backbone looked in one photograph, for one class."""

    values: NDArray[np.float32]
    """Shape (h, w), in [0, 1] with maximum 1; row 0 is the top of the network's input. 0 means that
    the place does not speak for the class. Compare places of one map only: every map reaches 1,
    however weak it is."""

    peak: float
    """The map's maximum before it was scaled to 1, above 0. Comparable between photographs, for the
    same backbone, probe, layer and method."""

    layer: str
    """Name of the layer inside the network; empty for methods that look at no layer."""

    method: str
    """Key of `METHODS`."""

    class_name: str
    """The class that the map speaks for."""


def raw_maps(
    backbone: Backbone,
    batch: "Tensor",
    weight: NDArray[np.floating[Any]],
    bias: float = 0.0,
    *,
    method: str = "grad_cam",
    layer: CamLayer | None = None,
) -> NDArray[np.float32]:
    """Computes signed maps of a batch at the cost of about one forward pass.

    B is the batch size, S the side of the input, D the length of an embedding, h and w the sides of
    the layer's grid. What is explained is `weight . embedding + bias`. Where the probe standardises
    embeddings first, fold that in: `weight / std` and `bias - weight . (mean / std)`. The
    difference of their weights explains the difference of two classes.

    Args:
        backbone: In eval mode.
        batch: Shape (B, 3, S, S), uint8. Rows do not influence each other.
        weight: Shape (D,). The probe's coefficients for the class.
        bias: The probe's intercept; a map does not depend on it.
        method: Key of `METHODS`.
        layer: Where to look; the layer that `cam_layer` finds by default.

    Returns:
        Shape (B, h, w). Above zero speaks for the class, below zero against it.

    Raises:
        SaliencyError: If the method, the layer or the probe does not fit the backbone.

    References:
        Selvaraju et al. (2017), ICCV, arXiv:1610.02391. Unlike there, negative values are kept here
        and dropped by `to_saliency_map`.
    """
    return maps_of(backbone, batch, linear_target(weight, bias), method=method, layer=layer)


def maps_of(
    backbone: Backbone,
    batch: "Tensor",
    target: Target,
    *,
    method: str = "grad_cam",
    layer: CamLayer | None = None,
) -> NDArray[np.float32]:
    """Computes signed maps of any function of the embeddings, such as the logit of a head.

    Args:
        backbone: In eval mode.
        batch: Shape (B, 3, S, S), uint8.
        target: Maps embeddings (B, D) to (B,), row by row.
        method: Key of `METHODS`.
        layer: Where to look; the layer that `cam_layer` finds by default. Methods that look at no
            layer take no notice of it.

    Returns:
        Shape (B, h, w), see `raw_maps`.

    Raises:
        SaliencyError: If the method or the layer does not fit the backbone.
    """
    maps = chosen_method(method).compute(Question(backbone, batch, target, layer))
    return np.asarray(maps.cpu().numpy(), dtype=np.float32)


def chosen_method(name: str) -> SaliencyMethod:
    """Returns a method by its name.

    Raises:
        SaliencyError: If there is none.
    """
    if name not in METHODS:
        raise SaliencyError(
            f"There is no saliency method {name!r}.", hint=f"Use one of {', '.join(METHODS)}."
        )
    return METHODS[name]


def grad_cam(
    backbone: Backbone,
    batch: "Tensor",
    weight: NDArray[np.floating[Any]],
    bias: float = 0.0,
) -> NDArray[np.float32]:
    """Computes signed Grad-CAM maps (B, h, w) of a batch: `raw_maps` with its defaults."""
    return raw_maps(backbone, batch, weight, bias)


def to_saliency_map(
    raw: NDArray[np.floating[Any]], *, layer: str, method: str, class_name: str
) -> SaliencyMap:
    """Keeps what speaks for the class, scaled to a maximum of 1, and refuses what is no map.

    Args:
        raw: Shape (h, w): one of the signed maps of `raw_maps`.
        layer: Name of the layer it is from.
        method: Key of `METHODS`.
        class_name: The class that it speaks for.

    Raises:
        SaliencyError: If the map is not a grid, not finite, the same everywhere, or nowhere above
            zero. The last is a finding and no fault: nothing here speaks for the class.

    Examples:
        >>> import numpy as np
        >>> raw = np.array([[0.0, 2.0], [-3.0, 1.0]])
        >>> to_saliency_map(raw, layer="layer4", method="grad_cam", class_name="DR").values
        array([[0. , 1. ],
               [0. , 0.5]], dtype=float32)
    """
    _require_a_map(raw, layer=layer)
    peak, largest = float(raw.max()), float(np.abs(raw).max())
    if peak <= _NEGLIGIBLE * largest:
        raise SaliencyError(
            f"Nothing in this photograph speaks for {class_name!r}: no place of the layer "
            f"{layer!r} raises its score.",
            hint="Look at the map of the other class (--class).",
        )
    values = (np.clip(raw, 0, None) / peak).astype(np.float32)
    return SaliencyMap(values, peak, layer, method, class_name)


def saliency_maps(
    backbone: Backbone,
    batch: "Tensor",
    weight: NDArray[np.floating[Any]],
    bias: float = 0.0,
    *,
    class_name: str,
    method: str = "grad_cam",
    layer: CamLayer | None = None,
) -> list[SaliencyMap | SaliencyError]:
    """Explains each photograph of a batch; one without a map does not spoil the others.

    Args:
        backbone: As for `raw_maps`, like `batch`, `weight`, `bias`, `method` and `layer`.
        batch: Shape (B, 3, S, S), uint8.
        weight: Shape (D,).
        bias: The probe's intercept.
        class_name: The class that `weight` speaks for.
        method: Key of `METHODS`.
        layer: Where to look.

    Returns:
        B entries in the order of the batch: the map, or why there is none.

    Raises:
        SaliencyError: If the method, the layer or the probe does not fit the backbone.
    """
    chosen = layer if layer or not chosen_method(method).by_layer else cam_layer(backbone)
    raws = raw_maps(backbone, batch, weight, bias, method=method, layer=chosen)
    name = chosen.name if chosen and METHODS[method].by_layer else ""
    return [map_or_reason(raw, layer=name, method=method, class_name=class_name) for raw in raws]


def map_or_reason(
    raw: NDArray[np.floating[Any]], *, layer: str, method: str, class_name: str
) -> SaliencyMap | SaliencyError:
    """Returns what `to_saliency_map` does, or why it refuses."""
    try:
        return to_saliency_map(raw, layer=layer, method=method, class_name=class_name)
    except SaliencyError as reason:
        return reason


def _require_a_map(raw: NDArray[np.floating[Any]], *, layer: str) -> None:
    """Raises unless the map is a grid of finite values that differ."""
    if raw.ndim != 2 or raw.size < 2:
        raise SaliencyError(
            f"The map of the layer {layer!r} has shape {raw.shape}; a grid (h, w) was expected.",
            hint="Choose a layer before the pooling.",
        )
    if n_bad := int(np.count_nonzero(~np.isfinite(raw))):
        raise SaliencyError(
            f"The map of the layer {layer!r} has {n_bad} of {raw.size} values that are not finite.",
            hint="Check the backbone's weights and the probe's coefficients for NaN.",
        )
    if np.ptp(raw) <= _NEGLIGIBLE * np.abs(raw).max():
        raise SaliencyError(
            f"The map of the layer {layer!r} is {raw.flat[0]:.3g} everywhere; it shows no place.",
            hint="Choose a layer that the score depends on place by place: before the pooling, "
            "and before the last attention if only the class token is read.",
        )


def linear_target(weight: NDArray[np.floating[Any]], bias: float = 0.0) -> Target:
    """Returns a linear probe's decision function as a function of embeddings.

    Args:
        weight: Shape (D,).
        bias: Added to `weight . embedding`.
    """

    def target(embeddings: "Tensor") -> "Tensor":
        import torch

        if weight.shape != (embeddings.shape[1],):
            raise SaliencyError(
                f"The probe has coefficients of shape {weight.shape} for embeddings of length "
                f"{embeddings.shape[1]}.",
                hint="Use a probe that was fitted on this backbone's embeddings.",
            )
        coefficients = torch.tensor(weight, dtype=embeddings.dtype, device=embeddings.device)
        return embeddings @ coefficients + bias

    return target
