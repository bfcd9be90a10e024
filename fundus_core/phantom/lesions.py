"""What diseases leave on the retina: kinds of lesions, their number, place and shape.

Number, size and contrast grow with the severity, so that mild cases are hard to tell from healthy
eyes. Every lesion lies inside the field of view and leaves at least one pixel in the truth mask.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.field import FieldOfView

Disease = Literal["diabetic_retinopathy", "amd", "glaucoma"]
LesionKind = Literal[
    "microaneurysm",
    "haemorrhage",
    "hard_exudate",
    "soft_exudate",
    "drusen",
    "nerve_fibre_defect",
]
Floats: TypeAlias = NDArray[np.float64]

GLAUCOMATOUS_CUP = 0.66
"""Smallest vertical cup-to-disc ratio of eyes with glaucoma."""

_EDGE = 0.06
"""Lesions keep this distance from the edge of the field of view, in half sides."""

_TRIES = 200
"""Random places tried for one lesion before the fovea's surroundings are taken."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion."""

    kind: LesionKind

    outline: Floats
    """Shape (n, 2): corners of a closed polygon in half sides of the picture."""

    contrast: float
    """From 0 (invisible) to 1 (as marked as this kind gets)."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where lesions may lie: one eye as it is framed."""

    anatomy: Anatomy
    field: FieldOfView

    def allows(self, point: Floats, radius: float) -> bool:
        """Says whether a lesion here lies in the field, off the disc and off the very fovea."""
        anatomy = self.anatomy
        from_disc = np.hypot(*(point - anatomy.disc)) / anatomy.disc_diameter
        from_fovea = np.hypot(*(point - anatomy.fovea)) / anatomy.disc_diameter
        depth = float(self.field.depth(point[0], point[1]))
        return bool(depth > _EDGE + radius and from_disc > 0.75 and from_fovea > 0.15)

    def place(
        self, rng: np.random.Generator, centre: Floats, spread: float, radius: float
    ) -> Floats:
        """Returns an allowed place, normally distributed around a centre.

        Args:
            rng: Source of the place.
            centre: x and y, in half sides of the picture.
            spread: Standard deviation in disc diameters.
            radius: Of the lesion, in half sides.
        """
        scale = spread * self.anatomy.disc_diameter
        for point in centre + scale * rng.standard_normal((_TRIES, 2)):
            if self.allows(point, radius):
                return np.asarray(point)
        below = np.array([0.0, 0.4 * self.anatomy.disc_diameter])
        return np.asarray(self.anatomy.fovea + below)


def cup_ratio(severity: float, rng: np.random.Generator) -> float:
    """Returns the vertical cup-to-disc ratio of an eye with glaucoma."""
    return float(np.clip(GLAUCOMATOUS_CUP + 0.24 * severity + rng.normal(0, 0.015), 0.66, 0.93))


def place_lesions(
    site: Site, severity: Mapping[Disease, float], rng: np.random.Generator
) -> tuple[Lesion, ...]:
    """Returns the lesions of an eye; none for a healthy one.

    Args:
        site: The eye and its field of view.
        severity: Of each disease, in [0, 1]; 0 or absent for none.
        rng: Source of numbers, places and shapes.
    """
    found: list[Lesion] = []
    for disease, draw in LESIONS_OF.items():
        if severity.get(disease, 0.0) > 0:
            found.extend(draw(site, severity[disease], rng))
    return tuple(found)


