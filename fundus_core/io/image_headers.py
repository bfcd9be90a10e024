"""Says from a file's first bytes and header whether it may be a photograph; decodes nothing."""

import struct
from dataclasses import dataclass
from io import BytesIO

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
from fundus_core.io.pixel_formats import BROKEN_FILE_ERRORS, pillow_warnings_silenced

MAX_PIXELS = 100_000_000
"""Largest photograph that is decoded; no fundus camera makes half as many pixels."""

MIN_SHORTER_SIDE = 64
"""Smallest shorter side, in pixels, that still shows a retina."""

MAX_BYTES = 1 << 30
"""Largest file that is read: 100 megapixels of 16-bit RGBA, uncompressed, are smaller."""

MOST_PIXELS_PER_BYTE = 150
"""Pixels for each byte of a file beyond which it is no photograph: an even JPEG, all of one colour,
has about 85, and a compressed bomb some thousands."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused by its header, besides what holds for all pictures."""

    kind: str
    """What the file is to be, in a word."""

    min_side: int
    """Smallest shorter side, in pixels."""

    cheap_pixels: int
    """Pixels that are decoded however few bytes hold them."""


PHOTOGRAPH = Limits("photograph", MIN_SHORTER_SIDE, cheap_pixels=4_000_000)

_START_OF_SCAN, _MOST_SCANS = b"\xff\xda", 100
"""A progressive JPEG has about ten; each costs time over all pixels, however short it is."""

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
    b"P4": PpmImagePlugin.PpmImageFile,
    b"P5": PpmImagePlugin.PpmImageFile,
    b"P6": PpmImagePlugin.PpmImageFile,
}
"""First bytes of a file and what opens it; WebP, whose signature has a gap, is told in code. Image
libraries know many more formats, some of which run other programs: those are not wanted here."""


def open_header(data: bytes, name: str, limits: Limits = PHOTOGRAPH) -> ImageFile.ImageFile:
    """Reads the header and refuses what need not be decoded; nothing is decoded here.

    Args:
        data: The file's content.
        name: Its name, for the message.
        limits: What it must keep to.

    Raises:
        ImageError: If it is no picture, or decoding it could take too much memory or time.
    """
    opener = next((known for magic, known in _OPENERS.items() if data.startswith(magic)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        opener = WebPImagePlugin.WebPImageFile
    if opener is None:
        content = "is not a JPEG, PNG, TIFF, BMP, WebP, GIF or PPM file" if data else "is empty"
        raise ImageError(
            "unreadable", f"{name} {content}.", hint="Export the photograph as JPEG or PNG."
        )
    _require_few_scans(data, name)
    try:
        with pillow_warnings_silenced():
            if opener is WebPImagePlugin.WebPImageFile:
                _require_sensible_pixels(*_webp_size(data), len(data), name, limits)
            image = opener(BytesIO(data))
            _require_sensible_size(image, len(data), name, limits)
            _require_one_picture(image, name)
    except Image.DecompressionBombError as error:
        raise ImageError(
            "too_large", f"{name}: {error}", hint="Export a smaller photograph."
        ) from error
    except BROKEN_FILE_ERRORS as error:
        raise broken_file(name, error, cut=_directory_is_cut_off(data)) from error
    return image


def _require_few_scans(data: bytes, name: str) -> None:
    """Raises if a JPEG goes over its pixels so often that it seems to never end."""
    n_scans = data.count(_START_OF_SCAN) if data.startswith(b"\xff\xd8") else 0
    if n_scans > _MOST_SCANS:
        raise ImageError(
            "unreadable",
            f"{name} is drawn in {n_scans:,} scans; no camera writes more than {_MOST_SCANS}.",
            hint="Export the photograph again as JPEG or PNG, or remove the file.",
        )


def _require_sensible_pixels(
    width: int, height: int, n_bytes: int, name: str, limits: Limits
) -> None:
    """Raises if there are more pixels than a photograph has, or than so few bytes can hold."""
    n_pixels = width * height
    if n_pixels > MAX_PIXELS:
        raise ImageError(
            "too_large",
            f"{name} claims {width} x {height} pixels; at most {MAX_PIXELS:,} are decoded.",
            hint="Export a smaller photograph, or remove the file.",
        )
    if n_pixels > limits.cheap_pixels and n_pixels > MOST_PIXELS_PER_BYTE * n_bytes:
        raise ImageError(
            "too_large",
            f"{name} claims {width} x {height} pixels in {n_bytes:,} bytes; no {limits.kind} has "
            f"more than {MOST_PIXELS_PER_BYTE} pixels per byte.",
            hint="Copy or export the photograph again, or remove the file.",
        )


def _require_sensible_size(image: Image.Image, n_bytes: int, name: str, limits: Limits) -> None:
    """Raises if the header tells of too many pixels, or of too few to show a retina."""
    width, height = image.size
    _require_sensible_pixels(width, height, n_bytes, name, limits)
    if min(width, height) < limits.min_side:
        raise ImageError(
            "too_small",
            f"{name} has {width} x {height} pixels; "
            f"the shorter side must have at least {limits.min_side}.",
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


def _webp_size(data: bytes) -> tuple[int, int]:
    """Returns width and height that a WebP claims; its decoder reserves memory for them at once."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    sides = (int.from_bytes(body[start : start + 2], "little") & 0x3FFF for start in (6, 8))
    width, height = sides
    return width, height


def broken_file(name: str, error: Exception, *, cut: bool) -> ImageError:
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
