"""What every pair of a kind of network and a saliency method promises: a map, or a reason."""

from pathlib import Path

import numpy as np
import pytest

from fundus_core.backbones.base import Backbone
from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import SaliencyMap, saliency_maps
from fundus_core.explain.methods import METHODS
from tests.contract.published import PUBLISHED
from tests.contract.tiny import Files, loaded_at, pictures, tiny
from tests.explain.networks import timm_backbone

PLAIN_TRANSFORMERS = (
    "vit_small",
    "dinov2_small_reg",
    "dinov3_vit_small",
    "eva02_small",
    "openclip_vit_b16",
    "eyeclip",
    "siglip2_vit_b16",
    "retfound_mae",
)
OTHERS = (
    "resnet18",
    "densenet121",
    "mobilenetv2_035",
    "convnext_tiny",
    "xcit_nano_phantom",
    "sam_vit_b",
    "seem_focal_t",
)
SWIN = "swin"
"""Not of the catalogue, but its places come in another order than all others'."""

ATTENTION = ("weighted_attention", "attention_rollout")


@pytest.fixture(scope="module", params=[*PLAIN_TRANSFORMERS, *OTHERS, SWIN])
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Backbone, int]:
    """A backbone, its name, and the side of the grid of its last features."""
    name: str = request.param
    if name == SWIN:
        tiny_swin = {"img_size": 64, "depths": (1, 1, 1, 1), "embed_dim": 24}
        return name, timm_backbone("swin_tiny_patch4_window7_224", 64, **tiny_swin), 2
    checkpoint = PUBLISHED[name]
    files = Files(Path(tmp_path_factory.mktemp("published")))
    path = files.written(checkpoint, files.tensors(checkpoint))
    return name, loaded_at(tiny(name), path), checkpoint.grid


def expected_side(method: str, grid: int, image_size: int) -> int:
    return {"integrated_gradients": image_size // 8, "occlusion": 16}.get(method, grid)


@pytest.mark.parametrize("method", METHODS)
def test_saliency_maps__are_of_the_right_grid_or_refused_with_a_reason(
    network: tuple[str, Backbone, int], method: str
) -> None:
    name, backbone, grid = network
    batch = pictures(backbone.image_size)[:1]
    n_features = backbone.embed(batch).shape[1]
    weight = np.random.default_rng(0).standard_normal(n_features).astype(np.float32)

    if method in ATTENTION and name not in PLAIN_TRANSFORMERS:
        with pytest.raises(SaliencyError, match="cannot be followed") as refusal:
            saliency_maps(backbone, batch, weight, class_name="dr", method=method)
        assert refusal.value.hint
        return

    either = [
        saliency_maps(backbone, batch, sign * weight, class_name="dr", method=method)[0]
        for sign in (1, -1)
    ]

    side = expected_side(method, grid, backbone.image_size)
    shown = [one for one in either if isinstance(one, SaliencyMap)]
    assert shown, either
    for one in shown:
        assert one.values.shape == (side, side)
        assert np.isfinite(one.values).all()
        assert 0.0 <= one.values.min() < 0.99
        assert one.values.max() == 1.0
        assert bool(one.layer) is METHODS[method].by_layer
