"""The parts of a network: those of the comparison of strategies, and timm's for all others."""

import pytest
import torch

from fundus_core.backbones.blocks import Block, network_blocks
from fundus_core.backbones.catalogue import BACKBONES, with_pooling
from fundus_core.backbones.networks import build_network


def blocks_of(backbone: str, pooling: str | None = None) -> tuple[Block, ...]:
    with torch.device("meta"):
        return network_blocks(build_network(with_pooling(BACKBONES[backbone], pooling)))


def names_and_counts(blocks: tuple[Block, ...]) -> list[tuple[str, int]]:
    return [(block.name, len(block.parameters)) for block in blocks]


def test_network_blocks__of_resnet50_are_stem_and_four_stages() -> None:
    found = names_and_counts(blocks_of("resnet50"))

    assert found == [("stem", 3), ("layer1", 30), ("layer2", 39), ("layer3", 57), ("layer4", 30)]
    assert sum(count for _, count in found) == 161 - 2  # without fc


def test_network_blocks__of_densenet121_are_nine() -> None:
    found = names_and_counts(blocks_of("densenet121"))

    assert found == [
        ("stem", 3),
        ("denseblock1", 6 * 6),
        ("transition1", 3),
        ("denseblock2", 12 * 6),
        ("transition2", 3),
        ("denseblock3", 24 * 6),
        ("transition3", 3),
        ("denseblock4", 16 * 6),
        ("norm5", 2),
    ]
    assert sum(count for _, count in found) == 364 - 2


@pytest.mark.parametrize("pooling", ["linear_layers", "mean"])
def test_network_blocks__of_vgg19_are_five_stages_and_the_linear_layers(pooling: str) -> None:
    found = names_and_counts(blocks_of("vgg19", pooling))

    assert found == [
        ("stage1", 4),
        ("stage2", 4),
        ("stage3", 8),
        ("stage4", 8),
        ("stage5", 8),
        ("linear", 4),
    ]


def test_network_blocks__a_projection_is_the_last() -> None:
    raw, projected = blocks_of("flair"), blocks_of("flair", "projected")

    assert [block.name for block in projected] == [block.name for block in raw] + ["projection"]
    assert projected[-1].parameters == ("projection.weight",)
    assert projected[0].parameters == tuple(f"trunk.{name}" for name in raw[0].parameters)


@pytest.mark.parametrize(
    ("backbone", "n_blocks"), [("retfound_mae", 24), ("dinov2_base", 12), ("sam_vit_b", 12)]
)
def test_network_blocks__of_a_transformer_are_its_own(backbone: str, n_blocks: int) -> None:
    names = [block.name for block in blocks_of(backbone)]

    assert names[0] == "stem"
    assert names[1 : 1 + n_blocks] == [f"blocks.{index}" for index in range(n_blocks)]
