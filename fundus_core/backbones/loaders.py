"""A loaded network behind the `Backbone` protocol."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.blocks import Block, network_blocks
from fundus_core.backbones.networks import load_network
from fundus_core.backbones.token_grid import features_as_grid
from fundus_core.compute import OpenVinoPrecision
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import BackboneError
from fundus_core.preprocessing import prepare

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class TorchBackbone:
    """A timm-like module behind the `Backbone` protocol: uint8 in, float32 out."""

    def __init__(
        self,
        spec: BackboneSpec,
        module: "nn.Module",
        *,
        image_size: int,
        preprocessing: PreprocessRecipe,
        device: "torch.device",
        precision: str,
    ) -> None:
        """Moves the module to the device, freezes it and sets it to eval mode."""
        import torch

        self.spec = spec
        self.image_size = image_size
        self.module = module.to(device).eval().requires_grad_(False)
        if device.type == "cuda" or spec.loader != "colour":
            self.module = self.module.to(memory_format=torch.channels_last)
        self._preprocessing = preprocessing
        self._device = device
        self._precision = precision
        self._mean = torch.tensor(spec.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(spec.std, device=device).view(1, 3, 1, 1)

    def preprocess(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turns a photograph (H, W, 3), RGB, into the network's input (3, S, S), uint8."""
        square = prepare(image, self.image_size, self._preprocessing).pixels
        return np.ascontiguousarray(square.transpose(2, 0, 1))

    def forward(self, batch: "Tensor") -> "Tensor":
        """Maps uint8 inputs (B, 3, S, S) to float32 embeddings (B, D), in the current grad mode."""
        embeddings: Tensor = self.module(self._normalised(batch))
        return embeddings.float()

    def embed(self, batch: "Tensor") -> "Tensor":
        """Like `forward`, without gradients, at the backbone's precision; returns to the CPU."""
        import torch

        with torch.inference_mode(), self._autocast():
            return self.forward(batch).cpu()

    def feature_map(self, batch: "Tensor") -> "Tensor":
        """Maps uint8 inputs (B, 3, S, S) to the last spatial features (B, C, h, w), float32.

        Raises:
            BackboneError: If the network has no spatial features.
        """
        import torch

        module: Any = self.module
        if not hasattr(module, "forward_features"):
            raise BackboneError(
                f"{self.spec.id} has no feature map: it reduces a photograph to a few numbers.",
                hint="Choose a convolutional network or a vision transformer.",
            )
        with torch.inference_mode():
            features: Tensor = module.forward_features(self._normalised(batch))
        return features_as_grid(module, features, self.image_size).float()

    def blocks(self) -> Sequence[Block]:
        """Returns the parts of the network from input to embedding, for gradual unfreezing."""
        return network_blocks(self.module)

    def _normalised(self, batch: "Tensor") -> "Tensor":
        import torch

        pixels = batch.to(self._device, non_blocking=True).float().div_(255)
        normalised = pixels.sub_(self._mean).div_(self._std)
        return normalised.contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> "torch.autocast":
        import torch

        return torch.autocast(
            self._device.type, dtype=torch.bfloat16, enabled=self._precision == "bf16"
        )


def load_backbone(
    spec: BackboneSpec,
    weights: Path | None,
    *,
    preprocessing: PreprocessRecipe,
    device: "torch.device",
    precision: str = "fp32",
    image_size: int | None = None,
    seed: int = 0,
) -> Backbone:
    """Loads a backbone, ready to embed.

    Args:
        spec: The backbone.
        weights: Its checkpoint, or None for random weights.
        preprocessing: How photographs become its input.
        device: Where it computes.
        precision: `fp32`, `bf16` for autocast, or one of `OpenVinoPrecision`.
        image_size: Side of the input in pixels; the spec's own by default.
        seed: Of the random weights.

    Raises:
        WeightsError: If the checkpoint is not one of this backbone.
        BackboneError: If the backbone does not take this image size.
    """
    size = image_size or spec.image_size
    module = load_network(spec, weights, size, seed)
    kind = TorchBackbone
    if precision in get_args(OpenVinoPrecision):
        from fundus_core.backbones.openvino_engine import OpenVinoBackbone

        kind = OpenVinoBackbone
    return kind(
        replace(spec, image_size=size),
        module,
        image_size=size,
        preprocessing=preprocessing,
        device=device,
        precision=precision,
    )
