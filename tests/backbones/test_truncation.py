"""Networks cut off after a block: the same numbers as by hand, and nothing of the rest."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from timm.models.densenet import DenseNet
from timm.models.swin_transformer import SwinTransformer
from timm.models.vgg import VGG
from torch import Tensor, nn

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.blocks import network_blocks
from fundus_core.backbones.catalogue import BACKBONES, backbone_spec, with_pooling
from fundus_core.backbones.networks import build_network, load_network
from fundus_core.backbones.truncation import Truncated, length_after
from fundus_core.errors import BackboneError
from fundus_core.explain.cam import grad_cam
from fundus_core.explain.layers import cam_layer
from tests.contract.published import PUBLISHED
from tests.contract.tiny import Files, loaded_at, perturbed, pictures, tiny
from tests.explain.networks import FakeBackbone, random_probe

SIDE = 64


def resnet() -> nn.Module:
    return timm.create_model("test_resnet", num_classes=0)


def densenet() -> nn.Module:
    return DenseNet(growth_rate=4, block_config=(2, 2, 2, 2), num_classes=0)


def vgg() -> nn.Module:
    stages = [8, "M", 12, "M", 16, 16, "M", 20, "M", 24, "M"]
    return VGG(cfg=stages, num_classes=0, mlp_ratio=0.01)


def vit() -> nn.Module:
    return timm.create_model("test_vit", num_classes=0, img_size=SIDE)


def swin() -> nn.Module:
    return SwinTransformer(
        img_size=SIDE, embed_dim=16, depths=(1, 2, 1), num_heads=(1, 2, 4), window_size=4,
        num_classes=0,
    )  # fmt: skip


def convnext() -> nn.Module:
    return timm.create_model("test_convnext", num_classes=0)


def swin_stage(n: int) -> Callable[[nn.Module, Tensor], Tensor]:
    def mean(network: nn.Module, pixels: Tensor) -> Tensor:
        features = network.patch_embed(pixels)
        for stage in network.layers[: n + 1]:
            features = stage(features)  # (B, h, w, C)
        return features.flatten(1, 2).mean(dim=1)

    return mean


def of_layers(*names: str) -> Callable[[nn.Module, Tensor], Tensor]:
    def mean(network: nn.Module, pixels: Tensor) -> Tensor:
        features = pixels
        for name in names:
            features = network.get_submodule(name)(features)
        return features.mean(dim=(2, 3))

    return mean


def by_timm(index: int) -> Callable[[nn.Module, Tensor], Tensor]:
    def mean(network: nn.Module, pixels: Tensor) -> Tensor:
        (features,) = network.forward_intermediates(
            pixels, indices=[index], intermediates_only=True, norm=False
        )
        return features.mean(dim=(2, 3))

    return mean


BY_HAND = [
    (resnet, "layer1", by_timm(1)),
    (resnet, "layer3", by_timm(3)),
    (
        densenet,
        "denseblock1",
        of_layers(*(f"features.{n}" for n in ("conv0", "norm0", "pool0", "denseblock1"))),
    ),
    (
        densenet,
        "transition1",
        of_layers(
            *(f"features.{n}" for n in ("conv0", "norm0", "pool0", "denseblock1", "transition1"))
        ),
    ),
    (vgg, "stage2", of_layers(*(f"features.{n}" for n in range(6)))),
    (vgg, "stage5", lambda network, pixels: network.features(pixels).mean(dim=(2, 3))),
    (vit, "stem", lambda network, pixels: vit_tokens(network, pixels, 0)[:, 1:].mean(dim=1)),
    (vit, "blocks.2", by_timm(2)),
    (vit, "blocks.5", lambda network, pixels: network.forward_features(pixels)[:, 1:].mean(dim=1)),
    (swin, "layers.1", swin_stage(1)),
    (convnext, "stages.1", by_timm(1)),
]


def vit_tokens(network: nn.Module, pixels: Tensor, n_blocks: int) -> Tensor:
    tokens = network.norm_pre(network._pos_embed(network.patch_embed(pixels)))
    return network.blocks[:n_blocks](tokens)


def made(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return perturbed(build())


@pytest.mark.parametrize(("build", "block", "by_hand"), BY_HAND)
def test_truncated__gives_the_mean_of_the_blocks_output_over_all_places(
    build: Callable[[], nn.Module],
    block: str,
    by_hand: Callable[[nn.Module, Tensor], Tensor],
) -> None:
    pixels = torch.randn(2, 3, SIDE, SIDE)

    with torch.inference_mode():
        found = Truncated(made(build), block, SIDE)(pixels)
        expected = by_hand(made(build), pixels)

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_truncated__a_later_parameter_that_is_in_no_layer_of_its_own_goes_too() -> None:
    """open_clip's projection is a bare parameter of its vision tower."""
    architecture = (("layers", 2), ("width", 64), ("head_width", 32), ("image_size", SIDE))
    network = build_network(
        replace(backbone_spec("open_clip:ViT-B-32"), architecture_args=architecture)
    )

    cut = Truncated(network, "transformer.resblocks.0", SIDE)

    names = {name for name, _ in cut.named_parameters()}
    assert "trunk.trunk.class_embedding" in names
    assert "trunk.trunk.proj" not in names
    assert cut(torch.zeros(1, 3, SIDE, SIDE)).shape == (1, 64)


