"""From centre lines and widths to the light that the blood in the vessels absorbs."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.growth import Branch, Floats
from fundus_core.phantom.texture import Plane

_OVERSAMPLING = 2
"""Vessels are drawn this much larger and averaged, so that thin ones come out faint, not jagged."""

_SHIFT = 4
"""Fractional bits of the coordinates given to OpenCV."""

_FULL_DEPTH_WIDTH = 0.012
"""Vessels at least this wide, in half sides of the picture, absorb fully; thinner ones hold less
blood in the line of sight."""

_REFLEX_WIDTH = {"artery": 0.36, "vein": 0.22}
"""Width of the light streak along a vessel's middle, relative to the vessel's."""

_REFLEX_DEPTH = {"artery": 0.62, "vein": 0.86}
"""What is left of the absorption in the light streak."""


def draw_vessels(branches: Iterable[Branch], size: int) -> Plane:
    """Returns the relative optical depth of the blood in vessels, in [0, 1].

    Args:
        branches: All of one kind; where two meet, the wider one shows.
        size: Side S of the picture in pixels; the plane has shape (S, S).
    """
    side = size * _OVERSAMPLING
    layer = np.zeros((side, side), dtype=np.uint8)
    for branch in sorted(branches, key=lambda branch: float(branch.widths[0])):
        across = _normals(branch.points)
        thickness = min(1.0, float(np.median(branch.widths)) / _FULL_DEPTH_WIDTH)
        depth = 255 * (0.2 + 0.8 * thickness)
        _fill(layer, branch.points, across * branch.widths[:, None], depth)
        if branch.widths[0] > _FULL_DEPTH_WIDTH:
            streak = branch.widths[:, None] * _REFLEX_WIDTH[branch.kind]
            _fill(layer, branch.points, across * streak, depth * _REFLEX_DEPTH[branch.kind])
    small = cv2.resize(layer, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def _normals(points: Floats) -> Floats:
    """Returns half unit vectors across a line at each of its points, shape (n, 2)."""
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1])[:, None], 1e-9)
    return np.stack([-along[:, 1], along[:, 0]], axis=1) / 2


def _fill(layer: NDArray[np.uint8], points: Floats, offsets: Floats, value: float) -> None:
    """Fills the ribbon between the two offset lines."""
    outline = np.concatenate([points + offsets, (points - offsets)[::-1]])
    pixels = ((outline + 1) * (layer.shape[0] / 2) - 0.5) * 2**_SHIFT
    cv2.fillPoly(layer, [np.round(pixels).astype(np.int32)], (value,), cv2.LINE_AA, _SHIFT)
