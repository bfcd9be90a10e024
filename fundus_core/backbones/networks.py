"""Making a spec into a network. To add a library of networks, add one function to `BUILDERS`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.base import BackboneSpec, Pooling
from fundus_core.backbones.blocks import CUT_OFF
from fundus_core.backbones.checkpoints import Expected, KeyReport, load_into, read_state_dict
from fundus_core.errors import BackboneError, WeightsError

if TYPE_CHECKING:
    from torch import nn

_TOMOGRAPHY = re.compile(r"(?<![A-Z])OCT(?![A-Z])|_oct(?![a-z])")
"""What names of checkpoints for optical coherence tomography have in them."""

_SMALLEST_INPUT = 32

Builder = Callable[[BackboneSpec], "nn.Module"]
"""Spec -> network with random weights, at its own input size, without classifier."""


def _build_timm(spec: BackboneSpec) -> "nn.Module":
    import timm

    arguments: dict[str, Any] = {"num_classes": 0, **dict(spec.architecture_args)}
    arguments.update(dict(spec_pooling(spec).architecture_args))
    network: nn.Module = timm.create_model(spec.architecture, pretrained=False, **arguments)
    return network


def _build_colour(spec: BackboneSpec) -> "nn.Module":
    """Returns the shortcut baseline: the mean of each colour channel."""
    from torch import nn

    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _build_seem(spec: BackboneSpec) -> "nn.Module":
    from fundus_core.backbones.seem import SeemFocalNet

    return SeemFocalNet(**dict(spec.architecture_args))


def _build_open_clip(spec: BackboneSpec) -> "nn.Module":
    from fundus_core.backbones.open_clip_towers import build_open_clip

    return build_open_clip(spec)


BUILDERS: dict[str, Builder] = {
    "timm": _build_timm,
    "seem": _build_seem,
    "open_clip": _build_open_clip,
    "colour": _build_colour,
}
"""How networks are made, by the library that they are from."""


def load_network(
    spec: BackboneSpec, weights: Path | None, image_size: int, seed: int = 0
) -> "nn.Module":
    """Builds a network without classifier and fills it.

    Args:
        spec: The backbone.
        weights: Its checkpoint, or None for random weights.
        image_size: Side of the input in pixels.
        seed: Of the random weights.

    Raises:
        WeightsError: If the checkpoint is not one of this backbone.
        BackboneError: If the backbone does not take this image size.
    """
    require_size(spec, image_size)
    network = _whole_network(spec, seed)
    if weights is not None:
        fill_network(network, spec, weights)
    _resize_input(network, spec, image_size)
    return _cut_off(network, spec, image_size)


def build_network(spec: BackboneSpec, seed: int = 0) -> "nn.Module":
    """Returns a network with random weights, its features read as the spec's pooling says."""
    network = _whole_network(spec, seed)
    return _cut_off(network, spec, native_side(network, spec))


