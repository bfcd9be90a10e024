"""Turns what Pillow opened, whatever its mode and orientation, into upright 8-bit RGB."""

import ctypes
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import (
    ExifTags,
    Image,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    TiffImagePlugin,
    _imaging,
)

from fundus_core.errors import ImageError

BROKEN_FILE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""All that Pillow may raise on damaged files: its parsers trust what they read."""

_UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).transpose(1, 0, 2),
    8: np.rot90,
}
"""EXIF orientation and what undoes it; 1 and unknown values need nothing."""

_warnings_lock = threading.Lock()


def orientation_of(image: Image.Image) -> int:
    """Returns the EXIF orientation, 1 to 8; damaged EXIF data count as none."""
    try:
        with pillow_warnings_silenced():
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN_FILE_ERRORS:
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undoes an EXIF orientation; the result is contiguous.

    Args:
        image: Shape (H, W, 3).
        orientation: 1 to 8; 5 to 8 exchange height and width.
    """
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else np.ascontiguousarray(turn(image))


def to_rgb(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Converts a decoded image of any mode to RGB.

    16-bit values are scaled, not clipped; transparency is laid on black.

    Args:
        image: Loaded.
        name: The file's name, for the message.

    Returns:
        Shape (H, W, 3), writable.

    Raises:
        ImageError: If nobody says which of its values is white, or nothing of it can be seen.
    """
    if image.mode.startswith("I"):
        return _from_16_bit(np.asarray(image), name)
    if image.mode == "F":
        raise _without_range(name)
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        return _on_black(image, name)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == "CMYK":
        return _from_cmyk_jpeg(image)
    return np.array(image.convert("RGB") if image.mode != "RGB" else image)


def load_quietly(image: ImageFile.ImageFile) -> None:
    """Decodes an opened image; TIFF, whose decoder is talkative, one at a time."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _silence_libtiff()
        with pillow_warnings_silenced():
            image.load()
    else:
        image.load()


@contextmanager
def pillow_warnings_silenced() -> Iterator[None]:
    """Keeps Pillow's remarks on odd metadata off stderr; what matters is raised as an error.

    Python's warning filters belong to the process, so threads take turns; they would anyway, since
    header parsing holds the interpreter lock.
    """
    with _warnings_lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


@cache
def _silence_libtiff() -> None:
    """Keeps libtiff from printing to stderr what Pillow raises as an error anyway.

    Pillow has no setting for it. Where libtiff is built in and not visible, its lines stay.
    """
    libtiff = ctypes.CDLL(_imaging.__file__)
    if hasattr(libtiff, "TIFFSetErrorHandler"):
        libtiff.TIFFSetErrorHandler.argtypes = [ctypes.c_void_p]
        libtiff.TIFFSetErrorHandler.restype = ctypes.c_void_p
        libtiff.TIFFSetErrorHandler(None)


def _from_16_bit(grey: NDArray[np.integer], name: str) -> NDArray[np.uint8]:
    """Scales 16-bit grey values (H, W) to 8 bits and repeats them, shape (H, W, 3)."""
    if grey.min() < 0 or grey.max() > 65535:
        raise _without_range(name)
    # A table, since arithmetic on 100 megapixels would need gigabytes.
    eight_bit = ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)[grey]
    return np.repeat(eight_bit[:, :, np.newaxis], 3, axis=2)


def _from_cmyk_jpeg(image: Image.Image) -> NDArray[np.uint8]:
    """Converts a CMYK JPEG, of which Pillow believes that all store their values inverted.

    Only those with Adobe's marker do.
    """
    inked = image if "adobe" in image.info else ImageChops.invert(image)
    return np.array(inked.convert("RGB"))


def _on_black(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Lays a transparent image on black, the colour around the field of view."""
    coloured = image.convert("RGBA")
    alpha = coloured.getchannel("A")
    if alpha.getextrema()[1] == 0:
        raise ImageError(
            "unreadable",
            f"Every pixel of {name} is fully transparent.",
            hint="Export the photograph without an alpha channel.",
        )
    canvas = Image.new("RGB", image.size)
    canvas.paste(coloured, mask=alpha)
    return np.array(canvas)


def _without_range(name: str) -> ImageError:
    """Returns the error for pixel values of which nobody says what is white."""
    return ImageError(
        "unreadable",
        f"{name} has 32-bit pixel values, which have no agreed brightest value.",
        hint="Export the photograph with 8 or 16 bits per channel.",
    )
