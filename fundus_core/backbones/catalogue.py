"""The backbones on offer. To add one of a known family, add one `BackboneSpec` to `specs`."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from fundus_core.backbones.base import IMAGENET_MEAN, IMAGENET_STD, BackboneSpec, Pooling, Source
from fundus_core.backbones.blocks import CUT_OFF
from fundus_core.backbones.specs.general import GENERAL
from fundus_core.backbones.specs.ours import BASELINES, OURS, PHANTOMS, SHORTCUT
from fundus_core.backbones.specs.retinal import RETINAL
from fundus_core.errors import BackboneError

__all__ = [
    "BACKBONES",
    "NORMALISATIONS",
    "OPEN_CLIP_PREFIX",
    "PHANTOMS",
    "SHORTCUT",
    "TIMM_PREFIX",
    "backbone_spec",
    "with_pooling",
]

TIMM_PREFIX = "timm:"
"""`timm:NAME` is any architecture of the timm library, with its own weights tag if given."""

OPEN_CLIP_PREFIX = "open_clip:"
"""`open_clip:NAME` is the vision tower of any architecture of the open_clip library."""

NORMALISATIONS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""Mean and standard deviation by name, for backbones whose own are not published."""

BACKBONES: dict[str, BackboneSpec] = {
    spec.id: spec for spec in (*OURS, *RETINAL, *GENERAL, *BASELINES)
}


def backbone_spec(backbone: str) -> BackboneSpec:
    """Returns the spec of a catalogue id, of `timm:NAME`, `open_clip:NAME`, or a bare timm name.

    Raises:
        BackboneError: If neither the catalogue nor the named library knows it.
    """
    if backbone in BACKBONES:
        return BACKBONES[backbone]
    if backbone.startswith(OPEN_CLIP_PREFIX):
        from fundus_core.backbones.open_clip_towers import open_clip_spec

        return open_clip_spec(backbone)
    return _timm_spec(backbone)


def with_pooling(spec: BackboneSpec, pooling: str | None) -> BackboneSpec:
    """Returns a spec with another of its poolings.

    Args:
        spec: The backbone.
        pooling: Name of one of its poolings, or `block:NAME` for the mean over all places of the
            output of one of its blocks, after which it is cut off; None for the default.

    Raises:
        BackboneError: If it has none of that name.
    """
    if pooling is None or pooling == spec.pooling:
        return spec
    if pooling.startswith(CUT_OFF):
        return _cut_off(spec, pooling.removeprefix(CUT_OFF))
    by_name = {each.name: each for each in spec.poolings}
    if pooling not in by_name:
        known = ", ".join(by_name) or f"only {spec.pooling}"
        raise BackboneError(
            f"{spec.id} has no pooling {pooling!r}.", hint=f"Choose one of: {known}."
        )
    return replace(spec, pooling=pooling, embed_dim=by_name[pooling].embed_dim)


def _cut_off(spec: BackboneSpec, block: str) -> BackboneSpec:
    """Returns the spec of a backbone that ends with one of its blocks."""
    length = _length_after(spec, block)
    cut = Pooling(f"{CUT_OFF}{block}", f"mean over the output of {block}", length)
    return replace(spec, pooling=cut.name, embed_dim=length, poolings=(*spec.poolings, cut))


@lru_cache(maxsize=64)
def _length_after(spec: BackboneSpec, block: str) -> int:
    """Returns the length of the embedding by a block, from the network without its memory."""
    if spec.loader == "colour":
        raise BackboneError(f"{spec.id} has no blocks.", hint="Leave it whole.")
    import torch

    from fundus_core.backbones.networks import build_network, native_side
    from fundus_core.backbones.truncation import length_after

    try:
        with torch.device("meta"):
            network = build_network(spec)
            return length_after(network, block, native_side(network, spec))
    except BackboneError as error:
        reason = f"{error.message[:1].lower()}{error.message[1:]}"
        raise BackboneError(f"{spec.id}: {reason}", hint=error.hint) from error


def _timm_spec(backbone: str) -> BackboneSpec:
    """Builds a spec from what timm knows of an architecture and its weights."""
    import timm

    name = backbone.removeprefix(TIMM_PREFIX)
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        near = timm.list_models(f"*{architecture[:8]}*")[:5] if architecture else []
        raise BackboneError(
            f"There is no backbone {backbone!r} in the catalogue or in timm.",
            hint=f"Choose one of {', '.join([*BACKBONES, *near])}; `fundus backbones` lists them.",
        )
    named = timm.get_pretrained_cfg(name, allow_unregistered=False)
    config: Any = named or timm.get_pretrained_cfg(architecture)
    tag = f"{architecture}.{config.tag}" if config.tag else architecture
    shape = BackboneSpec(
        id=f"{TIMM_PREFIX}{name}",
        title=f"{name} (timm)",
        loader="timm",
        architecture=architecture,
        embed_dim=_timm_embed_dim(architecture),
        image_size=config.input_size[-1],
        mean=config.mean,
        std=config.std,
        weights_files=(f"{tag}.safetensors", f"{tag}.pth"),
        licence=config.license or "see the model's page",
        reference=f"timm: {tag}",
    )
    if not config.hf_hub_id:
        return shape
    return replace(shape, source=Source(repository=config.hf_hub_id, file="model.safetensors"))


def _timm_embed_dim(architecture: str) -> int:
    """Returns the length of the pooled embedding, by building the network without memory."""
    import timm
    import torch

    with torch.device("meta"):
        module: Any = timm.create_model(architecture, pretrained=False, num_classes=0)
    return int(getattr(module, "head_hidden_size", None) or module.num_features)
