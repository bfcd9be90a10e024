"""Photographs with their masks as a network learns from them: squares, decoded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import RejectedRow, RejectReason
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import DataError, ImageError, ScoresError
from fundus_core.finetune.squares import in_threads
from fundus_core.geometry import Geometry
from fundus_core.io.files import scratch_array
from fundus_core.io.images import read_image
from fundus_core.io.masks import read_mask
from fundus_core.io.read_only import require_writable
from fundus_core.preprocessing import decode_side, field_mask, prepare
from fundus_core.segmentation.channels import (
    Channel,
    at_photographs_size,
    require_same_view,
)

FIELD_BIT = 1 << 15
"""In the masks of `Examples`: the pixel lies inside the field of view."""

_MOSTLY = 0.5
"""A pixel of the square is in a channel if the mask covers this share of it, or more."""

_COLUMNS = 512
"""Columns of a mask summed at once: as numbers, 50 megapixels would take gigabytes."""

_MESSAGE = "Reading photographs and masks"


@dataclass(frozen=True, slots=True)
class MaskedPhotograph:
    """One photograph and the files that say what is in it."""

    image_id: str
    path: Path
    mask: Path
    field: Path | None = None
    """Mask of the field of view; None to find the field in the photograph."""


@dataclass(frozen=True, slots=True)
class Examples:
    """N photographs with their masks; S is the side of the square in pixels."""

    image_ids: tuple[str, ...]
    """N ids; photographs that could not be read are not among them."""

    pixels: NDArray[np.uint8]
    """Shape (N, 3, S, S), RGB; mapped from a file."""

    masks: NDArray[np.uint16]
    """Shape (N, S, S): bit c of a pixel is set where channel c is, `FIELD_BIT` inside the field."""

    n_channels: int
    skipped: tuple[RejectedRow, ...]
    """Photographs left out, with the reason."""


def read_examples(
    photographs: Sequence[MaskedPhotograph],
    channels: Sequence[Channel],
    size: int,
    recipe: PreprocessRecipe,
    *,
    folder: Path,
    keep_small: bool = False,
    workers: int = 2,
    progress: Progress = silent,
) -> Examples:
    """Decodes and prepares photographs and masks into arrays.

    Args:
        photographs: Files, by image id.
        channels: What the masks hold; C of them.
        size: S, the side of the squares in pixels.
        recipe: How a photograph becomes a square.
        folder: On the disk that has room for the pixels while they are used.
        keep_small: Any part of a mask's pixel sets the pixel of the square, so that a
            microaneurysm of one pixel is not lost; otherwise half of the pixel must be covered.
        workers: Threads that decode.
        progress: Told after every few photographs.

    Raises:
        DataError: If no photograph could be read, or a mask is none of its photograph.
    """
    require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    total = len(photographs)
    pixels = scratch_array(folder, (total, 3, size, size))
    masks = np.zeros((total, size, size), np.uint16)
    read = partial(_read, channels=channels, size=size, recipe=recipe, keep_small=keep_small)
    image_ids: list[str] = []
    skipped: list[RejectedRow] = []
    for photograph, outcome in in_threads(photographs, read, workers, progress, _MESSAGE):
        if isinstance(outcome, RejectedRow):
            skipped.append(outcome)
            continue
        pixels[len(image_ids)], masks[len(image_ids)] = outcome
        image_ids.append(photograph.image_id)
    n = len(image_ids)
    if not n:
        raise DataError(
            f"None of the {total} photographs with masks could be read.",
            hint="See `fundus check` for what is wrong with each file.",
        )
    return Examples(tuple(image_ids), pixels[:n], masks[:n], len(channels), tuple(skipped))


def coverage(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.float32]:
    """Returns how much of each pixel of the square a mask covers.

    Args:
        mask: Shape (H, W), of the photograph at any size.
        geometry: Where the square lies in the photograph; S is its side.

    Returns:
        Shape (S, S), in [0, 1], exact for any scale; 0 where the square is padding.
    """
    fitted = geometry.at_size(*mask.shape)
    across, down = fitted.extent
    rows = np.empty((fitted.side, mask.shape[1]))  # (S, W)
    for first in range(0, mask.shape[1], _COLUMNS):
        part = slice(first, first + _COLUMNS)
        rows[:, part] = _sums(mask[:, part].astype(np.float64), fitted.top, down, fitted.side)
    both = _sums(rows.T, fitted.left, across, fitted.side).T  # (S, S)
    return np.asarray(both * fitted.side**2 / (across * down), np.float32)


def _sums(values: NDArray[np.float64], start: float, extent: float, n: int) -> NDArray[np.float64]:
    """Returns the integral of rows (h, w) over n equal intervals from `start` on, shape (n, w)."""
    edges = np.clip(start + extent * np.arange(n + 1) / n, 0, len(values))
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    whole = np.minimum(edges.astype(np.intp), len(values) - 1)
    share = (edges - whole)[:, np.newaxis]
    return np.diff(total[whole] + share * values[whole], axis=0)


def field_of(photograph: NDArray[np.uint8], path: Path | None = None) -> NDArray[np.bool_]:
    """Returns the field of view, shape (H, W): from a file, else found in the photograph.

    A photograph without dark border is all field.

    Args:
        photograph: Shape (H, W, 3), RGB.
        path: Mask of the field, zero outside.

    Raises:
        DataError: If the file is no mask of the photograph.
    """
    height, width = photograph.shape[:2]
    if path is not None:
        given = at_photographs_size(read_mask(path), (height, width), name=path.name)
        return Channel("field").of(given)
    found = field_mask(photograph)
    if found is None:
        return np.ones((height, width), bool)
    step = -(-max(height, width) // max(found.shape))  # the mask has every step-th pixel
    return np.kron(found, np.ones((step, step), bool))[:height, :width]


def require_field(field: NDArray[np.bool_], photograph: str, mask: str = "") -> None:
    """Refuses a field of view in which there is nothing to score.

    Args:
        field: Shape (H, W).
        photograph: Name of its file, for the message.
        mask: Name of the field's file; empty where the field was found in the photograph.

    Raises:
        ScoresError: With both names.
    """
    if not field.any():
        named = f" {mask}" if mask else ""
        raise ScoresError(
            f"The field of view{named} of the photograph {photograph} is empty.",
            hint="Give another mask of the field, or none.",
        )


def _read(
    photograph: MaskedPhotograph,
    *,
    channels: Sequence[Channel],
    size: int,
    recipe: PreprocessRecipe,
    keep_small: bool,
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]] | RejectedRow:
    """Returns a square of shape (3, S, S) and its mask (S, S), or why there is none."""
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
    mask = read_mask(photograph.mask)
    require_same_view(mask.shape, image.shape, name=photograph.mask.name)
    field = coverage(field_of(image, photograph.field), prepared.geometry)
    bits = np.where(field >= _MOSTLY, np.uint16(FIELD_BIT), np.uint16(0))
    for number, channel in enumerate(channels):
        covered = coverage(channel.of(mask), prepared.geometry)
        inside = covered > 0 if keep_small else covered >= _MOSTLY
        bits |= np.where(inside, np.uint16(1 << number), np.uint16(0))
    return np.ascontiguousarray(prepared.pixels.transpose(2, 0, 1)), bits
