"""The layer is the one that the network pools, and what it returns lies where the picture is."""

import numpy as np
import pytest
import torch
from timm.models.vision_transformer_sam import VisionTransformerSAM
from torch import Tensor, nn

from fundus_core.errors import SaliencyError
from fundus_core.explain.layers import cam_layer
from fundus_core.explain.tail import CamLayer, record_tail
from tests.explain.networks import FakeBackbone, normalised, pictures, timm_backbone

CONVOLUTIONAL = {
    "resnet18": CamLayer("layer4", "NCHW"),
    "test_resnet": CamLayer("layer4", "NCHW"),
    "mobilenetv1_100": CamLayer("blocks", "NCHW"),
    "mobilenetv2_100": CamLayer("bn2", "NCHW"),
    "densenet121": CamLayer("features", "NCHW"),
    "efficientnet_b0": CamLayer("bn2", "NCHW"),
    "test_convnext": CamLayer("stages", "NCHW"),
    "regnetx_002": CamLayer("s4", "NCHW"),
    "resnetv2_50": CamLayer("norm", "NCHW"),
    "vgg11": CamLayer("features", "NCHW"),
}
TRANSFORMERS = [
    ("test_vit", 160, {}, CamLayer("blocks.5.norm1", "NLC")),
    ("test_vit", 96, {"img_size": 96}, CamLayer("blocks.5.norm1", "NLC")),
    ("test_vit", 224, {"dynamic_img_size": True}, CamLayer("blocks.5.norm1", "NLC")),
    ("test_vit2", 160, {}, CamLayer("blocks", "NLC")),
    (
        "vit_small_patch14_reg4_dinov2",
        98,
        {"img_size": 98},
        CamLayer("blocks.11.norm1", "NLC"),
    ),
    (
        "swin_tiny_patch4_window7_224",
        128,
        {"img_size": 128, "depths": (1, 1, 1, 1)},
        CamLayer("norm", "NHWC"),
    ),
]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_cam_layer__is_what_a_convolutional_network_pools(name: str) -> None:
    backbone = timm_backbone(name, image_size=64)
    batch = pictures(2, 64)

    layer = cam_layer(backbone)
    record = record_tail(backbone, batch, lambda embeddings: embeddings.sum(dim=1), layer)

    assert layer == CONVOLUTIONAL[name]
    with torch.no_grad():
        pooled = backbone.module.forward_features(normalised(batch))
    torch.testing.assert_close(record.activations, pooled, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "size", "architecture", "expected"), TRANSFORMERS)
def test_cam_layer__of_a_transformer_lies_where_the_picture_changed(
    name: str, size: int, architecture: dict[str, object], expected: CamLayer
) -> None:
    backbone = timm_backbone(name, size, **architecture)

    layer = cam_layer(backbone)

    assert layer == expected
    assert_places_are_those_of_the_picture(backbone, layer)


def test_record_tail__reads_the_channels_last_blocks_of_sam() -> None:
    torch.manual_seed(0)
    module = VisionTransformerSAM(
        img_size=128, embed_dim=32, depth=2, num_heads=2, num_classes=0, use_rel_pos=True
    )
    backbone = FakeBackbone(module, image_size=128, name="sam")

    assert_places_are_those_of_the_picture(backbone, CamLayer("blocks.1.norm1", "NHWC"))
    assert cam_layer(backbone).layout == "NCHW"
    assert_places_are_those_of_the_picture(backbone, cam_layer(backbone))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "beit_base_patch16_224",
        "cait_xxs24_224",
        "deit_tiny_distilled_patch16_224",
        "efficientformer_l1",
        "eva02_tiny_patch14_224",
        "focalnet_tiny_srf",
        "hiera_tiny_224",
        "mambaout_femto",
        "mixer_s16_224",
        "mvitv2_tiny",
        "sequencer2d_s",
        "swinv2_tiny_window8_256",
        "twins_pcpvt_small",
        "vit_base_patch16_siglip_224",
        "vit_relpos_small_patch16_224",
        "vit_small_patch16_dinov3",
        "xcit_nano_12_p16_224",
    ],
)
def test_cam_layer__of_any_family_lies_where_the_picture_changed(name: str) -> None:
    backbone = timm_backbone(name, 224)
    backbone.image_size = backbone.module.pretrained_cfg["input_size"][-1]

    assert_places_are_those_of_the_picture(backbone, cam_layer(backbone))


@pytest.mark.parametrize("pooling", ["token", "avg"])
def test_cam_layer__follows_the_pooling_that_the_backbone_does(pooling: str) -> None:
    backbone = timm_backbone("test_vit", 160)

    class Repooled(FakeBackbone):
        def forward(self, batch: Tensor) -> Tensor:
            tokens = self.module.forward_features(normalised(batch))
            return tokens[:, 0] if pooling == "token" else tokens[:, 1:].mean(dim=1)

    layer = cam_layer(Repooled(backbone.module, 160))

    assert layer.name == {"token": "blocks.5.norm1", "avg": "norm"}[pooling]


def test_cam_layer__leaves_no_hook_behind() -> None:
    backbone = timm_backbone("test_vit", 160)

    cam_layer(backbone)

    assert not any(layer._forward_hooks for layer in backbone.module.modules())


def test_cam_layer__refuses_a_network_without_places() -> None:
    mean_colour = FakeBackbone(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 32, "colour")

    with pytest.raises(SaliencyError, match="colour keeps no places") as refusal:
        cam_layer(mean_colour)

    assert "convolutional network" in refusal.value.hint


def test_cam_layer__refuses_features_that_contradict_the_declared_order() -> None:
    backbone = timm_backbone("swin_tiny_patch4_window7_224", 64, img_size=64)
    backbone.module.output_fmt = "NCHW"

    with pytest.raises(SaliencyError, match=r"768 features in the order NCHW.*\(1, 2, 2, 768\)"):
        cam_layer(backbone)


def test_cam_layer__refuses_several_feature_maps() -> None:
    backbone = timm_backbone("crossvit_tiny_240", 240)

    with pytest.raises(SaliencyError, match="does not pool the output of one of its layers"):
        cam_layer(backbone)


def assert_places_are_those_of_the_picture(backbone: FakeBackbone, layer: CamLayer) -> None:
    """Changes each of 4 x 4 squares of a picture, and asks where the activations change most."""
    size, quarter = backbone.image_size, backbone.image_size // 4
    plain = pictures(1, size)
    changed = plain.repeat(16, 1, 1, 1)
    for row in range(4):
        for column in range(4):
            square = changed[4 * row + column, :, row * quarter :, column * quarter :][
                :, :quarter, :quarter
            ]
            square.copy_(255 - square)

    batch = torch.cat([plain, changed])
    record = record_tail(backbone, batch, lambda embeddings: embeddings.sum(dim=1), layer)
    response = (record.activations[1:] - record.activations[:1]).norm(dim=1)  # (16, h, w)
    excess = (response - response.mean(dim=0)).clamp(min=0).square().double().numpy()

    rows, columns = (np.arange(side) + 0.5 for side in excess.shape[1:])
    mass = excess.sum(axis=(1, 2))
    found_row = (excess.sum(axis=2) @ rows) / mass
    found_column = (excess.sum(axis=1) @ columns) / mass
    true_row, true_column = np.divmod(np.arange(16), 4)
    assert np.corrcoef(found_row, true_row)[0, 1] > 0.9
    assert np.corrcoef(found_column, true_column)[0, 1] > 0.9