def _whole_network(spec: BackboneSpec, seed: int) -> "nn.Module":
    """Like `build_network`, not cut off: as a checkpoint fills it."""
    import torch

    pooling = spec_pooling(spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BUILDERS[spec.loader](spec)
        if pooling.head:
            from fundus_core.backbones.heads import HEADS

            network = HEADS[pooling.head](network, pooling.embed_dim)
    return network


def fill_network(network: "nn.Module", spec: BackboneSpec, weights: Path) -> KeyReport:
    """Fills a network from a checkpoint in one of the layouts of its family.

    Args:
        network: Whole: a pooling by one of its blocks is that of a network that was filled before.
        spec: The backbone.
        weights: The checkpoint.

    Raises:
        WeightsError: If the checkpoint is not one of this backbone.
    """
    _require_photographs(spec, weights)
    pooling = spec_pooling(spec)
    expected = Expected(
        backbone=spec.id, head=_classifier(spec), drops=pooling.drops, fresh=pooling.fresh
    )
    return load_into(
        network,
        read_state_dict(weights),
        source=weights.name,
        layouts=(*spec.layouts, *({"timm"} - {*spec.layouts})),
        expected=expected,
    )


def spec_pooling(spec: BackboneSpec) -> Pooling:
    """Returns how the features of a spec become one vector; those of the whole network."""
    whole = [pooling for pooling in spec.poolings if not pooling.name.startswith(CUT_OFF)]
    named = {pooling.name: pooling for pooling in whole}
    if spec.pooling.startswith(CUT_OFF) and whole:
        return whole[0]
    return named.get(spec.pooling, Pooling(spec.pooling, "", spec.embed_dim))


def native_side(network: Any, spec: BackboneSpec) -> int:
    """Returns the side of the input that a network was built for, in pixels."""
    native = getattr(getattr(network, "patch_embed", None), "img_size", None)
    return int(native[0]) if native is not None else spec.image_size


def _cut_off(network: "nn.Module", spec: BackboneSpec, image_size: int) -> "nn.Module":
    """Cuts a network off after a block, if the spec's pooling says so."""
    if not spec.pooling.startswith(CUT_OFF):
        return network
    from fundus_core.backbones.truncation import Truncated

    return Truncated(network, spec.pooling.removeprefix(CUT_OFF), image_size)


def _classifier(spec: BackboneSpec) -> str:
    """Returns the name of the architecture's classifier, which checkpoints may hold."""
    import timm

    known = timm.get_pretrained_cfg(spec.architecture) if spec.loader == "timm" else None
    return known.classifier if known and isinstance(known.classifier, str) else ""


def _require_photographs(spec: BackboneSpec, weights: Path) -> None:
    """Refuses a checkpoint whose name says that it was trained on tomography."""
    if _TOMOGRAPHY.search(weights.stem) and not _TOMOGRAPHY.search(spec.id):
        raise WeightsError(
            f"{weights.name} was trained on optical coherence tomography, by its name; "
            f"{spec.id} takes colour photographs.",
            hint="Choose the weights for colour fundus photographs (CFP).",
        )


def _resize_input(network: Any, spec: BackboneSpec, image_size: int) -> None:
    """Adapts position embeddings to another input size, where the network has any."""
    native = getattr(getattr(network, "patch_embed", None), "img_size", None)
    if native is None or tuple(native) == (image_size, image_size):
        return
    if not hasattr(network, "set_input_size"):
        _require_runs(network, spec, native[0], image_size)
        return
    _require_multiple(spec, image_size, network.patch_embed.patch_size[0])
    network.set_input_size(img_size=(image_size, image_size))


def require_size(spec: BackboneSpec, size: int) -> None:
    """Refuses an input that the backbone does not take.

    Raises:
        BackboneError: If it is too small, or cannot be cut into patches.
    """
    if size < _SMALLEST_INPUT:
        raise BackboneError(
            f"An image size of {size} px is too small; the least is {_SMALLEST_INPUT} px.",
            hint=f"Take the {spec.image_size} px of {spec.id}, or more (--image-size).",
        )
    if spec.size_multiple:
        _require_multiple(spec, size, spec.size_multiple)
    elif size != spec.image_size:
        raise BackboneError(
            f"{spec.id} takes photographs of {spec.image_size} px only, not {size} px.",
            hint=f"Take {spec.image_size} px (--image-size {spec.image_size}), its own size.",
        )


def _require_multiple(spec: BackboneSpec, image_size: int, patch: int) -> None:
    """Refuses an input that cannot be cut into whole patches."""
    if image_size % patch == 0:
        return
    lower = max(patch, image_size // patch * patch)
    raise BackboneError(
        f"{spec.id} cuts photographs into patches of {patch} px; {image_size} px is no multiple.",
        hint=f"Take {lower} or {lower + patch} px (--image-size).",
    )


def _require_runs(network: Any, spec: BackboneSpec, native: int, image_size: int) -> None:
    """Refuses a size that a network without a way to be resized cannot compute, by trying it."""
    import torch

    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, 3, image_size, image_size))
    except (AssertionError, RuntimeError) as error:
        raise BackboneError(
            f"{spec.id} takes photographs of {native} px only, not {image_size} px.",
            hint=f"Take {native} px (--image-size {native}).",
        ) from error


def require_trainable(spec: BackboneSpec) -> None:
    """Refuses a backbone that has nothing to train.

    Raises:
        BackboneError: If it has no weights.
    """
    if spec.loader == "colour":
        raise BackboneError(
            f"{spec.id} cannot be trained: it has no weights.",
            hint="Choose another backbone; `fundus backbones` lists them.",
        )
