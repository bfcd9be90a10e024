"""Weights of this project, pre-trained on synthetic photographs, and the baseline."""

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.specs.papers import FUNDUS_FOUNDATION

SHORTCUT = "mean_colour"
"""The baseline shown beside every result: what three colour means alone can predict."""

PHANTOMS = "synthetic photographs of this project"
"""What our own weights were pre-trained on: no photograph of a patient."""

_HALF = (0.5, 0.5, 0.5)

OURS = (
    BackboneSpec(
        id="mobilenetv2_phantom",
        title="MobileNet V2, phantoms (ours, shipped)",
        group="ours",
        used_in=(FUNDUS_FOUNDATION,),
        architecture="mobilenetv2_100",
        architecture_args=(("pad_type", "same"),),
        embed_dim=1280,
        image_size=256,
        mean=_HALF,
        std=_HALF,
        weights_files=("mobilenetv2_100.phantom.safetensors",),
        licence="Apache-2.0",
        reference="docs/phantom.md; after Jang et al. (2024), arXiv:2408.08790",
        seen_in_pretraining=(PHANTOMS,),
    ),
    BackboneSpec(
        id="xcit_nano_phantom",
        title="XCiT-N12/16 transformer, phantoms (ours, shipped)",
        group="ours",
        used_in=(FUNDUS_FOUNDATION,),
        architecture="xcit_nano_12_p16_224",
        embed_dim=128,
        image_size=256,
        size_multiple=16,
        weights_files=("xcit_nano_12_p16.phantom.safetensors",),
        licence="Apache-2.0",
        reference="docs/phantom.md; El-Nouby et al. (2021), arXiv:2106.09681",
        seen_in_pretraining=(PHANTOMS,),
    ),
)

BASELINES = (
    BackboneSpec(
        id=SHORTCUT,
        title="Mean colour (shortcut baseline)",
        group="baseline",
        loader="colour",
        architecture="mean_colour",
        embed_dim=3,
        image_size=64,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        pooling="mean",
        licence="none needed",
        reference="Mean red, green and blue: no network at all",
    ),
)
