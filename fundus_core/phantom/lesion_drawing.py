"""From lesions to layers of light and to the truth mask."""

import io
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.lesions import Floats, Lesion, LesionKind
from fundus_core.phantom.note import SYNTHETIC_NOTE
from fundus_core.phantom.texture import Plane, blurred

LESION_BITS: dict[LesionKind, int] = {
    "microaneurysm": 1,
    "haemorrhage": 2,
    "hard_exudate": 4,
    "soft_exudate": 8,
    "drusen": 64,
    "nerve_fibre_defect": 128,
}
"""Value that a kind of lesion adds to a pixel of the mask."""

DISC_BIT = 16
CUP_BIT = 32

_SOFTNESS: dict[LesionKind, float] = {
    "microaneurysm": 0.002,
    "haemorrhage": 0.0065,
    "hard_exudate": 0.0015,
    "soft_exudate": 0.016,
    "drusen": 0.0075,
    "nerve_fibre_defect": 0.03,
}
"""Blur of each kind's edges, in half sides of the picture."""

_OVERSAMPLING = 2
_SHIFT = 4


def draw_kind(lesions: Iterable[Lesion], kind: LesionKind, size: int) -> Plane | None:
    """Returns the contrast of all lesions of a kind, in [0, 1], or None if there are none."""
    chosen = [lesion for lesion in lesions if lesion.kind == kind]
    if not chosen:
        return None
    side = size * _OVERSAMPLING
    layer = np.zeros((side, side), dtype=np.uint8)
    for lesion in sorted(chosen, key=lambda lesion: lesion.contrast):
        corners = _to_pixels(lesion.outline, side)
        cv2.fillPoly(layer, [corners], (255 * lesion.contrast,), cv2.LINE_AA, _SHIFT)
    small = cv2.resize(layer, (size, size), interpolation=cv2.INTER_AREA)
    return blurred(np.asarray(small, dtype=np.float32) / np.float32(255), _SOFTNESS[kind])


def draw_mask(
    lesions: Iterable[Lesion], anatomy: Anatomy, field: FieldOfView, size: int
) -> NDArray[np.uint8]:
    """Returns the truth of an eye: per pixel the sum of the bits of what lies there.

    Args:
        lesions: All lesions of the eye.
        anatomy: Gives disc and cup.
        field: Nothing is marked outside.
        size: Side S of the picture in pixels; the mask has shape (S, S).
    """
    mask = np.zeros((size, size), dtype=np.uint8)
    half_width = anatomy.disc_diameter * anatomy.disc_width / 2
    half_height = anatomy.disc_diameter / 2
    ratio = anatomy.cup_ratio
    shapes = [(_ellipse(anatomy.disc, half_width, half_height), DISC_BIT)]
    shapes += [(_ellipse(anatomy.cup, half_width * ratio, half_height * ratio), CUP_BIT)]
    shapes += [(lesion.outline, LESION_BITS[lesion.kind]) for lesion in lesions]
    for outline, bit in shapes:
        layer = np.zeros_like(mask)
        cv2.fillPoly(layer, [_to_pixels(outline, size)], (bit,), cv2.LINE_8, _SHIFT)
        mask |= layer
    mask[~field.mask(size)] = 0
    return mask


def encode_mask(mask: NDArray[np.uint8]) -> bytes:
    """Returns a mask as a PNG file that says it is synthetic."""
    text = PngInfo()
    text.add_text("Description", SYNTHETIC_NOTE)
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", pnginfo=text)
    return file.getvalue()


def _ellipse(centre: tuple[float, float], half_width: float, half_height: float) -> Floats:
    """Returns 64 corners of an upright ellipse."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return np.asarray(
        centre + np.stack([half_width * np.cos(angle), half_height * np.sin(angle)], axis=1)
    )


def _to_pixels(points: Floats, size: int) -> NDArray[np.int32]:
    """Returns coordinates as OpenCV takes them: integers with `_SHIFT` fractional bits."""
    pixels = (points + 1) * (size / 2) - 0.5
    return np.asarray(np.round(pixels * 2**_SHIFT), dtype=np.int32)
