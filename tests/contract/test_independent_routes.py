"""The same random weights through another implementation give the same embedding, to 1e-4."""

import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck

from tests.contract.families import Tensors
from tests.contract.language_families import TINY_TEXT
from tests.contract.published import DEPTH, HEADS, PROJECTED, PUBLISHED, WIDTH
from tests.contract.tiny import (
    assert_same,
    loaded_at,
    perturbed,
    pictures,
    pixels_of,
    tiny,
    written,
)

ONE_EACH = (1, 1, 1, 1)


def published(backbone: str) -> Tensors:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PUBLISHED[backbone].tiny()


# torchvision: its own networks without their classifiers.


@pytest.mark.parametrize("backbone", ["resnet50", "resnet152"])
def test_resnet__is_that_of_torchvision(backbone: str, tmp_path: Path) -> None:
    network = torchvision.models.ResNet(Bottleneck, list(ONE_EACH)).eval()
    path = written(tmp_path / "published.pth", network.state_dict())
    spec, batch = tiny(backbone), pictures(64)

    embeddings = loaded_at(spec, path).embed(batch)

    network.fc = nn.Identity()
    with torch.inference_mode():
        assert_same(embeddings, network(pixels_of(spec, batch)))


def test_densenet__is_that_of_torchvision(tmp_path: Path) -> None:
    network = torchvision.models.DenseNet(8, (2, 2, 2, 2), 16).eval()
    path = written(tmp_path / "published.pth", network.state_dict())
    spec, batch = tiny("densenet121"), pictures(64)

    embeddings = loaded_at(spec, path).embed(batch)

    network.classifier = nn.Identity()
    with torch.inference_mode():
        assert_same(embeddings, network(pixels_of(spec, batch)))


@pytest.mark.parametrize("pooling", ["linear_layers", "mean"])
def test_vgg__is_that_of_torchvision(pooling: str, tmp_path: Path) -> None:
    network = torchvision.models.vgg19(init_weights=False)
    network.classifier[0], network.classifier[3] = nn.Linear(25088, 64), nn.Linear(64, 4096)
    network.load_state_dict(published("vgg19"))
    path = written(tmp_path / "published.pth", network.state_dict())
    spec, batch = tiny("vgg19", pooling), pictures(64)

    embeddings = loaded_at(spec, path).embed(batch)

    network.classifier[6] = nn.Identity()
    with torch.inference_mode():
        pixels = pixels_of(spec, batch)
        whole = network.eval()(pixels)
        expected = whole if pooling == "linear_layers" else network.features(pixels).mean((2, 3))
    assert_same(embeddings, expected)


# timm's own reading of published files, where it has one.


@pytest.mark.parametrize(
    ("backbone", "pooling", "arguments"),
    [
        ("dinov2_base", "class_token", {}),
        ("dinov2_base", "mean_patch", {"global_pool": "avg", "fc_norm": False}),
        ("dinov2_small_reg", "class_token", {}),
        ("sam_vit_b", "after_neck", {}),
        ("openclip_vit_b16", "class_token", {}),
        ("deit_base", None, {}),
        ("dino_vit_base", "mean_patch", {"global_pool": "avg", "fc_norm": False}),
        ("retfound_green", None, {}),
        ("eva02_small", None, {}),
        ("dinov3_vit_small", None, {}),
        ("dinov3_convnext_tiny", None, {}),
    ],
)
def test_timm__reads_the_published_file_alike(
    backbone: str, pooling: str | None, arguments: dict[str, object], tmp_path: Path
) -> None:
    checkpoint, spec = PUBLISHED[backbone], tiny(backbone, pooling)
    tensors = published(backbone)
    path, batch = (
        written(tmp_path / "published.pth", checkpoint.wrap(tensors)),
        pictures(checkpoint.size),
    )

    embeddings = loaded_at(spec, path).embed(batch)

    built = {**dict(spec.architecture_args), **arguments}
    network = timm.create_model(spec.architecture, num_classes=0, **built).eval()
    read = sys.modules[type(network).__module__].checkpoint_filter_fn
    assert not network.load_state_dict(read(dict(tensors), network), strict=False).missing_keys
    with torch.inference_mode():
        if hasattr(network, "set_input_size"):
            network.set_input_size(img_size=(checkpoint.size, checkpoint.size))
        features = network.forward_features(pixels_of(spec, batch))
        assert_same(embeddings, network.forward_head(features, pre_logits=True))


# open_clip: the embedding of its own model.


