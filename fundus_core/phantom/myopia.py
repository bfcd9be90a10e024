"""Pathologic myopia: atrophy around the disc, staphyloma, and patches of thinned retina."""

import numpy as np

from fundus_core.phantom.shapes import area, ribbon, wandering_line
from fundus_core.phantom.site import Floats, Lesion, Site, lesions_of

_STAPHYLOMA_FROM = 0.45
_PATCHES_FROM = 0.65


def pathologic_myopia(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns a crescent that becomes a ring, then a staphyloma, then patches of atrophy."""
    lesions = [_atrophy_around_disc(site, severity, rng)]
    if severity > _STAPHYLOMA_FROM and rng.random() < 0.35 + severity / 2:
        lesions.append(_staphyloma(site, severity, rng))
    if severity > _PATCHES_FROM:
        diameter = site.anatomy.disc_diameter
        for _ in range(int(rng.poisson(5 * (severity - 0.5)))):
            radius = diameter * float(rng.uniform(0.08, 0.2 + 0.4 * (severity - 0.5)))
            spot = np.array([radius])
            place = site.place(rng, site.anatomy.fovea, 0.9, spot, off_fovea=0.05)[0]
            patch = area(place, radius, 0.18, rng)
            lesions += lesions_of("geographic_atrophy", [patch], rng.uniform(0.35, 0.85))
    return lesions


def _atrophy_around_disc(site: Site, severity: float, rng: np.random.Generator) -> Lesion:
    """Returns the atrophy, whose outline encloses the disc; widest on the temporal side."""
    anatomy = site.anatomy
    temporal = 0.14 + 0.75 * severity**1.3 * float(rng.uniform(0.75, 1.25))
    elsewhere = 0.03 + 0.4 * max(0.0, severity - 0.35) * float(rng.uniform(0.4, 1.2))
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    turned = angle - np.pi + float(rng.normal(0, 0.25))
    wide = (0.5 + 0.5 * np.cos(turned)) ** (2.2 - 1.2 * severity)
    width = elsewhere + (temporal - elsewhere) * wide
    phases = rng.uniform(0, 2 * np.pi, size=(4, 1))
    waves = np.arange(3, 7)[:, None]
    width = width * (1 + 0.05 * np.cos(waves * angle + phases).sum(axis=0))
    rays = np.stack([anatomy.disc_width * np.cos(angle), np.sin(angle)], axis=1)
    outline = anatomy.disc + anatomy.disc_diameter * (0.5 + width)[:, None] * rays
    contrast = float(np.clip(0.4 + 0.5 * severity + rng.normal(0, 0.08), 0.25, 1))
    return Lesion("peripapillary_atrophy", outline, contrast)


def _staphyloma(site: Site, severity: float, rng: np.random.Generator) -> Lesion:
    """Returns the bulge of the wall around disc or macula, sometimes with lacquer cracks."""
    anatomy, diameter = site.anatomy, site.anatomy.disc_diameter
    share = float(rng.uniform(0.2, 0.8))
    centre = share * np.array(anatomy.disc) + (1 - share) * np.array(anatomy.fovea)
    radius = diameter * float(rng.uniform(1.7, 2.3 + 0.5 * severity))
    cracks: list[Floats] = []
    if rng.random() < 0.5 * severity:
        for _ in range(int(rng.integers(1, 4))):
            start = np.array(anatomy.fovea) + 0.5 * diameter * rng.uniform(-1, 1, 2)
            heading = float(rng.normal(0, 0.4))
            length = diameter * float(rng.uniform(0.5, 1.1))
            line = wandering_line(start, heading, length, 0.08, rng)
            cracks.append(ribbon(line, diameter * float(rng.uniform(0.012, 0.03))))
    contrast = float(np.clip(severity + rng.normal(0, 0.1), 0.3, 1))
    return Lesion("staphyloma", area(centre, radius, 0.12, rng), contrast, tuple(cracks))
