"""Gets at a picture's bytes and decodes them in full, or says why not: photographs and masks."""

import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile, TiffImagePlugin

from fundus_core.errors import ImageError
from fundus_core.io.image_headers import MAX_BYTES, broken_file
from fundus_core.io.pixel_formats import BROKEN_FILE_ERRORS, load_quietly
from fundus_core.io.remote import is_remote, read_bytes


def file_bytes(path: Path) -> bytes:
    """Returns the file's content, refusing what is not a plain file of a sensible size.

    Raises:
        ImageError: If it is none, or cannot be read; with the reason `missing` if it is not there.
    """
    try:
        if is_remote(path):
            return _require_readable_size(read_bytes(path, MAX_BYTES), path.name)
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


def decode_jpeg(data: bytes, name: str, *, min_side: int) -> NDArray[np.uint8] | None:
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
            raise broken_file(name, error, cut=True) from error
        return None
    return pixels


def require_whole_jpeg(data: bytes, name: str) -> None:
    """Raises if a JPEG was cut, also if it was closed again, which Pillow takes for whole.

    Raises:
        ImageError: If it ends before the picture does.
    """
    decode_jpeg(data, name, min_side=1)


def load_whole(image: ImageFile.ImageFile, data: bytes, name: str) -> None:
    """Decodes an opened image of any format in full.

    Raises:
        ImageError: If it is damaged.
    """
    try:
        load_quietly(image)
    except BROKEN_FILE_ERRORS as error:
        raise broken_file(name, error, cut=strips_are_cut_off(image, data)) from error


def strips_are_cut_off(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Tells whether a TIFF points beyond its end to its pixels; its decoder does not say so."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    try:
        offsets = image.tag_v2[TiffImagePlugin.STRIPOFFSETS]
        counts = image.tag_v2[TiffImagePlugin.STRIPBYTECOUNTS]
        return any(start + n > len(data) for start, n in zip(offsets, counts, strict=False))
    except BROKEN_FILE_ERRORS:
        return False


def _require_readable_size(data: bytes, name: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise ImageError(
            "too_large",
            f"{name} has more than {MAX_BYTES:,} bytes.",
            hint="Export the photograph as JPEG or PNG.",
        )
    return data
