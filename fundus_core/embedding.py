"""From photographs to embeddings: decode in threads, compute in batches, hand over in shards.

Shards are cut from the list at fixed places and batches never cross a shard, so work that was
interrupted and goes on forms the same batches as work that was not: the vectors are identical.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone
from fundus_core.compute import with_fitting_batch
from fundus_core.domain.dataset import RejectedRow, RejectReason
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import ImageError, MemoryLimitError
from fundus_core.io.images import read_image
from fundus_core.io.square_store import SquareStore
from fundus_core.preprocessing import decode_side

SHARD_ROWS = 64
"""Photographs per shard: the most that an interruption can cost."""

_SMALLEST_SIDE = 32
"""Pixels: no smaller size is proposed where a photograph does not fit into the memory."""

_BATCHES_AHEAD = 2
"""Batches decoded while one is computed."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file to embed."""

    image_id: str
    path: Path


@dataclass(frozen=True, slots=True)
class Shard:
    """What became of up to `SHARD_ROWS` photographs."""

    vectors: NDArray[np.float32]
    """Shape (n, D), a row per photograph that could be read."""

    image_ids: tuple[str, ...]
    """n ids."""

    skipped: dict[str, RejectedRow]
    """Photographs that could not be read, by id."""


def embed_photographs(
    backbone: Backbone,
    photographs: Sequence[Photograph],
    *,
    on_shard: Callable[[Shard], None],
    batch_size: int,
    workers: int = 2,
    decoder: Literal["fast", "exact"] = "fast",
    kept: SquareStore | None = None,
    progress: Progress = silent,
) -> None:
    """Embeds photographs in order and hands them over shard by shard.

    Args:
        backbone: A loaded backbone.
        photographs: N files.
        on_shard: Called for each shard in order; commits it.
        batch_size: Photographs computed at once, at most; halved when memory runs out.
        workers: Threads that decode.
        decoder: See `PreprocessRecipe.decoder`.
        kept: Squares of the backbone's recipe and size: what is among them is not decoded, and what
            is decoded goes there. The vectors are the same with and without.
        progress: Told after each batch.

    Raises:
        MemoryLimitError: If not even one photograph fits into the device's memory.
    """
    total, done = len(photographs), 0
    read = partial(_read, backbone, decoder, kept)
    with ThreadPoolExecutor(workers) as pool, _keeper(kept) as keep:
        decoded = _read_ahead(read, photographs, pool, batch_size * _BATCHES_AHEAD)
        for start in range(0, total, SHARD_ROWS):
            chunk = photographs[start : start + SHARD_ROWS]
            pixels = [next(decoded) for _ in chunk]
            keep(chunk, pixels)
            vectors, batch_size = _fitting(backbone, pixels, batch_size)
            on_shard(_shard(chunk, pixels, vectors))
            done += len(chunk)
            progress(done, total, f"Embedding with {backbone.spec.id}")


_Decoded = NDArray[np.uint8] | RejectedRow


def _read_ahead(
    read: Callable[[Photograph], _Decoded],
    photographs: Sequence[Photograph],
    pool: ThreadPoolExecutor,
    ahead: int,
) -> Iterator[_Decoded]:
    """Yields inputs in order while `ahead` more are being decoded."""
    waiting: deque[Future[_Decoded]] = deque()
    for photograph in photographs:
        waiting.append(pool.submit(read, photograph))
        if len(waiting) > max(ahead, SHARD_ROWS):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(
    backbone: Backbone,
    decoder: Literal["fast", "exact"],
    kept: SquareStore | None,
    photograph: Photograph,
) -> _Decoded:
    """Returns the kept square of a photograph, or else makes it."""
    square = kept.get(photograph.image_id) if kept is not None else None
    return _decode(backbone, photograph, decoder) if square is None else square


