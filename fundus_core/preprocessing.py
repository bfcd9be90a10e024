"""From a decoded photograph to the square a backbone is shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.recipe import Fit, PreprocessRecipe
from fundus_core.geometry import Box, Geometry

_SEARCH_SIDE = 256
"""The field of view is looked for on every n-th pixel, n such that this many remain, at least."""

_THICKEST_TEXT = 0.018
"""Strokes and specks thinner than this share of the longer side are not part of the field."""

_CORNER_SHARE = 0.04
"""Side of the four corner patches that show the border, as a share of the shorter side."""

_FIELD_CONTRAST = 0.08
"""Pixels brighter than the border by this share of the retina's brightness belong to the field."""

_DARK_BORDER = 0.35
"""Corners brighter than this share of the retina's brightness are retina: there is no border."""

_SMALLEST_FIELD = 0.05
"""A field of view covers at least this share of the photograph; less is a reflection or text."""

_GREY = 128
"""What Ben Graham's filter makes of an area without contrast."""

DECODE_MARGIN = 1.9
"""How many times larger than the network's input a photograph is decoded, at least: a little less
than two, since 1,000 pixels of a 2,000-pixel photograph must do for an input of 512."""


CENTRE_SHARE = 224 / 256
"""What `centre_crop` keeps of the shorter side: resizing to 256 and cutting out 224."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photograph as a network is shown it, before normalisation."""

    pixels: NDArray[np.uint8]
    """Shape (S, S, 3), RGB."""

    geometry: Geometry
    """Where the square lies in the photograph as it was decoded."""


def decode_side(size: int) -> int:
    """Returns the `min_side` to read a photograph with, for a network input of `size` pixels."""
    return round(DECODE_MARGIN * size)


def prepare(image: NDArray[np.uint8], size: int, recipe: PreprocessRecipe) -> Prepared:
    """Crops a photograph to its field of view, makes it square as the recipe says and resizes it.

    Contrast filters work on the crop, before padding; padding is black, or grey after Ben Graham's
    filter, the colour it gives to what has no contrast. The resize is antialiased (bicubic).

    Args:
        image: Shape (H, W, 3), RGB, at any scale.
        size: S, the side of the result in pixels.
        recipe: What to do.
    """
    height, width = image.shape[:2]
    box = field_of_view(image) if recipe.crop else Box(0, 0, width, height)
    crop = image[box.top : box.bottom, box.left : box.right]
    if recipe.clahe:
        crop = clahe(crop)
    if recipe.ben_graham:
        crop = ben_graham(crop)
    frame = _frame(box, recipe.fit)
    shown = Box(
        max(box.left, frame.left),
        max(box.top, frame.top),
        min(box.right, frame.right),
        min(box.bottom, frame.bottom),
    )
    framed = np.full(
        (frame.height, frame.width, 3), _GREY if recipe.ben_graham else 0, dtype=np.uint8
    )
    framed[_rows_and_columns(shown, frame)] = crop[_rows_and_columns(shown, box)]
    reducing_gap = 2.0 if recipe.decoder == "fast" else None
    resized = Image.fromarray(framed).resize(
        (size, size), Image.Resampling.BICUBIC, reducing_gap=reducing_gap
    )
    geometry = Geometry(
        height=height,
        width=width,
        left=float(frame.left),
        top=float(frame.top),
        extent=(float(frame.width), float(frame.height)),
        crop=(float(shown.left), float(shown.top), float(shown.right), float(shown.bottom)),
        side=size,
    )
    return Prepared(np.array(resized), geometry)


