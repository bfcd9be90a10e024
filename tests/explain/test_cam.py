"""Maps peak where the evidence is, leave the network alone, and are refused with a reason."""

import copy
import threading

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import grad_cam, raw_maps, saliency_maps, to_saliency_map
from fundus_core.explain.methods import METHODS
from fundus_core.explain.tail import CamLayer
from tests.explain.networks import (
    FakeBackbone,
    RednessNetwork,
    pictures,
    random_probe,
    timm_backbone,
)

BACKBONES = [("test_resnet", 96), ("test_convnext", 96), ("test_vit", 256), ("test_vit2", 160)]


def dynamic_vit(**architecture: object) -> FakeBackbone:
    return timm_backbone("test_vit", 160, dynamic_img_size=True, **architecture)


def red_square(top: int, left: int) -> Tensor:
    """A grey picture (1, 3, 96, 96) with one red square of 16 pixels."""
    picture = torch.full((1, 3, 96, 96), 90, dtype=torch.uint8)
    picture[:, 0, top : top + 16, left : left + 16] = 250
    return picture


ANY_NETWORK = [name for name in METHODS if "attention" not in name and name != "occlusion"]
"""Methods that serve any network, and show a place without its neighbours."""


@pytest.mark.parametrize("method", ANY_NETWORK)
def test_raw_maps__peak_on_the_one_thing_that_the_score_depends_on(method: str) -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)

    (raw,) = raw_maps(backbone, red_square(top=40, left=72), np.array([1.0]), method=method)

    cell = 96 // len(raw)
    lit = np.zeros(raw.shape, dtype=bool)
    lit[40 // cell : -(-56 // cell), 72 // cell : -(-88 // cell)] = True
    assert raw[lit].min() > 0
    assert raw[lit].min() > 10 * raw[~lit].max()


def test_saliency_maps__say_that_nothing_speaks_for_the_other_class() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)

    (refusal,) = saliency_maps(backbone, red_square(40, 72), np.array([-1.0]), class_name="healthy")

    assert isinstance(refusal, SaliencyError)
    assert "Nothing in this photograph speaks for 'healthy'" in refusal.message
    assert "other class" in refusal.hint


def test_saliency_maps__one_refusal_does_not_spoil_the_others() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)
    nothing_red = torch.full((1, 3, 96, 96), 90, dtype=torch.uint8)
    batch = torch.cat([red_square(0, 0), nothing_red, red_square(80, 80)])

    first, second, third = saliency_maps(backbone, batch, np.array([1.0]), class_name="red")

    assert first.values[0, 0] == 1.0
    assert isinstance(second, SaliencyError)
    assert third.values[-1, -1] == 1.0
    assert (first.layer, first.method, first.class_name) == ("relu", "grad_cam", "red")


def test_raw_maps__of_a_photograph_do_not_depend_on_its_neighbours() -> None:
    for name, size in BACKBONES:
        backbone = dynamic_vit() if name == "test_vit" else timm_backbone(name, size)
        batch, probe = pictures(4, size), random_probe(backbone.module.num_features)

        together = grad_cam(backbone, batch, probe)
        alone = np.concatenate([grad_cam(backbone, row[None], probe) for row in batch])

        np.testing.assert_allclose(together, alone, atol=1e-4 * np.abs(alone).max())
        assert np.ptp(alone, axis=0).max() > 0


def test_raw_maps__scale_with_the_probe_and_do_not_depend_on_its_intercept() -> None:
    backbone, batch = timm_backbone("test_resnet", 96), pictures(2, 96)
    probe = random_probe(96)

    once, twice = grad_cam(backbone, batch, probe, 0.0), grad_cam(backbone, batch, 2 * probe, 5.0)

    np.testing.assert_allclose(twice, 2 * once, rtol=1e-4)


def test_raw_maps__add_up_to_the_logit_where_the_pooled_features_are_the_embedding() -> None:
    backbone, batch = timm_backbone("test_resnet", 96), pictures(2, 96)
    probe = random_probe(96)

    maps = raw_maps(backbone, batch, probe, method="hires_cam")

    logits = backbone.forward(batch).numpy() @ probe
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), logits, rtol=1e-3)


