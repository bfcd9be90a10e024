"""Backbones trained on photographs of the retina."""

from fundus_core.backbones.base import BackboneSpec, Pooling, Source
from fundus_core.backbones.specs.papers import FUNDUS_FOUNDATION
from fundus_core.backbones.specs.retinal_language import CLIP_LIKE, FLAIR_LIKE
from fundus_core.backbones.specs.shared import HALF, drive_page

_ZERO, _ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


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
        source=Source(page=drive_page(drive)),
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
        source=Source(page=drive_page("13uWm0a02dCWyARUcrCdHZIcEgRfBmVA4")),
        licence="CC BY-NC 4.0",
        licence_kind="non-commercial",
        reference="Qiu et al. (2024), NEJM AI (VisionFM)",
    ),
)


RETINAL = (*FLAIR_LIKE, *_JANG, *_RETFOUND, *CLIP_LIKE)
