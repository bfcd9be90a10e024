"""Where the macula lies: around a fovea that is known, or that is estimated from the disc.

H and W are the photograph's height and width.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Eye = Literal["OD", "OS"]

MACULA = "macula"
"""The region around a fovea that is known, in `TrustFigures.regions`."""

MACULA_ESTIMATED = "macula_estimated"
"""The region around a fovea that is estimated, likewise."""

RADIUS = 1.0
"""Radius of the region in disc diameters: what lies within it threatens the centre of sight (ETDRS,
clinically significant macular oedema)."""

_TEMPORAL, _BELOW = 2.5, 0.3
"""Where the fovea usually lies as seen from the centre of the disc, in disc diameters."""


def estimated_fovea(disc: NDArray[np.bool_], eye: Eye) -> tuple[float, float]:
    """Returns where the fovea of an average eye would be.

    An estimate from the disc and the side alone: 2.5 disc diameters to the temporal side and 0.3
    below the centre of the disc. Eyes differ, and so do turned heads and dragged retinas.

    Args:
        disc: Shape (H, W), with at least one pixel; upright, not mirrored.
        eye: A right eye (`OD`) has its temporal side at the left.

    Returns:
        (x, y) in pixels from the upper left corner; it may lie outside of the photograph.

    Examples:
        >>> disc = np.zeros((100, 100), bool)
        >>> disc[40:50, 70:80] = True
        >>> estimated_fovea(disc, "OD")
        (50.0, 48.0)
    """
    rows, columns = np.nonzero(disc)
    diameter = disc_diameter(disc)
    towards = -1 if eye == "OD" else 1
    x = float(columns.mean()) + 0.5 + towards * _TEMPORAL * diameter
    return x, float(rows.mean()) + 0.5 + _BELOW * diameter


def disc_diameter(disc: NDArray[np.bool_]) -> float:
    """Returns the height of a disc (H, W) in pixels: its vertical diameter."""
    rows = np.flatnonzero(disc.any(axis=1))
    return float(rows[-1] - rows[0] + 1)


def around(
    fovea: tuple[float, float], diameter: float, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Returns the macula (H, W): all pixels within `RADIUS` disc diameters of the fovea.

    Args:
        fovea: (x, y) in pixels from the upper left corner.
        diameter: Of the disc, in pixels.
        shape: H and W.
    """
    y, x = np.ogrid[: shape[0], : shape[1]]
    squared = (x + 0.5 - fovea[0]) ** 2 + (y + 0.5 - fovea[1]) ** 2
    return np.asarray(squared <= (RADIUS * diameter) ** 2)
