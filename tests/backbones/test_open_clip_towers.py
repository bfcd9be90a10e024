"""Any architecture of open_clip: its own vector, read through the interface of a timm network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP, CustomTextCLIP
from torch import Tensor, nn

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.loaders import load_backbone
from fundus_core.backbones.networks import build_network
from fundus_core.backbones.open_clip_towers import as_network
from fundus_core.backbones.token_grid import features_as_grid
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import BackboneError, WeightsError
from fundus_core.explain.cam import SaliencyMap, saliency_maps

TEXT = {"width": 16, "heads": 2, "layers": 1, "vocab_size": 64, "context_length": 8}
TRANSFORMER = {"layers": 2, "width": 32, "head_width": 16}
TOWERS = {
    "ViT-B-32": TRANSFORMER,
    "ViT-B-32-quickgelu": TRANSFORMER,
    "coca_ViT-B-32": {**TRANSFORMER, "attn_pooler_heads": 4},
    "ViT-L-14-CLIPA": {**TRANSFORMER, "patch_size": 32},
    "RN50": {"layers": [1, 1, 1, 1], "width": 8},
    "PE-Core-T-16-384": {},
    "MobileCLIP2-S0": {},
}
"""One name for each kind of tower and of pooling, with what makes it small."""


def small_spec(name: str) -> BackboneSpec:
    spec = backbone_spec(f"open_clip:{name}")
    return replace(spec, architecture_args=tuple(TOWERS[name].items()))


def whole_model(name: str) -> nn.Module:
    """open_clip's own model, its towers small."""
    config = open_clip.get_model_config(name)
    torch.manual_seed(1)
    is_custom = config.get("custom_text") and "multimodal_cfg" not in config
    return (CustomTextCLIP if is_custom else CLIP)(
        embed_dim=config["embed_dim"],
        vision_cfg={**config["vision_cfg"], **TOWERS[name], "output_tokens": False},
        text_cfg=TEXT,
        quick_gelu=config.get("quick_gelu", False),
    ).eval()


def loaded(spec: BackboneSpec, path: Path | None = None, size: int | None = None) -> Backbone:
    return load_backbone(
        spec,
        path,
        preprocessing=PreprocessRecipe(),
        device=torch.device("cpu"),
        image_size=size,
    )


def pictures(size: int, n: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (n, 3, 8, 8), generator=generator).float()
    return nn.functional.interpolate(coarse, size=size, mode="bilinear").to(torch.uint8)


@pytest.mark.parametrize("name", TOWERS)
def test_embed__is_what_open_clip_computes(name: str, tmp_path: Path) -> None:
    spec, model = small_spec(name), whole_model(name)
    path = tmp_path / "model.pt"
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, path)
    batch = pictures(spec.image_size)

    embeddings = loaded(spec, path).embed(batch)

    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))
    with torch.inference_mode():
        expected = model.encode_image((batch.float() / 255 - mean) / std)
    assert embeddings.shape == (2, spec.embed_dim)
    torch.testing.assert_close(embeddings, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", TOWERS)
def test_network__has_places_parts_and_saliency(name: str) -> None:
    spec = small_spec(name)
    backbone = loaded(spec)
    generator = np.random.default_rng(0)
    weight = generator.standard_normal(spec.embed_dim).astype(np.float32)
    batch = pictures(spec.image_size, 1)

    features = backbone.feature_map(batch)
    maps = [saliency_maps(backbone, batch, sign * weight, class_name="dr")[0] for sign in (1, -1)]
    blocks = backbone.blocks()

    side = features.shape[2]
    assert features.shape == (1, backbone.module.num_features, side, side)
    assert side > 1
    assert any(isinstance(each, SaliencyMap) and each.values.min() < 0.99 for each in maps)
    assert sorted(n for block in blocks for n in block.parameters) == sorted(
        name for name, _ in backbone.module.named_parameters()
    )
    assert len({block.name for block in blocks}) == len(blocks) >= 4


def test_blocks__of_a_transformer_go_from_patches_to_projection() -> None:
    names = [block.name for block in loaded(small_spec("ViT-B-32")).blocks()]

    assert names == ["stem", "transformer.resblocks.0", "transformer.resblocks.1", "proj"]


def test_backbone_spec__knows_what_open_clip_knows() -> None:
    spec = backbone_spec("open_clip:ViT-L-14-CLIPA-336")

    assert (spec.image_size, spec.size_multiple, spec.embed_dim) == (336, 14, 768)
    assert spec.mean == pytest.approx((0.485, 0.456, 0.406))
    assert spec.fit == "squash"
    assert spec.text_tower == "open_clip:ViT-L-14-CLIPA-336"


def test_backbone_spec__takes_the_normalisation_of_most_weights() -> None:
    spec = backbone_spec("open_clip:ViT-L-14")  # one of twelve was trained with mean 0.5

    assert spec.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))


def test_backbone_spec__an_unknown_name_gets_the_near_ones() -> None:
    with pytest.raises(BackboneError, match="no architecture 'ViT-B-3000'") as refusal:
        backbone_spec("open_clip:ViT-B-3000")

    assert "ViT-B-32" in refusal.value.hint


def test_load__another_architecture_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pt"
    torch.save(whole_model("RN50").state_dict(), path)

    with pytest.raises(WeightsError, match=r"resnet\.pt holds a convolutional network"):
        loaded(small_spec("ViT-B-32"), path)


def test_load__a_transformer_takes_other_sizes_by_its_grid() -> None:
    spec = small_spec("ViT-B-32")

    backbone = loaded(spec, size=96)

    assert backbone.embed(pictures(96)).shape == (2, spec.embed_dim)
    assert backbone.feature_map(pictures(96)).shape[2:] == (3, 3)
    with pytest.raises(BackboneError, match="100 px is no multiple"):
        loaded(spec, size=100)


def test_set_input_size__the_class_token_keeps_its_position() -> None:
    network = build_network(small_spec("ViT-B-32"))
    before = network.trunk.positional_embedding.detach().clone()

    network.set_input_size((448, 448))

    after = network.trunk.positional_embedding.detach()
    assert after.shape == (1 + 14 * 14, 32)
    assert torch.equal(after[0], before[0])
    corner = after[1:].reshape(14, 14, 32)[0, 0]
    assert (corner - before[1]).norm() < (corner - before[8]).norm()


def test_load__a_resnet_with_attention_pooling_takes_its_own_size_only() -> None:
    with pytest.raises(BackboneError, match="224 px only, not 256 px"):
        loaded(small_spec("RN50"), size=256)


def test_as_network__another_kind_of_tower_is_refused() -> None:
    with pytest.raises(BackboneError, match="open_clip:New is a Linear") as refusal:
        as_network(nn.Linear(3, 3), "open_clip:New")

    assert "VisionTransformer" in refusal.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("name", open_clip.list_models())
def test_network__of_any_architecture_gives_the_stated_shapes(name: str) -> None:
    spec = backbone_spec(f"open_clip:{name}")

    with torch.device("meta"):
        network = build_network(spec).eval()
        features = network.forward_features(torch.zeros(1, 3, spec.image_size, spec.image_size))
        embedding = network.forward_head(features)
        places = features_as_grid(network, features, spec.image_size)

    assert embedding.shape == (1, spec.embed_dim)
    assert places.shape[1] == network.num_features
    assert places.shape[2] > 1
