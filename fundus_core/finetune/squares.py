"""The photographs of a training as one array of squares, decoded once for all epochs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import RejectedRow, RejectReason
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph
from fundus_core.errors import DataError, ImageError
from fundus_core.geometry import Geometry
from fundus_core.io.files import scratch_array
from fundus_core.io.images import read_image
from fundus_core.io.masks import read_mask
from fundus_core.io.read_only import require_writable
from fundus_core.io.square_store import SquareStore
from fundus_core.preprocessing import decode_side, prepare

P = TypeVar("P")
R = TypeVar("R")

_CHUNK = 64
"""Photographs handed to the decoding threads at once."""

_ROWS = 256
"""Rows of a mask looked at at once: of 50 megapixels that are all marked, the places of all would
take gigabytes."""

_MESSAGE = "Reading photographs for training"


@dataclass(frozen=True, slots=True)
class Squares:
    """N photographs as a network is shown them; S is the side of the square in pixels."""

    image_ids: tuple[str, ...]
    """N ids; photographs that could not be read are not among them."""

    pixels: NDArray[np.uint8]
    """Shape (N, 3, S, S), RGB; mapped from a file."""

    masks: NDArray[np.uint16] | None
    """Shape (N, S, S): the bits of the truth masks, None where there are none. A pixel has every
    bit of the mask's pixels it covers, so that a lesion of one pixel is not lost."""

    skipped: tuple[RejectedRow, ...]
    """Photographs left out, with the reason."""


def read_squares(
    photographs: Sequence[Photograph],
    size: int,
    recipe: PreprocessRecipe,
    *,
    folder: Path,
    masks: Mapping[str, Path] | None = None,
    kept: SquareStore | None = None,
    workers: int = 2,
    progress: Progress = silent,
) -> Squares:
    """Decodes and prepares photographs into arrays on disk.

    Args:
        photographs: Files, by image id.
        size: S, the side of the squares in pixels.
        recipe: How a photograph becomes a square.
        folder: On the disk that has room for the pixels while they are used.
        masks: Image id -> truth mask of the same size as the photograph; None for no masks.
        kept: Squares of this recipe and size: photographs without a mask that are among them are
            not decoded.
        workers: Threads that decode.
        progress: Told after every few dozen photographs.

    Raises:
        DataError: If no photograph could be read, or a mask does not fit its photograph.
    """
    require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    total = len(photographs)
    pixels = scratch_array(folder, (total, 3, size, size))
    bits = np.zeros((total, size, size), np.uint16) if masks is not None else None
    read = partial(_read, size=size, recipe=recipe, masks=masks, kept=kept)
    image_ids: list[str] = []
    skipped: list[RejectedRow] = []
    for photograph, outcome in in_threads(photographs, read, workers, progress, _MESSAGE):
        if isinstance(outcome, RejectedRow):
            skipped.append(outcome)
            continue
        pixels[len(image_ids)] = outcome[0]
        if bits is not None and outcome[1] is not None:
            bits[len(image_ids)] = outcome[1]
        image_ids.append(photograph.image_id)
    if not image_ids:
        raise DataError(
            f"None of the {total} photographs could be read.",
            hint="See `fundus check` for what is wrong with each file.",
        )
    n = len(image_ids)
    return Squares(tuple(image_ids), pixels[:n], None if bits is None else bits[:n], tuple(skipped))


def bits_in_square(mask: NDArray[np.uint16], geometry: Geometry) -> NDArray[np.uint16]:
    """Returns a mask of bits as the network's square shows it, every pixel's bits kept.

    Args:
        mask: Shape (H, W), of the photograph as it was decoded or larger.
        geometry: Where the square lies in the photograph; S is its side.

    Returns:
        Shape (S, S): the bitwise or of the mask's pixels whose centres lie in each pixel.
    """
    fitted = geometry.at_size(*mask.shape)
    across, down = fitted.extent
    square = np.zeros((fitted.side, fitted.side), np.uint16)
    for first in range(0, len(mask), _ROWS):
        part = mask[first : first + _ROWS]
        rows, columns = np.nonzero(part)
        x = (columns + 0.5 - fitted.left) * fitted.side / across
        y = (rows + first + 0.5 - fitted.top) * fitted.side / down
        inside = (x >= 0) & (x < fitted.side) & (y >= 0) & (y < fitted.side)
        target = (y[inside].astype(np.intp), x[inside].astype(np.intp))
        np.bitwise_or.at(square, target, part[rows[inside], columns[inside]])
    return square


def in_threads(
    photographs: Sequence[P],
    read: Callable[[P], R],
    workers: int,
    progress: Progress,
    message: str,
) -> Iterator[tuple[P, R]]:
    """Yields photographs in order with what reading them gave, a few dozen of them in memory.

    Args:
        photographs: Of any kind.
        read: Called in threads.
        workers: How many of them.
        progress: Told after every few dozen photographs.
        message: What it is told.
    """
    total = len(photographs)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, total, _CHUNK):
            chunk = photographs[start : start + _CHUNK]
            yield from zip(chunk, pool.map(read, chunk), strict=True)
            progress(start + len(chunk), total, message)


def _read(
    photograph: Photograph,
    size: int,
    recipe: PreprocessRecipe,
    masks: Mapping[str, Path] | None,
    kept: SquareStore | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint16] | None] | RejectedRow:
    """Returns one square of shape (3, S, S) and its mask, or why there is none."""
    path = masks.get(photograph.image_id) if masks is not None else None
    if path is None and kept is not None:
        known = kept.get(photograph.image_id)
        if known is not None:
            return known, None
    try:
        image = read_image(
            photograph.path,
            min_side=decode_side(size),
            decoder=recipe.decoder,
            image_id=photograph.image_id,
        )
    except ImageError as error:
        reason = cast(RejectReason, error.reason)
        return RejectedRow(str(photograph.path), reason, error.message)
    prepared = prepare(image, size, recipe)
    square = np.ascontiguousarray(prepared.pixels.transpose(2, 0, 1))
    return square, None if path is None else bits_in_square(read_mask(path), prepared.geometry)
