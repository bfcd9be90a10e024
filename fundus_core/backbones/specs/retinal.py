"""Backbones trained on photographs of the retina."""

from fundus_core.backbones.base import BackboneSpec, Pooling, Source
from fundus_core.backbones.specs.general import CLIP_MEAN, CLIP_STD, HALF
from fundus_core.backbones.specs.papers import FLAIR_TRANSFER, FUNDUS_FOUNDATION

_ZERO, _ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_NO_LICENCE = "none stated"
_DRIVE = "https://drive.google.com/file/d/{}/view"

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


def _masked(dim: int) -> tuple[Pooling, ...]:
    """Returns the two poolings of a masked autoencoder, the official one first."""
    return (
        Pooling(
            "mean_patch",
            "mean of the patch tokens, then a plain layer norm (official)",
            dim,
            architecture_args=(("global_pool", "avg"),),
            drops=(r"norm\..*",),
            fresh=(r"fc_norm\..*",),
        ),
        Pooling("class_token", "class token after the checkpoint's norm", dim),
    )


def _projected(raw: int, projected: int, name: str, title: str) -> tuple[Pooling, ...]:
    """Returns the poolings of a model that shares a space with texts, the raw one first."""
    return (
        Pooling(name, title, raw, drops=(r"projection\.weight",)),
        Pooling(
            "projected", "projected into the space of the texts", projected, head="unit_projection"
        ),
    )


_FLAIR_LIKE = (
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
            page=_DRIVE.format("1l24_2IzwQdnaa034I0zcyDLs_zMujsbR"),
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
        source=Source(page=_DRIVE.format("1w6poCkZeqSTHsLYz1R9-z5Ttc0Vw0qSw")),
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
        source=Source(page=_DRIVE.format("14bMmnefO73_NL1Xc4x0A5qFNbuI7GqKM")),
        licence=_NO_LICENCE,
        licence_kind="non-commercial",
        reference="Wang et al. (2025), Nature Communications (RetiZero)",
        note="No licence is stated with the weights: treat them as not free to use.",
    ),
)

_JANG = tuple(
    BackboneSpec(
        id=f"jang_{name}_{size}",
        title=f"Fundus foundation model, {title}, {size} px",
        group="retinal",
        used_in=(FUNDUS_FOUNDATION,),
        architecture="resnet50",
        layouts=("jang", "timm"),
        embed_dim=2048,
        image_size=size,
        mean=_ZERO,
        std=_ONE,
        weights_files=(
            f"resnet50_{size}_{file}.safetensors",
            f"resnet50_{size}_{file}.pth",
        ),
        source=Source(page=_DRIVE.format(drive)),
        licence="CC BY-NC-SA 4.0",
        licence_kind="non-commercial",
        reference="Jang et al. (2024), arXiv:2408.08790",
        seen_in_pretraining=("SNUH Gangnam",),
        note="Published as a pickled module: convert it first, `fundus backbones convert`. The "
        "link was taken off its page in 2024. How pixels were normalised is not published; here "
        "they are only scaled to [0, 1], see --normalisation.",
    )
    for name, title, file, drive in (
        ("fundus", "Fundus", "Fundus", "1RzzFASggklv-L_uU-8AxMmcWuMYMuhR2"),
        (
            "imagenet_fundus",
            "ImageNet then Fundus",
            "ImageNet+Fundus",
            "1TL3rt8h5EJmZY0o-NeDRzEq8Qu8zfs-3",
        ),
    )
    for size in (256, 512, 1024)
)

