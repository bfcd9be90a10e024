"""Diseases of the macula: age-related degeneration and epiretinal membrane."""

import numpy as np

from fundus_core.phantom.diabetic import exudate_cluster
from fundus_core.phantom.shapes import area, blots, ribbon, wandering_line
from fundus_core.phantom.site import Floats, Lesion, Site, lesions_of

_LATE = 0.7
"""Severity from which degeneration is late: atrophic or wet."""

_WET_SHARE = 0.45


def amd(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns drusen, then pigment change, then atrophy of sharp border or blood and exudates."""
    lesions = _drusen(site, severity, rng)
    if severity > 0.35:
        lesions += _pigment_clumps(site, int(rng.poisson(12 * (severity - 0.25))), 0.6, rng)
    if severity > _LATE:
        progress = (severity - _LATE) / (1 - _LATE)
        late = _wet if rng.random() < _WET_SHARE else _atrophic
        lesions += late(site, progress, rng)
    return lesions


def epiretinal_membrane(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns one membrane with its folds, which run towards where it has shrunk."""
    anatomy, diameter = site.anatomy, site.anatomy.disc_diameter
    centre = np.array(anatomy.drag.centre if anatomy.drag else anatomy.fovea)
    radius = diameter * (0.45 + 0.75 * severity) * float(rng.uniform(0.85, 1.15))
    strands = []
    for _ in range(int(rng.poisson(3 + 30 * severity))):
        start = centre + radius * float(rng.uniform(0.3, 1.2)) * _ray(rng)
        inward = float(np.arctan2(*(centre - start)[::-1]))
        length = radius * float(rng.uniform(0.2, 0.6))
        line = wandering_line(start, inward + float(rng.normal(0, 0.3)), length, 0.06, rng)
        strands.append(ribbon(line, diameter * float(rng.uniform(0.01, 0.022))))
    contrast = float(np.clip(0.22 + 0.7 * severity + rng.normal(0, 0.05), 0.12, 1))
    outline = area(centre, radius, 0.22, rng)
    return [Lesion("epiretinal_membrane", outline, contrast, tuple(strands))]


def _drusen(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns deposits around the fovea: small and sharp ones, and in worse disease large ones."""
    anatomy = site.anatomy
    n_hard = 5 + int(rng.poisson(8 + 45 * severity))
    n_soft = int(rng.poisson(75 * max(0.0, severity - 0.15)))
    hard = np.clip(rng.lognormal(-4.05, 0.25, n_hard), 0.011, 0.03)
    soft = np.clip(rng.lognormal(-3.05 + 0.35 * severity, 0.35, n_soft), 0.03, 0.11)
    radii = anatomy.disc_diameter * np.concatenate([hard, soft])
    spread = float(rng.uniform(0.4, 0.75))
    places = site.place(rng, anatomy.fovea, spread, radii, off_fovea=0.02)
    contrasts = (0.45 + 0.3 * severity) * rng.uniform(0.5, 1.3, len(radii))
    contrasts[n_hard:] *= 0.8
    return lesions_of("drusen", blots(places, radii, 0.22, rng), contrasts)


def _pigment_clumps(site: Site, n: int, spread: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns dark clumps of pigment around the fovea; at least one."""
    radii = site.anatomy.disc_diameter * np.clip(rng.lognormal(-3.1, 0.5, 1 + n), 0.015, 0.15)
    places = site.place(rng, site.anatomy.fovea, spread, radii, off_fovea=0.02)
    outlines = blots(places, radii, 0.5, rng)
    return lesions_of("pigment_change", outlines, rng.uniform(0.3, 0.9, len(radii)))


def _atrophic(site: Site, progress: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns one to four areas of geographic atrophy, with pigment at their borders."""
    diameter = site.anatomy.disc_diameter
    lesions: list[Lesion] = []
    for _ in range(1 + int(rng.integers(0, 4))):
        radius = diameter * float(rng.uniform(0.15, 0.35 + 0.45 * progress))
        spot = np.array([radius])
        place = site.place(rng, site.anatomy.fovea, 0.35, spot, off_fovea=0.0)[0]
        contrast = rng.uniform(0.5, 0.75 + 0.25 * progress)
        outline = area(place, radius, 0.3, rng)
        lesions += lesions_of("geographic_atrophy", [outline], contrast)
    return lesions


def _wet(site: Site, progress: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns blood beneath the retina near the fovea, with exudates and small haemorrhages."""
    diameter = site.anatomy.disc_diameter
    radius = diameter * float(rng.uniform(0.3, 0.6 + 0.6 * progress))
    spot = np.array([radius])
    place = site.place(rng, site.anatomy.fovea, 0.3, spot, off_fovea=0.0)[0]
    blood = lesions_of(
        "subretinal_haemorrhage", [area(place, radius, 0.3, rng)], rng.uniform(0.55, 1.0)
    )
    for _ in range(int(rng.poisson(1.5))):
        heart = place + radius * float(rng.uniform(0.8, 1.5)) * _ray(rng)
        blood += exudate_cluster(site, heart, int(rng.integers(6, 30)), rng)
    n = int(rng.poisson(2))
    radii = diameter * rng.uniform(0.04, 0.15, n)
    places = site.place(rng, place, 0.7, radii)
    blots_of_blood = blots(places, radii, 0.4, rng)
    return blood + lesions_of("haemorrhage", blots_of_blood, rng.uniform(0.4, 0.9, n))


def _ray(rng: np.random.Generator) -> Floats:
    """Returns a random direction, shape (2,)."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
