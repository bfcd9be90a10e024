"""What can be measured of a photograph without looking at the retina.

A model may have learned these instead of the disease: how bright or sharp a photograph is, where
its field of view lies, how large its file is. H and W are a photograph's height and width.
"""

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.io.image_headers import open_header
from fundus_core.io.images import read_image, thumbnail
from fundus_core.io.picture_files import file_bytes
from fundus_core.io.pixel_formats import orientation_of
from fundus_core.preprocessing import field_mask

VERSION = 1
"""Raised whenever a measurement changes, so that stored ones are not mixed with new ones."""

_SIDE = 480
"""Longer side of the reduced photograph that is measured: sharpness then means the same for all."""

_RIM = 9
"""Pixels along the edge of the field of view in which sharpness is not measured: the edge is."""

_STANDARD_TABLE = np.array(
    [
        (16, 11, 10, 16, 24, 40, 51, 61),
        (12, 12, 14, 19, 26, 58, 60, 55),
        (14, 13, 16, 24, 40, 57, 69, 56),
        (14, 17, 22, 29, 51, 87, 80, 62),
        (18, 22, 37, 56, 68, 109, 103, 77),
        (24, 35, 55, 64, 81, 104, 113, 92),
        (49, 64, 78, 87, 103, 121, 120, 101),
        (72, 92, 95, 98, 112, 100, 103, 99),
    ]
)
"""Quantisation of lightness at quality 50 (ITU-T T.81, table K.1)."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """One photograph. Colours are in [0, 1], of the field of view alone."""

    red: float
    """Mean of the red channel."""

    green: float
    """Mean of the green channel."""

    blue: float
    """Mean of the blue channel."""

    brightness: float
    """Mean lightness (ITU-R BT.601)."""

    contrast: float
    """Standard deviation of the lightness."""

    sharpness: float
    """log10 of the variance of the Laplacian of the lightness, at 480 pixels; higher is sharper.
    Noise counts as sharpness too."""

    field_share: float
    """Share of the photograph that the field of view covers, in (0, 1]; 1 where it has no dark
    border."""

    field_radius: float
    """Radius of a disc of the field's area, in shares of the photograph's shorter side."""

    field_x: float
    """How far right of the middle the field's centre lies, in shares of the width."""

    field_y: float
    """How far below the middle, in shares of the height."""

    field_aspect: float
    """Width of the field over its height."""

    field_edges: float
    """How many of the photograph's four edges the field touches."""

    width: float
    """W, in pixels, upright."""

    height: float
    """H, in pixels, upright."""

    file_size: float
    """log10 of the file's bytes."""

    jpeg_quality: float
    """Estimate in [1, 100] from the quantisation table; NaN for other formats."""


def measure(path: Path, *, image_id: str = "") -> Measurements:
    """Measures a photograph; it is decoded once, at a reduced size.

    Args:
        path: The file.
        image_id: What it is known by; empty for a photograph of no data set.

    Raises:
        ImageError: If it cannot be read, or is another photograph by now.

    References:
        Pech-Pacheco et al. (2000), ICPR 3, 314-317 (variance of the Laplacian).
        ITU-T T.81 (1992), annex K (quantisation tables).
    """
    pixels = thumbnail(read_image(path, min_side=_SIDE, image_id=image_id), _SIDE)
    width, height, quality = _header(path)
    found = field_mask(pixels)
    field = np.ones(pixels.shape[:2], bool) if found is None else found
    return Measurements(
        **_light(pixels, field),
        **_geometry(field),
        width=float(width),
        height=float(height),
        file_size=float(np.log10(path.stat().st_size)),
        jpeg_quality=quality,
    )


def as_row(found: Measurements) -> dict[str, float]:
    """Returns measurements as the columns of a table."""
    return asdict(found)


def _light(pixels: NDArray[np.uint8], field: NDArray[np.bool_]) -> dict[str, float]:
    """Returns colour, brightness, contrast and sharpness of the field of view."""
    import cv2

    inside = pixels[field] / 255.0  # (n, 3)
    red, green, blue = inside.mean(axis=0)
    lightness = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    core = _without_rim(field)
    laplacian = cv2.Laplacian(lightness, cv2.CV_64F)[core]
    return {
        "red": float(red),
        "green": float(green),
        "blue": float(blue),
        "brightness": float(lightness[field].mean() / 255),
        "contrast": float(lightness[field].std() / 255),
        "sharpness": float(np.log10(laplacian.var() + 1e-3)),
    }


def _without_rim(field: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the field without the pixels along its edge; the whole if nothing else is left."""
    import cv2

    brush = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    core = np.asarray(
        cv2.erode(field.astype(np.uint8), brush, borderType=cv2.BORDER_CONSTANT, borderValue=1),
        bool,
    )
    return core if core.any() else field


def _geometry(field: NDArray[np.bool_]) -> dict[str, float]:
    """Returns where the field of view lies in the photograph, free of its size in pixels."""
    height, width = field.shape
    rows, columns = np.nonzero(field)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    edges = (top == 0, bottom == height, left == 0, right == width)
    return {
        "field_share": float(field.mean()),
        "field_radius": float(np.sqrt(field.sum() / np.pi) / min(height, width)),
        "field_x": float((columns.mean() + 0.5) / width - 0.5),
        "field_y": float((rows.mean() + 0.5) / height - 0.5),
        "field_aspect": float((right - left) / (bottom - top)),
        "field_edges": float(sum(edges)),
    }


def _header(path: Path) -> tuple[int, int, float]:
    """Returns width and height, upright, and the estimate of the JPEG quality."""
    image = open_header(file_bytes(path), path.name)
    width, height = image.size
    tables = getattr(image, "quantization", None)
    if orientation_of(image) >= 5:
        width, height = height, width
    return width, height, _quality(sum(tables[0])) if tables else float("nan")


def _quality(total: int) -> float:
    """Returns the quality whose table of lightness has the nearest sum."""
    return float(1 + np.abs(_table_sums() - total).argmin())


@cache
def _table_sums() -> NDArray[np.int64]:
    """Returns the sums of the tables of qualities 1 to 100, as libjpeg scales them, (100,)."""
    sums = []
    for quality in range(1, 101):
        scale = 5000 // quality if quality < 50 else 200 - 2 * quality
        sums.append(np.clip((_STANDARD_TABLE * scale + 50) // 100, 1, 255).sum())
    return np.array(sums)
