"""Low-rank adapters: what they compute, where they can be, and that they come back the same."""

import copy

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from fundus_core.errors import TrainingError
from fundus_core.finetune.lora import ADAPTERS, adaptable_layers, add_adapters
from fundus_core.finetune.strategies import StrategyOptions
from tests.finetune.small import small_classifier, small_network


class _OneMatrix(nn.Module):
    """Maps a picture of one pixel to the product of a matrix with its three numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.matrix.weight.copy_(torch.tensor([[1.0, 0.0, 2.0], [0.0, -1.0, 0.0]]))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.matrix(pixels.flatten(1))


def _picture(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_add_adapters__a_matrix_becomes_w_plus_alpha_over_r_times_b_a() -> None:
    network = _OneMatrix()
    add_adapters(network, rank=1, alpha=4.0, image_size=1)
    state = network.state_dict()
    state["matrix.lora_A.default.weight"].copy_(torch.tensor([[1.0, 2.0, 3.0]]))
    state["matrix.lora_B.default.weight"].copy_(torch.tensor([[0.5], [-1.0]]))

    answer = network(torch.tensor([1.0, 1.0, 1.0]).view(1, 3, 1, 1))

    # W x = (3, -1); A x = 6; alpha / r B A x = 4 (3, -6)
    assert answer.tolist() == [[3.0 + 12.0, -1.0 - 24.0]]


def test_add_adapters__a_convolution_becomes_w_plus_alpha_over_r_times_b_a() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1))
    add_adapters(network, rank=2, alpha=3.0, image_size=8)
    state = network.state_dict()
    state["0.lora_B.default.weight"].normal_()
    weight, bias, down, up = (
        state[f"0.{name}"]
        for name in ("base_layer.weight", "base_layer.bias", "lora_A.default.weight",
                     "lora_B.default.weight")
    )  # fmt: skip

    answer = network(_picture(8))

    whole = weight + 3 / 2 * torch.einsum("or,rchw->ochw", up[:, :, 0, 0], down)
    expected = functional.conv2d(_picture(8), whole, bias, stride=2, padding=1)
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit"])
def test_add_adapters__at_first_the_network_is_what_it_was(architecture: str) -> None:
    network = small_network(architecture).eval()
    before = network(_picture(32))

    add_adapters(network, rank=8, alpha=16.0, image_size=32)

    assert torch.equal(network(_picture(32)), before)


def test_adaptable_layers__of_a_vit_are_its_matrices_and_the_patches() -> None:
    found = adaptable_layers(small_network("test_vit"), 32)

    of_block = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]
    assert found[:5] == ("patch_embed.proj", *(f"blocks.0.{name}" for name in of_block))


def test_adaptable_layers__leave_out_weights_that_are_read_past_the_layer() -> None:
    """BEiT computes with the weights of `qkv` itself: an adapter there would never be run."""
    network = timm.create_model(
        "beit_base_patch16_224", num_classes=0, img_size=32, embed_dim=24, depth=2, num_heads=2
    )

    found = adaptable_layers(network, 32)

    assert [name for name in found if "attn" in name] == [
        "blocks.0.attn.proj",
        "blocks.1.attn.proj",
    ]


def test_adaptable_layers__leave_out_groups_gaps_and_dead_ends() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.plain = nn.Conv2d(3, 4, 1)
            self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)
            self.gaps = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
            self.reflected = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
            self.twice = nn.Conv2d(4, 4, 1)
            self.dead = nn.Conv2d(4, 4, 1)

        def forward(self, pixels: Tensor) -> Tensor:
            features = self.reflected(self.gaps(self.grouped(self.plain(pixels))))
            features = self.twice(features)
            self.dead(features)
            self.twice(features)
            return features.mean(dim=(2, 3))

    assert adaptable_layers(Network(), 8) == ("plain", "twice")


def test_add_adapters__a_network_without_layers_for_them_is_refused() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.Flatten())

    with pytest.raises(TrainingError, match="no layer that can have a low-rank adapter"):
        add_adapters(network, rank=8, alpha=16.0, image_size=8)


@pytest.mark.parametrize(("rank", "alpha"), [(0, 16.0), (8, 0.0)])
def test_add_adapters__nothing_is_no_rank_and_no_alpha(rank: int, alpha: float) -> None:
    with pytest.raises(TrainingError, match="a rank of 1 or more and a positive alpha"):
        add_adapters(small_network("test_vit"), rank=rank, alpha=alpha, image_size=32)


def test_add_adapters__a_rank_that_no_layer_has_is_refused_before_it_takes_memory() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 12, 1), nn.Flatten())

    add_adapters(copy.deepcopy(network), rank=6, alpha=16.0, image_size=8)
    with pytest.raises(TrainingError, match=r"rank 7 were asked for; no layer .* above 6"):
        add_adapters(network, rank=7, alpha=16.0, image_size=8)


def test_prepare__a_trained_state_is_read_back_into_a_fresh_copy() -> None:
    options = StrategyOptions(lora_rank=2)
    trained, fresh = small_classifier("test_vit"), small_classifier("test_vit")
    trained.prepare("lora", options)
    for name, value in trained.module.state_dict().items():
        if ADAPTERS.fullmatch(name):
            value.normal_(generator=torch.Generator().manual_seed(1))

    fresh.prepare("lora", options)
    fresh.module.load_state_dict(trained.module.state_dict())

    torch.testing.assert_close(
        fresh.module.eval()(_picture(32)), trained.module.eval()(_picture(32))
    )


def test_prepare__is_the_same_for_the_same_seed_and_happens_once() -> None:
    same, again, other = (small_classifier("test_vit", seed=seed) for seed in (1, 1, 2))
    for classifier in (same, again, other):
        classifier.prepare("lora", StrategyOptions())
    first = again.module.state_dict()

    again.prepare("lora", StrategyOptions())

    name = "0.blocks.0.mlp.fc1.lora_A.default.weight"
    assert torch.equal(same.module.state_dict()[name], first[name])
    assert not torch.equal(same.module.state_dict()[name], other.module.state_dict()[name])
    assert again.module.state_dict().keys() == first.keys()


def test_prepare__otherwise_than_before_is_a_mistake() -> None:
    classifier = small_classifier("test_vit")
    classifier.prepare("lora", StrategyOptions())

    with pytest.raises(ValueError, match="is prepared for lora"):
        classifier.prepare("ft", StrategyOptions())