@pytest.mark.parametrize("size", [96, 160, 384])
def test_raw_maps__have_the_grid_of_any_input_size(size: int) -> None:
    maps = grad_cam(dynamic_vit(), pictures(1, size), random_probe(64))

    assert maps.shape == (1, size // 16, size // 16)


def test_raw_maps__of_a_frozen_backbone_equal_those_of_a_trainable_one() -> None:
    frozen, batch = timm_backbone("test_vit", 160), pictures(2, 160)
    trainable = timm_backbone("test_vit", 160)
    trainable.module.requires_grad_(True)
    probe = random_probe(64)

    maps = grad_cam(trainable, batch, probe)

    np.testing.assert_array_equal(maps, grad_cam(frozen, batch, probe))
    assert all(parameter.requires_grad for parameter in trainable.module.parameters())
    assert all(parameter.grad is None for parameter in trainable.module.parameters())
    assert not any(parameter.requires_grad for parameter in frozen.module.parameters())


def test_raw_maps__record_nothing_before_the_layer() -> None:
    backbone = timm_backbone("test_resnet", 96)
    backbone.module.requires_grad_(True)
    recorded: dict[str, bool] = {}
    for name in ("layer3", "layer4", "global_pool"):
        backbone.module.get_submodule(name).register_forward_hook(
            lambda _layer, _inputs, output, name=name: recorded.update({name: output.requires_grad})
        )

    raw_maps(backbone, pictures(1, 96), random_probe(96), layer=CamLayer("layer4", "NCHW"))

    assert recorded == {"layer3": False, "layer4": False, "global_pool": True}


def test_raw_maps__refuse_a_layer_after_the_pooling() -> None:
    backbone = timm_backbone("test_resnet", 96)

    with pytest.raises(SaliencyError, match="after the pooling"):
        raw_maps(
            backbone, pictures(1, 96), random_probe(96), layer=CamLayer("global_pool.pool", "NCHW")
        )


def test_saliency_maps__refuse_a_layer_that_only_the_class_token_leaves() -> None:
    backbone = timm_backbone("test_vit", 160)

    (refusal,) = saliency_maps(
        backbone,
        pictures(1, 160),
        random_probe(64),
        class_name="DR",
        layer=CamLayer("norm", "NLC"),
    )

    assert isinstance(refusal, SaliencyError)
    assert "0 everywhere" in refusal.message
    assert "before the last attention" in refusal.hint


def test_raw_maps__refuse_a_layer_that_the_embedding_does_not_depend_on() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)
    backbone.module.idle = nn.Conv2d(3, 3, 1)

    with pytest.raises(SaliencyError, match="does not depend on the layer 'idle'"):
        raw_maps(backbone, pictures(1, 96), np.array([1.0]), layer=CamLayer("idle", "NCHW"))


def test_raw_maps__refuse_an_unknown_layer_and_an_unknown_method() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)

    with pytest.raises(SaliencyError, match="has no layer 'layer9'"):
        raw_maps(backbone, pictures(1, 96), np.array([1.0]), layer=CamLayer("layer9", "NCHW"))
    with pytest.raises(SaliencyError, match="no saliency method 'gradcam'") as refusal:
        raw_maps(backbone, pictures(1, 96), np.array([1.0]), method="gradcam")
    assert "grad_cam" in refusal.value.hint


def test_raw_maps__of_a_layer_that_the_next_one_overwrites_in_place() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)
    before_relu = CamLayer("detector", "NCHW")

    (raw,) = raw_maps(backbone, red_square(40, 72), np.array([1.0]), layer=before_relu)

    assert np.unravel_index(raw.argmax(), raw.shape) == (5, 9)


def test_raw_maps__refuse_the_probe_of_another_backbone() -> None:
    with pytest.raises(SaliencyError, match=r"\(7,\) for embeddings of length 1"):
        raw_maps(FakeBackbone(RednessNetwork(), 96), pictures(1, 96), random_probe(7))


