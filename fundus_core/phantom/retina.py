"""The retina itself, before any camera: how much of each colour every point sends back.

Light falls through the layers and back. What absorbs (melanin, macular pigment, blood) multiplies
it by exp(-depth); what scatters (disc, exudates, drusen) is laid over it with an opacity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.choroid import draw_ground
from fundus_core.phantom.disc import lay_disc
from fundus_core.phantom.layers import Colour, lay_over
from fundus_core.phantom.lesion_layers import lay_above_vessels, lay_below_vessels
from fundus_core.phantom.lesions import Lesion
from fundus_core.phantom.texture import Light, bump, window_around

_ARTERIAL_BLOOD: Colour = (0.08, 0.53, 0.26)
_VENOUS_BLOOD: Colour = (0.19, 0.72, 0.36)
_FOVEAL_REFLEX: Colour = (1.12, 0.96, 0.70)


@dataclass(frozen=True, slots=True)
class BloodVessels:
    """Relative optical depth of the blood in each kind of vessel, from 0 to 255."""

    arteries: NDArray[np.uint8]
    """Shape (S, S)."""

    veins: NDArray[np.uint8]
    """Shape (S, S)."""


def draw_retina(
    anatomy: Anatomy, vessels: BloodVessels, lesions: Sequence[Lesion], rng: np.random.Generator
) -> Light:
    """Returns the light each point sends back under even illumination.

    Args:
        anatomy: The eye, laid out in the picture.
        vessels: Planes of shape (S, S).
        lesions: What the diseases left.
        rng: Source of the texture.
    """
    ground, disc, below, above = rng.spawn(4)
    light = draw_ground(anatomy, vessels.veins.shape[0], ground)
    lay_below_vessels(light, lesions, below)
    lay_disc(light, anatomy, disc)
    _lay_foveal_reflex(light, anatomy)
    _absorb(light, _seen(vessels.arteries, anatomy), _ARTERIAL_BLOOD)
    _absorb(light, _seen(vessels.veins, anatomy), _VENOUS_BLOOD)
    lay_above_vessels(light, lesions, above)
    return light


def _absorb(light: Light, blood: NDArray[np.uint8], absorption: Colour) -> None:
    """Weakens the light by blood, in place."""
    depth = np.arange(256, dtype=np.float32) / np.float32(255)
    for channel, of_channel in enumerate(absorption):
        light[channel] *= cv2.LUT(blood, np.exp(-np.float32(of_channel) * depth))


def _seen(blood: NDArray[np.uint8], anatomy: Anatomy) -> NDArray[np.uint8]:
    """Returns the blood in vessels, paler where they dive into the disc."""
    window = window_around(anatomy.disc, 0.75 * anatomy.disc_diameter, len(blood))
    hidden = 0.4 * bump(anatomy.disc, 0.22 * anatomy.disc_diameter, len(blood))[window]
    seen = blood.copy()
    seen[window] = (blood[window] * (1 - hidden)).astype(np.uint8)
    return seen


def _lay_foveal_reflex(light: Light, anatomy: Anatomy) -> None:
    """Lays the tiny bright reflex of a young eye's foveal pit over the ground, in place."""
    size = light.shape[1]
    window = window_around(anatomy.fovea, 0.1 * anatomy.disc_diameter, size)
    spot = bump(anatomy.fovea, 0.022 * anatomy.disc_diameter, size)[window]
    lay_over(light[:, *window], 0.4 * anatomy.sheen * spot, _FOVEAL_REFLEX)
