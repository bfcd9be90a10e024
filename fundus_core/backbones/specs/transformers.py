"""Transformers, and all that was trained without labels, on everyday photographs."""

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.specs.papers import (
    NATURAL_FOUNDATION,
)
from fundus_core.backbones.specs.shared import (
    CLIP_MEAN,
    CLIP_STD,
    HALF,
    IMAGENET,
    timm_source,
    tokens,
)

_DINOV3_LICENCE = "DINOv3 License"

_TRANSFORMERS = (
    BackboneSpec(
        id="vit_small",
        title="ViT-S/16, ImageNet-21k then 1k",
        architecture="vit_small_patch16_224",
        embed_dim=384,
        size_multiple=16,
        mean=HALF,
        std=HALF,
        weights_files=("vit_small_patch16_224.augreg_in21k_ft_in1k.safetensors",),
        source=timm_source("vit_small_patch16_224.augreg_in21k_ft_in1k"),
        licence="Apache-2.0",
        reference="Steiner et al. (2022), arXiv:2106.10270",
        seen_in_pretraining=("ImageNet-21k", "ImageNet-1k"),
    ),
    BackboneSpec(
        id="vit_base",
        title="ViT-B/16, ImageNet-21k then 1k",
        architecture="vit_base_patch16_224",
        embed_dim=768,
        size_multiple=16,
        mean=HALF,
        std=HALF,
        weights_files=("vit_base_patch16_224.augreg_in21k_ft_in1k.safetensors",),
        source=timm_source("vit_base_patch16_224.augreg_in21k_ft_in1k"),
        licence="Apache-2.0",
        reference="Steiner et al. (2022), arXiv:2106.10270",
        seen_in_pretraining=("ImageNet-21k", "ImageNet-1k"),
    ),
    BackboneSpec(
        id="deit_base",
        title="DeiT-B/16, ImageNet",
        used_in=(NATURAL_FOUNDATION,),
        architecture="deit_base_patch16_224",
        embed_dim=768,
        size_multiple=16,
        weights_files=(
            "deit_base_patch16_224.fb_in1k.safetensors",
            "deit_base_patch16_224-b5f2ef4d.pth",
        ),
        source=timm_source("deit_base_patch16_224.fb_in1k"),
        licence="Apache-2.0",
        reference="Touvron et al. (2021), arXiv:2012.12877",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="eva02_small",
        title="EVA-02 S/14, ImageNet-22k then 1k",
        architecture="eva02_small_patch14_336",
        embed_dim=384,
        image_size=336,
        size_multiple=14,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        weights_files=("eva02_small_patch14_336.mim_in22k_ft_in1k.safetensors",),
        source=timm_source("eva02_small_patch14_336.mim_in22k_ft_in1k"),
        licence="MIT",
        reference="Fang et al. (2023), arXiv:2303.11331",
        seen_in_pretraining=("ImageNet-22k", "ImageNet-1k"),
    ),
)

_SELF_SUPERVISED = (
    BackboneSpec(
        id="dino_vit_base",
        title="DINO ViT-B/16, ImageNet",
        used_in=(NATURAL_FOUNDATION,),
        architecture="vit_base_patch16_224",
        embed_dim=768,
        size_multiple=16,
        poolings=tokens(768),
        pooling="class_token",
        weights_files=("vit_base_patch16_224.dino.safetensors", "dino_vitbase16_pretrain.pth"),
        source=timm_source("vit_base_patch16_224.dino"),
        licence="Apache-2.0",
        reference="Caron et al. (2021), arXiv:2104.14294",
        seen_in_pretraining=IMAGENET,
    ),
    *(
        BackboneSpec(
            id=f"dinov2_{size}{suffix}",
            title=f"DINOv2 ViT-{size[0].upper()}/14{' with registers' if suffix else ''}",
            used_in=(NATURAL_FOUNDATION,) if (size, suffix) == ("base", "") else (),
            architecture=f"vit_{size}_patch14{suffix.replace('_reg', '_reg4')}_dinov2",
            layouts=("timm", "dinov2"),
            embed_dim=dim,
            size_multiple=14,
            poolings=tokens(dim),
            pooling="class_token",
            weights_files=(
                f"vit_{size}_patch14{suffix.replace('_reg', '_reg4')}_dinov2.lvd142m.safetensors",
                f"dinov2_vit{size[0]}14{suffix.replace('_reg', '_reg4')}_pretrain.pth",
            ),
            source=timm_source(
                f"vit_{size}_patch14{suffix.replace('_reg', '_reg4')}_dinov2.lvd142m"
            ),
            licence="Apache-2.0",
            reference=(
                "Darcet et al. (2024), arXiv:2309.16588"
                if suffix
                else "Oquab et al. (2024), arXiv:2304.07193"
            ),
            seen_in_pretraining=("LVD-142M",),
        )
        for size, dim in (("small", 384), ("base", 768), ("large", 1024))
        for suffix in ("", "_reg")
    ),
    *(
        BackboneSpec(
            id=f"dinov3_vit_{size}",
            title=f"DINOv3 ViT-{size[0].upper()}/16",
            architecture=f"vit_{size}_patch16_dinov3",
            embed_dim=dim,
            image_size=256,
            size_multiple=16,
            weights_files=(f"vit_{size}_patch16_dinov3.lvd1689m.safetensors",),
            source=timm_source(f"vit_{size}_patch16_dinov3.lvd1689m"),
            licence=_DINOV3_LICENCE,
            licence_kind="gated",
            reference="Simeoni et al. (2025), arXiv:2508.10104",
            seen_in_pretraining=("LVD-1689M",),
        )
        for size, dim in (("small", 384), ("base", 768), ("large", 1024))
    ),
    *(
        BackboneSpec(
            id=f"dinov3_convnext_{size}",
            title=f"DINOv3 ConvNeXt-{size[0].upper()}",
            architecture=f"convnext_{size}",
            embed_dim=dim,
            image_size=256,
            weights_files=(f"convnext_{size}.dinov3_lvd1689m.safetensors",),
            source=timm_source(f"convnext_{size}.dinov3_lvd1689m"),
            licence=_DINOV3_LICENCE,
            licence_kind="gated",
            reference="Simeoni et al. (2025), arXiv:2508.10104",
            seen_in_pretraining=("LVD-1689M",),
        )
        for size, dim in (("tiny", 768), ("small", 768), ("base", 1024))
    ),
)

TRANSFORMERS = (*_TRANSFORMERS, *_SELF_SUPERVISED)
