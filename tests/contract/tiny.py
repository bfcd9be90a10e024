"""Backbones of the catalogue with tiny architectures, and pictures to show them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, with_pooling
from fundus_core.backbones.loaders import load_backbone
from fundus_core.domain.recipe import PreprocessRecipe
from tests.contract.families import Tensors
from tests.contract.published import PUBLISHED, Checkpoint


def tiny_spec(spec: BackboneSpec) -> BackboneSpec:
    """The backbone with its tiny architecture, every length of an embedding as it is there."""
    checkpoint = PUBLISHED[spec.id]
    arguments = {**dict(spec.architecture_args), **checkpoint.arguments}
    lengths = checkpoint.lengths
    return replace(
        spec,
        architecture_args=tuple(sorted(arguments.items())),
        embed_dim=lengths.get(spec.embed_dim, spec.embed_dim),
        poolings=tuple(
            replace(pooling, embed_dim=lengths.get(pooling.embed_dim, pooling.embed_dim))
            for pooling in spec.poolings
        ),
    )


def all_poolings(spec: BackboneSpec) -> list[BackboneSpec]:
    return [with_pooling(spec, each.name) for each in spec.poolings] or [spec]


NETWORKS = [tiny_spec(BACKBONES[name]) for name in PUBLISHED]
EMBEDDINGS = [each for spec in NETWORKS for each in all_poolings(spec)]


def name_of(spec: BackboneSpec) -> str:
    return f"{spec.id}-{spec.pooling}"


class Files:
    """Tiny published checkpoints, each kind written once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tensors: dict[Callable[[], Tensors], Tensors] = {}

    def tensors(self, checkpoint: Checkpoint) -> Tensors:
        if checkpoint.tiny not in self._tensors:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                self._tensors[checkpoint.tiny] = checkpoint.tiny()
        return dict(self._tensors[checkpoint.tiny])

    def written(self, checkpoint: Checkpoint, tensors: Tensors) -> Path:
        path = self._folder / "checkpoint.pth"
        torch.save(checkpoint.wrap(tensors), path)
        return path


def loaded_at(spec: BackboneSpec, path: Path | None, size: int | None = None) -> Backbone:
    """A backbone on the CPU, by default at the size of its tiny checkpoint."""
    return load_backbone(
        spec,
        path,
        preprocessing=PreprocessRecipe(),
        device=torch.device("cpu"),
        image_size=size or PUBLISHED[spec.id].size,
    )


def pixels_of(spec: BackboneSpec, batch: Tensor) -> Tensor:
    """What the network of a backbone is given, by the published mean and standard deviation."""
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (spec.mean, spec.std))
    return (batch.float() / 255 - mean) / std


def pictures(size: int) -> Tensor:
    """Four pictures (4, 3, S, S), uint8, of blobs."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (4, 3, 8, 8), generator=generator).float()
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear").to(torch.uint8)


def tiny(backbone: str, pooling: str | None = None) -> BackboneSpec:
    """A backbone of the catalogue with its tiny architecture."""
    return with_pooling(tiny_spec(BACKBONES[backbone]), pooling)


def written(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def perturbed(network: nn.Module) -> nn.Module:
    """Moves every weight off its initial value, which may hide what it does."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
