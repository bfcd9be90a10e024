"""What several rows of the catalogue have in common."""

from fundus_core.backbones.base import Pooling, Source

HALF = (0.5, 0.5, 0.5)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
IMAGENET = ("ImageNet-1k",)


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


def clip_poolings() -> tuple[Pooling, ...]:
    """Returns the two poolings of CLIP's base transformer, the one that texts share first."""
    return (
        Pooling("projected", "class token in the space of the texts", 512, head="projection"),
        Pooling("class_token", "class token", 768, drops=(r"projection\.weight",)),
    )


def drive_page(file_id: str) -> str:
    """Returns the page of a shared file, for weights that no program may download."""
    return f"https://drive.google.com/file/d/{file_id}/view"
