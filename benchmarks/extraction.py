"""Embeddings from photographs on disk: ours beside the usual loop, in one run.

    python -m benchmarks.extraction [PHOTOGRAPHS [ROUNDS]]

The usual loop is what timm's documentation shows: a `DataLoader` with two worker processes, Pillow,
the model's own transforms, float32, batches of 16 and no gradients. Ours is `embed_photographs`,
the function behind `fundus embed`, with two decoding threads. It keeps the squares it decodes, as
that command does, in a folder that is new each time; with squares in place, as another backbone of
the same recipe and size left them, it decodes nothing. OpenVINO is an extra; its rows need it.
Photographs are synthetic JPEGs of 2000 x 2000 pixels, each with other bytes; weights are random,
which costs what trained ones cost.
"""

import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

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
from fundus_core.embedding import SHARD_ROWS, Photograph, Shard, embed_photographs
from fundus_core.io.images import scan_image
from fundus_core.io.square_store import VARIABLE, SquareStore

MODELS = ("resnet50", "vit_small_patch16_224")
N_PHOTOGRAPHS, N_WORKERS, BATCH, ROUNDS = 96, 2, 16, 3
SQUARE = 224

DECODING, IN_PLACE = "decoding", "squares in place"
TORCH = ("fp32", "bf16")
OPENVINO = ("openvino-fp32", "openvino-bf16")


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


def loaded(name: str, precision: str) -> Backbone:
    """Returns the backbone as `fundus embed` loads it, with random weights."""
    return load_backbone(
        backbone_spec(f"timm:{name}"),
        None,
        preprocessing=PreprocessRecipe(),
        device=choose_device(),
        precision=precision,
        image_size=SQUARE,
        seed=0,
    )


def ours(
    backbone: Backbone, photographs: Sequence[Photograph], squares: Path | None = None
) -> NDArray[np.float32]:
    """Returns embeddings (N, D) by the function behind `fundus embed`.

    Args:
        backbone: Computes.
        photographs: N files.
        squares: Where they may be in place; None for a new folder, so that all are decoded.
    """
    shards: list[Shard] = []
    with tempfile.TemporaryDirectory() as new:
        embed_photographs(
            backbone,
            photographs,
            on_shard=shards.append,
            batch_size=default_batch_size(choose_device(), SQUARE),
            workers=N_WORKERS,
            kept=SquareStore(squares or Path(new), PreprocessRecipe(), SQUARE),
        )
    return np.concatenate([shard.vectors for shard in shards])


def forward_alone(backbone: Backbone, n_photographs: int) -> None:
    """Computes as many squares as there are photographs, in the same batches, from memory."""
    size = default_batch_size(choose_device(), SQUARE)
    batch = torch.randint(0, 256, (size, 3, SQUARE, SQUARE), dtype=torch.uint8)
    for start in range(0, n_photographs, SHARD_ROWS):
        for _ in range(0, min(SHARD_ROWS, n_photographs - start), size):
            backbone.embed(batch)


def write_photographs(folder: Path, count: int) -> list[Photograph]:
    """Writes the JPEGs and returns them under the hashes of their contents."""
    picture = synthetic_photograph()
    found = []
    for number in range(count):
        path = folder / f"{number:03d}.jpg"
        shifted = np.roll(picture, 7 * number, axis=1)
        Image.fromarray(shifted).save(path, quality=90)
        found.append(Photograph(scan_image(path).image_id, path))
    return found


def least_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Returns the smallest cosine similarity of two sets of embeddings, row by row."""
    dots = (a * b).sum(axis=1)
    return float((dots / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def engines() -> tuple[str, ...]:
    """Returns the precisions that can be had here."""
    has_openvino = importlib.util.find_spec("openvino") is not None
    return TORCH + OPENVINO * (has_openvino and choose_device().type == "cpu")


def main(n_photographs: int = N_PHOTOGRAPHS, rounds: int = ROUNDS) -> None:
    """Measures and prints a table."""
    device = choose_device()
    where = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    print(
        f"{n_photographs} synthetic JPEGs of {SIDE} x {SIDE}, {device.type} ({where}), "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; medians of {rounds} rounds"
    )
    print("\n| backbone | way | images/s | times the usual loop | outside the network | cosine |")
    print("| --- | --- | --- | --- | --- | --- |")
    os.environ[VARIABLE] = "100"
    with tempfile.TemporaryDirectory() as folder:
        photographs = write_photographs(Path(folder), n_photographs)
        for name in MODELS:
            _measure(name, photographs, Path(folder) / "squares", rounds)


def _measure(name: str, photographs: Sequence[Photograph], squares: Path, rounds: int) -> None:
    n_photographs, paths = len(photographs), [photograph.path for photograph in photographs]
    backbones = {precision: loaded(name, precision) for precision in engines()}
    vectors = {key: ours(each, photographs, squares) for key, each in backbones.items()}
    _require_in_place(photographs, squares)
    ways = {(DECODING, precision): None for precision in TORCH}
    ways |= {(IN_PLACE, precision): squares for precision in backbones}
    took = medians(
        {"usual": partial(usual_loop, name, paths)}
        | {key: partial(ours, backbones[key[1]], photographs, ways[key]) for key in ways}
        | {key: partial(forward_alone, each, n_photographs) for key, each in backbones.items()},
        rounds,
    )
    print(f"| {name} | usual loop | {n_photographs / took['usual']:.1f} | 1.0 | | |")
    for key in ways:
        work, precision = key
        outside = 1 - took[precision] / took[key]
        print(
            f"| {name} | ours, {precision}, {work} | {n_photographs / took[key]:.1f} "
            f"| {took['usual'] / took[key]:.1f} | {outside:.0%} "
            f"| {least_cosine(vectors['fp32'], vectors[precision]):.5f} |",
            flush=True,
        )


def _require_in_place(photographs: Sequence[Photograph], squares: Path) -> None:
    kept = SquareStore(squares, PreprocessRecipe(), SQUARE)
    if any(kept.get(photograph.image_id) is None for photograph in photographs):
        raise SystemExit("The disk has no room for the squares.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
