"""From centre lines and widths to the light that the blood in the vessels absorbs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.growth import Branch, Floats, Kind

_OVERSAMPLING = 2
"""Vessels are drawn this much larger and averaged, so that thin ones come out faint, not jagged."""

_SHIFT = 4
"""Fractional bits of the coordinates given to OpenCV."""

_FULL_DEPTH_WIDTH = 0.020
"""Vessels at least this wide, in half sides of the picture, absorb fully; thinner ones hold less
blood in the line of sight."""

_EDGE_PIXELS = 1.2
"""By so much OpenCV makes what it fills with smooth edges wider."""

_PIECE = 12
"""Points of a vessel drawn at the same depth; the next piece is fainter as the vessel thins."""

_REFLEX_WIDTH: dict[Kind, float] = {"artery": 0.34, "vein": 0.22}
"""Width of the light streak along a vessel's middle, relative to the vessel's."""

_REFLEX_DEPTH: dict[Kind, float] = {"artery": 0.60, "vein": 0.84}
"""What is left of the absorption in the light streak."""

_MASK_VALUE: dict[Kind, int] = {"artery": 1, "vein": 2}

_MARKED_PINCH = 0.1
"""Share of a vein's width lost from which a crossing counts as nicked."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """Centre lines of many vessels, one after the other; n points in all."""

    points: Floats
    """Shape (n, 2)."""

    normals: Floats
    """Shape (n, 2): half unit vectors across the vessel."""

    widths: Floats
    """Shape (n,)."""

    pieces: tuple[tuple[int, int, Branch], ...]
    """First point, point after the last, and the vessel; thin vessels first."""

    @classmethod
    def of(cls, branches: Sequence[Branch], longest: int) -> "_Lines":
        """Returns the lines of vessels, cut into pieces of at most `longest` steps."""
        points = np.concatenate([branch.points for branch in branches])
        widths = np.concatenate([branch.widths for branch in branches])
        ends = np.cumsum([len(branch.widths) for branch in branches])
        along = np.empty_like(points)
        along[1:-1] = points[2:] - points[:-2]
        first = np.concatenate([[0], ends[:-1]])
        along[first] = points[first + 1] - points[first]
        along[ends - 1] = points[ends - 1] - points[ends - 2]
        along /= np.maximum(np.hypot(along[:, 0], along[:, 1])[:, None], 1e-9)
        normals = np.stack([-along[:, 1], along[:, 0]], axis=1) / 2
        pieces = [
            (start, min(start + longest + 1, int(end)), branch)
            for begin, end, branch in zip(first, ends, branches, strict=True)
            for start in range(int(begin), int(end) - 1, longest)
        ]
        pieces.sort(key=lambda piece: float(widths[piece[0]]))
        return cls(points, normals, widths, tuple(pieces))

    def ribbons(self, widths: Floats, side: int) -> Iterator[NDArray[np.int32]]:
        """Yields the outline of each piece, as OpenCV takes it, on a picture of that side."""
        offsets = self.normals * widths[:, None]
        scale, shift = side / 2 * 2**_SHIFT, (side / 2 - 0.5) * 2**_SHIFT
        left = np.round((self.points + offsets) * scale + shift).astype(np.int32)
        right = np.round((self.points - offsets) * scale + shift).astype(np.int32)
        for start, end, _ in self.pieces:
            yield np.concatenate([left[start:end], right[start:end][::-1]])


def draw_vessels(branches: Sequence[Branch], size: int) -> NDArray[np.uint8]:
    """Returns the relative optical depth of the blood in vessels, from 0 to 255.

    Args:
        branches: All of one kind; where two meet, the wider one shows.
        size: Side S of the picture in pixels; the plane has shape (S, S).
    """
    side = size * _OVERSAMPLING
    layer = np.zeros((side, side), dtype=np.uint8)
    lines = _Lines.of(branches, _PIECE)
    inner = np.maximum(lines.widths - _EDGE_PIXELS * 2 / side, 0.0)
    reflex = np.array([_REFLEX_WIDTH[branch.kind] for branch in branches])
    streaks = lines.widths * np.repeat(reflex, [len(branch.widths) for branch in branches])
    outlines = zip(
        lines.pieces, lines.ribbons(inner, side), lines.ribbons(streaks, side), strict=True
    )
    for (start, end, branch), ribbon, streak in outlines:
        width = float(lines.widths[(start + end) // 2])
        depth = 255 * min(1.0, 0.4 + 0.6 * width / _FULL_DEPTH_WIDTH)
        cv2.fillPoly(layer, [ribbon], (depth,), cv2.LINE_AA, _SHIFT)
        if width > 0.7 * _FULL_DEPTH_WIDTH:
            reflected = depth * _REFLEX_DEPTH[branch.kind]
            cv2.fillPoly(layer, [streak], (reflected,), cv2.LINE_AA, _SHIFT)
    small = cv2.resize(layer, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def draw_vessel_mask(
    branches: Sequence[Branch], field: FieldOfView, size: int
) -> NDArray[np.uint8]:
    """Returns the truth: per pixel 1 for an artery, 2 for a vein, 3 for both; +4 if nicked.

    Args:
        branches: All vessels of the eye. Those thinner than a third of a pixel are left out.
        field: Nothing is marked outside.
        size: Side S of the picture in pixels; the mask has shape (S, S).
    """
    pixel = 2 / size
    lines = _Lines.of(branches, _PIECE)
    layers = {kind: np.zeros((size, size), dtype=np.uint8) for kind in _MASK_VALUE}
    # OpenCV fills the outline's own pixels too: half a pixel more on each side.
    inner = np.maximum(lines.widths - pixel, 0.0)
    for (start, end, branch), ribbon in zip(lines.pieces, lines.ribbons(inner, size), strict=True):
        if lines.widths[(start + end) // 2] > pixel / 3:
            value = _MASK_VALUE[branch.kind]
            cv2.fillPoly(layers[branch.kind], [ribbon], (value,), cv2.LINE_8, _SHIFT)
    mask = layers["artery"] | layers["vein"]
    if any(branch.pinch is not None for branch in branches):
        mask |= np.where(mask == 3, _nicks(branches, size), 0).astype(np.uint8)
    mask[~field.mask(size)] = 0
    return mask


def _nicks(branches: Sequence[Branch], size: int) -> NDArray[np.uint8]:
    """Returns 4 around the places where veins are pinched, 0 elsewhere."""
    nicks = np.zeros((size, size), dtype=np.uint8)
    for branch in branches:
        if branch.pinch is None:
            continue
        pinched = branch.pinch > _MARKED_PINCH
        whole = branch.widths / (1 - branch.pinch) * size / 2
        centres = (branch.points + 1) * (size / 2) - 0.5
        for (x, y), width in zip(centres[pinched], whole[pinched], strict=True):
            cv2.circle(nicks, (round(float(x)), round(float(y))), max(2, round(width)), 4, -1)
    return nicks