@pytest.mark.parametrize("build", [resnet, densenet, vgg, vit, swin, convnext])
def test_truncated__has_the_blocks_up_to_the_last_and_no_others(
    build: Callable[[], nn.Module],
) -> None:
    whole = network_blocks(build())
    middle = len(whole) // 2

    cut = Truncated(build(), whole[middle].name, SIDE)

    found = network_blocks(cut)
    assert [block.name for block in found] == [block.name for block in whole[: middle + 1]]
    names = [name for block in found for name in block.parameters]
    assert sorted(names) == sorted(name for name, _ in cut.named_parameters())
    assert [len(b.parameters) for b in found] == [len(b.parameters) for b in whole[: middle + 1]]


def test_truncated__later_layers_are_not_run_even_if_they_have_no_weights() -> None:
    cut = Truncated(vgg(), "stage2", SIDE)
    run = []
    for name, layer in cut.trunk.features.named_children():
        layer.register_forward_pre_hook(lambda _, inputs, name=name: run.append(name))

    with torch.inference_mode():
        cut(torch.zeros(1, 3, SIDE, SIDE))

    assert run == ["0", "1", "2", "3", "4", "5", "6"]  # the last is the end itself


@pytest.mark.parametrize(
    ("build", "block"),
    [(resnet, "layer2"), (densenet, "denseblock2"), (vgg, "stage3"), (vit, "blocks.2"),
     (swin, "layers.1"), (convnext, "stages.1")],
)  # fmt: skip
def test_truncated__grad_cam_looks_at_the_blocks_output(
    build: Callable[[], nn.Module], block: str
) -> None:
    cut = Truncated(made(build), block, SIDE)
    backbone = FakeBackbone(cut, SIDE)
    batch = pictures(SIDE)

    maps = grad_cam(backbone, batch, random_probe(cut.num_features))

    side = {"vit": 4, "swin": 8}.get(build.__name__)
    assert maps.shape[1] == maps.shape[2] > 1
    assert side is None or maps.shape[1] == side
    assert cam_layer(backbone).layout == {"vit": "NLC", "swin": "NHWC"}.get(build.__name__, "NCHW")
    # The embedding is a mean: with a probe, the map's sum is the logit, but for ReLU's of the map.
    weight = random_probe(cut.num_features)
    logits = backbone.embed(batch).numpy() @ weight
    assert np.isfinite(maps).all()
    assert np.corrcoef(maps.sum(axis=(1, 2)), logits)[0, 1] > 0.99


