"""How lesions look: what each kind absorbs or scatters, laid over the light of the retina.

Every layer changes the light of a channel to `light * gain + offset`, where both depend only on
how strongly a pixel is covered; so a layer is two tables of 256 entries per channel, applied to
the part of the picture that holds the lesions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.lesion_drawing import Patch, draw_patch
from fundus_core.phantom.lesions import Floats, Lesion, LesionKind
from fundus_core.phantom.texture import Light, Plane, smooth_noise

Colour = tuple[float, float, float]
"""Red, green and blue in [0, 1], or absorption per channel."""

_NONE: Colour = (0.0, 0.0, 0.0)
_BLOOD: Colour = (0.30, 0.80, 0.55)
_FIBRE_LOSS: Colour = (0.10, 0.22, 0.26)


@dataclass(frozen=True, slots=True)
class Look:
    """How a kind of lesion changes the light where its contrast is 1."""

    softness: float
    """Standard deviation of the edges' blur, in half sides of the picture."""

    absorption: Colour = _NONE
    """Optical depth per channel."""

    colour: Colour = _NONE
    """What it scatters."""

    opacity: float = 0.0
    """Greatest share of the light from below that it hides by its own colour."""

    mottle: tuple[float, float] = (0.0, 1.0)
    """How unevenly it covers, from 0 to 1, and the grain of that in half sides."""

    choroid: float = 0.0
    """How clearly the large choroidal vessels show in it, from 0 to 1."""

    strands: "Look | None" = None
    """How its fine structures look; None to draw none."""

    outline: bool = True
    """Whether the outline itself is drawn, or only the strands in it."""

    core: "Look | None" = None
    """How the inner third looks, where it differs."""


_LOOKS_BELOW: dict[LesionKind, Look] = {
    "staphyloma": Look(
        0.05,
        colour=(0.92, 0.66, 0.40),
        opacity=0.22,
        choroid=0.35,
        strands=Look(0.004, colour=(0.98, 0.80, 0.50), opacity=0.55),
    ),
    "peripapillary_atrophy": Look(
        0.008,
        colour=(0.98, 0.82, 0.58),
        opacity=0.72,
        mottle=(0.35, 0.06),
        choroid=0.5,
    ),
    "nerve_fibre_defect": Look(0.03, absorption=_FIBRE_LOSS),
    "drusen": Look(0.006, colour=(0.96, 0.72, 0.37), opacity=0.5),
    "geographic_atrophy": Look(
        0.005,
        colour=(0.96, 0.68, 0.42),
        opacity=0.75,
        mottle=(0.2, 0.05),
        choroid=0.8,
    ),
    "pigment_change": Look(0.004, absorption=(0.55, 0.65, 0.5), mottle=(0.5, 0.03)),
    "subretinal_haemorrhage": Look(
        0.016,
        absorption=(0.60, 1.00, 0.55),
        colour=(0.40, 0.17, 0.10),
        opacity=0.35,
        mottle=(0.35, 0.12),
    ),
    "laser_scar": Look(
        0.007,
        colour=(0.97, 0.80, 0.52),
        opacity=0.6,
        mottle=(0.3, 0.03),
        core=Look(0.006, absorption=(0.35, 0.38, 0.3), mottle=(0.6, 0.04)),
    ),
}
"""The kinds that lie below the vessels of the retina, the deepest first."""

_LOOKS_ABOVE: dict[LesionKind, Look] = {
    "hard_exudate": Look(0.0012, colour=(1.05, 0.92, 0.48), opacity=0.9, mottle=(0.6, 0.02)),
    "haemorrhage": Look(0.004, absorption=_BLOOD, mottle=(0.3, 0.03)),
    "microaneurysm": Look(0.002, absorption=_BLOOD),
    "soft_exudate": Look(0.014, colour=(0.93, 0.82, 0.58), opacity=0.65, mottle=(0.25, 0.03)),
    "neovascularisation": Look(
        0.0, outline=False, strands=Look(0.001, absorption=(0.28, 0.72, 0.5))
    ),
    "epiretinal_membrane": Look(
        0.05,
        colour=(0.84, 0.70, 0.55),
        opacity=0.32,
        mottle=(0.5, 0.07),
        strands=Look(0.003, colour=(0.97, 0.84, 0.66), opacity=0.24),
    ),
}
"""The kinds that cover the vessels of the retina, the deepest first."""

_CHOROIDAL_SHADE: Colour = (0.22, 0.42, 0.42)
_TEXTURE_RESOLUTION = 256
"""Pixels across at which the texture within lesions is computed."""