def test_openclip__is_the_encoding_of_open_clip(tmp_path: Path) -> None:
    import open_clip
    from open_clip.model import CLIP

    config = open_clip.get_model_config("ViT-B-16")
    vision = {"layers": DEPTH, "width": WIDTH, "head_width": WIDTH // HEADS}
    model = perturbed(
        CLIP(PROJECTED, {**config["vision_cfg"], **vision}, TINY_TEXT, quick_gelu=False)
    )
    path, spec = written(tmp_path / "published.pth", model.state_dict()), tiny("openclip_vit_b16")
    batch = pictures(224)[:2]

    embeddings = loaded_at(spec, path, 224).embed(batch)

    with torch.inference_mode():
        assert_same(embeddings, model.encode_image(pixels_of(spec, batch)))


@pytest.mark.parametrize("backbone", ["eyeclip", "ret_clip"])
def test_clip__of_openai_is_read_with_its_own_activation(backbone: str, tmp_path: Path) -> None:
    from open_clip.model import CLIP

    spec = tiny(backbone)
    vision = {
        "layers": DEPTH,
        "width": WIDTH,
        "head_width": WIDTH // HEADS,
        "patch_size": spec.size_multiple,
        "image_size": 224,
    }
    model = perturbed(CLIP(PROJECTED, vision, TINY_TEXT, quick_gelu=True))
    path, batch = written(tmp_path / "published.pth", model.state_dict()), pictures(224)[:2]

    embeddings = loaded_at(spec, path, 224).embed(batch)

    with torch.inference_mode():
        assert_same(embeddings, model.encode_image(pixels_of(spec, batch)))


def test_siglip__is_the_encoding_of_timms_network(tmp_path: Path) -> None:
    spec = tiny("siglip2_vit_b16")
    path, batch = written(tmp_path / "published.pth", published("siglip2_vit_b16")), pictures(64)

    embeddings = loaded_at(spec, path).embed(batch)

    network = timm.create_model(
        spec.architecture, num_classes=0, **dict(spec.architecture_args)
    ).eval()
    trunk = "visual.trunk."
    network.load_state_dict(
        {n.removeprefix(trunk): v for n, v in torch.load(path).items() if n.startswith(trunk)}
    )
    network.set_input_size(img_size=(64, 64))
    with torch.inference_mode():
        assert_same(embeddings, network(pixels_of(spec, batch)))


# By hand.


@pytest.mark.parametrize("backbone", ["retfound_mae", "urfound"])
def test_masked_autoencoder__the_official_embedding_by_hand(backbone: str, tmp_path: Path) -> None:
    checkpoint, spec = PUBLISHED[backbone], tiny(backbone)
    tensors, batch = published(backbone), pictures(224)[:2]
    path = written(tmp_path / "published.pth", checkpoint.wrap(tensors))

    embeddings = loaded_at(spec, path, 224).embed(batch)

    pooled = mean_of_patches(tensors, pixels_of(spec, batch))
    assert_same(embeddings, functional.layer_norm(pooled, (WIDTH,), eps=1e-6))


def mean_of_patches(tensors: Tensors, pixels: Tensor) -> Tensor:
    """Returns the mean of the patch tokens (B, C) after the last block, before any norm."""

    def linear(name: str, values: Tensor) -> Tensor:
        return functional.linear(values, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def norm(name: str, values: Tensor) -> Tensor:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return functional.layer_norm(values, (WIDTH,), weight, bias, eps=1e-6)

    weight, bias = tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"]
    places = functional.conv2d(pixels, weight, bias, stride=16).flatten(2).transpose(1, 2)
    first = tensors["cls_token"].expand(len(places), -1, -1)
    tokens = torch.cat([first, places], dim=1) + tensors["pos_embed"]
    for index in range(DEPTH):
        block = f"blocks.{index}"
        joined = linear(f"{block}.attn.qkv", norm(f"{block}.norm1", tokens))
        query, key, value = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in joined.chunk(3, dim=-1)
        )
        attention = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)
        attended = (attention @ value).transpose(1, 2).flatten(2)
        tokens = tokens + linear(f"{block}.attn.proj", attended)
        hidden = functional.gelu(linear(f"{block}.mlp.fc1", norm(f"{block}.norm2", tokens)))
        tokens = tokens + linear(f"{block}.mlp.fc2", hidden)
    return tokens[:, 1:].mean(dim=1)


def test_flair__both_embeddings_by_hand(tmp_path: Path) -> None:
    tensors = published("flair")
    path, batch = written(tmp_path / "published.pth", tensors), pictures(64)

    raw, projected = (
        loaded_at(tiny("flair", pooling), path).embed(batch) for pooling in ("raw", "projected")
    )

    network = torchvision.models.ResNet(Bottleneck, list(ONE_EACH)).eval()
    network.fc = nn.Identity()
    stem = "vision_model.model."
    network.load_state_dict(
        {n.removeprefix(stem): v for n, v in tensors.items() if n.startswith(stem)}
    )
    with torch.inference_mode():
        expected = network(batch.float() / 255)  # no mean, no standard deviation
    assert_same(raw, expected)
    matrix = tensors["vision_model.projection_head_vision.projection.weight"]
    shared = (expected / expected.norm(dim=1, keepdim=True)) @ matrix.T
    assert_same(projected, shared / shared.norm(dim=1, keepdim=True))


def test_retizero__adapters_are_added_to_queries_and_values(tmp_path: Path) -> None:
    tensors = published("retizero")
    stem = "vision_model.model.lora_vit."
    encoder = {n.removeprefix(stem): v for n, v in tensors.items() if n.startswith(stem)}
    for index in range(DEPTH):
        name = f"blocks.{index}.attn.qkv"
        down_q, up_q, down_v, up_v = (
            encoder.pop(f"{name}.linear_{part}.weight") for part in ("a_q", "b_q", "a_v", "b_v")
        )
        update = torch.cat([up_q @ down_q, torch.zeros(WIDTH, WIDTH), up_v @ down_v])
        encoder[f"{name}.weight"] = encoder.pop(f"{name}.qkv.weight") + update
        encoder[f"{name}.bias"] = encoder.pop(f"{name}.qkv.bias")
    spec, batch = tiny("retizero"), pictures(224)[:2]

    embeddings = loaded_at(spec, written(tmp_path / "published.pth", tensors), 224).embed(batch)

    network = timm.create_model(spec.architecture, num_classes=0, **dict(spec.architecture_args))
    network.load_state_dict(encoder)
    with torch.inference_mode():
        assert_same(embeddings, network.eval()(pixels_of(spec, batch)))