def test_with_pooling__a_block_gives_the_length_of_its_output() -> None:
    spec = with_pooling(BACKBONES["resnet50"], "block:layer3")

    assert (spec.pooling, spec.embed_dim) == ("block:layer3", 1024)
    assert [pooling.name for pooling in spec.poolings] == ["block:layer3"]
    with torch.device("meta"):
        assert build_network(spec).num_features == 1024


def test_with_pooling__an_unknown_block_gets_the_known_ones() -> None:
    with pytest.raises(BackboneError, match="resnet18: there is no block 'layer9'") as error:
        with_pooling(BACKBONES["resnet18"], "block:layer9")

    assert error.value.hint == "Choose one of stem, layer1, layer2, layer3, layer4."


@pytest.mark.parametrize(
    ("backbone", "block"),
    [("convnext_tiny", "head"), ("vgg19", "linear"), ("siglip2_vit_b16", "attn_pool")],
)
def test_with_pooling__a_head_is_no_step_to_the_last_features(backbone: str, block: str) -> None:
    with pytest.raises(BackboneError, match="no step on the one way"):
        with_pooling(BACKBONES[backbone], f"block:{block}")


def test_with_pooling__a_backbone_without_blocks_is_refused() -> None:
    with pytest.raises(BackboneError, match="mean_colour has no blocks"):
        with_pooling(backbone_spec("mean_colour"), "block:stem")


class _TwoBranches(nn.Module):
    """Its last layer reads the output of the first one and of the one between."""

    num_features = 4

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.layer1 = nn.Conv2d(4, 4, 1)
        self.layer2 = nn.Conv2d(4, 4, 1)

    def forward_features(self, pixels: Tensor) -> Tensor:
        first = self.stem(pixels)
        return self.layer2(self.layer1(first)) + self.layer2(first)

    def group_matcher(self, coarse: bool = False) -> dict[str, object]:
        return {"stem": r"^stem", "blocks": r"^layer(\d+)"}


def test_length_after__a_block_that_is_bypassed_is_refused() -> None:
    assert length_after(_TwoBranches(), "layer2", 8) == 4
    with pytest.raises(BackboneError, match="no step on the one way"):
        length_after(_TwoBranches(), "layer1", 8)


def _at(spec: BackboneSpec, block: str) -> BackboneSpec:
    return with_pooling(spec, f"block:{block}")


@pytest.mark.parametrize(
    ("backbone", "block"),
    [("resnet50", "layer2"), ("flair", "layer3"), ("retizero", "blocks.0"), ("sam_vit_b", "stem"),
     ("openclip_vit_b16", "blocks.0"), ("retfound_mae", "blocks.0")],
)  # fmt: skip
def test_load_network__fills_the_whole_network_before_it_is_cut_off(
    backbone: str, block: str, tmp_path: object
) -> None:
    spec, checkpoint = tiny(backbone), PUBLISHED[backbone]
    files = Files(tmp_path)  # type: ignore[arg-type]
    path = files.written(checkpoint, files.tensors(checkpoint))

    cut = load_network(_at(spec, block), path, checkpoint.size)

    whole = load_network(spec, path, checkpoint.size).state_dict()
    own = {name.removeprefix("trunk."): value for name, value in cut.state_dict().items()}
    assert len(own) < len(whole)
    assert all(torch.equal(value, whole[name]) for name, value in own.items())


def test_load_network__the_embedding_has_the_length_that_the_spec_says(tmp_path: object) -> None:
    spec = _at(tiny("retfound_mae"), "blocks.0")

    backbone = loaded_at(spec, None)

    size = PUBLISHED["retfound_mae"].size
    assert backbone.embed(pictures(size)).shape == (4, spec.embed_dim)
    assert backbone.feature_map(pictures(size)).shape[1] == spec.embed_dim
