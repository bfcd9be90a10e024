"""Encoders of models that answer to clicks or words, trained on everyday photographs."""

from fundus_core.backbones.base import BackboneSpec, Pooling, Source
from fundus_core.backbones.specs.papers import (
    NATURAL_FOUNDATION,
)
from fundus_core.backbones.specs.shared import (
    CLIP_MEAN,
    CLIP_STD,
    HALF,
    clip_poolings,
    timm_source,
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
        poolings=clip_poolings(),
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

PROMPTABLE = (*_PROMPTED, *_LANGUAGE)
