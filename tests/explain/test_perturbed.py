"""Maps without gradients: each feature or patch hidden by hand gives the same."""

import copy
import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.backbones.token_grid import Layout
from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import raw_maps
from fundus_core.explain.question import without_detail
from fundus_core.explain.tail import CamLayer
from tests.explain.networks import (
    FakeBackbone,
    RednessNetwork,
    pictures,
    random_probe,
    timm_backbone,
)

TAILS = {
    "resnet18": (64, {}, CamLayer("layer4", "NCHW")),
    "resnet18 early": (64, {}, CamLayer("layer3", "NCHW")),
    "densenet121 inside": (64, {}, CamLayer("features.denseblock4.denselayer1", "NCHW")),
    "test_vit": (96, {"img_size": 96}, CamLayer("blocks.5.norm1", "NLC")),
    "swin_tiny_patch4_window7_224": (
        64,
        {"img_size": 64, "depths": (1, 1, 1, 1)},
        CamLayer("layers.1", "NHWC"),
    ),
}
"""Layers whose rest of the network is run again; the dense one's output is joined to another's."""


def without_features(
    backbone: FakeBackbone, batch: Tensor, layer: CamLayer, features: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Returns what the layer gave, and the embeddings (F, B, D) without each of its features."""
    module = copy.deepcopy(backbone.module)
    seen: list[Tensor] = []
    axis = layer.layout.index("C")

    def cut(_layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        seen.append(output[: len(batch)].clone())
        changed = output.clone()
        for part, feature in zip(changed.split(len(batch)), features, strict=True):
            part.select(axis, feature).zero_()
        return changed

    module.get_submodule(layer.name).register_forward_hook(cut)
    repeated = batch.repeat(len(features), 1, 1, 1)
    embeddings = FakeBackbone(module, backbone.image_size).embed(repeated)
    return seen[0], embeddings.reshape(len(features), len(batch), -1)


def places_of(output: Tensor, layout: Layout, feature: int) -> np.ndarray:
    """Returns one feature of a layer at the places of a square grid, prefix token left out."""
    values = output.select(layout.index("C"), feature)
    if layout == "NLC":
        side = int(np.sqrt(values.shape[1]))
        values = values[:, -side * side :].reshape(-1, side, side)
    return values.numpy()


@pytest.mark.parametrize("name", TAILS)
def test_ablation_cam__is_each_features_fall_times_the_feature(name: str) -> None:
    size, architecture, layer = TAILS[name]
    backbone = timm_backbone(name.split()[0], size, **architecture)
    batch = pictures(2, size)
    plain = backbone.embed(batch)
    probe = random_probe(plain.shape[1])

    maps = raw_maps(backbone, batch, probe, 0.3, method="ablation_cam", layer=layer)

    n_features = without_features(backbone, batch, layer, [0])[0].shape[layer.layout.index("C")]
    expected = np.zeros_like(maps)
    for some in np.array_split(np.arange(n_features), n_features // 16):
        output, embeddings = without_features(backbone, batch, layer, some.tolist())
        for feature, without in zip(some.tolist(), embeddings, strict=True):
            falls = (plain - without).numpy() @ probe
            expected += falls[:, None, None] * places_of(output, layer.layout, feature)
    np.testing.assert_allclose(maps, expected, atol=2e-3 * np.abs(expected).max())


def test_ablation_cam__leaves_other_users_of_the_same_network_alone() -> None:
    module = timm_backbone("test_resnet", 96).module
    undisturbed = FakeBackbone(module, 96).embed(pictures(1, 96))
    elsewhere: list[Tensor] = []

    class Shared(FakeBackbone):
        def forward(self, batch: Tensor) -> Tensor:
            session = threading.Thread(
                target=lambda: elsewhere.append(FakeBackbone(module, 96).embed(pictures(1, 96)))
            )
            session.start()
            session.join()
            return FakeBackbone.forward(self, batch)

    raw_maps(Shared(module, 96), pictures(1, 96), random_probe(96), method="ablation_cam")

    assert len(elsewhere) > 2
    assert all(torch.equal(one, undisturbed) for one in elsewhere)


def test_ablation_cam__refuses_a_layer_that_is_not_run() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)
    backbone.module.idle = nn.Conv2d(3, 3, 1)

    with pytest.raises(SaliencyError, match="does not depend on the layer 'idle'"):
        raw_maps(
            backbone,
            pictures(1, 96),
            np.array([1.0]),
            method="ablation_cam",
            layer=CamLayer("idle", "NCHW"),
        )


def test_occlusion__is_the_mean_fall_of_the_patches_over_a_place() -> None:
    backbone, probe = timm_backbone("test_resnet", 96), random_probe(96)
    batch = pictures(2, 96)

    maps = raw_maps(backbone, batch, probe, method="occlusion")

    plain, hidden = backbone.embed(batch).numpy() @ probe, without_detail(batch)
    falls = np.zeros((2, 15, 15))
    for top in range(15):
        for left in range(15):
            patch = np.s_[:, :, 6 * top : 6 * top + 12, 6 * left : 6 * left + 12]
            changed = batch.float()
            changed[patch] = hidden[patch]
            falls[:, top, left] = plain - backbone.embed(changed).numpy() @ probe
    assert maps.shape == (2, 16, 16)
    inner = (falls[:, 3:5, 7:9]).mean(axis=(1, 2))
    np.testing.assert_allclose(maps[:, 4, 8], inner, atol=1e-4 * np.abs(falls).max())
    np.testing.assert_allclose(maps[:, 0, 0], falls[:, 0, 0], atol=1e-4 * np.abs(falls).max())
    np.testing.assert_allclose(
        maps[:, 0, 5], falls[:, 0, 4:6].mean(axis=1), atol=1e-4 * np.abs(falls).max()
    )


def test_occlusion__of_a_network_without_places_shows_where_the_score_comes_from() -> None:
    redness = FakeBackbone(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 96, "colour")
    picture = torch.full((1, 3, 96, 96), 90, dtype=torch.uint8)
    picture[:, 0, 12:24, 60:72] = 250

    (raw,) = raw_maps(redness, picture, np.array([1.0, -1.0, 0.0]), method="occlusion")

    assert raw[2:4, 10:12].min() == pytest.approx(raw.max(), rel=0.3)
    assert raw[8:].max() < 0.05 * raw.max()


def test_without_detail__keeps_the_mean_and_takes_the_detail() -> None:
    batch = pictures(2, 96)

    blurred = without_detail(batch)

    assert blurred.shape == batch.shape
    np.testing.assert_allclose(blurred.mean(dim=(2, 3)), batch.float().mean(dim=(2, 3)), rtol=0.05)
    fine = batch.float() - nn.functional.avg_pool2d(batch.float(), 9, 1, 4)
    fine_left = blurred - nn.functional.avg_pool2d(blurred, 9, 1, 4)
    inside = np.s_[:, :, 10:-10, 10:-10]
    assert fine_left[inside].std() < 0.25 * fine[inside].std()
