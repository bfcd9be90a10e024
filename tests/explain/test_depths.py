"""Layers are offered from early to late, each a step that everything passes through."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import raw_maps
from fundus_core.explain.depths import MOST_CHOICES, chosen_layer, layer_choices
from fundus_core.explain.layers import cam_layer
from tests.explain.networks import FakeBackbone, pictures, random_probe, timm_backbone

STAGES = {
    "resnet18": (64, {}, {"layer1": (16, 16), "layer2": (8, 8), "layer3": (4, 4)}),
    "test_convnext": (96, {}, {"stem": (24, 24), "stages.0": (24, 24), "stages.2": (6, 6)}),
    "vgg11": (64, {}, {"features.5": (16, 16)}),
    "densenet121": (64, {}, {"features.transition1": (8, 8)}),
    "swin_tiny_patch4_window7_224": (
        128,
        {"img_size": 128, "depths": (1, 1, 1, 1)},
        {"layers.0": (32, 32), "layers.2": (8, 8)},
    ),
    "test_vit": (160, {}, {"blocks.0": (10, 10), "blocks.4": (10, 10)}),
    "vit_small_patch14_reg4_dinov2": (
        70,
        {"img_size": 70, "depth": 4},
        {"blocks.0": (5, 5), "blocks.2": (5, 5)},
    ),
}
"""Per network: input size, architecture, and some of its stages with their grids."""


@pytest.mark.parametrize("name", STAGES)
def test_layer_choices__hold_the_stages_and_end_with_the_usual_layer(name: str) -> None:
    size, architecture, stages = STAGES[name]
    backbone = timm_backbone(name, size, **architecture)

    choices = layer_choices(backbone)

    grids = {choice.layer.name: choice.grid for choice in choices}
    assert stages.items() <= grids.items()
    assert [choice.usual for choice in choices] == [False] * (len(choices) - 1) + [True]
    assert choices[-1].layer == cam_layer(backbone)
    assert len(grids) == len(choices) <= MOST_CHOICES
    sides = [choice.grid[0] for choice in choices]
    assert sides == sorted(sides, reverse=True)


@pytest.mark.parametrize("name", STAGES)
def test_layer_choices__every_one_gives_a_map_of_its_grid(name: str) -> None:
    size, architecture, _ = STAGES[name]
    backbone = timm_backbone(name, size, **architecture)
    probe = random_probe(backbone.embed(pictures(1, size)).shape[1])

    for choice in layer_choices(backbone):
        (raw,) = raw_maps(backbone, pictures(1, size), probe, layer=choice.layer)

        assert raw.shape == choice.grid
        assert np.isfinite(raw).all()
        assert np.ptp(raw) > 0, choice


class Detour(nn.Module):
    """Two stages, and a way around the first of them."""

    num_features = 8

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, 4))
        self.first = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1))
        self.third = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1))

    def forward_features(self, pixels: Tensor) -> Tensor:
        places = self.stem(pixels)
        return self.third(self.second(places + self.first(places)))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.forward_features(pixels).mean(dim=(2, 3))


def test_layer_choices__leave_out_what_can_be_gone_round() -> None:
    torch.manual_seed(0)
    backbone = FakeBackbone(Detour(), 64)

    names = [choice.layer.name for choice in layer_choices(backbone)]

    assert names == ["stem", "second", "third"]


def test_layer_choices__are_the_same_for_a_network_that_can_be_trained() -> None:
    torch.manual_seed(0)
    backbone = FakeBackbone(Detour(), 64)
    backbone.module.requires_grad_(True)

    names = [choice.layer.name for choice in layer_choices(backbone)]

    assert names == ["stem", "second", "third"]
    assert all(parameter.grad is None for parameter in backbone.module.parameters())
    assert not any(layer._forward_hooks for layer in backbone.module.modules())


def test_chosen_layer__an_unknown_one_is_refused_with_those_there_are() -> None:
    backbone = timm_backbone("resnet18", 64)

    with pytest.raises(SaliencyError, match="from a layer 'layer9'") as refusal:
        chosen_layer(backbone, "layer9")

    assert "layer2" in refusal.value.hint
    assert chosen_layer(backbone, None) == cam_layer(backbone)
    assert chosen_layer(backbone, "layer2").name == "layer2"
