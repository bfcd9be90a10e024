"""Reads pictures that are not photographs, value by value: masks, fields of view, drawn truth.

They come from elsewhere just as photographs do, and so they are opened as those are: a plain file,
told by its first bytes, its header looked at first. What differs is what is wanted of them. A value
is kept as it is stored, a side may be short, and a picture of one value is a mask like any other.
"""

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin

from fundus_core.domain.visible import visible
from fundus_core.errors import DataError, ImageError
from fundus_core.io.data_roots import is_within_roots
from fundus_core.io.image_headers import Limits, open_header
from fundus_core.io.picture_files import file_bytes, load_whole, require_whole_jpeg

LIMITS = Limits("mask", min_side=1, cheap_pixels=50_000_000)
"""A field of view of 8 megapixels takes some thousand bytes, so that few bytes say nothing; but no
camera makes more pixels than are cheap."""

RESTORE = "Restore the file, or leave its cell of the table empty."

_GREY = {"1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N"}
_COLOURED = {"LA": 1, "RGB": 3, "RGBX": 3, "RGBA": 3}
"""Modes and how many of their channels must be equal; the last of the others is the opacity."""

_MOST = (1 << 16) - 1


def read_mask(path: Path, *, hint: str = RESTORE) -> NDArray[np.uint16]:
    """Reads a mask file of 1, 8 or 16 bits per pixel.

    Args:
        path: The file.
        hint: What to do where it cannot be read.

    Returns:
        Shape (H, W), the values as they are stored; of a palette, the numbers of its colours; of a
        file in colour whose channels are equal, one of them. What is transparent throughout is 0.

    Raises:
        DataError: If the file is not there, may not be read or cannot be, or is in colour.
    """
    try:
        if not is_within_roots(path):
            raise _absent(path, hint)
        return _values(file_bytes(path), path)
    except ImageError as error:
        if error.reason == "missing":
            raise _absent(path, hint) from error
        raise DataError(
            f"The mask {visible(str(path))} cannot be read: {visible(error.message)}", hint=hint
        ) from error


def _absent(path: Path, hint: str) -> DataError:
    """Returns the error for a file that is not there; one that may not be read is none either."""
    return DataError(
        f"The mask {visible(str(path))} cannot be read: it is not there, or outside the folders "
        "that may be read from.",
        hint=hint,
    )


def _values(data: bytes, path: Path) -> NDArray[np.uint16]:
    """Returns the values of a file's bytes."""
    image = open_header(data, path.name, LIMITS)
    if image.mode not in _GREY and image.mode not in _COLOURED:
        raise _not_a_mask(path, image)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        require_whole_jpeg(data, path.name)
    load_whole(image, data, path.name)
    if image.mode in _COLOURED:
        return _of_equal_channels(image, path)
    grey: Image.Image = image
    if image.mode == "I":
        least, most = cast(tuple[int, int], image.getextrema())
        if least < 0 or most > _MOST:
            raise _not_a_mask(path, image)
        grey = image.convert("I;16")
    return np.asarray(grey).astype(np.uint16)


def _of_equal_channels(image: ImageFile.ImageFile, path: Path) -> NDArray[np.uint16]:
    """Returns the first channel of a picture in colour, if the others say the same."""
    values = np.asarray(image.getchannel(0)).astype(np.uint16)
    for number in range(1, _COLOURED[image.mode]):
        if not np.array_equal(values, np.asarray(image.getchannel(number))):
            raise _not_a_mask(path, image)
    if image.mode.endswith("A"):
        values[np.asarray(image.getchannel("A")) == 0] = 0
    return values


def _not_a_mask(path: Path, image: ImageFile.ImageFile) -> DataError:
    width, height = image.size
    return DataError(
        f"The mask {visible(str(path))} has {width} x {height} pixels of the kind {image.mode}; "
        f"one channel of whole numbers from 0 to {_MOST} was expected.",
        hint="Save masks as greyscale PNG: white on black, or a number per thing marked.",
    )
