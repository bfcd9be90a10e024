"""Reads photographs of any kind as upright 8-bit RGB, and refuses what is not one.

Sizes are checked from the header before anything is decoded, so that a small file claiming to be
900 megapixels costs nothing. Embedded colour profiles are ignored, as they are where backbones
are trained.
"""

import hashlib
import stat
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from fundus_core.errors import ImageError
from fundus_core.io.pixel_formats import (
    BROKEN_FILE_ERRORS,
    load_quietly,
    orientation_of,
    pillow_warnings_silenced,
    to_rgb,
    upright,
)

Decoder = Literal["fast", "exact"]

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

MAX_PIXELS = 100_000_000
"""Largest photograph that is decoded; no fundus camera makes half as many pixels."""

MIN_SHORTER_SIDE = 64
"""Smallest shorter side, in pixels, that still shows a retina."""

MAX_BYTES = 1 << 30
"""Largest file that is read: 100 megapixels of 16-bit RGBA, uncompressed, are smaller."""

_OPENERS: dict[bytes, type[ImageFile.ImageFile]] = {
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"II*\0": TiffImagePlugin.TiffImageFile,
    b"MM\0*": TiffImagePlugin.TiffImageFile,
    b"II+\0": TiffImagePlugin.TiffImageFile,
    b"MM\0+": TiffImagePlugin.TiffImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"GIF87a": GifImagePlugin.GifImageFile,
    b"GIF89a": GifImagePlugin.GifImageFile,
    b"P5": PpmImagePlugin.PpmImageFile,
    b"P6": PpmImagePlugin.PpmImageFile,
}
"""First bytes of a file and what opens it; WebP, whose signature has a gap, is told in code. Image
libraries know many more formats, some of which run other programs: those are not wanted here."""


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
    path: Path, *, min_side: int | None = None, decoder: Decoder = "fast"
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

    Returns:
        Shape (H, W, 3), contiguous and writable.

    Raises:
        ImageError: If the file is missing, not a photograph, truncated, too small or too large.
    """
    data = _read_bytes(path)
    image = _open(data, path.name)
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return _decode_by_pillow(image, data, path.name)
    if decoder == "exact" or image.mode == "CMYK":
        # Pillow takes a stream that was cut and closed again for whole; libjpeg-turbo does not.
        _decode_jpeg(data, path.name, min_side=1)
        return _decode_by_pillow(image, data, path.name)
    pixels = _decode_jpeg(data, path.name, min_side=min_side or 0)
    if pixels is None:
        return _decode_by_pillow(image, data, path.name)
    return upright(pixels, orientation_of(image))


def scan_image(path: Path) -> ScannedImage:
    """Identifies a photograph by its content and makes sure that it can be decoded.

    The file is read once. A JPEG is decoded at an eighth of its size, which follows the compressed
    data to their end and so notices truncation; other formats are decoded in full.

    Raises:
        ImageError: As `read_image`.
    """
    data = _read_bytes(path)
    image = _open(data, path.name)
    width, height = image.size
    reduced = None
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        reduced = _decode_jpeg(data, path.name, min_side=1)
    if reduced is None:
        height, width = _decode_by_pillow(image, data, path.name).shape[:2]
    elif orientation_of(image) >= 5:
        width, height = height, width
    return ScannedImage(hashlib.sha256(data).hexdigest()[:32], width, height, len(data))


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


def _read_bytes(path: Path) -> bytes:
    """Returns the file's content, refusing what is not a plain file of a sensible size."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
            raise ImageError("unreadable", f"{path.name} is {kind}.", hint="Rename or remove it.")
        if status.st_size > MAX_BYTES:
            raise ImageError(
                "too_large",
                f"{path.name} has {status.st_size:,} bytes; at most {MAX_BYTES:,} are read.",
                hint="Export the photograph as JPEG or PNG.",
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ImageError(
            "missing", f"{path.name} does not exist.", hint="Check the path in the table."
        ) from error
    except OSError as error:
        raise ImageError(
            "unreadable",
            f"{path.name} could not be read: {error.strerror}.",
            hint="Check the permissions of the file and the disk it is on.",
        ) from error


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    """Reads the header and refuses what need not be decoded; nothing is decoded here."""
    opener = next((known for magic, known in _OPENERS.items() if data.startswith(magic)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        opener = WebPImagePlugin.WebPImageFile
    if opener is None:
        content = "is not a JPEG, PNG, TIFF, BMP, WebP, GIF or PPM file" if data else "is empty"
        raise ImageError(
            "unreadable", f"{name} {content}.", hint="Export the photograph as JPEG or PNG."
        )
    try:
        with pillow_warnings_silenced():
            image = opener(BytesIO(data))
            _require_sensible_size(image, name)
            _require_one_picture(image, name)
    except Image.DecompressionBombError as error:
        raise ImageError(
            "too_large", f"{name}: {error}", hint="Export a smaller photograph."
        ) from error
    except BROKEN_FILE_ERRORS as error:
        raise _broken(name, error, cut=_directory_is_cut_off(data)) from error
    return image


def _require_sensible_size(image: Image.Image, name: str) -> None:
    """Raises if the header tells of too many pixels, or of too few to show a retina."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            "too_large",
            f"{name} claims {width} x {height} pixels; at most {MAX_PIXELS:,} are decoded.",
            hint="Export a smaller photograph, or remove the file.",
        )
    if min(width, height) < MIN_SHORTER_SIDE:
        raise ImageError(
            "too_small",
            f"{name} has {width} x {height} pixels; "
            f"the shorter side must have at least {MIN_SHORTER_SIDE}.",
            hint="Use the original photograph instead of its thumbnail.",
        )


def _require_one_picture(image: ImageFile.ImageFile, name: str) -> None:
    """Raises if the file holds several pictures: which one is meant?

    Only the second is looked for, so that a file of 20,000 pages costs no more than one of two. A
    smaller second page of a TIFF is a preview, as scanners store it.
    """
    first_width, first_height = image.size
    try:
        image.seek(1)
    except EOFError:
        return
    width, height = image.size
    image.seek(0)
    is_tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
    if is_tiff and width < first_width and height < first_height:
        return
    raise ImageError(
        "unreadable",
        f"{name} holds several pages or frames; a file must hold one photograph.",
        hint="Save each page as a file of its own.",
    )


def _decode_jpeg(data: bytes, name: str, *, min_side: int) -> NDArray[np.uint8] | None:
    """Decodes a JPEG strictly, as small as `min_side` allows; 0 means in full.

    Returns:
        Shape (H, W, 3), or None when libjpeg-turbo stumbled over something else than an early end,
        such as stray bytes that some cameras leave: Pillow then decides.
    """
    import simplejpeg

    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_height=min_side, min_width=min_side
        )
    except ValueError as error:
        if "remature end" in str(error):
            raise _broken(name, error, cut=True) from error
        return None
    return pixels


def _decode_by_pillow(image: ImageFile.ImageFile, data: bytes, name: str) -> NDArray[np.uint8]:
    """Decodes an opened image of any format in full, and turns it upright."""
    try:
        load_quietly(image)
        return upright(to_rgb(image, name), orientation_of(image))
    except BROKEN_FILE_ERRORS as error:
        raise _broken(name, error, cut=_strips_are_cut_off(image, data)) from error


def _broken(name: str, error: Exception, *, cut: bool) -> ImageError:
    """Returns the error for a file that was recognised but could not be decoded."""
    if cut or "truncated" in str(error).lower():
        return ImageError(
            "truncated",
            f"{name} ends before the picture does.",
            hint="Copy the photograph again; the transfer was cut off.",
        )
    return ImageError(
        "unreadable",
        f"{name} is damaged: {error}.",
        hint="Copy or export the photograph again.",
    )


def _directory_is_cut_off(data: bytes) -> bool:
    """Tells whether a TIFF points beyond its end to its list of tags."""
    orders = {b"II*\0": "<I", b"MM\0*": ">I"}
    if data[:4] not in orders or len(data) < 8:
        return False
    return bool(struct.unpack_from(orders[data[:4]], data, 4)[0] + 2 > len(data))


def _strips_are_cut_off(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Tells whether a TIFF points beyond its end to its pixels; its decoder does not say so."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    try:
        offsets = image.tag_v2[TiffImagePlugin.STRIPOFFSETS]
        counts = image.tag_v2[TiffImagePlugin.STRIPBYTECOUNTS]
        return any(start + n > len(data) for start, n in zip(offsets, counts, strict=False))
    except BROKEN_FILE_ERRORS:
        return False
