"""Small networks with random weights behind the `Backbone` protocol, and pictures to show them."""

from collections.abc import Sequence

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.blocks import Block, network_blocks


class FakeBackbone:
    """A module behind the protocol: pixels to [-2, 2], nothing else."""

    def __init__(self, module: nn.Module, image_size: int, name: str = "fake") -> None:
        self.module = module.eval().requires_grad_(False)
        self.image_size = image_size
        self.spec = BackboneSpec(
            id=name,
            title=name,
            architecture=name,
            embed_dim=getattr(module, "num_features", 3),
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
        )

    def preprocess(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image.transpose(2, 0, 1)

    def forward(self, batch: Tensor) -> Tensor:
        return self.module(normalised(batch))

    def embed(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.forward(batch)

    def feature_map(self, batch: Tensor) -> Tensor:
        features: Tensor = self.module.forward_features(normalised(batch))
        return features

    def blocks(self) -> Sequence[Block]:
        return network_blocks(self.module)


def normalised(batch: Tensor) -> Tensor:
    return (batch.float() / 255 - 0.5) / 0.25


def timm_backbone(name: str, image_size: int, **architecture: object) -> FakeBackbone:
    torch.manual_seed(0)
    module = timm.create_model(name, pretrained=False, num_classes=0, **architecture)
    return FakeBackbone(module, image_size, name)


def pictures(n_images: int, image_size: int, seed: int = 0) -> Tensor:
    """Returns smooth random pictures (B, 3, S, S), uint8: blobs of an eighth of their side."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (n_images, 3, 8, 8), generator=generator).float()
    return nn.functional.interpolate(coarse, size=image_size, mode="bilinear").to(torch.uint8)


def random_probe(n_features: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(n_features).astype(np.float32)


class RednessNetwork(nn.Module):
    """Its one feature is how much redder than green a place of 8 x 8 pixels is."""

    num_features = 1

    def __init__(self) -> None:
        super().__init__()
        self.detector = nn.Conv2d(3, 1, kernel_size=8, stride=8, bias=False)
        self.relu = nn.ReLU(inplace=True)
        with torch.no_grad():
            self.detector.weight.copy_(torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1))

    def forward_features(self, pixels: Tensor) -> Tensor:
        return self.relu(self.detector(pixels))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.forward_features(pixels).mean(dim=(2, 3))
