"""The vision towers of open_clip's models, with the interface of a timm network.

To add a kind of tower, add one entry to `TOWERS`.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from fundus_core.backbones.base import BackboneSpec, Pooling
from fundus_core.backbones.catalogue import OPEN_CLIP_PREFIX
from fundus_core.backbones.heads import Wrapped
from fundus_core.backbones.specs.shared import CLIP_MEAN, CLIP_STD
from fundus_core.domain.recipe import Fit
from fundus_core.errors import BackboneError

_NO_TEXT = {"width": 8, "heads": 1, "layers": 1, "vocab_size": 8, "context_length": 8}
"""The text tower is not used; it is built as small as can be."""


@dataclass(frozen=True, slots=True)
class Patches:
    """How a transformer cuts its input, in the words of timm's `PatchEmbed`."""

    img_size: tuple[int, int]
    patch_size: tuple[int, int]

    def dynamic_feat_size(self, img_size: tuple[int, int]) -> tuple[int, int]:
        """Returns how many patches an input of this height and width has."""
        return img_size[0] // self.patch_size[0], img_size[1] // self.patch_size[1]


class TransformerTower(Wrapped):
    """open_clip's own vision transformer; its embedding is projected."""

    num_prefix_tokens = 1

    def __init__(self, trunk: Any) -> None:
        """Takes an `open_clip.transformer.VisionTransformer`."""
        super().__init__(trunk)
        self.num_features = int(trunk.conv1.out_channels)
        self.patch_embed = Patches(trunk.image_size, trunk.patch_size)

    def forward_features(self, pixels: Tensor) -> Tensor:
        """Returns the tokens (B, 1 + N, C) after the last block, the class token first."""
        places = self.trunk.conv1(pixels).flatten(2).transpose(1, 2)  # (B, N, C)
        first = self.trunk.class_embedding.expand(len(places), 1, -1)
        tokens = torch.cat([first, places], dim=1) + self.trunk.positional_embedding
        last: Tensor = self.trunk.transformer(self.trunk.ln_pre(self.trunk.patch_dropout(tokens)))
        return last

    def forward_head(self, features: Tensor, pre_logits: bool = True) -> Tensor:
        """Maps tokens (B, 1 + N, C) to embeddings (B, D)."""
        trunk = self.trunk
        tokens = features if trunk.attn_pool is None else trunk.attn_pool(features)
        if not trunk.final_ln_after_pool or trunk.attn_pool is not None:
            tokens = trunk.ln_post(tokens)
        pooled = tokens[:, 1:].mean(dim=1) if trunk.pool_type == "avg" else tokens[:, 0]
        if trunk.final_ln_after_pool and trunk.attn_pool is None:
            pooled = trunk.ln_post(pooled)
        projected: Tensor = pooled @ trunk.proj
        return projected

    def set_input_size(self, img_size: tuple[int, int]) -> None:
        """Interpolates the position embeddings to the grid of another input size."""
        from timm.layers.pos_embed import resample_abs_pos_embed

        old = self.trunk.positional_embedding
        self.patch_embed = Patches(img_size, self.patch_embed.patch_size)
        grid = list(self.patch_embed.dynamic_feat_size(img_size))
        resampled = resample_abs_pos_embed(old.detach()[None], grid, num_prefix_tokens=1)[0]
        self.trunk.positional_embedding = nn.Parameter(resampled, old.requires_grad)

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Names the parts from input to embedding as timm does."""
        return {
            "stem": r"^trunk\.(?:conv1|class_embedding|positional_embedding|ln_pre)",
            "blocks": [
                (r"^trunk\.transformer\.resblocks\.(\d+)", None),
                (r"^trunk\.(?:ln_post|attn_pool)", (99999,)),  # with the last block
            ],
        }


class ResNetTower(Wrapped):
    """open_clip's ResNet with attention pooling."""

    def __init__(self, trunk: Any) -> None:
        """Takes an `open_clip.modified_resnet.ModifiedResNet`."""
        super().__init__(trunk)
        self.num_features = int(trunk.attnpool.k_proj.in_features)

    def forward_features(self, pixels: Tensor) -> Tensor:
        """Returns the features (B, C, h, w) of the last stage."""
        trunk = self.trunk
        stages = (trunk.stem, trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4)
        for stage in stages:
            pixels = stage(pixels)
        return pixels

    def forward_head(self, features: Tensor, pre_logits: bool = True) -> Tensor:
        """Maps features (B, C, h, w) to embeddings (B, D)."""
        pooled: Tensor = self.trunk.attnpool(features)
        return pooled

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Names the parts from input to embedding as timm does."""
        return {
            "stem": r"^trunk\.(?:conv|bn)\d",
            "blocks": [(r"^trunk\.layer(\d+)", None)],  # the pooling is a part of its own
        }


class TimmTower(Wrapped):
    """A network of the timm library inside an open_clip model, with open_clip's projection."""

    def __getattr__(self, name: str) -> Any:
        """Looks up in the timm network whatever it declares of itself."""
        try:
            return nn.Module.__getattr__(self, name)
        except AttributeError:
            tower: Any = nn.Module.__getattr__(self, "trunk")
            return getattr(tower.trunk, name)

    def forward_features(self, pixels: Tensor) -> Tensor:
        """Returns the timm network's last features."""
        features: Tensor = self.trunk.trunk.forward_features(pixels)
        return features

    def forward_head(self, features: Tensor, pre_logits: bool = True) -> Tensor:
        """Maps the last features to embeddings (B, D)."""
        embeddings: Tensor = self.trunk.head(self.trunk.trunk.forward_head(features))
        return embeddings


