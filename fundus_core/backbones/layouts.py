"""How published checkpoints name their tensors, and how those become the names of our networks.

To add a family, add one `Layout` to `LAYOUTS`. Nothing is guessed: a tensor is renamed by a rule
below, left out because a rule names it as a part we have no use for, or reported as unexpected.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Tensors = dict[str, "Tensor"]

PROJECTION = "projection.weight"
"""Name of the matrix into the space shared with texts, in our networks."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which encoders are published."""

    title: str
    """What messages call it."""

    prefix: str = ""
    """What the encoder's names begin with; all others belong to other parts of a larger model."""

    others: str = ""
    """Pattern of whole names that belong to other parts, after the prefix was taken off."""

    renames: tuple[tuple[str, str], ...] = ()
    """Patterns and what replaces them, applied in this order to every name."""

    transposed: tuple[str, ...] = ()
    """Matrices, by their new name, that are stored the other way round."""

    merge: Callable[[Tensors], Tensors] | None = None
    """Computes tensors of the network from several of the checkpoint, by their new names."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A checkpoint in the names of our networks."""

    tensors: Tensors
    others: tuple[str, ...]
    """Tensors that belong to other parts, by their published names."""


def arrange(tensors: Mapping[str, "Tensor"], layout: Layout) -> Arranged:
    """Renames the tensors of a published checkpoint.

    Args:
        tensors: Without wrappers; see `read_state_dict`.
        layout: How they are named.
    """
    kept: Tensors = {}
    others = []
    unused = re.compile(layout.others) if layout.others else None
    for published, value in tensors.items():
        name = published.removeprefix(layout.prefix)
        if not published.startswith(layout.prefix) or (unused and unused.fullmatch(name)):
            others.append(published)
            continue
        for pattern, replacement in layout.renames:
            name = re.sub(pattern, replacement, name)
        kept[name] = value.T if name in layout.transposed else value
    return Arranged(layout.merge(kept) if layout.merge else kept, tuple(others))


def with_positions_of_places_only(tensors: Tensors) -> Tensors:
    """Adds the class token's position embedding to the token, where there are register tokens.

    DINOv2's own networks with registers keep a position for the class token; timm's do not.

    Args:
        tensors: `reg_token`, `cls_token` (1, 1, D) and `pos_embed` (1, 1 + N, D).
    """
    if "reg_token" not in tensors:
        return tensors
    positions = tensors["pos_embed"]
    return {
        **tensors,
        "cls_token": tensors["cls_token"] + positions[:, :1],
        "pos_embed": positions[:, 1:],
    }


def with_adapters_merged(tensors: Tensors) -> Tensors:
    """Adds low-rank adapters of queries and values to the matrices they adapt.

    Args:
        tensors: `X.qkv.weight` of shape (3 D, D), with `X.linear_a_q.weight` (r, D) and
            `X.linear_b_q.weight` (D, r), and the same with `v`.

    References:
        Hu et al. (2022), arXiv:2106.09685: W + B A, here at scale 1.
    """
    merged = dict(tensors)
    for name in [name for name in tensors if name.endswith(".linear_a_q.weight")]:
        stem = name.removesuffix(".linear_a_q.weight")
        weight = merged.pop(f"{stem}.qkv.weight").float().clone()
        width = weight.shape[1]
        for part, rows in (("q", slice(None, width)), ("v", slice(-width, None))):
            down = merged.pop(f"{stem}.linear_a_{part}.weight").float()
            up = merged.pop(f"{stem}.linear_b_{part}.weight").float()
            weight[rows] += up @ down
        merged[f"{stem}.weight"] = weight
        merged[f"{stem}.bias"] = merged.pop(f"{stem}.qkv.bias")
    return merged


_CLIP_RENAMES = (
    (r"^conv1\.", "patch_embed.proj."),
    (r"^class_embedding$", "cls_token"),
    (r"^positional_embedding$", "pos_embed"),
    (r"^ln_pre\.", "norm_pre."),
    (r"^ln_post\.", "norm."),
    (r"^transformer\.resblocks\.", "blocks."),
    (r"\.ln_(\d)\.", r".norm\1."),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"^proj$", PROJECTION),
)
_DINOV2_RENAMES = (
    (r"\.mlp\.w12\.", ".mlp.fc1."),
    (r"\.mlp\.w3\.", ".mlp.fc2."),
    (r"^register_tokens$", "reg_token"),
)
_MASKED_DECODER = r"(mask_token|decoder_.*|.*_decoder\..*|decoder\..*)"

LAYOUTS: dict[str, Layout] = {
    "timm": Layout("the timm library"),
    "torchvision": Layout(
        "torchvision",
        renames=(
            (r"^classifier\.0\.", "pre_logits.fc1."),
            (r"^classifier\.3\.", "pre_logits.fc2."),
            (r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2."),
        ),
        others=r"(fc|classifier|classifier\.6)\.(weight|bias)",
    ),
    "jang": Layout("the fundus foundation model of Jang et al.", others=r"fc\..*"),
    "flair": Layout(
        "FLAIR",
        prefix="vision_model.",
        renames=((r"^model\.", ""), (r"^projection_head_vision\.projection\.", "projection.")),
    ),
    "keepfit": Layout(
        "KeepFIT",
        prefix="vision_model.",
        renames=((r"^model\.", ""), (r"^projection_head_vision\.projection\.", "projection.")),
    ),
    "retizero": Layout(
        "RetiZero",
        prefix="vision_model.",
        renames=(
            (r"^model\.lora_vit\.", ""),
            (r"^projection_head_vision\.projection\.", "projection."),
        ),
        merge=with_adapters_merged,
    ),
    "mae": Layout("a masked autoencoder", others=_MASKED_DECODER),
    "dinov2": Layout(
        "DINOv2",
        others=r"mask_token",
        renames=_DINOV2_RENAMES,
        merge=with_positions_of_places_only,
    ),
    "dinov2_teacher": Layout(
        "a DINOv2 training",
        prefix="backbone.",
        others=r"mask_token",
        renames=(*_DINOV2_RENAMES, (r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.")),
        merge=with_positions_of_places_only,
    ),
    "ibot_teacher": Layout("an iBOT training", prefix="backbone.", others=r"(mask_token|head\..*)"),
    "sam": Layout(
        "Segment Anything", prefix="image_encoder.", renames=((r"\.mlp\.lin", ".mlp.fc"),)
    ),
    "seem": Layout(
        "SEEM",
        prefix="backbone.",
        others=r"norm[0-2]\..*",  # of the stages before the last
        renames=(
            (r"^patch_embed\.", "stem."),
            # In timm a stage begins with the downsampling that ends the one before.
            (r"^layers\.2\.downsample\.", "layers.3.downsample."),
            (r"^layers\.1\.downsample\.", "layers.2.downsample."),
            (r"^layers\.0\.downsample\.", "layers.1.downsample."),
            (r"\.gamma_(\d)$", r".ls\1.gamma"),
            (r"(\.blocks\.\d+\.norm\d)\.", r"\1_post."),
            (r"^norm3\.", "norm."),
        ),
    ),
    "blip": Layout("BLIP", prefix="visual_encoder."),
    "clip": Layout(
        "CLIP",
        prefix="visual.",
        others=r"decoder.*",
        renames=_CLIP_RENAMES,
        transposed=(PROJECTION,),
    ),
    "open_clip": Layout("open_clip", prefix="visual."),
    "clip_timm_tower": Layout(
        "an open_clip model with a timm tower",
        prefix="visual.",
        renames=((r"^trunk\.", ""), (r"^head\.proj\.weight$", PROJECTION)),
    ),
}
"""Layouts by name."""
