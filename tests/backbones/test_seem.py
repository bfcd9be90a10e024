"""SEEM's encoder against the same network written down a second time, channels last, by hand."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.checkpoints import load_into
from fundus_core.backbones.networks import build_network
from fundus_core.backbones.seem import SeemBlock, SeemFocalNet
from tests.contract.families import focal_block, prefixed, seem

DEPTHS, WIDTH = (1, 2, 1, 1), 8


def channels_first(features: Tensor) -> Tensor:
    return features.permute(0, 3, 1, 2)


def channels_last(features: Tensor) -> Tensor:
    return features.permute(0, 2, 3, 1)


class Written:
    """The formulas of SEEM's encoder, on tensors under their published names."""

    def __init__(self, tensors: dict[str, Tensor], prefix: str = "") -> None:
        self.tensors = tensors
        self.prefix = prefix

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[self.prefix + name]

    def part(self, name: str) -> "Written":
        return Written(self.tensors, f"{self.prefix}{name}.")

    def linear(self, name: str, values: Tensor) -> Tensor:
        return values @ self[f"{name}.weight"].flatten(1).T + self[f"{name}.bias"]

    def norm(self, name: str, values: Tensor) -> Tensor:
        centred = values - values.mean(dim=-1, keepdim=True)
        scale = (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        return centred / scale * self[f"{name}.weight"] + self[f"{name}.bias"]

    def depthwise(self, name: str, features: Tensor) -> Tensor:
        """A filter of its own for each channel; features (B, h, w, C)."""
        weight, bias = self[f"{name}.weight"], self.tensors.get(f"{self.prefix}{name}.bias")
        return channels_last(
            functional.conv2d(
                channels_first(features),
                weight,
                bias,
                padding=weight.shape[-1] // 2,
                groups=len(weight),
            )
        )

    def convolution(self, name: str, features: Tensor, *, stride: int, padding: int) -> Tensor:
        weight, bias = self[f"{name}.weight"], self[f"{name}.bias"]
        pixels = channels_first(features)
        return channels_last(functional.conv2d(pixels, weight, bias, stride, padding))

    def modulated(self, features: Tensor) -> Tensor:
        width = features.shape[-1]
        query, context, gates = self.linear("f", features).split((width, width, 4), dim=-1)
        gathered = torch.zeros_like(context)
        for level in range(3):
            context = functional.gelu(self.depthwise(f"focal_layers.{level}.0", context))
            gathered = gathered + context * gates[..., [level]]
        everywhere = functional.gelu(context.mean(dim=(1, 2), keepdim=True))
        gathered = (gathered + everywhere * gates[..., [3]]) / 4
        return self.linear("proj", query * self.linear("h", gathered))

    def block(self, features: Tensor) -> Tensor:
        features = features + self.depthwise("dw1", features)
        modulated = self.part("modulation").modulated(features)
        features = self.norm("norm1", features + self["gamma_1"] * modulated)
        features = features + self.depthwise("dw2", features)
        hidden = functional.gelu(self.linear("mlp.fc1", features))
        return self.norm("norm2", features + self["gamma_2"] * self.linear("mlp.fc2", hidden))

    def last_stage(self, pixels: Tensor) -> Tensor:
        """Maps (B, 3, S, S) to `res5` (B, S / 32, S / 32, C)."""
        stem = self.convolution("patch_embed.proj", channels_last(pixels), stride=4, padding=3)
        features = self.norm("patch_embed.norm", stem)
        for stage, depth in enumerate(DEPTHS):
            for index in range(depth):
                features = self.part(f"layers.{stage}.blocks.{index}").block(features)
            if stage < 3:
                down = self.part(f"layers.{stage}.downsample")
                features = down.norm(
                    "norm", down.convolution("proj", features, stride=2, padding=1)
                )
        return self.norm("norm3", features)


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return seem(DEPTHS, WIDTH)


def test_seem_block__is_the_published_formula() -> None:
    torch.manual_seed(0)
    published = focal_block(WIDTH)
    block = SeemBlock(
        WIDTH,
        focal_level=3,
        focal_window=3,
        use_post_norm=True,
        normalize_modulator=True,
        layerscale_value=1e-4,
    ).eval()
    network = SeemFocalNet(depths=DEPTHS, embed_dim=WIDTH)
    network.layers[0].blocks[0] = block
    published_network = seem(DEPTHS, WIDTH) | prefixed("backbone.layers.0.blocks.0.", published)
    load_into(network, published_network, source="seem", layouts=("seem",))
    features = torch.randn(2, 6, 5, WIDTH)

    with torch.inference_mode():
        found = channels_last(block(channels_first(features)))

    torch.testing.assert_close(found, Written(published).block(features), atol=1e-5, rtol=1e-5)


def test_seem__its_last_stage_is_that_of_the_published_network(tensors: dict[str, Tensor]) -> None:
    network = SeemFocalNet(depths=DEPTHS, embed_dim=WIDTH).eval()
    load_into(network, tensors, source="seem", layouts=("seem",))
    pixels = torch.randn(2, 3, 96, 96)

    with torch.inference_mode():
        features, embeddings = network.forward_features(pixels), network(pixels)

    expected = Written(tensors, "backbone.").last_stage(pixels)
    torch.testing.assert_close(features, channels_first(expected), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(embeddings, expected.mean(dim=(1, 2)), atol=1e-5, rtol=1e-4)


def test_seem__of_300_tensors_only_the_norms_of_earlier_stages_are_left() -> None:
    with torch.device("meta"):
        network = build_network(BACKBONES["seem_focal_t"])
        published = {n: v for n, v in seem((2, 2, 6, 2), 96).items() if n.startswith("backbone.")}
        report = load_into(network, published, source="seem", layouts=("seem",))

    assert len(published) == 300
    assert sorted(report.left_out) == sorted(
        f"backbone.norm{stage}.{part}" for stage in range(3) for part in ("weight", "bias")
    )