_RETFOUND = (
    BackboneSpec(
        id="retfound_mae",
        title="RETFound MAE ViT-L/16 (colour photographs)",
        group="retinal",
        architecture="vit_large_patch16_224",
        layouts=("mae", "timm"),
        embed_dim=1024,
        size_multiple=16,
        fit="centre_crop",
        poolings=_masked(1024),
        pooling="mean_patch",
        weights_files=("RETFound_mae_natureCFP.pth", "RETFound_cfp_weights.pth"),
        source=Source(
            repository="YukunZhou/RETFound_mae_natureCFP", file="RETFound_mae_natureCFP.pth"
        ),
        licence="CC BY-NC 4.0",
        licence_kind="gated",
        reference="Zhou et al. (2023), Nature 622, 156-163",
        seen_in_pretraining=("ImageNet-1k", "MEH-MIDAS", "EyePACS"),
    ),
    BackboneSpec(
        id="retfound_dinov2",
        title="RETFound DINOv2 ViT-L/14",
        group="retinal",
        architecture="vit_large_patch14_dinov2",
        architecture_args=(("img_size", 224),),
        layouts=("dinov2_teacher", "dinov2", "timm"),
        embed_dim=1024,
        size_multiple=14,
        fit="centre_crop",
        weights_files=("RETFound_dinov2_meh.pth", "RETFound_dinov2_shanghai.pth"),
        source=Source(repository="YukunZhou/RETFound_dinov2_meh", file="RETFound_dinov2_meh.pth"),
        licence="CC BY-NC 4.0",
        licence_kind="gated",
        reference="Zhou et al. (2025), Research Square rs-6080254",
        seen_in_pretraining=("LVD-142M", "MEH-MIDAS"),
        note="The names inside the published file are unverified; blocks stored in chunks and "
        "plain ones are both read.",
    ),
    BackboneSpec(
        id="retfound_green",
        title="RETFound-Green ViT-S/14 with registers",
        group="retinal",
        architecture="vit_small_patch14_reg4_dinov2",
        architecture_args=(("fc_norm", False), ("global_pool", "avg"), ("img_size", 392)),
        embed_dim=384,
        image_size=392,
        size_multiple=14,
        mean=HALF,
        std=HALF,
        fit="squash",
        weights_files=("retfoundgreen_statedict.pth",),
        source=Source(
            url="https://github.com/justinengelmann/RETFound_Green/releases/download/v0.1/"
            "retfoundgreen_statedict.pth",
            sha256="431de5dbc1bebbb32f60e2c0bcf8daa4f8bcbf06f7cb1e1dc97ec589713942e1",
        ),
        licence="custom, non-commercial research",
        licence_kind="non-commercial",
        reference="Engelmann & Bernabeu (2025), Nature Communications",
        seen_in_pretraining=("AIROGS", "DDR", "ODIR"),
    ),
    BackboneSpec(
        id="urfound",
        title="UrFound ViT-B/16",
        group="retinal",
        architecture="vit_base_patch16_224",
        layouts=("mae", "timm"),
        embed_dim=768,
        size_multiple=16,
        fit="centre_crop",
        poolings=_masked(768),
        pooling="mean_patch",
        weights_files=("urfound_mm.pth",),
        source=Source(repository="yyyyk/UrFound", file="urfound_mm.pth"),
        licence="MIT (code)",
        reference="Yu et al. (2024), arXiv:2408.05618",
        note="The licence is that of the code; none is stated for the weights.",
    ),
    BackboneSpec(
        id="visionfm",
        title="VisionFM ViT-B/16 (fundus)",
        group="retinal",
        architecture="vit_base_patch16_224",
        layouts=("ibot_teacher", "timm"),
        embed_dim=768,
        size_multiple=16,
        mean=(0.4237, 0.2609, 0.1284),
        std=(0.2948, 0.2017, 0.1367),
        poolings=(Pooling("class_token", "class token", 768),),
        pooling="class_token",
        weights_files=("VFM_Fundus_weights.pth",),
        source=Source(page=_DRIVE.format("13uWm0a02dCWyARUcrCdHZIcEgRfBmVA4")),
        licence="CC BY-NC 4.0",
        licence_kind="non-commercial",
        reference="Qiu et al. (2024), NEJM AI (VisionFM)",
    ),
)

_CLIP_LIKE = (
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
        poolings=(
            Pooling("projected", "class token in the space of the texts", 512, head="projection"),
            Pooling("class_token", "class token", 768, drops=(r"projection\.weight",)),
        ),
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
        poolings=(
            Pooling("projected", "class token in the space of the texts", 512, head="projection"),
            Pooling("class_token", "class token", 768, drops=(r"projection\.weight",)),
        ),
        pooling="projected",
        weights_files=("eyeclip_visual.pt",),
        source=Source(page=_DRIVE.format("1u_pUJYPppbprVQQ5jaULEKKp-eJqaVw6")),
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
        poolings=(
            Pooling("projected", "class token in the space of the texts", 512, head="projection"),
            Pooling("class_token", "class token", 768, drops=(r"projection\.weight",)),
        ),
        pooling="projected",
        weights_files=("ret-clip.pt",),
        source=Source(page=_DRIVE.format("1lYrAg5qzFbNghEW-3UB36v9WL-mo5eN9")),
        licence=_NO_LICENCE,
        licence_kind="non-commercial",
        reference="Du et al. (2024), MICCAI (RET-CLIP)",
        note="Each eye is embedded on its own; the published model also mixes two eyes of one "
        "patient. No licence is stated.",
    ),
)

RETINAL = (*_FLAIR_LIKE, *_JANG, *_RETFOUND, *_CLIP_LIKE)
