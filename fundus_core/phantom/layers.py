"""Laying colours over light: what every layer of the retina does."""

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.texture import Light, Plane

Colour = tuple[float, float, float]
"""Red, green and blue in [0, 1], or absorption per channel."""


def column(colour: Colour) -> NDArray[np.float32]:
    """Returns a colour in shape (3, 1, 1), to be combined with planes."""
    return np.array(colour, dtype=np.float32)[:, None, None]


def lay_over(light: Light, opacity: Plane, colour: Colour) -> None:
    """Covers the light by a scattering layer, in place."""
    light += opacity * (column(colour) - light)
