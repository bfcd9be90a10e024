"""From photographs to embeddings: decode in threads, compute in batches, hand over in shards.

Shards are cut from the list at fixed places and batches never cross a shard, so work that was
interrupted and goes on forms the same batches as work that was not: the vectors are identical.
"""

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
from fundus_core.errors import ImageError
from fundus_core.io.images import read_image
from fundus_core.preprocessing import decode_side

SHARD_ROWS = 64
"""Photographs per shard: the most that an interruption can cost."""

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
        progress: Told after each batch.

    Raises:
        MemoryLimitError: If not even one photograph fits into the device's memory.
    """
    total, done = len(photographs), 0
    with ThreadPoolExecutor(workers) as pool:
        decoded = _decode_ahead(backbone, photographs, pool, decoder, batch_size * _BATCHES_AHEAD)
        for start in range(0, total, SHARD_ROWS):
            chunk = photographs[start : start + SHARD_ROWS]
            pixels = [next(decoded) for _ in chunk]
            vectors, batch_size = with_fitting_batch(
                partial(_compute, backbone, pixels), batch_size
            )
            on_shard(_shard(chunk, pixels, vectors))
            done += len(chunk)
            progress(done, total, f"Embedding with {backbone.spec.id}")


_Decoded = NDArray[np.uint8] | RejectedRow


def _decode_ahead(
    backbone: Backbone,
    photographs: Sequence[Photograph],
    pool: ThreadPoolExecutor,
    decoder: Literal["fast", "exact"],
    ahead: int,
) -> Iterator[_Decoded]:
    """Yields inputs in order while `ahead` more are being decoded."""
    waiting: deque[Future[_Decoded]] = deque()
    for photograph in photographs:
        waiting.append(pool.submit(_decode, backbone, photograph, decoder))
        if len(waiting) > max(ahead, SHARD_ROWS):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _decode(
    backbone: Backbone, photograph: Photograph, decoder: Literal["fast", "exact"]
) -> _Decoded:
    min_side = decode_side(backbone.image_size)
    try:
        image = read_image(photograph.path, min_side=min_side, decoder=decoder)
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