def _frame(box: Box, fit: Fit) -> Box:
    """Returns what of the photograph the square shows; it may reach beyond the box."""
    if fit == "squash":
        return box
    if fit == "centre_crop":
        side = max(1, round(CENTRE_SHARE * min(box.width, box.height)))
    else:
        side = max(box.width, box.height)
    in_corner = fit == "corner"
    left = box.left - (0 if in_corner else (side - box.width) // 2)
    top = box.top - (0 if in_corner else (side - box.height) // 2)
    return Box(left, top, left + side, top + side)


def _rows_and_columns(part: Box, whole: Box) -> tuple[slice, slice]:
    """Returns where a part lies in the array of a whole that contains it."""
    return (
        slice(part.top - whole.top, part.bottom - whole.top),
        slice(part.left - whole.left, part.right - whole.left),
    )


def field_of_view(image: NDArray[np.uint8]) -> Box:
    """Returns the smallest rectangle around the retina, leaving out the dark border.

    The border's brightness is taken from the corners and the retina's from the brighter half of
    the photograph, so that dark and over-exposed photographs work alike; text, dust and noise in
    the border are too small to count. Without a border the whole photograph is returned.

    Args:
        image: Shape (H, W, 3), RGB.
    """
    height, width = image.shape[:2]
    whole = Box(0, 0, width, height)
    mask = field_mask(image)
    if mask is None:
        return whole
    step = _sampling_step(image)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(
        int(columns[0]) * step,
        int(rows[0]) * step,
        min(width, (int(columns[-1]) + 1) * step),
        min(height, (int(rows[-1]) + 1) * step),
    )


def field_mask(image: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Finds which pixels of the photograph, coarsely sampled, belong to the retina.

    Args:
        image: Shape (H, W, 3), RGB.

    Returns:
        Shape (h, w): every n-th row and column of the photograph, such that 512 to 1023 of the
        longer side remain. None when there is no dark border, or no field of view.
    """
    import cv2

    step = _sampling_step(image)
    brightness = cv2.medianBlur(_brightest_channel(image[::step, ::step]), 5)
    height, width = brightness.shape
    patch = max(2, round(_CORNER_SHARE * min(height, width)))
    ends = (slice(None, patch), slice(-patch, None))
    corners = [brightness[rows, columns] for rows in ends for columns in ends]
    darkest = min(corners, key=lambda corner: float(np.median(corner)))
    border = float(np.median(darkest))
    noise = 1.48 * float(np.median(np.abs(darkest - border)))
    retina = float(np.percentile(brightness, 90))
    if border > _DARK_BORDER * retina:
        return None
    threshold = border + max(_FIELD_CONTRAST * (retina - border), 3 * noise, 2.0)
    candidates = (brightness > threshold).astype(np.uint8)
    thickness = max(3, round(_THICKEST_TEXT * max(height, width)))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thickness, thickness))
    opened = cv2.morphologyEx(candidates, cv2.MORPH_OPEN, brush)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(opened)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    if areas.size == 0 or areas.max() < _SMALLEST_FIELD * brightness.size:
        return None
    return np.asarray(labels == 1 + int(areas.argmax()))


def clahe(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Equalises the local contrast of the lightness, leaving the hue (CLAHE, clip limit 2, 8 x 8).

    Args:
        image: Shape (H, W, 3), RGB.

    References:
        Zuiderveld (1994), Graphics Gems IV, 474-485.
    """
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(lab[:, :, 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8)


def ben_graham(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shows how each pixel differs from the colour around it, four times enlarged, around grey.

    The colour around a pixel is a Gaussian mean with a sigma of 1/60 of the longer side. Where we
    leave the original: the mean is taken over the retina alone, so that no bright rim appears along
    the border, and the outer tenth of the field need not be cut off. Outside the field is grey.

    Args:
        image: Shape (H, W, 3), RGB, cropped to the field of view.

    References:
        Graham (2015), Kaggle Diabetic Retinopathy Detection, competition report.
    """
    import cv2

    height, width = image.shape[:2]
    mask = field_mask(image)
    field = np.ones((height, width), np.float32) if mask is None else mask.astype(np.float32)
    inside = np.asarray(cv2.resize(field, (width, height)), np.float32)[..., np.newaxis]
    sigma = max(height, width) / 60
    weight = np.asarray(cv2.GaussianBlur(inside, (0, 0), sigma), np.float32)[..., np.newaxis]
    total = np.asarray(cv2.GaussianBlur(image * inside, (0, 0), sigma), np.float32)
    contrast = 4 * (image - total / np.maximum(weight, 1e-3)) * inside
    return np.asarray(np.clip(np.rint(contrast + _GREY), 0, 255), np.uint8)


def _sampling_step(image: NDArray[np.uint8]) -> int:
    """Returns every how many pixels the field of view is looked for."""
    return max(1, int(max(image.shape[:2])) // _SEARCH_SIDE)


def _brightest_channel(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the largest of red, green and blue, shape (H, W)."""
    red_or_green = np.maximum(image[:, :, 0], image[:, :, 1])
    return np.ascontiguousarray(np.maximum(red_or_green, image[:, :, 2]))
