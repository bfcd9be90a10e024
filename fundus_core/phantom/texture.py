"""Random textures: smooth fields of a chosen grain, from which everything irregular is made."""

from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.float32]
"""One number per pixel, shape (S, S), rows from the top. S is the side of the picture."""

Light: TypeAlias = NDArray[np.float32]
"""Shape (3, S, S): red, green, blue planes; about [0, 1], highlights a little above."""

_CELLS_PER_GRAIN = 4
_GRAIN_BLUR = 1.6
"""Standard deviation of the blur, in cells, that makes the grain `_CELLS_PER_GRAIN` cells wide."""

_BLUR_GAIN = np.float32(2 * np.sqrt(np.pi) * _GRAIN_BLUR)
"""Restores the standard deviation 1 of white noise blurred by `_GRAIN_BLUR`."""

_PIXELS_PER_GRAIN = 14
"""A field is computed with this many pixels per grain at most, and enlarged."""

_FEWEST_PIXELS_PER_GRAIN = 2.5
"""With fewer, a field is computed larger and averaged, so that it fades instead of flickering."""

_TILE = 512
_TILE_SEED = 20


@lru_cache(maxsize=4)
def pixel_grid(size: int) -> tuple[Plane, Plane]:
    """Returns x (to the right) and y (down) of the pixel centres, read-only.

    The unit is half the side of the picture and the origin its centre, as everywhere in
    `fundus_core.phantom`; so a structure has the same place at every image size.

    Returns:
        Two planes of shape (size, size) with values in (-1, 1).
    """
    axis = ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


@lru_cache(maxsize=1)
def _noise_tile() -> Plane:
    """Returns the noise that every smooth field is a cutting of; it repeats in both directions.

    Cutting is many times faster than drawing random numbers for each field.
    """
    rough = np.random.default_rng(_TILE_SEED).standard_normal((_TILE, _TILE), dtype=np.float32)
    pad = 4 * _CELLS_PER_GRAIN
    soft = cv2.GaussianBlur(np.pad(rough, pad, mode="wrap") * _BLUR_GAIN, (0, 0), _GRAIN_BLUR)
    tile: Plane = np.ascontiguousarray(soft[pad:-pad, pad:-pad], dtype=np.float32)
    tile.setflags(write=False)
    return tile


def smooth_noise(
    rng: np.random.Generator, size: int, grain: float, *, origin: tuple[float, float] = (0.0, 0.0)
) -> Plane:
    """Returns an isotropic random field with mean 0 and standard deviation 1.

    How many random numbers are drawn depends neither on the grain nor on the size: the same
    generator gives the same field at every image size.

    Args:
        rng: Source of the field.
        size: Side of the picture in pixels.
        grain: Width of a typical spot, in half sides of the picture.
        origin: The point that the field is fixed to; it moves and grows with origin and grain.
    """
    turn, (column, row) = rng.uniform(0, 2 * np.pi), rng.uniform(0, _TILE, size=2)
    side = _side_for(size, grain)
    per_pixel = 2 / side / grain * _CELLS_PER_GRAIN
    cos, sin = per_pixel * np.cos(turn), per_pixel * np.sin(turn)
    first = [(-1 - at) * side / 2 + 0.5 for at in origin]
    cutting = np.array(
        [
            [cos, -sin, column + cos * first[0] - sin * first[1]],
            [sin, cos, row + sin * first[0] + cos * first[1]],
        ]
    )
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    field = cv2.warpAffine(
        _noise_tile(), cutting, (side, side), flags=way, borderMode=cv2.BORDER_WRAP
    )
    if side != size:
        way = cv2.INTER_LINEAR if side < size else cv2.INTER_AREA
        field = cv2.resize(field, (size, size), interpolation=way)
    return np.asarray(field, dtype=np.float32)


def _side_for(size: int, grain: float) -> int:
    """Returns the side in pixels at which a field is computed: few pixels for a coarse grain."""
    if size * grain / 2 < _FEWEST_PIXELS_PER_GRAIN:
        return 2 * size
    return min(size, max(16, round(_PIXELS_PER_GRAIN * 2 / grain)))


def blurred(plane: Plane, radius: float) -> Plane:
    """Returns a plane blurred by a Gaussian.

    Args:
        plane: Shape (S, S).
        radius: Standard deviation in half sides of the picture; under a third of a pixel the
            plane is returned as it is.
    """
    sigma = radius * plane.shape[0] / 2
    if sigma < 1 / 3:
        return plane
    soft = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(soft, dtype=np.float32)


def soft_step(distance: Plane, width: float) -> Plane:
    """Returns 1 where `distance` is negative, 0 where positive, and a smooth edge between.

    Args:
        distance: Signed distance from an outline.
        width: Width of the edge, in the unit of `distance`.
    """
    t = np.clip(0.5 - distance / (2 * width), 0.0, 1.0)
    step: Plane = t * t * (3 - 2 * t)
    return step


def bump(centre: tuple[float, float], radius: float, size: int) -> Plane:
    """Returns a Gaussian hill of height 1 and standard deviation `radius` around a point."""
    x, y = pixel_grid(size)
    x_part = np.exp(-((x[0] - centre[0]) ** 2) / (2 * radius**2))
    y_part = np.exp(-((y[:, 0] - centre[1]) ** 2) / (2 * radius**2))
    hill: Plane = np.outer(y_part, x_part).astype(np.float32)
    return hill


def radial_noise(
    rng: np.random.Generator,
    size: int,
    centre: tuple[float, float],
    stripes: int,
    *,
    unit: float = 0.25,
) -> Plane:
    """Returns a random field drawn out along the rays from a point; mean 0, standard deviation 1.

    Args:
        rng: Source of the field.
        size: Side of the picture in pixels.
        centre: Where the rays meet, in half sides of the picture.
        stripes: About how many dark and bright pairs there are around the centre.
        unit: Length that the field grows with, in half sides.
    """
    x, y = pixel_grid(size)
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    turn, rings = _CELLS_PER_GRAIN * stripes, 28
    pad = 4 * _CELLS_PER_GRAIN
    rough = np.pad(rng.standard_normal((rings, turn), dtype=np.float32), pad, mode="wrap")
    tile = cv2.GaussianBlur(rough * _BLUR_GAIN, (0, 0), _GRAIN_BLUR)
    radius, angle = cv2.cartToPolar(dx, dy)
    wave = np.float32(_CELLS_PER_GRAIN)
    column = angle * np.float32(turn / (2 * np.pi)) + np.float32(pad)
    column += np.float32(0.75 * wave) * smooth_noise(rng, size, 1.4 * unit, origin=centre)
    row = np.log1p(radius * np.float32(1 / unit)) * np.float32((rings - 1) / np.log1p(10.0)) + pad
    row += wave * smooth_noise(rng, size, 1.2 * unit, origin=centre)
    field = cv2.remap(
        tile, column, row.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(field, dtype=np.float32)


def window_around(centre: tuple[float, float], reach: float, size: int) -> tuple[slice, slice]:
    """Returns rows and columns of the pixels within `reach` of a point, cut at the picture's edge.

    Args:
        centre: x and y in half sides of the picture.
        reach: In half sides, to each side.
        size: Side of the picture in pixels.
    """
    first, last = (
        [round(float(np.clip((at + 1) * size / 2, 0, size))) for at in (x - reach, x + reach)]
        for x in centre
    )
    return slice(*last), slice(*first)
