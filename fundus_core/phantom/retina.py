"""The retina itself, before any camera: how much of each colour every point sends back.

Light falls through the layers and back. What absorbs (melanin, macular pigment, blood) multiplies
it by exp(-depth); what scatters (disc, exudates, drusen) is laid over it with an opacity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy, Point
from fundus_core.phantom.lesion_drawing import draw_kind
from fundus_core.phantom.lesions import Lesion, LesionKind
from fundus_core.phantom.texture import (
    Light,
    Plane,
    bump,
    pixel_grid,
    radial_noise,
    smooth_noise,
    soft_step,
    window_around,
)

Colour = tuple[float, float, float]
"""Red, green and blue in [0, 1], or absorption per channel."""

_PALE_FUNDUS: Colour = (0.78, 0.42, 0.235)
"""Without melanin in the choroid."""

_MELANIN: Colour = (0.42, 0.72, 0.85)
_HUE: Colour = (0.12, -0.25, -0.6)
"""What slow variations over the picture change besides brightness."""

_MACULAR_PIGMENT: Colour = (0.32, 0.52, 0.75)
_FOVEAL_PIT: Colour = (0.12, 0.30, 0.28)
_CHOROIDAL_BLOOD: Colour = (-0.12, 0.03, 0.12)
_ARTERIAL_BLOOD: Colour = (0.19, 0.58, 0.47)
_VENOUS_BLOOD: Colour = (0.38, 0.80, 0.58)
_LESION_BLOOD: Colour = (0.52, 1.05, 0.70)
_FIBRE_LOSS: Colour = (0.10, 0.22, 0.26)

_DISC_RIM: Colour = (0.97, 0.59, 0.31)
_DISC_CUP: Colour = (1.12, 0.96, 0.70)
_CRESCENT: Colour = (0.95, 0.70, 0.45)
_NERVE_FIBRES: Colour = (0.10, 0.13, 0.12)

_BRIGHT: dict[LesionKind, tuple[Colour, float]] = {
    "drusen": ((0.97, 0.72, 0.36), 0.62),
    "soft_exudate": ((0.93, 0.80, 0.58), 0.70),
    "hard_exudate": ((1.05, 0.92, 0.48), 0.95),
}
"""Colour and greatest opacity of the lesions that scatter, in the order they are laid over."""

_SHEEN_RESOLUTION = 256
"""Pixels across at which the soft reflex of the nerve fibres is computed."""


@dataclass(frozen=True, slots=True)
class BloodVessels:
    """Relative optical depth of the blood in each kind of vessel, in [0, 1]."""

    arteries: Plane
    veins: Plane


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
    size = vessels.veins.shape[0]
    light = _choroid(anatomy, size, rng)
    sheen = _nerve_fibre_sheen(anatomy, size, rng)
    light += sheen * _column(_NERVE_FIBRES)
    defect = draw_kind(lesions, "nerve_fibre_defect", size)
    if defect is not None:
        _absorb(light, [(defect, _FIBRE_LOSS)])
    _lay_disc(light, anatomy, rng)
    _lay_foveal_reflex(light, anatomy)
    for kind, (colour, opacity) in _BRIGHT.items():
        layer = draw_kind(lesions, kind, size)
        if layer is not None:
            _lay_over(light, opacity * layer, colour)
    _absorb(light, _blood(anatomy, vessels, lesions))
    return light


def _absorb(light: Light, layers: Sequence[tuple[Plane, Colour]]) -> None:
    """Weakens the light by absorbing layers, in place."""
    depth = np.zeros_like(light)
    for plane, absorption in layers:
        depth += plane * _column(absorption)
    light *= np.exp(-depth)


def _column(colour: Colour) -> NDArray[np.float32]:
    """Returns a colour in shape (3, 1, 1), to be combined with planes."""
    return np.array(colour, dtype=np.float32)[:, None, None]


def _lay_over(light: Light, opacity: Plane, colour: Colour) -> None:
    """Covers the light by a scattering layer, in place."""
    light += opacity * (_column(colour) - light)


def _choroid(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Light:
    """Returns the ground of the picture: choroid, pigment epithelium and macula."""
    diameter = anatomy.disc_diameter
    mottle = smooth_noise(rng, size, 0.8) + 0.6 * smooth_noise(rng, size, 0.3)
    grain = 0.6 * smooth_noise(rng, size, 0.06) + 0.4 * smooth_noise(rng, size, 0.02)
    melanin = 0.12 + 0.75 * anatomy.pigmentation + 0.055 * mottle + 0.03 * grain
    net = _choroidal_net(anatomy, size, rng)
    melanin += 0.26 * anatomy.tessellation * (0.5 - net)
    macula = anatomy.macula * bump(anatomy.fovea, 0.42 * diameter, size)
    macula += 0.25 * bump(anatomy.fovea, 1.1 * diameter, size)
    light = np.tile(_column(_PALE_FUNDUS), (1, size, size))
    layers = [
        (melanin, _MELANIN),
        (macula, _MACULAR_PIGMENT),
        (bump(anatomy.fovea, 0.13 * diameter, size), _FOVEAL_PIT),
        (0.14 * smooth_noise(rng, size, 0.9), _HUE),
        (anatomy.tessellation * net, _CHOROIDAL_BLOOD),
    ]
    _absorb(light, layers)
    return light


def _choroidal_net(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Plane:
    """Returns the choroid's broad, interlacing vessels, from 0 to 1, fading at the macula."""
    rays = radial_noise(rng, size, anatomy.fovea, 46)
    across = radial_noise(rng, size, anatomy.disc, 34)
    lines = np.exp(-((rays / 0.42) ** 2)) + 0.6 * np.exp(-((across / 0.36) ** 2))
    hidden = bump(anatomy.fovea, 0.9 * anatomy.disc_diameter, size)
    net: Plane = np.minimum(lines, 1.0) * (1 - 0.85 * hidden)
    return net


