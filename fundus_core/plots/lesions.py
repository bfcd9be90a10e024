"""Outlines of lesions on a photograph."""

import numpy as np
from numpy.typing import NDArray

LINE = (255, 255, 255)
"""White inside a thin dark rim: seen on the retina, on its dark border and on every heat."""

_RIM = 0.35
"""Brightness left of the pixels beside the line."""


def outlined(
    picture: NDArray[np.uint8], lesions: NDArray[np.bool_], *, width: int = 2
) -> NDArray[np.uint8]:
    """Draws a line around lesions, outside of them, so that small ones stay visible.

    Args:
        picture: Shape (H, W, 3), RGB.
        lesions: Shape (H, W).
        width: Of the line, in pixels.

    Returns:
        Shape (H, W, 3), a new array.
    """
    inner = _grown(lesions, 1)
    line = _grown(inner, width)
    rim = _grown(line, 1)
    drawn = picture.copy()
    beside = rim & ~line
    drawn[beside] = np.rint(drawn[beside] * _RIM).astype(np.uint8)
    drawn[line & ~inner] = LINE
    return drawn


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Returns a mask grown by so many pixels in all eight directions."""
    height, width = mask.shape
    padded = np.pad(mask, by)
    steps = range(2 * by + 1)
    rows = np.any([padded[step : step + height] for step in steps], axis=0)
    return np.asarray(np.any([rows[:, step : step + width] for step in steps], axis=0))
