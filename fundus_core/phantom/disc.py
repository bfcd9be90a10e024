"""The optic disc: halo, crescent, rim and cup."""

import numpy as np

from fundus_core.phantom.anatomy import Anatomy, Point
from fundus_core.phantom.layers import Colour, column, lay_over
from fundus_core.phantom.texture import (
    Light,
    Plane,
    bump,
    pixel_grid,
    smooth_noise,
    soft_step,
    window_around,
)

_RIM: Colour = (0.97, 0.58, 0.31)
_CUP: Colour = (1.10, 0.94, 0.68)
_CRESCENT: Colour = (0.95, 0.70, 0.45)
_BLOOD_IN_RIM: Colour = (0.06, 0.30, 0.34)
"""What makes some rims redder than others."""


def lay_disc(light: Light, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Lays halo, crescent, rim and cup over the ground, in place.

    Args:
        light: Shape (3, S, S).
        anatomy: The eye as a photograph frames it.
        rng: Source of the disc's own look; the same for each photograph of the eye.
    """
    size, diameter = light.shape[1], anatomy.disc_diameter
    halo, redness, cup_paleness = rng.uniform(-0.08, 0.14), rng.uniform(0, 0.9), rng.uniform(0.5, 1)
    edge, cup_edge = rng.uniform(0.08, 0.17), rng.uniform(0.14, 0.34)
    uneven, patchy = (
        amplitude * smooth_noise(rng, size, grain * diameter, origin=anatomy.disc)
        for amplitude, grain in ((0.05, 0.6), (0.5, 0.22))
    )
    window = window_around(anatomy.disc, 1.6 * diameter, size)
    light, uneven, patchy = light[:, *window], uneven[window], patchy[window]
    x, y = (axis[window] for axis in pixel_grid(size))

    def distance(centre: Point) -> Plane:
        """Returns the distance from a point, in disc radii."""
        across = (x - centre[0]) / (diameter / 2 * anatomy.disc_width)
        return np.asarray(np.hypot(across, (y - centre[1]) / (diameter / 2)) + uneven)

    from_edge = distance(anatomy.disc) - 1
    light *= 1 + np.float32(halo) * np.exp(-np.maximum(from_edge, 0) / 0.35)
    if anatomy.crescent > 0.02:
        shifted = (anatomy.disc[0] - anatomy.crescent * diameter, anatomy.disc[1])
        lay_over(light, 0.55 * soft_step(distance(shifted) - 1.04, 0.08), _CRESCENT)
    temporal = np.clip((anatomy.disc[0] - x) / diameter, -0.5, 0.5)
    rim = soft_step(from_edge, edge)
    lay_over(light, (0.80 + 0.14 * temporal + 0.05 * patchy) * rim, _RIM)
    red = rim * np.maximum(redness * (0.6 - temporal) + 0.25 * patchy, 0)
    light *= 1 - red * column(_BLOOD_IN_RIM)
    angle = np.arctan2(y - anatomy.cup[1], (x - anatomy.cup[0]) / anatomy.disc_width)
    cup = soft_step(distance(anatomy.cup) - anatomy.cup_reach(angle), cup_edge)
    lay_over(light, (0.82 * cup_paleness * (1 - 0.12 * patchy)).astype(np.float32) * cup, _CUP)
    light *= 1 + 0.08 * bump(anatomy.cup, 0.3 * diameter, size)[window]
