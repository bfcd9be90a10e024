"""Networks that mark pixels: one contract for all kinds, encoders, and published layouts."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.errors import BackboneError, TrainingError, WeightsError
from fundus_core.segmentation.kinds import NETWORKS, build, encoder_spec
from fundus_core.segmentation.networks import PaperUNet, Pyramid, encoder
from fundus_core.segmentation.published import published_unet, without_biases
from fundus_core.segmentation.wnet import WNet, wnet_from

ENCODERS = ("timm:test_resnet", "timm:test_efficientnet", "timm:test_convnext", "resnet18")
SMALL = "timm:test_resnet"


@pytest.mark.parametrize("kind", NETWORKS)
def test_contract__a_logit_per_pixel_and_channel_and_a_gradient_everywhere(kind: str) -> None:
    network = build(kind, encoder_spec(kind, "resnet18"), None, 3, seed=0).train()
    pixels = torch.rand(2, 3, 64, 96)

    logits = network(pixels)
    logits.square().mean().backward()

    assert logits.shape == (2, 3, 64, 96)
    assert logits.dtype == torch.float32
    still = [name for name, value in network.named_parameters() if value.grad is None]
    assert not still


@pytest.mark.parametrize("kind", NETWORKS)
def test_contract__equal_seeds_give_equal_networks(kind: str) -> None:
    spec = encoder_spec(kind, SMALL if kind == "small" else "resnet18")
    state = torch.get_rng_state()

    one, same, other = (build(kind, spec, None, 1, seed).state_dict() for seed in (0, 0, 1))

    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("backbone", ENCODERS)
def test_small__takes_any_pyramid(backbone: str) -> None:
    network = build("small", backbone_spec(backbone), None, 1, seed=0).eval()

    with torch.inference_mode():
        logits = network(torch.rand(1, 3, 64, 64))

    assert logits.shape == (1, 1, 64, 64)


@pytest.mark.parametrize("backbone", ENCODERS)
def test_encoder__has_the_weights_of_the_whole_network(backbone: str, tmp_path: Path) -> None:
    spec = backbone_spec(backbone)
    whole = timm.create_model(spec.architecture, num_classes=0).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    pixels = torch.rand(1, 3, 64, 64)

    found = encoder(spec, tmp_path / "weights.pth").eval()

    with torch.inference_mode():
        deepest = found(pixels)[-1]
        if hasattr(whole, "forward_intermediates"):
            expected = whole.forward_intermediates(pixels, intermediates_only=True)[-1]
            assert torch.allclose(deepest, expected, atol=1e-5)
        assert deepest.shape[1] == found.widths[-1]


@pytest.mark.parametrize("backbone", ["timm:test_vit", "mean_colour", "xcit_nano_phantom"])
def test_encoder__what_has_one_scale_is_refused(backbone: str) -> None:
    with pytest.raises(BackboneError, match="several scales"):
        encoder(backbone_spec(backbone), None)


def test_build__an_unknown_kind_is_refused() -> None:
    with pytest.raises(TrainingError, match="no network called 'net'"):
        build("net", None, None, 1, 0)


def published(n_out: int = 1) -> dict[str, Tensor]:
    """A checkpoint as the paper's author names it: a biased ResNet-50, flat names."""
    torch.manual_seed(0)
    network = PaperUNet(Pyramid(backbone_spec("timm:resnet50")), n_out)
    tensors = {
        name.removeprefix("encoder.network."): value.clone()
        for name, value in network.state_dict().items()
    }
    for name in [n for n in tensors if n.endswith("conv1.weight") and n.startswith("layer")]:
        tensors[name.replace("weight", "bias")] = torch.randn(tensors[name].shape[0])
    for name in [n for n in tensors if n.endswith("downsample.0.weight")]:
        tensors[name.replace("weight", "bias")] = torch.randn(tensors[name].shape[0])
    return tensors


def test_published__names_are_those_of_the_papers_u_net() -> None:
    tensors = published()

    parts = {name.split(".")[0] for name in tensors}
    shapes = {name: tuple(tensors[f"{name}.6.weight"].shape[:2]) for name in ("up4", "up3", "up2")}
    assert parts == {
        *("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
        *("up4", "up3", "up2", "up1", "final_conv"),
    }
    assert tuple(tensors["up4.0.weight"].shape) == (1024, 2048, 3, 3)
    assert tuple(tensors["up3.0.weight"].shape) == (768, 1536, 3, 3)
    assert tuple(tensors["up2.0.weight"].shape) == (384, 768, 3, 3)
    assert tuple(tensors["up1.0.weight"].shape) == (192, 384, 3, 3)
    assert shapes == {"up4": (1024, 512), "up3": (768, 256), "up2": (384, 128)}
    assert tuple(tensors["final_conv.weight"].shape) == (64, 1, 2, 2)


def test_published__a_checkpoint_loads_and_its_biases_count() -> None:
    tensors = published()

    network = published_unet(tensors, source="vessels.pth")

    with torch.inference_mode():
        logits = network(torch.rand(1, 3, 64, 64))
    assert logits.shape == (1, 1, 64, 64)
    assert torch.isfinite(logits).all()


def test_without_biases__a_block_answers_as_with_them() -> None:
    torch.manual_seed(0)
    convolution, norm = nn.Conv2d(3, 5, 1, bias=True), nn.BatchNorm2d(5)
    norm.running_mean.normal_()
    pixels = torch.rand(2, 3, 4, 4)
    tensors = {
        "layer1.0.conv1.weight": convolution.weight.detach(),
        "layer1.0.conv1.bias": convolution.bias.detach(),
        "layer1.0.bn1.running_mean": norm.running_mean.clone(),
    }
    expected = norm.eval()(convolution(pixels))

    folded = without_biases(tensors)

    norm.running_mean.copy_(folded["layer1.0.bn1.running_mean"])
    found = norm(nn.functional.conv2d(pixels, folded["layer1.0.conv1.weight"]))
    assert folded.keys() == {"layer1.0.conv1.weight", "layer1.0.bn1.running_mean"}
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("change", ["missing", "left over", "misshapen", "no head"])
def test_published__what_does_not_fit_is_refused(change: str) -> None:
    tensors = published()
    if change == "missing":
        del tensors["up2.3.weight"]
    elif change == "left over":
        tensors["up0.0.weight"] = torch.zeros(1)
    elif change == "misshapen":
        tensors["up1.0.weight"] = torch.zeros(1)
    else:
        del tensors["final_conv.weight"]

    with pytest.raises(WeightsError, match="U-Net"):
        published_unet(tensors, source="vessels.pth")


def test_wnet_from__finds_the_size_of_the_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    big = WNet(4, (8, 16, 32, 64)).eval()
    pixels = torch.rand(1, 3, 64, 64)

    found = wnet_from(big.state_dict(), source="big.pth")

    assert torch.equal(found(pixels), big(pixels))


def test_wnet_from__refuses_other_checkpoints() -> None:
    incomplete = WNet().state_dict()
    incomplete.pop("unet2.up_path.0.conv_layer.block.0.weight")

    with pytest.raises(WeightsError, match="no checkpoint of a W-Net"):
        wnet_from(timm.create_model("test_resnet").state_dict(), source="resnet.pth")
    with pytest.raises(WeightsError, match="does not fit"):
        wnet_from(incomplete, source="half.pth")
