"""The ground of the picture: choroid, pigment epithelium, macula and nerve fibres.

All of it is smooth enough to be computed at a low resolution, but for the finest grain. Textures
are fixed to the eye: a photograph that frames it otherwise shows them moved with it.
"""

import cv2
import numpy as np

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.layers import Colour, column
from fundus_core.phantom.texture import (
    Light,
    Plane,
    bump,
    pixel_grid,
    radial_noise,
    smooth_noise,
)

_RESOLUTION = 224
"""Most pixels across at which the smooth part is computed."""

_PALE_FUNDUS: Colour = (0.78, 0.42, 0.235)
"""Without melanin in the choroid."""

_MELANIN: Colour = (0.42, 0.72, 0.85)
_HUE: Colour = (0.12, -0.25, -0.6)
"""What slow variations over the picture change besides brightness."""

_MACULAR_PIGMENT: Colour = (0.32, 0.52, 0.75)
_FOVEAL_PIT: Colour = (0.12, 0.30, 0.28)
_CHOROIDAL_BLOOD: Colour = (-0.10, 0.05, 0.14)
_NERVE_FIBRES: Colour = (0.11, 0.15, 0.13)

_GRAIN = 0.05
"""Depth of the finest speckle, in units of the melanin."""


def draw_ground(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Light:
    """Returns what the retina sends back without disc, vessels and lesions.

    Args:
        anatomy: The eye as a photograph frames it.
        size: Side S of the picture in pixels.
        rng: Source of the texture; one and the same for each photograph of the eye.

    Returns:
        Shape (3, S, S).
    """
    side = min(size, _RESOLUTION)
    smooth = _choroid(anatomy, side, rng)
    smooth += _nerve_fibre_sheen(anatomy, side, rng) * column(_NERVE_FIBRES)
    speckle = _fixed_noise(rng, anatomy, size, 0.075)
    light = np.empty((3, size, size), dtype=np.float32)
    for channel, absorption in enumerate(_MELANIN):
        full = cv2.resize(smooth[channel], (size, size), interpolation=cv2.INTER_CUBIC)
        weakened = speckle * np.float32(-_GRAIN * absorption)
        weakened += 1
        np.multiply(full, weakened, out=light[channel])
    return light


def _fixed_noise(rng: np.random.Generator, anatomy: Anatomy, size: int, grain: float) -> Plane:
    """Returns noise that moves with the eye, its grain in disc diameters."""
    return smooth_noise(rng, size, grain * anatomy.disc_diameter, origin=anatomy.fovea)


def _choroid(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Light:
    """Returns choroid, pigment epithelium and macula."""
    diameter = anatomy.disc_diameter
    mottle = _fixed_noise(rng, anatomy, size, 3.0) + 0.6 * _fixed_noise(rng, anatomy, size, 1.1)
    mottle += 0.55 * _fixed_noise(rng, anatomy, size, 0.22)
    net = _choroidal_net(anatomy, size, rng)
    melanin = 0.12 + 0.75 * anatomy.pigmentation + 0.06 * mottle
    melanin += 0.55 * anatomy.tessellation * (0.5 - net)
    macula = anatomy.macula * bump(anatomy.fovea, 0.42 * diameter, size)
    macula += 0.25 * bump(anatomy.fovea, 1.1 * diameter, size)
    layers = [
        (melanin, _MELANIN),
        (macula, _MACULAR_PIGMENT),
        (bump(anatomy.fovea, 0.13 * diameter, size), _FOVEAL_PIT),
        (0.14 * _fixed_noise(rng, anatomy, size, 3.4), _HUE),
        (anatomy.tessellation * net, _CHOROIDAL_BLOOD),
    ]
    depth = np.zeros((3, size, size), dtype=np.float32)
    for plane, absorption in layers:
        depth += plane * column(absorption)
    return np.asarray(column(_PALE_FUNDUS) * np.exp(-depth))


def _choroidal_net(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Plane:
    """Returns the choroid's broad, interlacing vessels, from 0 to 1, fading at the macula."""
    diameter = anatomy.disc_diameter
    rays = radial_noise(rng, size, anatomy.fovea, 34, unit=diameter)
    across = radial_noise(rng, size, anatomy.disc, 26, unit=diameter)
    away = 1 - bump(anatomy.fovea, 1.3 * diameter, size)
    lines = away * np.exp(-((rays / 0.42) ** 2)) + 0.8 * np.exp(-((across / 0.36) ** 2))
    hidden = bump(anatomy.fovea, 0.9 * diameter, size)
    shown = np.clip(0.75 + 0.35 * _fixed_noise(rng, anatomy, size, 2.2), 0.1, 1.0)
    net: Plane = np.minimum(lines, 1.0) * shown * (1 - 0.85 * hidden)
    return net


def _nerve_fibre_sheen(anatomy: Anatomy, size: int, rng: np.random.Generator) -> Plane:
    """Returns the striped reflex of the nerve fibres, strongest above and below the disc."""
    x, y = pixel_grid(size)
    dx = (x - anatomy.disc[0]) / anatomy.disc_diameter
    dy = (y - anatomy.disc[1]) / anatomy.disc_diameter
    distance = np.hypot(dx, dy)
    bend = 0.16 * np.sign(dy) * np.minimum(distance, 3) * (dx < 0)
    angle = np.arctan2(dy, dx) - bend
    stripes = np.convolve(rng.standard_normal(361), [0.25, 0.5, 0.25], mode="same")
    stripes[-1] = stripes[0]
    streak = np.interp(angle, np.linspace(-np.pi, np.pi, 361), stripes)
    strength = anatomy.sheen * np.abs(dy) / (distance + 1e-6) * np.exp(-((distance / 1.7) ** 2))
    return np.asarray(strength * np.maximum(1 + 0.6 * streak, 0), dtype=np.float32)
