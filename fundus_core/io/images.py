"""Reads photographs of any kind as upright 8-bit RGB, and refuses what is not one.

Sizes are checked from the header before anything is decoded, so that a small file claiming to be
900 megapixels costs nothing. Embedded colour profiles are ignored, as they are where backbones
are trained.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin

from fundus_core.domain.recipe import DecoderName
from fundus_core.errors import ImageError
from fundus_core.io.image_headers import broken_file, open_header
from fundus_core.io.picture_files import (
    decode_jpeg,
    file_bytes,
    load_whole,
    require_whole_jpeg,
    strips_are_cut_off,
)
from fundus_core.io.pixel_formats import (
    BROKEN_FILE_ERRORS,
    orientation_of,
    to_rgb,
    upright,
)

SUPPORTED_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jfif",
    ".png",
    ".tif",
    ".tiff",
    ".bmp",
    ".webp",
    ".gif",
    ".ppm",
)
"""Suffixes, in lower case, of the files taken for photographs. What is in them is told by their
first bytes, not by the suffix."""


_ID_DIGITS = 32

_FEWEST_LEVELS = 8
"""By how many of 255 levels some colour must differ in a picture that shows anything, after noise
was averaged over squares of `_AVERAGED` pixels."""

_AVERAGED = 8
"""What a JPEG that is decoded at an eighth of its size is averaged over."""

_IMAGE_ID = re.compile(rf"[0-9a-f]{{{_ID_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """What is known of a photograph after it was read and decoded once."""

    image_id: str
    """First 32 hexadecimal digits of the SHA-256 of the file's bytes."""

    width: int
    """Pixels, when upright."""

    height: int
    """Pixels, when upright."""

    n_bytes: int
    """Size of the file."""


def read_image(
    path: Path,
    *,
    min_side: int | None = None,
    decoder: DecoderName = "fast",
    image_id: str = "",
) -> NDArray[np.uint8]:
    """Reads a photograph as upright RGB.

    H and W are the height and width of what is returned. EXIF orientation is undone, 16-bit values
    are scaled to 8 bits, grey and palette images become RGB, CMYK is converted, and transparency is
    laid on black, the colour around the field of view.

    Args:
        path: The file.
        min_side: When given, `fast` may return a JPEG reduced to some eighths of its size, as long
            as the shorter side keeps this many pixels. Other formats keep their size.
        decoder: `fast` decodes JPEG by libjpeg-turbo, at a reduced size if allowed; `exact` always
            decodes in full by Pillow, as the authors of most published weights did.
        image_id: What the photograph is known by, see `ScannedImage`. A file that holds something
            else by now is refused. Names that are no such id are not compared.

    Returns:
        Shape (H, W, 3), contiguous and writable.

    Raises:
        ImageError: If the file is missing, not a photograph, truncated, too small or too large,
            or not the photograph that was meant.
    """
    data = file_bytes(path)
    _require_same_content(data, path.name, image_id)
    image = open_header(data, path.name)
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return _decode_by_pillow(image, data, path.name)
    if decoder == "exact" or image.mode == "CMYK":
        require_whole_jpeg(data, path.name)
        return _decode_by_pillow(image, data, path.name)
    pixels = decode_jpeg(data, path.name, min_side=min_side or 0)
    if pixels is None:
        return _decode_by_pillow(image, data, path.name)
    return upright(pixels, orientation_of(image))


def scan_image(path: Path) -> ScannedImage:
    """Identifies a photograph by its content and makes sure that it can be decoded.

    The file is read once. A JPEG is decoded at an eighth of its size, which follows the compressed
    data to their end and so notices truncation; other formats are decoded in full.

    Raises:
        ImageError: As `read_image`; also if the picture is of one colour, as a cap before the lens
            makes it.
    """
    data = file_bytes(path)
    image = open_header(data, path.name)
    width, height = image.size
    reduced = None
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        reduced = decode_jpeg(data, path.name, min_side=1)
    if reduced is None or image.mode == "CMYK":  # whose colours only Pillow knows
        pixels = _decode_by_pillow(image, data, path.name)
        height, width = pixels.shape[:2]
        reduced = np.asarray(Image.fromarray(pixels).reduce(_AVERAGED))
    elif orientation_of(image) >= 5:
        width, height = height, width
    _require_content(reduced, path.name)
    return ScannedImage(_id_of(data), width, height, len(data))


def holds(path: Path, image_id: str) -> bool:
    """Says whether a file can be read and still holds the content that an image id names."""
    try:
        require_holds(path, image_id)
    except ImageError:
        return False
    return True


def require_holds(path: Path, image_id: str) -> None:
    """Refuses a file that holds another photograph than the one that an image id names.

    Raises:
        ImageError: If it does, or cannot be read.
    """
    _require_same_content(file_bytes(path), path.name, image_id)


def is_content_id(image_id: str) -> bool:
    """Says whether an id is made from a photograph's content, as `ScannedImage.image_id` is.

    Examples:
        >>> is_content_id("0123456789abcdef0123456789abcdef"), is_content_id("eye 7")
        (True, False)
    """
    return _IMAGE_ID.fullmatch(image_id) is not None


def thumbnail(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Returns the photograph reduced, antialiased, so that its longer side is at most `side`.

    Args:
        image: Shape (H, W, 3).
        side: In pixels; a smaller photograph keeps its size.

    Returns:
        Shape (h, w, 3) with the same aspect ratio, h and w at least 1.

    Examples:
        >>> thumbnail(np.zeros((100, 200, 3), np.uint8), 50).shape
        (25, 50, 3)
    """
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    reduced = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.array(reduced)


def _id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def _require_same_content(data: bytes, name: str, image_id: str) -> None:
    """Raises if an image id names other content than this."""
    if not is_content_id(image_id) or _id_of(data) == image_id:
        return
    raise ImageError(
        "changed",
        f"{name} is another photograph than when the data set was opened.",
        hint="Open the data set again, so that it is read anew.",
    )


def _decode_by_pillow(image: ImageFile.ImageFile, data: bytes, name: str) -> NDArray[np.uint8]:
    """Decodes an opened image of any format in full, and turns it upright."""
    load_whole(image, data, name)
    try:
        return upright(to_rgb(image, name), orientation_of(image))
    except BROKEN_FILE_ERRORS as error:
        raise broken_file(name, error, cut=strips_are_cut_off(image, data)) from error


def _require_content(pixels: NDArray[np.uint8], name: str) -> None:
    """Refuses a picture (h, w, 3) that is of one colour, give or take noise."""
    levels = int(np.ptp(pixels.reshape(-1, 3), axis=0).max())
    if levels < _FEWEST_LEVELS:
        raise ImageError(
            "blank",
            f"{name} shows nothing: its colours differ by {levels} of 255 levels.",
            hint="Take the photograph again, or remove the file.",
        )
