"""From lesions to the planes they cover and to the truth mask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.lesions import Floats, Lesion, LesionKind
from fundus_core.phantom.shapes import ellipse

LESION_BITS: dict[LesionKind, int] = {
    "microaneurysm": 1,
    "haemorrhage": 2,
    "hard_exudate": 4,
    "soft_exudate": 8,
    "drusen": 64,
    "nerve_fibre_defect": 128,
    "pigment_change": 256,
    "geographic_atrophy": 512,
    "subretinal_haemorrhage": 1024,
    "neovascularisation": 2048,
    "laser_scar": 4096,
    "peripapillary_atrophy": 8192,
    "staphyloma": 16384,
    "epiretinal_membrane": 32768,
}
"""Value that a kind of lesion adds to a pixel of the mask."""

DISC_BIT = 16
CUP_BIT = 32

_OVERSAMPLING = 2
_SHIFT = 4
_NO_BLUR = 1 / 3
_WIDE_BLUR = 4.0
"""Standard deviations of blur in pixels: below the first none is seen; from the second on the
plane may be made smaller first."""

Window = tuple[slice, slice]
"""Rows and columns of a part of the picture."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What shapes cover in the part of the picture that holds them all."""

    window: Window
    """May be empty where the shapes lie outside the picture."""

    cover: NDArray[np.uint8]
    """From 0 (not covered) to 255 (covered at contrast 1), as large as the window."""


def draw_patch(shapes: Sequence[tuple[Floats, float]], size: int, *, softness: float) -> Patch:
    """Returns what closed outlines cover; where two meet, the stronger one shows.

    Args:
        shapes: Outlines (n, 2) in half sides of the picture, each with its contrast in [0, 1].
        size: Side of the picture in pixels.
        softness: Standard deviation of the edges' blur, in half sides.
    """
    sigma = softness * size / 2
    margin = 2 + int(3 * sigma)
    window = _window(np.concatenate([outline for outline, _ in shapes]), size, margin)
    height, width = (side.stop - side.start for side in window)
    layer = np.zeros((height * _OVERSAMPLING, width * _OVERSAMPLING), dtype=np.uint8)
    if not layer.size:
        return Patch(window, np.zeros((height, width), dtype=np.uint8))
    corner = (window[1].start * _OVERSAMPLING, window[0].start * _OVERSAMPLING)
    ordered = sorted(shapes, key=lambda shape: shape[1])
    corners = _to_pixels([outline for outline, _ in ordered], size * _OVERSAMPLING, corner)
    for polygon, (_, contrast) in zip(corners, ordered, strict=True):
        cv2.fillPoly(layer, [polygon], (255 * contrast,), cv2.LINE_AA, _SHIFT)
    cover = cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)
    return Patch(window, _softened(np.asarray(cover, dtype=np.uint8), sigma))


def draw_mask(
    lesions: Iterable[Lesion], anatomy: Anatomy, field: FieldOfView, size: int
) -> NDArray[np.uint16]:
    """Returns the truth of an eye: per pixel the sum of the bits of what lies there.

    The atrophy around the disc is marked outside the disc only.

    Args:
        lesions: All lesions of the eye.
        anatomy: Gives disc and cup.
        field: Nothing is marked outside.
        size: Side S of the picture in pixels; the mask has shape (S, S).
    """
    half_width = anatomy.disc_diameter * anatomy.disc_width / 2
    half_height = anatomy.disc_diameter / 2
    outlines = {
        DISC_BIT: [ellipse(anatomy.disc, half_width, half_height)],
        CUP_BIT: [anatomy.cup_outline()],
    }
    for lesion in lesions:
        outlines.setdefault(LESION_BITS[lesion.kind], []).append(lesion.outline)
    mask = np.zeros((size, size), dtype=np.uint16)
    for bit, found in outlines.items():
        _mark(mask, found, bit)
    around_disc = LESION_BITS["peripapillary_atrophy"]
    if around_disc in outlines:
        mask[(mask & DISC_BIT) > 0] &= ~np.uint16(around_disc)
    mask[~field.mask(size)] = 0
    return mask


def _mark(mask: NDArray[np.uint16], outlines: Sequence[Floats], bit: int) -> None:
    """Adds a bit to the pixels inside or on any of the outlines, in place."""
    size = len(mask)
    window = _window(np.concatenate(outlines), size, 2)
    layer = np.zeros(mask[window].shape, dtype=np.uint8)
    if not layer.size:
        return
    corner = (window[1].start, window[0].start)
    for polygon in _to_pixels(outlines, size, corner):
        cv2.fillPoly(layer, [polygon], (1,), cv2.LINE_8, _SHIFT)
    mask[window] |= layer * np.uint16(bit)


def _window(points: Floats, size: int, margin: int) -> Window:
    """Returns the part of the picture that holds all points and a margin of pixels around."""
    pixels = (points + 1) * (size / 2)
    first = np.clip(np.floor(pixels.min(axis=0)).astype(int) - margin, 0, size)
    last = np.clip(np.ceil(pixels.max(axis=0)).astype(int) + margin, first, size)
    return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))


def _to_pixels(
    outlines: Sequence[Floats], size: int, corner: tuple[int, int]
) -> list[NDArray[np.int32]]:
    """Returns coordinates as OpenCV takes them: integers with `_SHIFT` fractional bits.

    Args:
        outlines: Each of shape (n, 2), in half sides of the picture.
        size: Side of the picture in pixels.
        corner: Column and row of the pixel that is to be the first.
    """
    pixels = (np.concatenate(outlines) + 1) * (size / 2) - 0.5 - np.array(corner)
    fixed = np.round(pixels * 2**_SHIFT).astype(np.int32)
    ends = np.cumsum([len(outline) for outline in outlines])
    return [fixed[end - len(o) : end] for o, end in zip(outlines, ends, strict=True)]


def _softened(cover: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Returns a plane blurred by a Gaussian; a wide one is computed at a quarter of the size."""
    height, width = cover.shape
    if sigma < _NO_BLUR:
        return cover
    if sigma < _WIDE_BLUR or min(height, width) < 8:
        soft = cv2.GaussianBlur(cover, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    else:
        small = cv2.resize(cover, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
        soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, dtype=np.uint8)
