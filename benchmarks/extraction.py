"""Embeddings from photographs on disk: ours beside the usual loop, in one run.

    python -m benchmarks.extraction

The usual loop is what timm's documentation shows: a `DataLoader` with two worker processes, Pillow,
the model's own transforms, float32, batches of 16 and no gradients. Ours is `embed_photographs`,
the function behind `fundus embed`, with two decoding threads. Photographs are synthetic JPEGs of
2000 x 2000 pixels, each with other bytes; weights are random, which costs what trained ones cost.
"""

import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.decode import SIDE, synthetic_photograph
from benchmarks.turns import medians
from fundus_core.backbones.base import Backbone
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.loaders import load_backbone
from fundus_core.compute import choose_device, default_batch_size
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.io.images import scan_image

MODELS = ("resnet50", "vit_small_patch16_224")
N_PHOTOGRAPHS, N_WORKERS, BATCH, ROUNDS = 96, 2, 16, 3


class Opened(torch.utils.data.Dataset[torch.Tensor]):
    """Photographs as most code reads them."""

    def __init__(self, paths: Sequence[Path], transform: object) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


def usual_loop(name: str, paths: Sequence[Path]) -> NDArray[np.float32]:
    """Returns embeddings (N, D) by timm, torchvision and Pillow, as their documents show."""
    import timm

    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=0).eval().to(choose_device())
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    loader = torch.utils.data.DataLoader(
        Opened(paths, transform), batch_size=BATCH, num_workers=N_WORKERS
    )
    with torch.no_grad():
        rows = [model(batch.to(choose_device())).cpu() for batch in loader]
    return torch.cat(rows).numpy()


def loaded(name: str, precision: Literal["fp32", "bf16"]) -> Backbone:
    """Returns the backbone as `fundus embed` loads it, with random weights."""
    return load_backbone(
        backbone_spec(f"timm:{name}"),
        None,
        preprocessing=PreprocessRecipe(),
        device=choose_device(),
        precision=precision,
        image_size=224,
        seed=0,
    )


def ours(backbone: Backbone, photographs: Sequence[Photograph]) -> NDArray[np.float32]:
    """Returns embeddings (N, D) by the function behind `fundus embed`."""
    shards: list[Shard] = []
    embed_photographs(
        backbone,
        photographs,
        on_shard=shards.append,
        batch_size=default_batch_size(choose_device(), 224),
        workers=N_WORKERS,
    )
    return np.concatenate([shard.vectors for shard in shards])


def forward_alone(backbone: Backbone) -> float:
    """Returns the seconds that the network alone takes for all photographs, from memory."""
    size = default_batch_size(choose_device(), 224)
    batch = torch.randint(0, 256, (size, 3, 224, 224), dtype=torch.uint8)
    backbone.embed(batch)
    began = time.perf_counter()
    for _ in range(N_PHOTOGRAPHS // size):
        backbone.embed(batch)
    return time.perf_counter() - began


def write_photographs(folder: Path) -> list[Photograph]:
    """Writes the JPEGs and returns them under the hashes of their contents."""
    picture = synthetic_photograph()
    found = []
    for number in range(N_PHOTOGRAPHS):
        path = folder / f"{number:03d}.jpg"
        shifted = np.roll(picture, 7 * number, axis=1)
        Image.fromarray(shifted).save(path, quality=90)
        found.append(Photograph(scan_image(path).image_id, path))
    return found


def least_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Returns the smallest cosine similarity of two sets of embeddings, row by row."""
    dots = (a * b).sum(axis=1)
    return float((dots / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def main() -> None:
    """Measures and prints a table."""
    device = choose_device()
    where = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    print(
        f"{N_PHOTOGRAPHS} synthetic JPEGs of {SIDE} x {SIDE}, {device.type} ({where}), "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; medians of {ROUNDS} rounds"
    )
    print("\n| backbone | way | images/s | times the usual loop | outside the network | cosine |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        photographs = write_photographs(Path(folder))
        for name in MODELS:
            _measure(name, photographs)


def _measure(name: str, photographs: Sequence[Photograph]) -> None:
    paths = [photograph.path for photograph in photographs]
    full, half = loaded(name, "fp32"), loaded(name, "bf16")
    took = medians(
        {
            "usual": lambda: usual_loop(name, paths),
            "fp32": lambda: ours(full, photographs),
            "bf16": lambda: ours(half, photographs),
            "fp32 network": lambda: forward_alone(full),
            "bf16 network": lambda: forward_alone(half),
        },
        ROUNDS,
    )
    cosine = least_cosine(ours(full, photographs), ours(half, photographs))
    print(f"| {name} | usual loop | {N_PHOTOGRAPHS / took['usual']:.1f} | 1.0 | | |")
    for way, agreement in (("fp32", ""), ("bf16", f"{cosine:.5f}")):
        outside = 1 - took[f"{way} network"] / took[way]
        print(
            f"| {name} | ours, {way} | {N_PHOTOGRAPHS / took[way]:.1f} "
            f"| {took['usual'] / took[way]:.1f} | {outside:.0%} | {agreement} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
