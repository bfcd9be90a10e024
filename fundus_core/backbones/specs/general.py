"""Backbones trained on everyday photographs."""

from fundus_core.backbones.base import BackboneSpec, Pooling, Source
from fundus_core.backbones.specs.papers import (
    FLAIR_TRANSFER,
    FUNDUS_FOUNDATION,
    NATURAL_FOUNDATION,
    STRATEGIES,
)

HALF = (0.5, 0.5, 0.5)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
IMAGENET = ("ImageNet-1k",)

_TENSORFLOW_PADDING = (("pad_type", "same"),)
"""The TensorFlow MobileNets pad asymmetrically; with timm's padding a third of answers change."""

_DINOV3_LICENCE = "DINOv3 License"


def timm_source(name: str) -> Source:
    """Returns where timm publishes the weights of this architecture and tag."""
    return Source(repository=f"timm/{name}", file="model.safetensors")


def tokens(dim: int) -> tuple[Pooling, ...]:
    """Returns the two poolings of a transformer whose last norm comes before the pooling."""
    return (
        Pooling("class_token", "class token", dim),
        Pooling(
            "mean_patch",
            "mean of the patch tokens",
            dim,
            architecture_args=(("fc_norm", False), ("global_pool", "avg")),
        ),
    )


_CONVOLUTIONAL = (
    BackboneSpec(
        id="resnet50",
        title="ResNet-50, ImageNet",
        used_in=(FLAIR_TRANSFER, STRATEGIES, FUNDUS_FOUNDATION),
        architecture="resnet50",
        layouts=("timm", "torchvision"),
        embed_dim=2048,
        weights_files=(
            "resnet50.tv_in1k.safetensors",
            "resnet50.tv_in1k.pth",
            "resnet50-0676ba61.pth",
        ),
        source=timm_source("resnet50.tv_in1k"),
        licence="BSD-3-Clause",
        reference="He et al. (2016), arXiv:1512.03385; torchvision V1 weights",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="resnet50_v2",
        title="ResNet-50, ImageNet (V2 recipe)",
        used_in=(FLAIR_TRANSFER,),
        architecture="resnet50",
        layouts=("timm", "torchvision"),
        embed_dim=2048,
        weights_files=("resnet50.tv2_in1k.safetensors", "resnet50-11ad3fa6.pth"),
        source=timm_source("resnet50.tv2_in1k"),
        licence="BSD-3-Clause",
        reference="He et al. (2016), arXiv:1512.03385; torchvision V2 weights",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="resnet18",
        title="ResNet-18, ImageNet",
        architecture="resnet18",
        layouts=("timm", "torchvision"),
        embed_dim=512,
        weights_files=("resnet18.tv_in1k.safetensors", "resnet18.tv_in1k.pth"),
        source=timm_source("resnet18.tv_in1k"),
        licence="BSD-3-Clause",
        reference="He et al. (2016), arXiv:1512.03385; torchvision V1 weights",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="resnet152",
        title="ResNet-152, ImageNet",
        used_in=(NATURAL_FOUNDATION,),
        architecture="resnet152",
        layouts=("timm", "torchvision"),
        embed_dim=2048,
        weights_files=("resnet152.tv_in1k.safetensors", "resnet152-394f9c45.pth"),
        source=timm_source("resnet152.tv_in1k"),
        licence="BSD-3-Clause",
        reference="He et al. (2016), arXiv:1512.03385; torchvision V1 weights",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="densenet121",
        title="DenseNet-121, ImageNet",
        used_in=(STRATEGIES,),
        architecture="densenet121",
        layouts=("timm", "torchvision"),
        embed_dim=1024,
        weights_files=("densenet121.tv_in1k.safetensors", "densenet121.tv_in1k.pth"),
        source=timm_source("densenet121.tv_in1k"),
        licence="Apache-2.0",
        reference="Huang et al. (2017), arXiv:1608.06993; torchvision V1 weights",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="vgg19",
        title="VGG-19, ImageNet",
        used_in=(STRATEGIES,),
        architecture="vgg19",
        layouts=("timm", "torchvision"),
        embed_dim=4096,
        poolings=(
            Pooling("linear_layers", "output of the two linear layers", 4096),
            Pooling("mean", "mean of the last feature map", 512, head="mean_of_places"),
        ),
        pooling="linear_layers",
        weights_files=(
            "vgg19.tv_in1k.safetensors",
            "vgg19.tv_in1k.pth",
            "vgg19-dcbb9e9d.pth",
        ),
        source=timm_source("vgg19.tv_in1k"),
        licence="BSD-3-Clause",
        reference="Simonyan & Zisserman (2015), arXiv:1409.1556; torchvision V1 weights",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="convnext_tiny",
        title="ConvNeXt-T, ImageNet-12k then 1k",
        architecture="convnext_tiny",
        embed_dim=768,
        weights_files=("convnext_tiny.in12k_ft_in1k.safetensors",),
        source=timm_source("convnext_tiny.in12k_ft_in1k"),
        licence="Apache-2.0",
        reference="Liu et al. (2022), arXiv:2201.03545",
        seen_in_pretraining=("ImageNet-12k", "ImageNet-1k"),
    ),
    BackboneSpec(
        id="mobilenetv1_100",
        title="MobileNet V1, ImageNet (TensorFlow weights)",
        architecture="mobilenetv1_100",
        embed_dim=1024,
        mean=HALF,
        std=HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv1_100.imagenet_qat.pth",),
        licence="Apache-2.0",
        reference="Howard et al. (2017), arXiv:1704.04861",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="mobilenetv2_100",
        title="MobileNet V2, ImageNet (TensorFlow weights)",
        architecture="mobilenetv2_100",
        embed_dim=1280,
        mean=HALF,
        std=HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv2_100.imagenet_ptq.pth", "mobilenetv2_100.imagenet_qat.pth"),
        licence="Apache-2.0",
        reference="Sandler et al. (2018), arXiv:1801.04381",
        seen_in_pretraining=IMAGENET,
    ),
    BackboneSpec(
        id="mobilenetv2_035",
        title="MobileNet V2 x 0.35, ImageNet (TensorFlow weights)",
        architecture="mobilenetv2_035",
        embed_dim=1280,
        mean=HALF,
        std=HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv2_035.imagenet.pth",),
        licence="Apache-2.0",
        reference="Sandler et al. (2018), arXiv:1801.04381",
        seen_in_pretraining=IMAGENET,
    ),
)

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

