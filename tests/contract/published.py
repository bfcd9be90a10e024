"""How the weights of every backbone of the catalogue are published, in full size and tiny."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torchvision.models.resnet import BasicBlock, Bottleneck

from tests.contract.families import (
    Tensors,
    deit,
    densenet,
    dinov2,
    dinov2_teacher,
    ibot,
    jang,
    masked_autoencoder,
    of_training,
    resnet,
    seem,
    segment_anything,
    timm_file,
    vgg,
    vit,
)
from tests.contract.language_families import (
    TINY_TEXT,
    adapted_vit,
    blip,
    eyeclip,
    flair,
    keepfit,
    open_clip_model,
    ret_clip,
    siglip,
)

WIDTH, DEPTH, HEADS = 32, 2, 2
PROJECTED = 24


@dataclass(frozen=True)
class Checkpoint:
    """How the weights of one backbone are published, in full size and tiny."""

    full: Callable[[], Tensors]
    tiny: Callable[[], Tensors]
    changed: tuple[str, ...]
    """Two weights of the tiny one, near the input and near the embedding."""
    block: str
    """What the names of one block of the tiny one begin with."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of the tiny architecture."""
    lengths: Mapping[int, int] = field(default_factory=dict)
    """Of embeddings: full -> tiny."""
    wrap: Callable[[Tensors], object] = dict
    size: int = 64
    """Of the input of the tiny one, in pixels."""
    grid: int = 4
    """Side of its feature map."""
    merged: int = 0
    """How many of the tiny one's tensors become part of others when they are read."""


def timm_published(
    architecture: str, *, n_classes: int = 1000, tiny: Mapping[str, Any], **about: Any
) -> Checkpoint:
    fixed = about.pop("fixed", {})
    return Checkpoint(
        full=partial(timm_file, architecture, n_classes, **fixed),
        tiny=partial(timm_file, architecture, n_classes, **{**fixed, **tiny}),
        arguments=tiny,
        **about,
    )


def transformer(depth: int = DEPTH, width: int = WIDTH) -> dict[str, Any]:
    return {"depth": depth, "embed_dim": width, "num_heads": HEADS}


TRANSFORMER: dict[str, Any] = {
    "changed": ("patch_embed.proj.weight", "blocks.1.mlp.fc2.weight"),
    "block": "blocks.1.",
}


def like_vit(
    make: Callable[..., Tensors], depth: int, width: int, *, prefix: str = "", **about: Any
) -> Checkpoint:
    """A vision transformer under its published names."""
    full, tiny = about.pop("full", {}), about.pop("tiny", {})
    settings: dict[str, Any] = {
        "changed": tuple(prefix + name for name in TRANSFORMER["changed"]),
        "block": prefix + TRANSFORMER["block"],
        "arguments": transformer(),
        "lengths": {width: WIDTH},
    }
    return Checkpoint(
        full=partial(make, depth, width, **full),
        tiny=partial(make, DEPTH, WIDTH, **tiny),
        **{**settings, **about},
    )


def like_clip(full: Callable[[], Tensors], tiny: Callable[[], Tensors], **about: Any) -> Checkpoint:
    prefix = about.pop("prefix", "")
    return Checkpoint(
        full=full,
        tiny=tiny,
        changed=(
            f"{prefix}visual.conv1.weight",
            f"{prefix}visual.transformer.resblocks.1.mlp.c_proj.weight",
        ),
        block=f"{prefix}visual.transformer.resblocks.1.",
        arguments=transformer(),
        lengths={768: WIDTH, 512: PROJECTED},
        **about,
    )


def like_resnet(
    make: Callable[[tuple[int, ...]], Tensors], layers: tuple[int, ...], prefix: str = ""
) -> Checkpoint:
    one_each = (1, 1, 1, 1)
    return Checkpoint(
        full=partial(make, layers),
        tiny=partial(make, one_each),
        changed=(f"{prefix}conv1.weight", f"{prefix}layer4.0.conv3.weight"),
        block=f"{prefix}layer4.",
        arguments={"layers": one_each},
        grid=2,
    )


