"""Outlines of lesions: round, frayed, arched, and the ribbons of fine lines.

All outlines are closed polygons of shape (m, 2), in half sides of the picture.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from fundus_core.phantom.site import Floats

_BLOT_CORNERS = 14
_AREA_CORNERS = 72


def blots(
    centres: Floats, radii: Floats, roughness: float, rng: np.random.Generator
) -> list[Floats]:
    """Returns roundish outlines; the rougher, the more irregular.

    Args:
        centres: Shape (n, 2).
        radii: Shape (n,).
        roughness: 0 for circles, about 0.4 for blots.
        rng: Source of the shapes.
    """
    return _rounded(centres, radii, roughness, 4, _BLOT_CORNERS, rng)


def area(centre: ArrayLike, radius: float, roughness: float, rng: np.random.Generator) -> Floats:
    """Returns the irregular outline of one large area, with bays and tongues."""
    at = np.asarray(centre, dtype=np.float64)[None]
    return _rounded(at, np.array([radius]), roughness, 10, _AREA_CORNERS, rng)[0]


def flames(
    centres: Floats, lengths: Floats, headings: Floats, rng: np.random.Generator
) -> list[Floats]:
    """Returns spindles with frayed ends along `headings`; lengths are from middle to end."""
    n, corners = len(centres), 11
    t = np.linspace(-1, 1, corners)
    half = lengths * rng.uniform(0.08, 0.28, size=n)
    profile = half[:, None] * np.sqrt(1 - 0.97 * t**2)
    upper = profile * rng.uniform(0.25, 1.6, size=(n, corners))
    lower = -profile * rng.uniform(0.25, 1.6, size=(n, corners))
    fray = 1 + 0.2 * rng.standard_normal((n, 2 * corners))
    along = np.concatenate([t, t[::-1]]) * lengths[:, None] * fray
    across = np.concatenate([upper, lower[:, ::-1]], axis=1)
    cos, sin = np.cos(headings)[:, None], np.sin(headings)[:, None]
    turned = np.stack([cos * along - sin * across, sin * along + cos * across], axis=2)
    return list(centres[:, None] + turned)


def ellipse(centre: ArrayLike, half_width: float, half_height: float, corners: int = 64) -> Floats:
    """Returns an upright ellipse."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    around = np.stack([half_width * np.cos(angle), half_height * np.sin(angle)], axis=1)
    return np.asarray(np.asarray(centre) + around)


def ribbon(points: Floats, width: float) -> Floats:
    """Returns the outline of a line that is `width` wide and tapers to its end."""
    along = np.gradient(points, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-12
    taper = np.linspace(1, 0.4, len(points))[:, None] * (width / 2)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * taper
    return np.concatenate([points + across, (points - across)[::-1]])


def wandering_line(
    start: ArrayLike,
    heading: float,
    length: float,
    winding: float,
    rng: np.random.Generator,
    *,
    n_points: int = 14,
) -> Floats:
    """Returns a line of shape (n_points, 2) whose direction wanders.

    Args:
        start: Its first point.
        heading: Its first direction, in radians.
        length: Along the line.
        winding: Standard deviation of the turn from one point to the next, in radians.
        rng: Source of the turns.
        n_points: 2 or more.
    """
    turns = heading + np.cumsum(winding * rng.standard_normal(n_points - 1))
    steps = length / (n_points - 1) * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    moved = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return np.asarray(np.asarray(start) + moved)


def around(outlines: Iterable[Floats], margin: float) -> Floats:
    """Returns an outline around others: their farthest reach in 24 directions, plus a margin."""
    points = np.concatenate(list(outlines))
    centre = points.mean(axis=0)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    directions = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    reach = ((points - centre) @ directions.T).max(axis=0) + margin
    return np.asarray(centre + reach[:, None] * directions)


def _rounded(
    centres: Floats,
    radii: Floats,
    roughness: float,
    n_waves: int,
    corners: int,
    rng: np.random.Generator,
) -> list[Floats]:
    """Returns circles whose radius varies in waves around them, the coarse ones strongest."""
    n = len(centres)
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    waves = np.arange(2, 1 + n_waves)
    phase = rng.uniform(0, 2 * np.pi, size=(n, len(waves), 1))
    height = roughness * rng.standard_normal((n, len(waves), 1)) / (waves[:, None] - 1)
    swing = (height * np.cos(waves[:, None] * angle + phase)).sum(axis=1)
    distance = radii[:, None] * np.clip(1 + swing, 0.4, 1.7)
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return list(centres[:, None] + distance[..., None] * rays)
