"""Loaded backbones: the protocol's promises, on small networks with random weights."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, SHORTCUT, backbone_spec, with_pooling
from fundus_core.backbones.loaders import load_backbone
from fundus_core.backbones.networks import BUILDERS, build_network
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import BackboneError, WeightsError

CPU = torch.device("cpu")
SMALL = ["timm:test_resnet", "timm:test_vit", SHORTCUT]


def load(backbone: str, size: int | None = None, weights: Path | None = None) -> Backbone:
    """A backbone on the CPU, in full precision."""
    return load_backbone(
        backbone_spec(backbone),
        weights,
        preprocessing=PreprocessRecipe(),
        device=CPU,
        image_size=size,
    )


@pytest.fixture
def batch() -> torch.Tensor:
    """Four random inputs of 96 px."""
    generator = np.random.default_rng(0)
    return torch.from_numpy(generator.integers(0, 256, (4, 3, 96, 96)).astype(np.uint8))


@pytest.mark.parametrize("backbone", SMALL)
def test_embed__one_vector_each_whatever_comes_beside_it(
    backbone: str, batch: torch.Tensor
) -> None:
    loaded = load(backbone, 96)

    together = loaded.embed(batch)
    alone = torch.cat([loaded.embed(batch[[row]]) for row in range(4)])

    assert together.shape == (4, loaded.spec.embed_dim)
    assert together.dtype == torch.float32
    assert torch.allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("backbone", SMALL)
def test_embed__the_order_of_the_batch_is_kept(backbone: str, batch: torch.Tensor) -> None:
    loaded = load(backbone, 96)

    forward, backward = loaded.embed(batch), loaded.embed(batch.flip(0))

    assert torch.allclose(forward.flip(0), backward, atol=1e-4)
    assert not torch.allclose(forward[0], forward[1], atol=1e-3)


def test_embed__random_weights_follow_their_seed(batch: torch.Tensor) -> None:
    spec = backbone_spec("timm:test_resnet")

    first, again, other = (
        load_backbone(
            spec, None, preprocessing=PreprocessRecipe(), device=CPU, image_size=96, seed=seed
        ).embed(batch)
        for seed in (0, 0, 1)
    )

    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-3)


def test_load_backbone__loading_does_not_disturb_the_global_random_state() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()

    load("timm:test_resnet", 96)

    assert torch.equal(torch.get_rng_state(), before)


def test_embed__weights_of_a_file_are_the_ones_used(tmp_path: Path, batch: torch.Tensor) -> None:
    torch.manual_seed(3)
    reference = timm.create_model("test_resnet", pretrained=False, num_classes=10)
    path = tmp_path / "weights.pth"
    torch.save(reference.state_dict(), path)
    loaded = load("timm:test_resnet", 96, path)

    embeddings = loaded.embed(batch)

    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (loaded.spec.mean, loaded.spec.std))
    reference.reset_classifier(0)
    expected = reference.eval()((batch.float() / 255 - mean) / std)
    assert torch.allclose(embeddings, expected, atol=1e-4)


@pytest.mark.parametrize(("backbone", "side"), [("timm:test_resnet", 3), ("timm:test_vit", 6)])
def test_feature_map__has_the_grid_of_the_input(
    backbone: str, side: int, batch: torch.Tensor
) -> None:
    features = load(backbone, 96).feature_map(batch)

    assert features.shape[0] == 4
    assert features.shape[2:] == (side, side)


def test_feature_map__mean_colour_has_none(batch: torch.Tensor) -> None:
    with pytest.raises(BackboneError, match="no feature map"):
        load(SHORTCUT).feature_map(batch)


def test_mean_colour__is_the_mean_of_each_channel() -> None:
    batch = torch.zeros((1, 3, 64, 64), dtype=torch.uint8)
    batch[:, 0], batch[:, 1, :32] = 255, 255

    colour = load(SHORTCUT).embed(batch)

    assert torch.allclose(colour, torch.tensor([[1.0, 0.5, 0.0]]))


def test_load_backbone__a_size_between_patches_is_refused_with_the_nearest() -> None:
    with pytest.raises(BackboneError, match="100 px is no multiple") as error:
        load("timm:test_vit", 100)

    assert "96 or 112" in error.value.hint


def test_load_backbone__parameters_are_frozen_and_batch_norm_is_still(batch: torch.Tensor) -> None:
    loaded = load("timm:test_resnet", 96)
    before = {name: value.clone() for name, value in loaded.module.state_dict().items()}

    loaded.embed(batch)

    assert not any(parameter.requires_grad for parameter in loaded.module.parameters())
    assert all(torch.equal(v, before[name]) for name, v in loaded.module.state_dict().items())


@pytest.mark.parametrize("backbone", BACKBONES)
def test_catalogue__every_spec_says_what_it_needs(backbone: str) -> None:
    spec = BACKBONES[backbone]

    assert spec.loader in BUILDERS
    assert spec.licence
    assert spec.reference
    assert bool(spec.source.repository) == bool(spec.source.file)


def _native(spec: BackboneSpec) -> int:
    """The size that the architecture is built for, before any other is set."""
    native = dict(spec.architecture_args).get("img_size")
    if native is None and spec.loader == "timm":
        native = timm.get_pretrained_cfg(spec.architecture).input_size[-1]
    return int(native or spec.image_size)


EMBEDDINGS = [
    with_pooling(spec, pooling)
    for spec in BACKBONES.values()
    for pooling in ([each.name for each in spec.poolings] or [None])
]


@pytest.mark.parametrize("spec", EMBEDDINGS, ids=lambda spec: f"{spec.id}-{spec.pooling}")
def test_catalogue__the_stated_length_is_that_of_the_network(spec: BackboneSpec) -> None:
    with torch.device("meta"):
        network = build_network(spec).eval()
        shape = network(torch.zeros(1, 3, _native(spec), _native(spec))).shape

    assert shape == (1, spec.embed_dim)


def test_backbone_spec__a_bare_timm_name_is_known() -> None:
    assert backbone_spec("test_vit") == backbone_spec("timm:test_vit")


def test_backbone_spec__an_unknown_name_gets_the_near_ones() -> None:
    with pytest.raises(BackboneError, match="no backbone 'resnet500'") as error:
        backbone_spec("resnet500")

    assert "resnet50" in error.value.hint


def test_load_backbone__weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.pth"
    torch.save(timm.create_model("resnet18", pretrained=False).state_dict(), path)

    with pytest.raises(WeightsError, match=r"resnet18\.pth holds a convolutional network"):
        load("timm:test_resnet", 96, path)