def test_raw_maps__refuse_a_network_in_training_mode() -> None:
    backbone = timm_backbone("test_resnet", 96)
    backbone.module.train()

    with pytest.raises(ValueError, match="training mode"):
        raw_maps(backbone, pictures(1, 96), random_probe(96), layer=CamLayer("layer4", "NCHW"))


def test_raw_maps__under_inference_mode_are_the_same() -> None:
    backbone, probe = timm_backbone("test_vit", 160), random_probe(64)
    expected = grad_cam(backbone, pictures(2, 160), probe)

    with torch.inference_mode():
        batch = pictures(2, 160)
        maps = grad_cam(backbone, batch, probe)
        still_inference = torch.is_inference_mode_enabled()

    assert batch.is_inference()
    assert still_inference
    np.testing.assert_array_equal(maps, expected)


@pytest.mark.parametrize("enabled", [True, False])
def test_raw_maps__leave_gradient_mode_and_network_as_they_were(enabled: bool) -> None:
    backbone = timm_backbone("test_resnet", 96)
    before = copy.deepcopy(backbone.module.state_dict())

    with torch.set_grad_enabled(enabled):
        grad_cam(backbone, pictures(2, 96), random_probe(96))
        after = torch.is_grad_enabled()

    assert after is enabled
    assert not backbone.module.training
    assert not any(layer._forward_hooks for layer in backbone.module.modules())
    state = backbone.module.state_dict()
    assert all(value.equal(before[key]) for key, value in state.items())


def test_raw_maps__clean_up_when_the_network_fails_behind_the_layer() -> None:
    class Failing(FakeBackbone):
        def forward(self, batch: Tensor) -> Tensor:
            super().forward(batch)
            raise MemoryError

    module = timm_backbone("test_resnet", 96).module

    layer = CamLayer("layer4", "NCHW")
    with torch.no_grad():
        with pytest.raises(MemoryError):
            raw_maps(Failing(module, 96), pictures(1, 96), random_probe(96), layer=layer)
        enabled = torch.is_grad_enabled()

    assert not enabled
    assert not any(layer._forward_hooks for layer in module.modules())


def test_raw_maps__leave_other_users_of_the_same_network_alone() -> None:
    module = timm_backbone("test_resnet", 96).module
    elsewhere: list[Tensor] = []

    class Shared(FakeBackbone):
        """Another session embeds with the same network while this one explains."""

        def forward(self, batch: Tensor) -> Tensor:
            def embed() -> None:
                with torch.no_grad():
                    elsewhere.append(FakeBackbone.forward(self, batch))

            session = threading.Thread(target=embed)
            session.start()
            session.join()
            return FakeBackbone.forward(self, batch)

    maps = raw_maps(
        Shared(module, 96),
        pictures(1, 96),
        random_probe(96),
        layer=CamLayer("layer4", "NCHW"),
    )

    assert np.ptp(maps) > 0
    assert not elsewhere[0].requires_grad


def test_to_saliency_map__keeps_ratios_and_the_peak() -> None:
    raw = np.array([[0.2, 0.4], [-5.0, 0.1]])

    result = to_saliency_map(raw, layer="layer4", method="grad_cam", class_name="DR")

    np.testing.assert_allclose(result.values, [[0.5, 1.0], [0.0, 0.25]])
    assert result.values.dtype == np.float32
    assert result.peak == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (np.zeros((7, 7)), "0 everywhere"),
        (np.full((7, 7), 0.3), "0.3 everywhere"),
        (np.array([[1.0, np.nan], [0.0, np.inf]]), "2 of 4 values that are not finite"),
        (np.zeros(49), r"shape \(49,\)"),
        (np.zeros((1, 1)), r"shape \(1, 1\)"),
        (np.array([[-1.0, -2.0], [0.0, -3.0]]), "Nothing in this photograph speaks for 'DR'"),
        (np.array([[-1.0, 1e-9], [0.0, -3.0]]), "Nothing in this photograph speaks for 'DR'"),
    ],
)
def test_to_saliency_map__refuses_what_shows_nothing(raw: np.ndarray, reason: str) -> None:
    with pytest.raises(SaliencyError, match=reason) as refusal:
        to_saliency_map(raw, layer="layer4", method="grad_cam", class_name="DR")

    assert refusal.value.hint