BOTTLENECKS = partial(resnet, Bottleneck)
RESNET50 = like_resnet(BOTTLENECKS, (3, 4, 6, 3))
OPEN_CLIP_B16 = like_clip(
    partial(open_clip_model, "ViT-B-16"),
    partial(
        open_clip_model,
        "ViT-B-16",
        embed_dim=PROJECTED,
        vision_cfg={"layers": DEPTH, "width": WIDTH, "head_width": WIDTH // HEADS},
        text_cfg=TINY_TEXT,
    ),
)
MOBILENET: dict[str, Any] = {
    "tiny": {},
    "changed": ("conv_stem.weight", "conv_head.weight"),
    "block": "blocks.6.",
    "grid": 2,
    "fixed": {"pad_type": "same"},
}
CONVNEXT: dict[str, Any] = {
    "tiny": {"depths": (1, 1, 1, 1), "dims": (8, 16, 32, 64)},
    "changed": ("stem.0.weight", "stages.3.blocks.0.mlp.fc2.weight"),
    "block": "stages.3.blocks.0.",
    "lengths": {768: 64, 1024: 64},
    "grid": 2,
}
DINOV2 = {"size": 56}

PUBLISHED: dict[str, Checkpoint] = {
    "resnet50": RESNET50,
    "resnet50_v2": RESNET50,
    "resnet152": like_resnet(BOTTLENECKS, (3, 8, 36, 3)),
    "resnet18": Checkpoint(
        full=partial(resnet, BasicBlock, (2, 2, 2, 2)),
        tiny=partial(resnet, BasicBlock, (1, 1, 1, 1)),
        changed=("conv1.weight", "layer4.0.conv2.weight"),
        block="layer4.",
        arguments={"layers": (1, 1, 1, 1)},
        grid=2,
    ),
    "densenet121": Checkpoint(
        full=partial(densenet, 32, (6, 12, 24, 16), 64),
        tiny=partial(densenet, 8, (2, 2, 2, 2), 16),
        changed=("features.conv0.weight", "features.denseblock4.denselayer2.conv.2.weight"),
        block="features.denseblock4.denselayer2.",
        arguments={"growth_rate": 8, "block_config": (2, 2, 2, 2)},
        lengths={1024: 32},
        grid=2,
    ),
    "vgg19": Checkpoint(
        full=partial(vgg, 4096),
        tiny=partial(vgg, 64),
        changed=("features.0.weight", "features.34.weight"),
        block="features.34.",
        arguments={"mlp_ratio": 64 / 4096},
        grid=2,
    ),
    "convnext_tiny": timm_published("convnext_tiny", **CONVNEXT),
    "mobilenetv1_100": timm_published(
        "mobilenetv1_100",
        **{
            **MOBILENET,
            "changed": ("conv_stem.weight", "blocks.4.1.conv_pw.weight"),
            "block": "blocks.4.",
        },
    ),
    "mobilenetv2_100": timm_published("mobilenetv2_100", **MOBILENET),
    "mobilenetv2_035": timm_published("mobilenetv2_035", **MOBILENET),
    "mobilenetv2_phantom": timm_published("mobilenetv2_100", **{**MOBILENET, "n_classes": 0}),
    "xcit_nano_phantom": timm_published(
        "xcit_nano_12_p16_224",
        n_classes=0,
        tiny={},
        changed=("patch_embed.proj.0.0.weight", "cls_attn_blocks.1.mlp.fc2.weight"),
        block="blocks.11.",
    ),
    "vit_small": like_vit(deit, 12, 384),
    "vit_base": like_vit(deit, 12, 768),
    "deit_base": like_vit(deit, 12, 768, wrap=lambda tensors: {"model": tensors}),
    "dino_vit_base": like_vit(vit, 12, 768),
    "eva02_small": timm_published(
        "eva02_small_patch14_336",
        tiny=transformer(),
        lengths={384: WIDTH},
        size=56,
        changed=("patch_embed.proj.weight", "blocks.1.mlp.fc2.weight"),
        block="blocks.1.",
    ),
    **{
        f"dinov2_{size}{'_reg' if registers else ''}": like_vit(
            dinov2,
            depth,
            width,
            full={"registers": registers},
            tiny={"registers": registers},
            **DINOV2,
        )
        for size, depth, width in (("small", 12, 384), ("base", 12, 768), ("large", 24, 1024))
        for registers in (0, 4)
    },
    **{
        f"dinov3_vit_{size}": timm_published(
            f"vit_{size}_patch16_dinov3",
            n_classes=0,
            tiny=transformer(),
            lengths={width: WIDTH},
            **TRANSFORMER,
        )
        for size, width in (("small", 384), ("base", 768), ("large", 1024))
    },
    **{
        f"dinov3_convnext_{size}": timm_published(f"convnext_{size}", n_classes=0, **CONVNEXT)
        for size in ("tiny", "small", "base")
    },
    "sam_vit_b": like_vit(
        segment_anything,
        12,
        768,
        prefix="image_encoder.",
        full={"heads": 12, "whole": (2, 5, 8, 11)},
        tiny={"heads": HEADS, "whole": (1,)},
        arguments={**transformer(), "global_attn_indexes": (1,)},
        changed=("image_encoder.patch_embed.proj.weight", "image_encoder.blocks.1.mlp.lin2.weight"),
    ),
    "seem_focal_t": Checkpoint(
        full=partial(seem, (2, 2, 6, 2), 96),
        tiny=partial(seem, (1, 1, 2, 1), 8),
        changed=(
            "backbone.patch_embed.proj.weight",
            "backbone.layers.3.blocks.0.modulation.f.weight",
        ),
        block="backbone.layers.3.blocks.0.",
        arguments={"depths": (1, 1, 2, 1), "embed_dim": 8},
        lengths={768: 64},
        grid=2,
    ),
    "openclip_vit_b16": OPEN_CLIP_B16,
    "pubmed_ophtha_clip_vit_b16": OPEN_CLIP_B16,
    "eyeclip": like_clip(
        partial(eyeclip, 12, 768, projected=512),
        partial(eyeclip, DEPTH, WIDTH, projected=PROJECTED),
        wrap=lambda tensors: {"model_state_dict": tensors, "epoch": 20},
        grid=2,
    ),
    "ret_clip": like_clip(
        partial(ret_clip, 12, 768, projected=512),
        partial(ret_clip, DEPTH, WIDTH, projected=PROJECTED),
        prefix="module.",
        wrap=lambda tensors: {"epoch": 10, "step": 100, "name": "ret", "state_dict": tensors},
    ),
    "siglip2_vit_b16": replace(
        like_vit(siglip, 12, 768, prefix="visual.trunk."),
        full=partial(open_clip_model, "ViT-B-16-SigLIP2"),
    ),
    "blip_vit_b": like_vit(
        blip, 12, 768, prefix="visual_encoder.", wrap=lambda tensors: {"model": tensors}
    ),
    "flair": like_resnet(flair, (3, 4, 6, 3), "vision_model.model."),
    "keepfit": like_resnet(keepfit, (3, 4, 6, 3), "vision_model.model."),
    "retizero": like_vit(
        adapted_vit,
        24,
        1024,
        prefix="vision_model.model.lora_vit.",
        full={"projected": 512},
        tiny={"projected": PROJECTED},
        lengths={1024: WIDTH, 512: PROJECTED},
        merged=4 * DEPTH,
    ),
    **{
        f"jang_{kind}_{size}": like_resnet(jang, (3, 4, 6, 3), "module.")
        for kind in ("fundus", "imagenet_fundus")
        for size in (256, 512, 1024)
    },
    "retfound_mae": like_vit(masked_autoencoder, 24, 1024, wrap=of_training),
    "urfound": like_vit(masked_autoencoder, 12, 768, wrap=of_training),
    "retfound_dinov2": like_vit(
        dinov2_teacher,
        24,
        1024,
        full={"chunks": 4},
        prefix="backbone.",
        wrap=lambda tensors: {"teacher": tensors},
        changed=("backbone.patch_embed.proj.weight", "backbone.blocks.1.1.mlp.fc2.weight"),
        block="backbone.blocks.1.1.",
        **DINOV2,
    ),
    "retfound_green": timm_published(
        "vit_small_patch14_reg4_dinov2",
        n_classes=0,
        tiny=transformer(),
        fixed={"img_size": 392, "global_pool": "avg", "fc_norm": False},
        lengths={384: WIDTH},
        **TRANSFORMER,
        **DINOV2,
    ),
    "visionfm": like_vit(
        ibot,
        12,
        768,
        prefix="module.backbone.",
        wrap=lambda tensors: {"teacher": tensors, "student": dict(tensors), "epoch": 99},
    ),
}
"""By id of the catalogue."""