def _diabetic_retinopathy(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns microaneurysms, then with growing severity haemorrhages and exudates."""
    return [
        *_microaneurysms(site, severity, rng),
        *_haemorrhages(site, severity, rng),
        *_hard_exudates(site, severity, rng),
        *_soft_exudates(site, severity, rng),
    ]


def _microaneurysms(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns small red dots; at least one."""
    lesions = []
    for _ in range(1 + int(rng.poisson(1.5 + 26 * severity))):
        radius = site.anatomy.disc_diameter * float(rng.uniform(0.014, 0.026))
        point = site.place(rng, np.array(site.anatomy.fovea), 1.5, radius)
        contrast = float(rng.uniform(0.45, 0.8)) * (0.7 + 0.3 * severity)
        lesions.append(Lesion("microaneurysm", _blot(point, radius, 0.15, rng), contrast))
    return lesions


def _haemorrhages(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns blots and, in severe disease, flames along the nerve fibres."""
    diameter = site.anatomy.disc_diameter
    lesions = []
    for _ in range(int(rng.poisson(42 * max(0.0, severity - 0.12)))):
        radius = diameter * float(np.clip(rng.lognormal(-2.95, 0.55), 0.025, 0.18))
        point = site.place(rng, np.array(site.anatomy.fovea), 1.9, radius)
        contrast = float(rng.uniform(0.4, 0.95))
        lesions.append(Lesion("haemorrhage", _blot(point, radius, 0.38, rng), contrast))
    for _ in range(int(rng.poisson(14 * max(0.0, severity - 0.4)))):
        length = diameter * float(rng.uniform(0.12, 0.3))
        point = site.place(rng, np.array(site.anatomy.disc), 1.7, length)
        away = point - site.anatomy.disc
        outline = _flame(point, length, float(np.arctan2(away[1], away[0])), rng)
        lesions.append(Lesion("haemorrhage", outline, float(rng.uniform(0.5, 0.9))))
    return lesions


def _hard_exudates(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns clusters of small, bright, sharply bounded deposits near the macula."""
    diameter = site.anatomy.disc_diameter
    lesions = []
    for _ in range(int(rng.poisson(13 * max(0.0, severity - 0.2)))):
        heart = site.place(rng, np.array(site.anatomy.fovea), 1.3, 0.2 * diameter)
        spread, bright = float(rng.uniform(0.06, 0.3)), float(rng.uniform(0.55, 1.0))
        for _ in range(int(rng.integers(5, 45))):
            radius = diameter * float(np.clip(rng.lognormal(-4.25, 0.5), 0.008, 0.055))
            point = site.place(rng, heart, spread, radius)
            contrast = bright * float(rng.uniform(0.6, 1.0))
            lesions.append(Lesion("hard_exudate", _blot(point, radius, 0.3, rng), contrast))
    return lesions


def _soft_exudates(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns pale patches with soft edges (cotton-wool spots) around the disc."""
    lesions = []
    for _ in range(int(rng.poisson(7 * max(0.0, severity - 0.5)))):
        radius = site.anatomy.disc_diameter * float(rng.uniform(0.09, 0.2))
        point = site.place(rng, np.array(site.anatomy.disc), 1.8, radius)
        contrast = float(rng.uniform(0.4, 0.8))
        lesions.append(Lesion("soft_exudate", _blot(point, radius, 0.4, rng), contrast))
    return lesions


def _amd(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns drusen: yellowish deposits around the fovea, larger in advanced disease."""
    lesions = []
    spread = float(rng.uniform(0.45, 0.8))
    for _ in range(4 + int(rng.poisson(6 + 110 * severity))):
        size = np.log(0.017 + 0.037 * severity) + 0.45 * rng.standard_normal()
        radius = site.anatomy.disc_diameter * float(np.clip(np.exp(size), 0.012, 0.12))
        point = site.place(rng, np.array(site.anatomy.fovea), spread, radius)
        contrast = float(np.clip((0.35 + 0.55 * severity) * rng.uniform(0.6, 1.3), 0, 1))
        lesions.append(Lesion("drusen", _blot(point, radius, 0.2, rng), contrast))
    return lesions


def _glaucoma(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns arched defects of the nerve-fibre layer; the large cup belongs to the anatomy."""
    diameter = site.anatomy.disc_diameter
    sides = [-1.0, 1.0] if rng.random() < severity else [float(rng.choice([-1.0, 1.0]))]
    lesions = []
    for side in sides:
        inner = float(rng.uniform(1.2, 1.7))
        outer = inner + float(rng.uniform(0.25, 0.4)) + 0.5 * severity
        end = np.deg2rad(rng.uniform(80, 125))
        angle = np.linspace(np.deg2rad(14), end, 24)
        edges = [
            np.stack([2.45 * np.cos(angle), side * height * np.sin(angle)], axis=1)
            for height in (inner, outer)
        ]
        outline = site.anatomy.fovea + diameter * np.concatenate([edges[0], edges[1][::-1]])
        contrast = float(np.clip(0.25 + 0.6 * severity + rng.normal(0, 0.08), 0.1, 1.0))
        lesions.append(Lesion("nerve_fibre_defect", outline, contrast))
    return lesions


LESIONS_OF: dict[Disease, Callable[[Site, float, np.random.Generator], list[Lesion]]] = {
    "diabetic_retinopathy": _diabetic_retinopathy,
    "amd": _amd,
    "glaucoma": _glaucoma,
}
"""Draws the lesions of a disease. To add a disease, add an entry."""


def _blot(centre: Floats, radius: float, roughness: float, rng: np.random.Generator) -> Floats:
    """Returns a roundish outline of 14 corners; the rougher, the more irregular."""
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    waves = np.arange(2, 5)[:, None]
    phase = rng.uniform(0, 2 * np.pi, size=(3, 1))
    height = roughness * rng.standard_normal((3, 1)) / (waves - 1)
    distance = radius * np.clip(1 + (height * np.cos(waves * angle + phase)).sum(axis=0), 0.4, 1.7)
    return np.asarray(centre + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def _flame(centre: Floats, length: float, heading: float, rng: np.random.Generator) -> Floats:
    """Returns a spindle along `heading` with frayed ends."""
    t = np.linspace(-1, 1, 12)
    half_width = length * float(rng.uniform(0.2, 0.36)) * np.sqrt(1 - 0.98 * t**2)
    upper = half_width * rng.uniform(0.5, 1.3, size=12)
    lower = -half_width * rng.uniform(0.5, 1.3, size=12)
    along = np.concatenate([t, t[::-1]]) * length
    across = np.concatenate([upper, lower[::-1]])
    cos, sin = np.cos(heading), np.sin(heading)
    turned = np.stack([cos * along - sin * across, sin * along + cos * across], axis=1)
    return np.asarray(centre + turned)
