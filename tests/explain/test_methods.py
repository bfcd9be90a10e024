"""Every method equals pytorch-grad-cam's on the same layer, and explains without a fine-tune."""

import copy
import re
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own imports
    from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
    from pytorch_grad_cam.utils.image import scale_cam_image

from fundus_core.explain.cam import raw_maps
from fundus_core.explain.methods import METHODS
from tests.explain.networks import (
    FakeBackbone,
    normalised,
    pictures,
    random_probe,
    timm_backbone,
)

REFERENCE = {
    "grad_cam": GradCAM,
    "hires_cam": HiResCAM,
    "layer_cam": LayerCAM,
    "grad_cam_plus_plus": GradCAMPlusPlus,
    "eigen_cam": EigenCAM,
    "score_cam": ScoreCAM,
}
"""What that library has of ours; the others are checked in files of their own."""


def without_class_token(tokens: Tensor) -> Tensor:
    return tokens[:, 1:].reshape(len(tokens), 6, 6, -1).permute(0, 3, 1, 2)


def without_registers(tokens: Tensor) -> Tensor:
    return tokens[:, 5:].reshape(len(tokens), 5, 5, -1).permute(0, 3, 1, 2)


def channels_last(features: Tensor) -> Tensor:
    return features.permute(0, 3, 1, 2)


NETWORKS = {
    "resnet18": (96, {}, "layer4", None),
    "test_vit": (96, {"img_size": 96}, "blocks.5.norm1", without_class_token),
    "vit_small_patch14_reg4_dinov2": (
        70,
        {"img_size": 70, "depth": 4},
        "blocks.3.norm1",
        without_registers,
    ),
    "swin_tiny_patch4_window7_224": (
        128,
        {"img_size": 128, "depths": (1, 1, 1, 1)},
        "norm",
        channels_last,
    ),
}
"""Per network: input size, architecture, layer and reshaping, the latter two written by hand."""


def test_every_method_names_its_paper_its_networks_and_its_cost() -> None:
    for name, method in METHODS.items():
        assert method.label, name
        assert re.search(r"\(\d{4}\)", method.reference), name
        assert method.serves, name
        assert method.cost, name


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", ["grad_cam", "hires_cam", "layer_cam", "eigen_cam"])
def test_raw_maps__equal_pytorch_grad_cam(method: str, name: str) -> None:
    size, architecture, layer, reshape = NETWORKS[name]
    backbone = timm_backbone(name, size, **architecture)
    batch, probe = pictures(3, size), random_probe(backbone.module.num_features)

    ours = raw_maps(backbone, batch, probe, 0.7, method=method)

    theirs = reference_maps(backbone, batch, probe, method, layer, reshape)
    if method == "eigen_cam":  # the paper leaves the sign of each map open
        ours = np.stack([nearer_sign(one, other) for one, other in zip(ours, theirs, strict=True)])
    np.testing.assert_allclose(scaled_like_theirs(ours, size), theirs, atol=1e-3)


def test_grad_cam_plus_plus__equals_pytorch_grad_cam_after_a_relu() -> None:
    backbone = timm_backbone("resnet18", 96)
    batch, probe = pictures(3, 96), 1e4 * random_probe(512)  # else its epsilon outweighs g^2

    ours = raw_maps(backbone, batch, probe, method="grad_cam_plus_plus")

    theirs = reference_maps(backbone, batch, probe, "grad_cam_plus_plus", "layer4", None)
    np.testing.assert_allclose(scaled_like_theirs(ours, 96), theirs, atol=1e-3)


def test_score_cam__equals_pytorch_grad_cam() -> None:
    backbone = timm_backbone("test_vit", 96, img_size=96)
    batch, probe = pictures(2, 96), 10 * random_probe(64)

    ours = raw_maps(backbone, batch, probe, method="score_cam")

    theirs = reference_maps(
        backbone, batch, probe, "score_cam", "blocks.5.norm1", without_class_token
    )
    np.testing.assert_allclose(scaled_like_theirs(ours, 96), theirs, atol=1e-3)


def test_methods__those_that_say_so_do_not_depend_on_the_class_and_the_others_do() -> None:
    backbone = timm_backbone("test_vit", 160)
    batch, probe = pictures(1, 160), random_probe(64)

    for name, method in METHODS.items():
        one = raw_maps(backbone, batch, probe, method=name)
        other = raw_maps(backbone, batch, -probe, method=name)
        assert np.array_equal(one, other) is not method.class_specific


def reference_maps(
    backbone: FakeBackbone,
    batch: Tensor,
    probe: NDArray[np.float32],
    method: str,
    layer: str,
    reshape: Callable[[Tensor], Tensor] | None,
) -> NDArray[np.float32]:
    """Returns pytorch-grad-cam's maps (B, S, S)."""
    module = copy.deepcopy(backbone.module).requires_grad_(True)  # frozen, it fails
    coefficients = torch.tensor(probe)
    targets = [lambda embedding: embedding @ coefficients] * len(batch)
    layers = [module.get_submodule(layer)]
    with REFERENCE[method](module, layers, reshape_transform=reshape) as engine:
        maps: NDArray[np.float32] = engine(normalised(batch), targets=targets)
    return maps


def nearer_sign(raw: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns a map, or its negative if that is more like the reference."""
    size = len(reference)
    distances = [
        np.abs(scaled_like_theirs(signed[None], size)[0] - reference).max()
        for signed in (raw, -raw)
    ]
    return raw if distances[0] <= distances[1] else -raw


def scaled_like_theirs(raw: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Drops what speaks against the class, then stretches and enlarges as that library does."""
    return scale_cam_image(scale_cam_image(np.maximum(raw, 0), (size, size)))
