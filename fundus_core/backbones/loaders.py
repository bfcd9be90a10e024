"""Making a spec into a network. To add a family, add one function to `LOADERS`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.checkpoints import load_into, read_state_dict
from fundus_core.backbones.token_grid import features_as_grid
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
        if device.type == "cuda" or spec.loader == "timm":
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

    def blocks(self) -> Sequence[tuple[str, "nn.Module"]]:
        """Returns the named children from input to head, those without weights left out."""
        return [
            (name, child)
            for name, child in self.module.named_children()
            if any(True for _ in child.parameters())
        ]

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


Loader = Callable[[BackboneSpec, Path | None, int, int], "nn.Module"]
"""(spec, weights or None, image size in pixels, seed of random weights) -> module."""


def _load_timm(spec: BackboneSpec, weights: Path | None, image_size: int, seed: int) -> "nn.Module":
    """Builds a timm network without classifier and fills it."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        arguments: dict[str, Any] = dict(spec.architecture_args)
        module: nn.Module = timm.create_model(
            spec.architecture, pretrained=False, num_classes=0, **arguments
        )
    if weights is not None:
        head = timm.get_pretrained_cfg(spec.architecture)
        classifier = head.classifier if head and isinstance(head.classifier, str) else ""
        load_into(module, read_state_dict(weights), head=classifier, source=weights.name)
    _resize_input(module, spec, image_size)
    return module


def _resize_input(module: Any, spec: BackboneSpec, image_size: int) -> None:
    """Adapts position embeddings to another input size, where the network has any."""
    native = getattr(getattr(module, "patch_embed", None), "img_size", None)
    if native is None or tuple(native) == (image_size, image_size):
        return
    if not hasattr(module, "set_input_size"):
        raise BackboneError(
            f"{spec.id} takes photographs of {native[0]} px only, not {image_size} px.",
            hint=f"Use --image-size {native[0]}.",
        )
    patch = module.patch_embed.patch_size[0]
    if image_size % patch:
        lower = max(patch, image_size // patch * patch)
        raise BackboneError(
            f"{spec.id} cuts photographs into patches of {patch} px; "
            f"{image_size} px is no multiple.",
            hint=f"Use --image-size {lower} or {lower + patch}.",
        )
    module.set_input_size(img_size=(image_size, image_size))


def _load_colour(
    spec: BackboneSpec, weights: Path | None, image_size: int, seed: int
) -> "nn.Module":
    """Returns the shortcut baseline: the mean of each colour channel."""
    from torch import nn

    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


LOADERS: dict[str, Loader] = {"timm": _load_timm, "colour": _load_colour}


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
        precision: `fp32`, or `bf16` for autocast.
        image_size: Side of the input in pixels; the spec's own by default.
        seed: Of the random weights.

    Raises:
        WeightsError: If the checkpoint is not one of this backbone.
        BackboneError: If the backbone does not take this image size.
    """
    size = image_size or spec.image_size
    _require_size(spec, size)
    module = LOADERS[spec.loader](spec, weights, size, seed)
    return TorchBackbone(
        replace(spec, image_size=size),
        module,
        image_size=size,
        preprocessing=preprocessing,
        device=device,
        precision=precision,
    )


def require_trainable(spec: BackboneSpec) -> None:
    """Refuses a backbone that has nothing to train.

    Raises:
        BackboneError: If it is no timm network.
    """
    if spec.loader != "timm":
        raise BackboneError(
            f"{spec.id} cannot be trained: only timm networks can.",
            hint="Choose another backbone; `fundus backbones` lists them.",
        )


_SMALLEST_INPUT = 32


def _require_size(spec: BackboneSpec, size: int) -> None:
    if size < _SMALLEST_INPUT:
        raise BackboneError(
            f"An image size of {size} px is too small; the least is {_SMALLEST_INPUT} px.",
            hint=f"Leave --image-size out to use the {spec.image_size} px of {spec.id}.",
        )