_CORE_SHARE = 0.45


def lay_below_vessels(light: Light, lesions: Sequence[Lesion], rng: np.random.Generator) -> None:
    """Lays the lesions of the deep retina and the choroid over the light, in place.

    Args:
        light: Shape (3, S, S).
        lesions: Of all kinds; those that lie above the vessels are passed over.
        rng: Source of their texture.
    """
    _lay_all(light, lesions, _LOOKS_BELOW, rng)


def lay_above_vessels(light: Light, lesions: Sequence[Lesion], rng: np.random.Generator) -> None:
    """Lays the lesions of the inner retina over the light and the vessels in it, in place.

    Args:
        light: Shape (3, S, S).
        lesions: Of all kinds; those that lie below the vessels are passed over.
        rng: Source of their texture.
    """
    _lay_all(light, lesions, _LOOKS_ABOVE, rng)


def _lay_all(
    light: Light,
    lesions: Sequence[Lesion],
    looks: dict[LesionKind, Look],
    rng: np.random.Generator,
) -> None:
    """Lays the lesions of some kinds over the light, kind by kind, in place."""
    for kind, look in looks.items():
        chosen = [lesion for lesion in lesions if lesion.kind == kind]
        if not chosen:
            continue
        shapes = [(lesion.outline, lesion.contrast) for lesion in chosen]
        if look.outline:
            _lay(light, shapes, look, rng)
        if look.core:
            _lay(light, [_shrunk(*shape) for shape in shapes], look.core, rng)
        strands = [(strand, lesion.contrast) for lesion in chosen for strand in lesion.strands]
        if look.strands and strands:
            _lay(light, strands, look.strands, rng)


def _lay(
    light: Light, shapes: Sequence[tuple[Floats, float]], look: Look, rng: np.random.Generator
) -> None:
    """Lays shapes of one look over the light, in place."""
    size = light.shape[1]
    patch = draw_patch(shapes, size, softness=look.softness)
    if not patch.cover.size:
        return
    unevenness, grain = look.mottle
    if unevenness:
        noise = 0.5 + 0.5 * smooth_noise(rng, min(size, _TEXTURE_RESOLUTION), grain)
        patch = _weakened(patch, 1 - unevenness * noise, size)
    _apply(light, patch, look)
    if look.choroid:
        net = look.choroid * _choroidal_vessels(rng, min(size, _TEXTURE_RESOLUTION))
        _apply(light, _weakened(patch, net, size), Look(0.0, absorption=_CHOROIDAL_SHADE))


def _weakened(patch: Patch, share: Plane, size: int) -> Patch:
    """Returns a patch times a share in [0, 1] that is given for the whole picture."""
    steps = np.asarray(np.clip(255 * share, 0, 255), dtype=np.uint8)
    full = cv2.resize(steps, (size, size), interpolation=cv2.INTER_LINEAR)[patch.window]
    cover = cv2.multiply(patch.cover, np.ascontiguousarray(full), scale=1 / 255)
    return replace(patch, cover=np.asarray(cover, dtype=np.uint8))


def _apply(light: Light, patch: Patch, look: Look) -> None:
    """Changes the light where a patch covers it, in place."""
    cover = np.arange(256, dtype=np.float32) / np.float32(255)
    part = light[:, *patch.window]
    for channel, (depth, own) in enumerate(zip(look.absorption, look.colour, strict=True)):
        hidden = np.float32(look.opacity) * cover
        gain = np.exp(-np.float32(depth) * cover) * (1 - hidden)
        part[channel] *= _looked_up(patch.cover, gain)
        if look.opacity:
            part[channel] += _looked_up(patch.cover, hidden * np.float32(own))


def _looked_up(cover: NDArray[np.uint8], table: NDArray[np.float32]) -> Plane:
    """Returns the table's entry for each pixel."""
    return np.asarray(cv2.LUT(cover, table), dtype=np.float32)


def _choroidal_vessels(rng: np.random.Generator, size: int) -> Plane:
    """Returns broad interlacing vessels, from 0 to 1."""
    lines = [np.exp(-((smooth_noise(rng, size, 0.14) / 0.3) ** 2)) for _ in range(2)]
    net: Plane = np.maximum(*lines)
    return net


def _shrunk(outline: Floats, contrast: float) -> tuple[Floats, float]:
    """Returns the inner part of a shape; the more marked the shape, the more marked its core."""
    centre = outline.mean(axis=0)
    return centre + _CORE_SHARE * (outline - centre), contrast**3
