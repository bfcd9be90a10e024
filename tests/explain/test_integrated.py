"""Integrated gradients add up to the score, and equal another library's."""

import numpy as np
import pytest
import torch
from torch import nn

from fundus_core.explain.cam import raw_maps
from fundus_core.explain.question import without_detail
from tests.explain.networks import FakeBackbone, normalised, pictures, random_probe, timm_backbone


@pytest.mark.parametrize(("name", "size"), [("test_resnet", 96), ("test_vit", 160)])
def test_integrated_gradients__add_up_to_the_rise_of_the_score(name: str, size: int) -> None:
    backbone, batch = timm_backbone(name, size), pictures(2, size)
    probe = random_probe(backbone.module.num_features)

    maps = raw_maps(backbone, batch, probe, method="integrated_gradients")

    with torch.no_grad():
        rise = backbone.forward(batch.float()) - backbone.forward(without_detail(batch))
    assert maps.shape == (2, size // 8, size // 8)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), rise.numpy() @ probe, rtol=0.03)


def test_integrated_gradients__of_a_sum_is_each_pixels_own_part() -> None:
    colour = FakeBackbone(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 64, "colour")
    batch = pictures(1, 64)

    (raw,) = raw_maps(colour, batch, np.array([1.0, 0.0, 0.0]), method="integrated_gradients")

    parts = (batch.float() - without_detail(batch))[0, 0] / 255 / 0.25 / 64**2
    np.testing.assert_allclose(raw, parts.view(8, 8, 8, 8).sum(dim=(1, 3)), atol=1e-6)


def test_integrated_gradients__equal_captums() -> None:
    captum = pytest.importorskip("captum.attr")
    backbone, batch = timm_backbone("test_resnet", 96), pictures(2, 96)
    probe = random_probe(96)
    coefficients = torch.tensor(probe)

    def score(pixels: torch.Tensor) -> torch.Tensor:
        return backbone.module(normalised(pixels)) @ coefficients

    ours = raw_maps(backbone, batch, probe, method="integrated_gradients")

    theirs = captum.IntegratedGradients(score).attribute(
        batch.float(), without_detail(batch), n_steps=32, method="gausslegendre"
    )
    cells = theirs.detach().sum(dim=1).view(2, 12, 8, 12, 8).sum(dim=(2, 4))
    np.testing.assert_allclose(ours, cells, atol=1e-4 * cells.abs().max())
