"""Photographs that show the same: copies that were brightened, cut, scaled or saved again.

A photograph is compared by its fine structure - vessels and the rim of the disc, without colour and
shading - so that two eyes that are merely lit alike are told apart.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.preprocessing import field_of_view

SIDE = 48
"""Pixels of the square that photographs are compared in."""

DECODE_SIDE = 128
"""Pixels that a photograph must at least be read with."""

LEAST_SIMILARITY = 0.77
"""From here on two photographs count as the same; what real and synthetic copies and different eyes
reach is measured by benchmarks/look_alikes.py."""

_BLUR = 0.06
"""Sigma of what is taken for shading, in sides."""

_RADIUS = 0.45
"""Of the disc that is compared, in sides: the rim of the field of view is left out."""

_LIMIT = 3.0
"""In standard deviations: a reflex or a bright disc must not stand for the whole photograph."""

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Two photographs that show the same."""

    row_a: int
    row_b: int
    """Above `row_a`."""

    similarity: float
    """Correlation of their fine structure, in [-1, 1]."""


def signature(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the fine structure of a photograph as a vector of length one, about 1,500 numbers.

    A photograph without any structure gives zeros, which are like nothing.

    Args:
        image: RGB, shape (H, W, 3), the longer side at least `DECODE_SIDE`.
    """
    box = field_of_view(image)
    retina = image[box.top : box.bottom, box.left : box.right]
    grey = cv2.cvtColor(retina, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = (small - cv2.GaussianBlur(small, (0, 0), _BLUR * SIDE))[_disc()]
    spread = fine.std()
    if spread == 0:
        return np.zeros(len(fine), np.float32)
    limited = np.clip((fine - fine.mean()) / spread, -_LIMIT, _LIMIT)
    centred = limited - limited.mean()
    return np.asarray(centred / np.linalg.norm(centred), dtype=np.float32)


def look_alikes(
    signatures: NDArray[np.float32], *, at_least: float = LEAST_SIMILARITY
) -> tuple[LookAlikes, ...]:
    """Returns all pairs of photographs that show the same, the most alike first.

    Mirrored or strongly turned copies are not found.

    Args:
        signatures: Shape (N, K), a row from `signature` per photograph.
        at_least: Smallest similarity of a pair, in [-1, 1].
    """
    found: list[LookAlikes] = []
    for start in range(0, len(signatures), _ROWS_AT_ONCE):
        block = signatures[start : start + _ROWS_AT_ONCE] @ signatures[start:].T
        for row, other in np.argwhere(np.triu(block >= at_least, k=1)):
            pair = (start + int(row), start + int(other))
            found.append(LookAlikes(*pair, float(min(block[row, other], 1.0))))
    return tuple(sorted(found, key=lambda pair: (-pair.similarity, pair.row_a, pair.row_b)))


def _disc() -> NDArray[np.bool_]:
    """Returns which pixels of the square are compared, shape (SIDE, SIDE)."""
    offsets = np.arange(SIDE) - (SIDE - 1) / 2
    return np.asarray(np.hypot(offsets[:, np.newaxis], offsets) < _RADIUS * SIDE)