@contextlib.contextmanager
def _keeper(
    kept: SquareStore | None,
) -> Iterator[Callable[[Sequence[Photograph], Sequence[_Decoded]], None]]:
    """Yields what hands squares to the store; they are written while the next are computed."""
    last: list[Future[None]] = []

    def wait() -> None:
        while last:
            last.pop().result()

    def keep(chunk: Sequence[Photograph], pixels: Sequence[_Decoded]) -> None:
        if kept is None:
            return
        wait()  # so that no more than one shard is in memory for it
        squares = {
            photograph.image_id: square
            for photograph, square in zip(chunk, pixels, strict=True)
            if not isinstance(square, RejectedRow)
        }
        last.append(thread.submit(kept.keep, squares))

    with ThreadPoolExecutor(1) as thread:
        yield keep
        wait()


def _decode(
    backbone: Backbone, photograph: Photograph, decoder: Literal["fast", "exact"]
) -> _Decoded:
    min_side = decode_side(backbone.image_size)
    try:
        image = read_image(
            photograph.path, min_side=min_side, decoder=decoder, image_id=photograph.image_id
        )
    except ImageError as error:
        reason = cast(RejectReason, error.reason)
        return RejectedRow(str(photograph.path), reason, error.message)
    return backbone.preprocess(image)


def _compute(
    backbone: Backbone, pixels: Sequence[_Decoded], batch_size: int
) -> NDArray[np.float32]:
    """Returns the vectors of the readable photographs, shape (n, D).

    Every batch has the same shape, the last one filled up with black: kernels chosen by shape then
    give each photograph the same vector whatever comes beside it.
    """
    import torch

    side = backbone.image_size
    rows = []
    for start in range(0, len(pixels), batch_size):
        members = pixels[start : start + batch_size]
        batch = np.zeros((batch_size, 3, side, side), np.uint8)
        readable = [row for row, image in enumerate(members) if not isinstance(image, RejectedRow)]
        for row in readable:
            batch[row] = cast(NDArray[np.uint8], members[row])
        rows.append(backbone.embed(torch.from_numpy(batch)).numpy()[readable])
    return np.concatenate(rows).astype(np.float32, copy=False)


def _fitting(
    backbone: Backbone, pixels: Sequence[_Decoded], batch_size: int
) -> tuple[NDArray[np.float32], int]:
    """Returns the vectors, and the batch size at which they fitted into the memory."""
    with contextlib.suppress(MemoryLimitError):
        return with_fitting_batch(partial(_compute, backbone, pixels), batch_size)
    raise too_large(backbone)  # here, because the other error holds on to what did not fit


def too_large(backbone: Backbone) -> MemoryLimitError:
    """Returns the error for a photograph that does not fit, with the largest side that does."""
    import torch

    side = asked = backbone.image_size
    while (side := side // 2) >= _SMALLEST_SIDE:
        with contextlib.suppress(RuntimeError, MemoryError, AssertionError, ValueError):
            backbone.embed(torch.zeros((1, 3, side, side), dtype=torch.uint8))
            return MemoryLimitError(
                f"One photograph of {asked} x {asked} pixels does not fit into the memory of the "
                f"device; one of {side} x {side} does.",
                hint=f"Choose {side} px (--image-size) or a smaller backbone, or set "
                "FUNDUS_DEVICE=cpu.",
            )
    return MemoryLimitError(
        f"One photograph of {asked} x {asked} pixels does not fit into the memory of the device.",
        hint="Choose a smaller image size or backbone, or set FUNDUS_DEVICE=cpu.",
    )


def _shard(
    chunk: Sequence[Photograph], pixels: Sequence[_Decoded], vectors: NDArray[np.float32]
) -> Shard:
    skipped = {
        photograph.image_id: image
        for photograph, image in zip(chunk, pixels, strict=True)
        if isinstance(image, RejectedRow)
    }
    ids = tuple(photo.image_id for photo in chunk if photo.image_id not in skipped)
    return Shard(vectors, ids, skipped)
