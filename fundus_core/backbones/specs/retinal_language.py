"""Backbones trained on photographs of the retina together with words about them."""

from fundus_core.backbones.base import BackboneSpec, Pooling, Source
from fundus_core.backbones.specs.papers import FLAIR_TRANSFER
from fundus_core.backbones.specs.shared import CLIP_MEAN, CLIP_STD, clip_poolings, drive_page

_ZERO, _ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_NO_LICENCE = "none stated"

FLAIR_DATA = (
    "EyePACS",
    "IDRiD",
    "RFMiD",
    "JSIEC",
    "1000x39",
    "DEN",
    "LAG",
    "ODIR",
    "PAPILA",
    "Paraguay",
    "STARE",
    "ARIA",
    "AGAR300",
    "APTOS",
    "FUND-OCT",
    "DIARETDB1",
    "DRIONS-DB",
    "Drishti-GS1",
    "e-ophtha",
    "G1020",
    "HEI-MED",
    "HRF",
    "ORIGA",
    "ROC",
    "BRSET",
    "DDR",
    "AIROGS",
    "SUSTech-SYSU",
    "JICHI",
    "Chaksu",
    "DR1-2",
    "ScarDat",
)
"""The public sets of FLAIR's assembly, less those that its authors kept for testing."""


def _projected(raw: int, projected: int, name: str, title: str) -> tuple[Pooling, ...]:
    """Returns the poolings of a model that shares a space with texts, the raw one first."""
    return (
        Pooling(name, title, raw, drops=(r"projection\.weight",)),
        Pooling(
            "projected", "projected into the space of the texts", projected, head="unit_projection"
        ),
    )


FLAIR_LIKE = (
    BackboneSpec(
        id="flair",
        title="FLAIR ResNet-50",
        group="retinal",
        used_in=(FLAIR_TRANSFER,),
        architecture="resnet50",
        layouts=("flair", "timm"),
        embed_dim=2048,
        image_size=512,
        mean=_ZERO,
        std=_ONE,
        fit="corner",
        poolings=_projected(2048, 512, "raw", "mean of the last feature map"),
        pooling="raw",
        weights_files=("flair.safetensors", "flair_resnet.pth"),
        source=Source(
            repository="jusiro2/FLAIR",
            file="model.safetensors",
            page=drive_page("1l24_2IzwQdnaa034I0zcyDLs_zMujsbR"),
        ),
        licence="Apache-2.0",
        reference="Silva-Rodriguez et al. (2025), Medical Image Analysis 99, 103357",
        seen_in_pretraining=FLAIR_DATA,
        text_tower="flair",
    ),
    BackboneSpec(
        id="keepfit",
        title="KeepFIT ResNet-50 (colour photographs)",
        group="retinal",
        architecture="resnet50",
        layouts=("keepfit", "timm"),
        embed_dim=2048,
        image_size=512,
        mean=_ZERO,
        std=_ONE,
        fit="corner",
        poolings=_projected(2048, 512, "raw", "mean of the last feature map"),
        pooling="raw",
        weights_files=("keepfit_cfp.pth",),
        source=Source(page=drive_page("1w6poCkZeqSTHsLYz1R9-z5Ttc0Vw0qSw")),
        licence=_NO_LICENCE,
        licence_kind="non-commercial",
        reference="Wu et al. (2024), MM-Retinal",
        seen_in_pretraining=("MM-Retinal", *FLAIR_DATA),
        note="No licence is stated with the weights: treat them as not free to use.",
    ),
    BackboneSpec(
        id="retizero",
        title="RetiZero ViT-L/16",
        group="retinal",
        architecture="vit_large_patch16_224",
        layouts=("retizero", "timm"),
        embed_dim=1024,
        size_multiple=16,
        fit="squash",
        poolings=_projected(1024, 512, "class_token", "class token"),
        pooling="class_token",
        weights_files=("RetiZero.pth",),
        source=Source(page=drive_page("14bMmnefO73_NL1Xc4x0A5qFNbuI7GqKM")),
        licence=_NO_LICENCE,
        licence_kind="non-commercial",
        reference="Wang et al. (2025), Nature Communications (RetiZero)",
        note="No licence is stated with the weights: treat them as not free to use.",
    ),
)

CLIP_LIKE = (
    BackboneSpec(
        id="pubmed_ophtha_clip_vit_b16",
        title="PubMed-Ophtha CLIP ViT-B/16",
        group="retinal",
        architecture="vit_base_patch16_clip_224",
        layouts=("clip", "timm"),
        embed_dim=512,
        size_multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        poolings=clip_poolings(),
        pooling="projected",
        weights_files=("pubmed_ophtha_clip_vit_b16.safetensors",),
        source=Source(
            repository="pubmed-ophtha/PubMed-Ophtha-CLIP-ViT-B-16",
            file="open_clip_model.safetensors",
        ),
        licence="not stated",
        licence_kind="non-commercial",
        reference="Hallitschke et al. (2026)",
        seen_in_pretraining=("PubMed-Ophtha",),
        text_tower="open_clip:ViT-B-16",
        note="Its licence is unverified: treat the weights as not free to use.",
    ),
    BackboneSpec(
        id="eyeclip",
        title="EyeCLIP ViT-B/32",
        group="retinal",
        architecture="vit_base_patch32_clip_quickgelu_224",
        layouts=("clip", "timm"),
        embed_dim=512,
        size_multiple=32,
        fit="centre_crop",
        poolings=clip_poolings(),
        pooling="projected",
        weights_files=("eyeclip_visual.pt",),
        source=Source(page=drive_page("1u_pUJYPppbprVQQ5jaULEKKp-eJqaVw6")),
        licence=_NO_LICENCE,
        licence_kind="non-commercial",
        reference="Shi et al. (2025), npj Digital Medicine (EyeCLIP)",
        note="Its architecture is taken from its scripts; elsewhere another is named. A file of "
        "another one is refused. No licence is stated.",
    ),
    BackboneSpec(
        id="ret_clip",
        title="RET-CLIP ViT-B/16, visual encoder",
        group="retinal",
        architecture="vit_base_patch16_clip_quickgelu_224",
        layouts=("clip", "timm"),
        embed_dim=512,
        size_multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        fit="squash",
        poolings=clip_poolings(),
        pooling="projected",
        weights_files=("ret-clip.pt",),
        source=Source(page=drive_page("1lYrAg5qzFbNghEW-3UB36v9WL-mo5eN9")),
        licence=_NO_LICENCE,
        licence_kind="non-commercial",
        reference="Du et al. (2024), MICCAI (RET-CLIP)",
        note="Each eye is embedded on its own; the published model also mixes two eyes of one "
        "patient. No licence is stated.",
    ),
)