def _nerve_fibre_sheen(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Plane:
    """Returns the striped reflex of the nerve fibres, strongest above and below the disc."""
    x, y = pixel_grid(min(size, _SHEEN_RESOLUTION))
    dx = (x - anatomy.disc[0]) / anatomy.disc_diameter
    dy = (y - anatomy.disc[1]) / anatomy.disc_diameter
    distance = np.hypot(dx, dy)
    bend = 0.16 * np.sign(dy) * np.minimum(distance, 3) * (dx < 0)
    angle = np.arctan2(dy, dx) - bend
    stripes = np.convolve(rng.standard_normal(361), [0.25, 0.5, 0.25], mode="same")
    stripes[-1] = stripes[0]
    streak = np.interp(angle, np.linspace(-np.pi, np.pi, 361), stripes)
    strength = anatomy.sheen * np.abs(np.sin(angle)) * np.exp(-((distance / 1.5) ** 2))
    sheen = (strength * np.maximum(1 + 0.45 * streak, 0)).astype(np.float32)
    full = cv2.resize(sheen, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, dtype=np.float32)


def _lay_disc(light: Light, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Lays halo, crescent, rim and cup over the ground, in place."""
    size = light.shape[1]
    uneven = 0.035 * smooth_noise(rng, size, 0.22)
    window = window_around(anatomy.disc, 1.6 * anatomy.disc_diameter, size)
    light, uneven = light[:, *window], uneven[window]
    x, y = (axis[window] for axis in pixel_grid(size))

    def distance(centre: Point, scale: float) -> Plane:
        """Returns the distance from a scaled outline of the disc, in disc radii."""
        radius = anatomy.disc_diameter / 2
        across = (x - centre[0]) / (radius * anatomy.disc_width)
        return np.asarray(np.hypot(across, (y - centre[1]) / radius) - scale + uneven)

    from_disc = distance(anatomy.disc, 1.0)
    light *= 1 + 0.10 * np.exp(-np.maximum(from_disc, 0) / 0.35)
    if anatomy.crescent > 0.02:
        shifted = (anatomy.disc[0] - anatomy.crescent * anatomy.disc_diameter, anatomy.disc[1])
        _lay_over(light, 0.55 * soft_step(distance(shifted, 1.04), 0.08), _CRESCENT)
    paler = np.clip((anatomy.disc[0] - x) / anatomy.disc_diameter, -0.5, 0.5)
    _lay_over(light, (0.84 + 0.12 * paler) * soft_step(from_disc, 0.09), _DISC_RIM)
    cup = distance(anatomy.cup, anatomy.cup_ratio)
    _lay_over(light, 0.8 * soft_step(cup, 0.16), _DISC_CUP)
    light *= 1 + 0.12 * bump(anatomy.cup, 0.3 * anatomy.disc_diameter, size)[window]


def _lay_foveal_reflex(light: Light, anatomy: Anatomy) -> None:
    """Lays the tiny bright reflex of a young eye's foveal pit over the ground, in place."""
    size = light.shape[1]
    window = window_around(anatomy.fovea, 0.1 * anatomy.disc_diameter, size)
    spot = bump(anatomy.fovea, 0.022 * anatomy.disc_diameter, size)[window]
    _lay_over(light[:, *window], 0.4 * anatomy.sheen * spot, _DISC_CUP)


def _blood(
    anatomy: Anatomy, vessels: BloodVessels, lesions: Sequence[Lesion]
) -> list[tuple[Plane, Colour]]:
    """Returns the blood in and outside vessels; vessels pale where they dive into the disc."""
    size = vessels.veins.shape[0]
    seen = 1 - 0.55 * bump(anatomy.disc, 0.22 * anatomy.disc_diameter, size)
    layers = [(seen * vessels.arteries, _ARTERIAL_BLOOD), (seen * vessels.veins, _VENOUS_BLOOD)]
    kinds: tuple[LesionKind, ...] = ("haemorrhage", "microaneurysm")
    for kind in kinds:
        layer = draw_kind(lesions, kind, size)
        if layer is not None:
            layers.append((layer, _LESION_BLOOD))
    return layers