_PROMPTED = (
    BackboneSpec(
        id="sam_vit_b",
        title="Segment Anything ViT-B/16",
        used_in=(NATURAL_FOUNDATION,),
        architecture="samvit_base_patch16",
        layouts=("timm", "sam"),
        embed_dim=768,
        size_multiple=16,
        poolings=(
            Pooling(
                "before_neck",
                "mean over the last block, before the neck",
                768,
                head="before_neck",
                drops=(r"neck\..*",),
            ),
            Pooling("after_neck", "mean after the neck", 256),
        ),
        pooling="before_neck",
        weights_files=("sam_vit_b_01ec64.pth", "samvit_base_patch16.sa1b.safetensors"),
        source=timm_source("samvit_base_patch16.sa1b"),
        licence="Apache-2.0",
        reference="Kirillov et al. (2023), arXiv:2304.02643",
        seen_in_pretraining=("SA-1B",),
    ),
    BackboneSpec(
        id="seem_focal_t",
        title="SEEM Focal-T, last stage",
        used_in=(NATURAL_FOUNDATION,),
        loader="seem",
        architecture="seem_focal_tiny",
        layouts=("timm", "seem"),
        embed_dim=768,
        weights_files=("seem_focalt_v0.pt", "seem_focalt_v1.pt"),
        source=Source(repository="xdecoder/SEEM", file="seem_focalt_v0.pt"),
        licence="Apache-2.0",
        reference="Zou et al. (2023), arXiv:2304.06718",
        seen_in_pretraining=("COCO", "RefCOCO", "Visual Genome"),
    ),
)

_LANGUAGE = (
    BackboneSpec(
        id="openclip_vit_b16",
        title="OpenCLIP ViT-B/16, LAION-2B",
        used_in=(NATURAL_FOUNDATION,),
        architecture="vit_base_patch16_clip_224",
        layouts=("clip", "timm"),
        embed_dim=512,
        size_multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        poolings=(
            Pooling("projected", "class token in the space of the texts", 512, head="projection"),
            Pooling("class_token", "class token", 768, drops=(r"projection\.weight",)),
        ),
        pooling="projected",
        weights_files=(
            "openclip_vit_b16.laion2b_s34b_b88k.safetensors",
            "open_clip_model.safetensors",
            "open_clip_pytorch_model.bin",
        ),
        source=Source(
            repository="laion/CLIP-ViT-B-16-laion2B-s34B-b88K", file="open_clip_model.safetensors"
        ),
        licence="MIT",
        reference="Cherti et al. (2023), arXiv:2212.07143",
        seen_in_pretraining=("LAION-2B",),
        text_tower="open_clip:ViT-B-16",
    ),
    BackboneSpec(
        id="siglip2_vit_b16",
        title="SigLIP 2 ViT-B/16",
        architecture="vit_base_patch16_siglip_224",
        layouts=("clip_timm_tower", "timm"),
        embed_dim=768,
        size_multiple=16,
        mean=HALF,
        std=HALF,
        fit="squash",
        poolings=(Pooling("projected", "attention pooling, the space of the texts", 768),),
        pooling="projected",
        weights_files=(
            "siglip2_vit_b16.webli.safetensors",
            "vit_base_patch16_siglip_224.v2_webli.safetensors",
        ),
        source=Source(repository="timm/ViT-B-16-SigLIP2", file="open_clip_model.safetensors"),
        licence="Apache-2.0",
        reference="Tschannen et al. (2025), arXiv:2502.14786",
        seen_in_pretraining=("WebLI",),
        text_tower="open_clip:ViT-B-16-SigLIP2",
    ),
    BackboneSpec(
        id="blip_vit_b",
        title="BLIP ViT-B/16, visual encoder",
        used_in=(NATURAL_FOUNDATION,),
        architecture="vit_base_patch16_224",
        layouts=("blip", "timm"),
        embed_dim=768,
        size_multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        poolings=(
            Pooling("class_token", "class token", 768),
            Pooling(
                "first_patch",
                "first patch token, as the code released with arXiv:2310.19522 reads it",
                768,
                head="first_patch",
            ),
        ),
        pooling="class_token",
        weights_files=("model_base.pth", "blip_vit_b.pth"),
        source=Source(
            url="https://storage.googleapis.com/sfr-vision-language-research/BLIP/models/"
            "model_base.pth"
        ),
        licence="BSD-3-Clause",
        reference="Li et al. (2022), arXiv:2201.12086",
        seen_in_pretraining=("COCO", "Visual Genome", "LAION"),
    ),
)

GENERAL = (*_CONVOLUTIONAL, *_TRANSFORMERS, *_SELF_SUPERVISED, *_PROMPTED, *_LANGUAGE)
