"""An epoch of fine-tuning: ours beside a plain loop around timm, in one run.

    python -m benchmarks.training

The plain loop reads every photograph anew in every epoch (a `DataLoader` with two workers, Pillow,
timm's own training transforms without their random crops) and computes in float32. Ours decodes
once and computes in bf16 where the processor can; it begins from the same random weights.
Photographs are synthetic JPEGs of 1000 x 1000 pixels, light or dark by their class.
"""

import copy
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from benchmarks.decode import synthetic_photograph
from fundus_core.compute import choose_device
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph
from fundus_core.finetune.batches import Batch
from fundus_core.finetune.loop import TrainingRecipe, train
from fundus_core.finetune.squares import read_squares
from fundus_core.io.images import scan_image

MODEL, SIDE, N_PHOTOGRAPHS, BATCH, EPOCHS, RATE = "resnet50", 224, 64, 16, 3, 1e-4


class Labelled(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Photographs and classes as most code reads them."""

    def __init__(self, paths: Sequence[Path], labels: NDArray[np.intp], transform: object) -> None:
        self.paths, self.labels, self.transform = paths, labels, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.open(self.paths[index]).convert("RGB")), int(self.labels[index])


def plain_loop(
    module: nn.Module, paths: Sequence[Path], labels: NDArray[np.intp]
) -> list[tuple[float, float]]:
    """Trains in float32; returns (seconds, mean loss) of every epoch."""
    config = timm.data.resolve_model_data_config(module)
    transform = timm.data.create_transform(**config, is_training=True, no_aug=True)
    data = Labelled(paths, labels, transform)
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=2)
    optimiser = torch.optim.AdamW(module.parameters(), lr=RATE)
    module.train()
    found = []
    for _ in range(EPOCHS):
        began, losses = time.perf_counter(), []
        for pixels, answers in loader:
            loss = nn.functional.cross_entropy(module(pixels), answers)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(float(loss))
        found.append((time.perf_counter() - began, statistics.mean(losses)))
    return found


def ours(
    module: nn.Module, photographs: Sequence[Photograph], labels: NDArray[np.intp], folder: Path
) -> tuple[float, list[tuple[float, float]]]:
    """Trains as `fundus finetune` does; returns seconds to read, and (seconds, loss) per epoch."""
    began = time.perf_counter()
    squares = read_squares(photographs, SIDE, PreprocessRecipe(), folder=folder)
    reading = time.perf_counter() - began
    answers = torch.from_numpy(labels)
    normalise = timm.data.resolve_model_data_config(module)
    mean, std = (torch.tensor(normalise[key]).view(1, 3, 1, 1) for key in ("mean", "std"))

    def loss(batch: Batch) -> torch.Tensor:
        return nn.functional.cross_entropy(module((batch.pixels - mean) / std), answers[batch.rows])

    recipe = TrainingRecipe(
        epochs=EPOCHS,
        batch_size=BATCH,
        learning_rate=RATE,
        augmentation="none",
        patience=0,
        warm_up=0.0,
        rate_schedule="constant",
    )
    rows = np.arange(len(squares.image_ids))
    device = choose_device()
    trained = train(module, loss, squares, rows, rows[:0], recipe, device=device)
    return reading, [(epoch.seconds, epoch.train_loss) for epoch in trained.epochs]


def write_photographs(folder: Path, labels: NDArray[np.intp]) -> list[Photograph]:
    """Writes the JPEGs; those of the second class are a little lighter."""
    picture = synthetic_photograph()[::2, ::2].astype(np.float32)
    found = []
    for number, label in enumerate(labels):
        path = folder / f"{number:03d}.jpg"
        light = np.roll(picture, 11 * number, axis=1) * (1.0 + 0.15 * label)
        Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        found.append(Photograph(scan_image(path).image_id, path))
    return found


def main() -> None:
    """Trains both ways and prints the epochs side by side."""
    torch.manual_seed(0)
    start = timm.create_model(MODEL, pretrained=False, num_classes=2)
    labels = np.arange(N_PHOTOGRAPHS) % 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photographs = write_photographs(folder, labels)
        paths = [photograph.path for photograph in photographs]
        theirs = plain_loop(copy.deepcopy(start), paths, labels)
        reading, mine = ours(copy.deepcopy(start), photographs, labels, folder / "squares")
    print(f"{MODEL} at {SIDE}, {N_PHOTOGRAPHS} photographs, batches of {BATCH}\n")
    print(
        "| epoch | plain loop s | ours s | plain loss | our loss |\n| --- | --- | --- | --- | --- |"
    )
    for number, (one, other) in enumerate(zip(theirs, mine, strict=True), 1):
        print(f"| {number} | {one[0]:.1f} | {other[0]:.1f} | {one[1]:.3f} | {other[1]:.3f} |")
    ratio = statistics.median(s for s, _ in theirs) / statistics.median(s for s, _ in mine)
    print(f"\nmedian epoch: {ratio:.1f} times as fast; reading once took {reading:.1f} s")


if __name__ == "__main__":
    main()