TOWERS: dict[str, Callable[[Any], nn.Module]] = {
    "VisionTransformer": TransformerTower,
    "ModifiedResNet": ResNetTower,
    "TimmModel": TimmTower,
}
"""By the class of open_clip's tower: tower -> network."""


def open_clip_spec(backbone: str) -> BackboneSpec:
    """Builds a spec from what open_clip knows of an architecture and its published weights.

    Args:
        backbone: `open_clip:NAME`.

    Raises:
        BackboneError: If open_clip has no architecture of this name.
    """
    name = backbone.removeprefix(OPEN_CLIP_PREFIX)
    config = _config(name)
    vision, embed_dim = config["vision_cfg"], int(config["embed_dim"])
    published = _published_preprocessing(name)
    return BackboneSpec(
        id=f"{OPEN_CLIP_PREFIX}{name}",
        title=f"{name} (open_clip)",
        loader="open_clip",
        architecture=name,
        embed_dim=embed_dim,
        layouts=("open_clip",),
        image_size=int(vision["image_size"]),
        size_multiple=_size_multiple(vision),
        mean=published.mean,
        std=published.std,
        fit=published.fit,
        poolings=(Pooling("projected", "in the space of the texts", embed_dim),),
        pooling="projected",
        weights_files=(f"open_clip.{name}.safetensors", f"open_clip.{name}.pt"),
        licence="see the model's page",
        reference=f"open_clip: {name}",
        text_tower=f"{OPEN_CLIP_PREFIX}{name}",
        note="OpenAI's own weights need the architecture whose name ends in -quickgelu.",
    )


def build_open_clip(spec: BackboneSpec) -> nn.Module:
    """Returns the vision tower of an open_clip architecture with random weights.

    Raises:
        BackboneError: If open_clip has no such architecture, or its tower is of an unknown kind.
    """
    from open_clip.model import CLIP

    config = _config(spec.architecture)
    vision = {
        **config["vision_cfg"],
        "timm_model_pretrained": False,
        **dict(spec.architecture_args),
    }
    model: Any = CLIP(
        config["embed_dim"], vision, _NO_TEXT, quick_gelu=config.get("quick_gelu", False)
    )
    return as_network(model.visual, spec.id)


def as_network(tower: nn.Module, backbone: str) -> nn.Module:
    """Gives a vision tower of open_clip the interface of a timm network.

    Args:
        tower: Of one of the kinds in `TOWERS`.
        backbone: Its id, for the message.

    Raises:
        BackboneError: If it is of another kind.
    """
    kind = type(tower).__name__
    if kind not in TOWERS:
        raise BackboneError(
            f"The vision tower of {backbone} is a {kind}, which is not known here.",
            hint=f"Choose an architecture whose tower is one of {', '.join(TOWERS)}.",
        )
    return TOWERS[kind](tower)


def _config(name: str) -> Mapping[str, Any]:
    """Returns what open_clip knows of an architecture."""
    import open_clip

    known = open_clip.list_models()
    if name not in known:
        near = get_close_matches(name, known, n=5, cutoff=0)
        raise BackboneError(
            f"open_clip has no architecture {name!r}.",
            hint=f"The nearest are {', '.join(near)}; `open_clip.list_models()` lists all.",
        )
    config: Mapping[str, Any] = open_clip.get_model_config(name)
    return config


def _size_multiple(vision: Mapping[str, Any]) -> int:
    """Returns what other input sizes must be a multiple of; 0 where there are none."""
    if vision.get("timm_model_name"):
        return 1  # timm's networks say for themselves
    if isinstance(vision["layers"], list | tuple):
        return 0  # attention pooling has one position embedding per place
    return int(vision["patch_size"])


@dataclass(frozen=True, slots=True)
class _Preprocessing:
    """How photographs became the input of published weights."""

    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    fit: Fit = "pad"


def _published_preprocessing(name: str) -> _Preprocessing:
    """Returns the preprocessing that most of an architecture's published weights were made with."""
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    configs = [get_pretrained_cfg(name, tag) for tag in list_pretrained_tags_by_model(name)]
    kinds = Counter(
        _Preprocessing(
            tuple(config.get("mean") or CLIP_MEAN),
            tuple(config.get("std") or CLIP_STD),
            "squash" if config.get("resize_mode") == "squash" else "pad",
        )
        for config in configs
    )
    return kinds.most_common(1)[0][0] if kinds else _Preprocessing()
