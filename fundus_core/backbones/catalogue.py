"""The backbones on offer. To add one of a known loader, add one `BackboneSpec` to `_SPECS`."""

from dataclasses import replace
from typing import Any

from fundus_core.backbones.base import BackboneSpec
from fundus_core.errors import BackboneError

TIMM_PREFIX = "timm:"
"""`timm:NAME` is any architecture of the timm library, with its own weights tag if given."""

SHORTCUT = "mean_colour"
"""The baseline shown beside every result: what three colour means alone can predict."""

PHANTOMS = "synthetic photographs of this project"
"""What our own weights were pre-trained on: no photograph of a patient."""

_HALF = (0.5, 0.5, 0.5)
_TENSORFLOW_PADDING = (("pad_type", "same"),)
"""The TensorFlow MobileNets pad asymmetrically; with timm's padding a third of answers change."""

_SPECS = (
    BackboneSpec(
        id="resnet50",
        title="ResNet-50, ImageNet",
        loader="timm",
        architecture="resnet50",
        embed_dim=2048,
        weights_files=("resnet50.tv_in1k.safetensors", "resnet50.tv_in1k.pth"),
        hub_repository="timm/resnet50.tv_in1k",
        hub_file="model.safetensors",
        licence="BSD-3-Clause",
        reference="He et al. (2016), arXiv:1512.03385; torchvision V1 weights",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="resnet18",
        title="ResNet-18, ImageNet",
        loader="timm",
        architecture="resnet18",
        embed_dim=512,
        weights_files=("resnet18.tv_in1k.safetensors", "resnet18.tv_in1k.pth"),
        hub_repository="timm/resnet18.tv_in1k",
        hub_file="model.safetensors",
        licence="BSD-3-Clause",
        reference="He et al. (2016), arXiv:1512.03385; torchvision V1 weights",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="densenet121",
        title="DenseNet-121, ImageNet",
        loader="timm",
        architecture="densenet121",
        embed_dim=1024,
        weights_files=("densenet121.tv_in1k.safetensors", "densenet121.tv_in1k.pth"),
        hub_repository="timm/densenet121.tv_in1k",
        hub_file="model.safetensors",
        licence="Apache-2.0",
        reference="Huang et al. (2017), arXiv:1608.06993; torchvision V1 weights",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="vgg19",
        title="VGG-19, ImageNet",
        loader="timm",
        architecture="vgg19",
        embed_dim=4096,
        weights_files=("vgg19.tv_in1k.safetensors", "vgg19.tv_in1k.pth"),
        hub_repository="timm/vgg19.tv_in1k",
        hub_file="model.safetensors",
        licence="BSD-3-Clause",
        reference="Simonyan & Zisserman (2015), arXiv:1409.1556; torchvision V1 weights",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="vit_small",
        title="ViT-S/16, ImageNet-21k then 1k",
        loader="timm",
        architecture="vit_small_patch16_224",
        embed_dim=384,
        size_multiple=16,
        mean=_HALF,
        std=_HALF,
        weights_files=("vit_small_patch16_224.augreg_in21k_ft_in1k.safetensors",),
        hub_repository="timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
        hub_file="model.safetensors",
        licence="Apache-2.0",
        reference="Steiner et al. (2022), arXiv:2106.10270",
        seen_in_pretraining=("ImageNet-21k", "ImageNet-1k"),
    ),
    BackboneSpec(
        id="vit_base",
        title="ViT-B/16, ImageNet-21k then 1k",
        loader="timm",
        architecture="vit_base_patch16_224",
        embed_dim=768,
        size_multiple=16,
        mean=_HALF,
        std=_HALF,
        weights_files=("vit_base_patch16_224.augreg_in21k_ft_in1k.safetensors",),
        hub_repository="timm/vit_base_patch16_224.augreg_in21k_ft_in1k",
        hub_file="model.safetensors",
        licence="Apache-2.0",
        reference="Steiner et al. (2022), arXiv:2106.10270",
        seen_in_pretraining=("ImageNet-21k", "ImageNet-1k"),
    ),
    BackboneSpec(
        id="mobilenetv1_100",
        title="MobileNet V1, ImageNet (TensorFlow weights)",
        loader="timm",
        architecture="mobilenetv1_100",
        embed_dim=1024,
        mean=_HALF,
        std=_HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv1_100.imagenet_qat.pth",),
        licence="Apache-2.0",
        reference="Howard et al. (2017), arXiv:1704.04861",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="mobilenetv2_100",
        title="MobileNet V2, ImageNet (TensorFlow weights)",
        loader="timm",
        architecture="mobilenetv2_100",
        embed_dim=1280,
        mean=_HALF,
        std=_HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv2_100.imagenet_ptq.pth", "mobilenetv2_100.imagenet_qat.pth"),
        licence="Apache-2.0",
        reference="Sandler et al. (2018), arXiv:1801.04381",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="mobilenetv2_035",
        title="MobileNet V2 x 0.35, ImageNet (TensorFlow weights)",
        loader="timm",
        architecture="mobilenetv2_035",
        embed_dim=1280,
        mean=_HALF,
        std=_HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv2_035.imagenet.pth",),
        licence="Apache-2.0",
        reference="Sandler et al. (2018), arXiv:1801.04381",
        seen_in_pretraining=("ImageNet-1k",),
    ),
    BackboneSpec(
        id="mobilenetv2_phantom",
        title="MobileNet V2, phantoms (ours, shipped)",
        loader="timm",
        architecture="mobilenetv2_100",
        embed_dim=1280,
        image_size=256,
        mean=_HALF,
        std=_HALF,
        architecture_args=_TENSORFLOW_PADDING,
        weights_files=("mobilenetv2_100.phantom.safetensors",),
        licence="Apache-2.0",
        reference="docs/phantom.md; after Jang et al. (2024), arXiv:2408.08790",
        seen_in_pretraining=(PHANTOMS,),
    ),
    BackboneSpec(
        id=SHORTCUT,
        title="Mean colour (shortcut baseline)",
        loader="colour",
        architecture="mean_colour",
        embed_dim=3,
        image_size=64,
        size_multiple=1,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        pooling="mean",
        licence="none needed",
        reference="Mean red, green and blue: no network at all",
    ),
)

BACKBONES: dict[str, BackboneSpec] = {spec.id: spec for spec in _SPECS}


def backbone_spec(backbone: str) -> BackboneSpec:
    """Returns the spec of a catalogue id, of `timm:NAME`, or of a bare timm name.

    Raises:
        BackboneError: If neither the catalogue nor timm knows it.
    """
    if backbone in BACKBONES:
        return BACKBONES[backbone]
    return _timm_spec(backbone)


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
    return replace(shape, hub_repository=config.hf_hub_id, hub_file="model.safetensors")


def _timm_embed_dim(architecture: str) -> int:
    """Returns the length of the pooled embedding, by building the network without memory."""
    import timm
    import torch

    with torch.device("meta"):
        module: Any = timm.create_model(architecture, pretrained=False, num_classes=0)
    return int(getattr(module, "head_hidden_size", None) or module.num_features)
