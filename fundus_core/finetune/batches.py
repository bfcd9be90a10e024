"""Photographs on their way from disk to the network, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from fundus_core.finetune.augment import augmented
from fundus_core.finetune.squares import Squares

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torchvision.transforms import v2


@dataclass(frozen=True, slots=True)
class Batch:
    """B photographs with what is known of them."""

    pixels: "Tensor"
    """Shape (B, 3, S, S), float32, in [0, 1]; not yet normalised."""

    rows: NDArray[np.intp]
    """Shape (B,): which rows of the squares they are."""

    masks: "Tensor | None"
    """Shape (B, S, S), int32: bits of the truth masks, augmented like the pixels."""


@dataclass(frozen=True, slots=True)
class Loader:
    """Makes batches of squares."""

    squares: Squares
    device: "torch.device"
    pipeline: "v2.Transform"
    """How photographs are augmented."""

    seed: int
    """Of the augmentation, with the epoch and the photograph."""

    def plain(self, rows: NDArray[np.intp]) -> Batch:
        """Returns rows as they are."""
        return self._batch(rows, None)

    def augmented(self, rows: NDArray[np.intp], epoch: int) -> Batch:
        """Returns rows as an epoch shows them."""
        return self._batch(rows, epoch)

    def _batch(self, rows: NDArray[np.intp], epoch: int | None) -> Batch:
        import torch

        pixels, masks = [], []
        for row in rows:
            square = torch.from_numpy(np.array(self.squares.pixels[row]))
            mask = None
            if self.squares.masks is not None:
                mask = torch.from_numpy(self.squares.masks[row].astype(np.int32))
            if epoch is not None:
                seed = combined_seed(self.seed, epoch, int(row))
                square, mask = augmented(self.pipeline, square, mask, seed)
            pixels.append(square)
            masks.append(mask)
        stacked = torch.stack(pixels).to(self.device, non_blocking=True).float().div_(255)
        bits = torch.stack(cast("list[Tensor]", masks)) if masks[0] is not None else None
        return Batch(
            stacked.contiguous(memory_format=torch.channels_last),
            rows,
            None if bits is None else bits.to(self.device),
        )


def chunks(rows: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    """Yields the rows in order, `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def combined_seed(*numbers: int) -> int:
    """Returns a seed that depends on all the numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
