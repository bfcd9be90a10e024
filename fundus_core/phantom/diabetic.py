"""Diabetic retinopathy: what it leaves on the retina, from the first microaneurysm on.

Sizes, numbers and contrasts follow the graders' outlines of the IDRiD photographs.
"""

import numpy as np

from fundus_core.phantom.shapes import (
    around,
    blots,
    flames,
    ribbon,
    wandering_line,
)
from fundus_core.phantom.site import Floats, Lesion, Site, lesions_of

DR_GRADE_LIMITS = (0.0, 0.2, 0.55, 0.8)
"""Severities above which grades 1 (mild), 2 (moderate), 3 (severe) and 4 (proliferative) begin."""

_LARGEST_BLOT = 0.16
"""In disc diameters."""

_MOST_IN_CLUSTER = 120
_FLAME_SHARE = 0.3
_DISC_VESSELS_SHARE = 0.45
_PRERETINAL_SHARE = 0.3
_LASER_SHARE = 0.35
_RING_SHARE = 0.3
_COTTON_WOOL_SHARE = 0.55


def diabetic_retinopathy(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns the signs of the grade that belongs to the severity, at least one microaneurysm."""
    _, moderate, severe, proliferative = DR_GRADE_LIMITS
    lesions = _microaneurysms(site, severity, rng)
    if severity > moderate:
        progress = (severity - moderate) / (1 - moderate)
        rate = 1.5 + 20 * progress + (11 if severity > severe else 0)
        lesions += _haemorrhages(site, 1 + _number(rng, rate, 0.6), rng)
        for _ in range(int(rng.poisson(1.4 * progress))):
            lesions += _confluent_haemorrhage(site, rng)
        lesions += _exudates(site, progress, rng)
        if rng.random() < _COTTON_WOOL_SHARE:
            lesions += cotton_wool_spots(site, int(rng.poisson(1 + 5 * progress)), rng)
    if severity > proliferative:
        lesions += _proliferation(site, (severity - proliferative) / (1 - proliferative), rng)
    return lesions


def cotton_wool_spots(site: Site, n: int, rng: np.random.Generator) -> list[Lesion]:
    """Returns pale patches with soft edges, beside the larger vessels around the disc."""
    radii = site.anatomy.disc_diameter * np.clip(rng.lognormal(-2.18, 0.42, n), 0.05, 0.3)
    centres = site.near_vessels(rng, n, least_width=0.045)
    pulled = site.anatomy.disc + 0.75 * (centres - site.anatomy.disc)
    places = site.place(rng, pulled, 0.3, radii)
    outlines = blots(places, radii, 0.42, rng)
    return lesions_of("soft_exudate", outlines, rng.uniform(0.22, 0.8, n))


def exudate_cluster(site: Site, heart: Floats, n: int, rng: np.random.Generator) -> list[Lesion]:
    """Returns hard exudates that crumble from several heaps around a point."""
    spread = site.anatomy.disc_diameter * float(rng.uniform(0.1, 0.4))
    heaps = heart + spread * rng.standard_normal((2 + n // 7, 2))
    chosen = heaps[rng.integers(len(heaps), size=n)]
    return _deposits(site, chosen, float(rng.uniform(0.03, 0.09)), rng)


def flame_haemorrhages(site: Site, n: int, rng: np.random.Generator) -> list[Lesion]:
    """Returns flames beside the vessels, along the nerve fibres."""
    lengths = site.anatomy.disc_diameter * np.clip(rng.lognormal(-2.35, 0.5, n), 0.05, 0.4)
    centres = site.near_vessels(rng, n, least_width=0.035)
    places = site.place(rng, centres, 0.25, lengths)
    outlines = flames(places, lengths, site.fibre_headings(places), rng)
    return lesions_of("haemorrhage", outlines, rng.uniform(0.12, 0.55, n))


def _exudate_ring(
    site: Site, centre: Floats, radius: float, n: int, rng: np.random.Generator
) -> list[Lesion]:
    """Returns hard exudates on a broken ring (circinate), as they border on leaking vessels."""
    gap, width = rng.uniform(0, 2 * np.pi), rng.uniform(3.2, 5.8)
    angle = gap + width * rng.random(n)
    away = radius * (1 + 0.14 * rng.standard_normal(n))
    on_ring = centre + away[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _deposits(site, on_ring, 0.035, rng)


def _number(rng: np.random.Generator, rate: float, spread: float) -> int:
    """Returns a count that varies more between eyes than a Poisson number."""
    return int(rng.poisson(rate * rng.lognormal(0, spread)))


def _microaneurysms(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns small red dots; at least one."""
    past_mild = max(0.0, severity - DR_GRADE_LIMITS[1])
    n = 1 + _number(rng, 0.6 + 14 * severity + 48 * past_mild, 0.55)
    radii = site.anatomy.disc_diameter * np.clip(rng.lognormal(-3.87, 0.25, n), 0.013, 0.04)
    places = site.place(rng, site.anatomy.fovea, 1.6, radii)
    contrasts = rng.uniform(0.1, 0.46, n) * (0.75 + 0.25 * severity)
    return lesions_of("microaneurysm", blots(places, radii, 0.15, rng), contrasts)


def _haemorrhages(site: Site, n: int, rng: np.random.Generator) -> list[Lesion]:
    """Returns dots and blots, and flames along the nerve fibres, in all quadrants."""
    n_flames = int(rng.binomial(n, _FLAME_SHARE))
    diameter = site.anatomy.disc_diameter
    radii = np.exp(rng.normal(-3.25, 0.4, n - n_flames) + rng.exponential(0.32, n - n_flames))
    radii = diameter * np.clip(radii, 0.025, _LARGEST_BLOT)
    places = site.place(rng, site.anatomy.fovea, 2.0, radii)
    contrasts = rng.uniform(0.1, 0.5, len(radii))
    lesions = lesions_of("haemorrhage", blots(places, radii, 0.45, rng), contrasts)
    return lesions + flame_haemorrhages(site, n_flames, rng)


def _confluent_haemorrhage(site: Site, rng: np.random.Generator) -> list[Lesion]:
    """Returns blots that have run together to one large, uneven haemorrhage."""
    diameter, n = site.anatomy.disc_diameter, int(rng.integers(4, 18))
    spread = float(rng.uniform(0.06, 0.2))
    heart = site.place(rng, site.anatomy.fovea, 1.8, np.array([3 * spread * diameter]))[0]
    radii = diameter * np.clip(rng.lognormal(-2.5, 0.4, n), 0.03, 0.18)
    places = site.place(rng, heart, spread, radii)
    contrasts = rng.uniform(0.2, 0.6) * rng.uniform(0.6, 1.2, n)
    return lesions_of("haemorrhage", blots(places, radii, 0.42, rng), contrasts)


def _exudates(site: Site, progress: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns clusters and rings of hard exudates near the macula, rarely a plaque in it."""
    diameter = site.anatomy.disc_diameter
    lesions: list[Lesion] = []
    amount = 28 * rng.lognormal(0, 0.8)
    for _ in range(int(rng.poisson(1.6 + 4.5 * progress))):
        heart = site.place(rng, site.anatomy.fovea, 1.2, np.array([0.2 * diameter]))[0]
        n = min(4 + _number(rng, amount, 0.6), _MOST_IN_CLUSTER)
        if rng.random() < _RING_SHARE:
            radius = diameter * float(rng.uniform(0.25, 0.7))
            lesions += _exudate_ring(site, heart, radius, n, rng)
        else:
            lesions += exudate_cluster(site, heart, n, rng)
    if rng.random() < 0.12 * progress:
        lesions += _plaque(site, rng)
    return lesions


def _plaque(site: Site, rng: np.random.Generator) -> list[Lesion]:
    """Returns hard exudates that have run together in the macula."""
    diameter, n = site.anatomy.disc_diameter, int(rng.integers(15, 50))
    heart = site.place(rng, site.anatomy.fovea, 0.4, np.array([0.2 * diameter]))[0]
    radii = diameter * np.clip(rng.lognormal(-2.9, 0.4, n), 0.02, 0.14)
    places = site.place(rng, heart, float(rng.uniform(0.08, 0.2)), radii)
    contrasts = rng.uniform(0.4, 0.9) * rng.uniform(0.7, 1.1, n)
    return lesions_of("hard_exudate", blots(places, radii, 0.4, rng), contrasts)


def _deposits(site: Site, centres: Floats, spread: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns one small, sharply bounded, bright deposit near each centre; a few run together."""
    n = len(centres)
    relative = np.exp(rng.normal(0, 0.4, n) + rng.exponential(0.42, n))
    radii = site.anatomy.disc_diameter * np.clip(0.0095 * relative, 0.006, 0.08)
    places = site.place(rng, centres, spread, radii)
    bright = 0.15 * rng.lognormal(0, 0.5)
    contrasts = bright * relative**0.35 * rng.lognormal(0, 0.35, n)
    return lesions_of("hard_exudate", blots(places, radii, 0.5, rng), contrasts)


def _proliferation(site: Site, progress: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns new vessels, or laser scars, or both; sometimes blood before the retina."""
    lesions = _laser_scars(site, rng) if rng.random() < _LASER_SHARE else []
    if not lesions or rng.random() < 0.5:
        n_elsewhere = int(rng.poisson(0.4 + 1.6 * progress))
        at_disc = rng.random() < _DISC_VESSELS_SHARE or n_elsewhere == 0
        lesions += [_new_vessels(site, at_disc=True, rng=rng)] if at_disc else []
        lesions += [_new_vessels(site, at_disc=False, rng=rng) for _ in range(n_elsewhere)]
        if rng.random() < _PRERETINAL_SHARE:
            lesions.append(_preretinal_haemorrhage(site, rng))
    return lesions


def _new_vessels(site: Site, *, at_disc: bool, rng: np.random.Generator) -> Lesion:
    """Returns a fan of fine, winding vessels, on the disc or from a vein."""
    diameter = site.anatomy.disc_diameter
    reach = diameter * float(rng.uniform(0.3, 0.6))
    if at_disc:
        root = np.array(site.anatomy.disc) + 0.2 * diameter * rng.uniform(-1, 1, 2)
    else:
        vein = site.near_vessels(rng, 1, kind="vein", least_width=0.05)
        root = site.place(rng, vein, 0.08, np.array([0.8 * reach]))[0]
    strands = []
    fan = float(rng.uniform(0, 2 * np.pi))
    for _ in range(int(rng.integers(7, 16))):
        heading = fan + float(rng.uniform(-1.3, 1.3)) * (2.0 if at_disc else 1.0)
        length = reach * float(rng.uniform(0.7, 2.0))
        line = wandering_line(root, heading, length, 0.75, rng, n_points=18)
        strands.append(ribbon(line, diameter * float(rng.uniform(0.014, 0.03))))
        root = line[int(rng.integers(0, 7))] if rng.random() < 0.7 else root
    contrast = float(rng.uniform(0.5, 0.95))
    return Lesion("neovascularisation", around(strands, 0.0), contrast, tuple(strands))


def _preretinal_haemorrhage(site: Site, rng: np.random.Generator) -> Lesion:
    """Returns a boat of blood before the retina: level above, round below."""
    radius = site.anatomy.disc_diameter * float(rng.uniform(0.3, 0.7))
    place = site.place(rng, site.anatomy.fovea, 1.6, np.array([radius]))[0]
    angle = np.linspace(0, np.pi, 24)
    sag = radius * float(rng.uniform(0.5, 0.9))
    boat = np.stack([radius * np.cos(angle), sag * np.sin(angle)], axis=1)
    boat += 0.02 * radius * rng.standard_normal(boat.shape)
    return Lesion("haemorrhage", place + boat, float(rng.uniform(0.6, 1.0)))


def _laser_scars(site: Site, rng: np.random.Generator) -> list[Lesion]:
    """Returns rows of round scars outside the arcades (pan-retinal photocoagulation)."""
    diameter = site.anatomy.disc_diameter
    step = diameter * float(rng.uniform(0.32, 0.45))
    axis = np.arange(-1.2, 1.2, step)
    x, y = np.meshgrid(axis, axis)
    grid = np.stack([x + 0.5 * step * (np.arange(len(axis)) % 2)[:, None], y], axis=2)
    spots = grid.reshape(-1, 2) + 0.14 * step * rng.standard_normal((x.size, 2))
    radii = diameter * rng.uniform(0.07, 0.13, len(spots))
    low, high = site.anatomy.arcade_heights
    from_fovea = spots - site.anatomy.fovea
    height = np.where(from_fovea[:, 1] < 0, low, high)
    level = (from_fovea[:, 0] / (2.6 * diameter)) ** 2 + (from_fovea[:, 1] / height) ** 2
    burnt = (level > 1) & site.allows(spots, radii, off_disc=1.3) & (rng.random(len(spots)) < 0.8)
    outlines = blots(spots[burnt], radii[burnt], 0.15, rng)
    contrast = float(rng.uniform(0.4, 0.9))
    contrasts = contrast * rng.uniform(0.5, 1.1, len(outlines))
    return lesions_of("laser_scar", outlines, contrasts)
