"""Diseases of the vessels: vein occlusion and hypertensive retinopathy.

What they do to the vessels themselves is in `signs`; this is what leaks out of them.
"""

import numpy as np

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.diabetic import (
    cotton_wool_spots,
    exudate_cluster,
    flame_haemorrhages,
)
from fundus_core.phantom.shapes import blots, flames
from fundus_core.phantom.site import Floats, Lesion, Site, lesions_of

_CENTRAL = 3.0
"""Half angles of the congestion above this mean that the central vein is occluded."""

_TRIES = 24


def vein_occlusion(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns the blood behind the occlusion, in the sector of the eye's congestion."""
    share = _half_angle(site.anatomy) / np.pi
    density = 0.5 + severity
    n_flames = 4 + int(rng.poisson(150 * severity * density * share**0.6))
    n_blots = 2 + int(rng.poisson(90 * severity * density * share**0.6))
    diameter = site.anatomy.disc_diameter
    lengths = diameter * np.clip(rng.lognormal(-2.05 + 0.3 * severity, 0.5, n_flames), 0.05, 0.5)
    places = _in_sector(site, lengths, rng)
    outlines = flames(places, lengths, site.fibre_headings(places), rng)
    radii = diameter * np.clip(rng.lognormal(-2.85, 0.5, n_blots), 0.03, 0.25)
    outlines += blots(_in_sector(site, radii, rng), radii, 0.42, rng)
    marked = rng.uniform(0.3 + 0.25 * severity, 0.65 + 0.35 * severity)
    contrasts = marked * rng.uniform(0.45, 1.2, len(outlines))
    lesions = lesions_of("haemorrhage", outlines, contrasts)
    return lesions + _ischaemia(site, severity, rng)


def hypertensive_retinopathy(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns cotton-wool spots and a few flames in moderate disease; nothing in mild disease."""
    progress = max(0.0, severity - 0.3)
    lesions = cotton_wool_spots(site, int(rng.poisson(9 * progress)), rng)
    lesions += flame_haemorrhages(site, int(rng.poisson(12 * progress)), rng)
    if severity > 0.75 and rng.random() < 0.4:
        heart = np.array(site.anatomy.fovea)
        lesions += exudate_cluster(site, heart, int(rng.integers(8, 40)), rng)
    return lesions


def _half_angle(anatomy: Anatomy) -> float:
    """Returns half the angle of the congested sector; pi if none is known."""
    return anatomy.congestion.half_angle if anatomy.congestion else float(np.pi)


def _in_sector(site: Site, radii: Floats, rng: np.random.Generator) -> Floats:
    """Returns places behind the occlusion, denser towards the disc; shape (n, 2)."""
    anatomy = site.anatomy
    half_angle = _half_angle(anatomy)
    towards = anatomy.congestion.towards if anatomy.congestion else 0.0
    tries = (_TRIES, len(radii))
    angle = towards + half_angle * np.clip(rng.normal(0, 0.45, tries), -1, 1)
    if half_angle > _CENTRAL:
        angle = rng.uniform(-np.pi, np.pi, tries)
    away = anatomy.disc_diameter * (0.8 + 1.3 * rng.gamma(1.6, 1.0, tries))
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    tried = anatomy.disc + away[..., None] * rays
    first = site.allows(tried, radii).argmax(axis=0)
    return site.place(rng, tried[first, np.arange(len(radii))], 0.06, radii)


def _ischaemia(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns cotton-wool spots in the sector and, sometimes, hard exudates at its border."""
    n = int(rng.poisson(6 * severity))
    radii = site.anatomy.disc_diameter * np.clip(rng.lognormal(-2.1, 0.4, n), 0.06, 0.25)
    outlines = blots(_in_sector(site, radii, rng), radii, 0.42, rng)
    lesions = lesions_of("soft_exudate", outlines, rng.uniform(0.35, 0.9, n))
    if rng.random() < 0.35 * severity:
        heart = 0.5 * (_in_sector(site, np.array([0.1]), rng)[0] + site.anatomy.fovea)
        lesions += exudate_cluster(site, heart, int(rng.integers(6, 40)), rng)
    return lesions
