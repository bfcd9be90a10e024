"""What comes between flash, eye and sensor: uneven light, stray light, dust and lashes.

All of it is soft, so it is computed on a grid of at most `_RESOLUTION` pixels and enlarged.
"""

import cv2
import numpy as np

from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.texture import Plane, pixel_grid, smooth_noise, soft_step

_RESOLUTION = 256
_DIMMEST = 0.08
"""Share of the light that even the worst corner keeps."""

_MOST_LASHES = 14


def illumination(
    field: FieldOfView,
    falloff: float,
    centre: tuple[float, float],
    size: int,
    rng: np.random.Generator,
) -> Plane:
    """Returns the brightness of the flash over the picture: falling off, never quite even.

    Args:
        field: The part of the picture that is lit.
        falloff: Share of the light lost one radius away from the brightest point.
        centre: The brightest point, in half sides of the picture.
        size: Side of the picture in pixels.
        rng: Source of the unevenness.
    """
    coarse = min(size, _RESOLUTION)
    x, y = pixel_grid(coarse)
    away = np.hypot(x - centre[0], y - centre[1]) / field.radius
    uneven = 0.05 * smooth_noise(rng, coarse, 1.0)
    light: Plane = 1.06 + 0.25 * falloff - falloff * away**2.2 + uneven
    return _enlarged(np.maximum(light, np.float32(_DIMMEST)), size)


def stray_light(size: int, rng: np.random.Generator) -> Plane:
    """Returns how strongly cloudy media glow at each point: 1 on average, more to one side."""
    coarse = min(size, _RESOLUTION)
    x, y = pixel_grid(coarse)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    slope = np.float32(rng.uniform(0.0, 0.5))
    glow: Plane = 1 + slope * along + 0.12 * smooth_noise(rng, coarse, 0.7)
    return _enlarged(np.maximum(glow, 0), size)


def dust(count: int, size: int, rng: np.random.Generator) -> Plane:
    """Returns the light that specks on the lens take or add: a factor around 1.

    Most specks are small soft shadows; one in four is a pale smear.

    Args:
        count: Number of specks.
        size: Side of the picture in pixels.
        rng: Source of places, sizes and strengths.
    """
    coarse = min(size, 2 * _RESOLUTION)
    x, y = pixel_grid(coarse)
    factor: Plane = np.ones((coarse, coarse), dtype=np.float32)
    for _ in range(count):
        at_x, at_y = rng.uniform(-0.75, 0.75, size=2)
        length = float(rng.uniform(0.008, 0.022))
        width = length * float(rng.uniform(0.4, 1.0))
        turn = rng.uniform(0, np.pi)
        pale = rng.random() < 0.25
        strength = float(rng.uniform(0.08, 0.3)) * (0.7 if pale else -0.6)
        first_x, last_x = (round((at_x + s * 4 * length + 1) * coarse / 2) for s in (-1, 1))
        first_y, last_y = (round((at_y + s * 4 * length + 1) * coarse / 2) for s in (-1, 1))
        window = slice(max(first_y, 0), last_y + 1), slice(max(first_x, 0), last_x + 1)
        dx, dy = x[window] - at_x, y[window] - at_y
        along = (dx * np.cos(turn) + dy * np.sin(turn)) / length
        across = (dy * np.cos(turn) - dx * np.sin(turn)) / width
        factor[window] += np.float32(strength) * np.exp(-(along**2 + across**2) / 2)
    return _enlarged(factor, size)


def lashes(amount: float, field: FieldOfView, size: int, rng: np.random.Generator) -> Plane:
    """Returns the share of light that lashes and lid let through, in [0, 1].

    Args:
        amount: From 0 (wide open) to 1 (a third of the picture is covered).
        field: Where the picture's edge is.
        size: Side of the picture in pixels.
        rng: Source of the single lashes.
    """
    coarse = min(size, _RESOLUTION)
    edge = min(field.half_height, field.radius, 1.0)
    upper = -1.0 if rng.random() < 0.75 else 1.0
    dark = np.zeros((coarse, coarse), dtype=np.float32)
    for _ in range(round(_MOST_LASHES * amount)):
        root_x = rng.uniform(-0.7, 0.7)
        length, lean = rng.uniform(0.3, 0.8) * amount + 0.08, rng.normal(0, 0.5)
        t = np.linspace(0, 1, 12)
        path_x = root_x + length * lean * t**2
        path_y = upper * (edge + 0.03 - length * t)
        points = np.stack([path_x, path_y], axis=1)
        pixels = np.round((points + 1) * coarse / 2 * 16).astype(np.int32)
        thickness = max(1, round(coarse * rng.uniform(0.008, 0.02)))
        cv2.polylines(dark, [pixels], False, float(rng.uniform(0.4, 0.9)), thickness, shift=4)
    dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), coarse * 0.011), dtype=np.float32)
    x, y = pixel_grid(coarse)
    lid = edge - upper * y + 0.12 * x**2 - np.float32(0.5 * amount - 0.06)
    shade = np.maximum(dark, 0.85 * soft_step(lid, 0.16))
    through: Plane = 1 - np.minimum(shade, np.float32(0.95))
    return _enlarged(through, size)


def _enlarged(plane: Plane, size: int) -> Plane:
    """Returns a plane at the size of the picture."""
    if len(plane) == size:
        return plane
    full = cv2.resize(plane, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, dtype=np.float32)
