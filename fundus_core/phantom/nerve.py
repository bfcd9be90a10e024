"""Glaucoma: lost nerve fibres and blood at the disc. The large cup belongs to the anatomy."""

import numpy as np

from fundus_core.phantom.shapes import flames
from fundus_core.phantom.site import Floats, Lesion, Site, lesions_of

_DISC_HAEMORRHAGE_SHARE = 0.22


def glaucoma(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns arched defects of the nerve-fibre layer, and sometimes a haemorrhage at the disc."""
    angle, depth = site.anatomy.notch
    notched = float(np.sign(np.sin(angle))) if depth > 0 else float(rng.choice([-1.0, 1.0]))
    sides = [-1.0, 1.0] if rng.random() < severity - 0.1 else [notched]
    outlines = [_arched_defect(site, side, severity, rng) for side in sides]
    contrasts = 0.2 + 0.65 * severity + 0.08 * rng.standard_normal(len(sides))
    lesions = lesions_of("nerve_fibre_defect", outlines, np.maximum(contrasts, 0.1))
    if rng.random() < _DISC_HAEMORRHAGE_SHARE:
        lesions.append(_disc_haemorrhage(site, notched, rng))
    return lesions


def glaucoma_suspect(site: Site, severity: float, rng: np.random.Generator) -> list[Lesion]:
    """Returns nothing: only the cup of a suspect is large."""
    return []


def _arched_defect(site: Site, side: float, severity: float, rng: np.random.Generator) -> Floats:
    """Returns a wedge that follows the arching fibres above (-1) or below (1) the macula."""
    diameter = site.anatomy.disc_diameter
    inner = float(rng.uniform(1.2, 1.7))
    outer = inner + float(rng.uniform(0.15, 0.3)) + 0.55 * severity
    angle = np.linspace(np.deg2rad(14), np.deg2rad(rng.uniform(80, 125)), 24)
    edges = [
        np.stack([2.45 * np.cos(angle), side * height * np.sin(angle)], axis=1)
        for height in (inner, outer)
    ]
    arch = np.concatenate([edges[0], edges[1][::-1]])
    return np.asarray(site.anatomy.fovea + diameter * arch)


def _disc_haemorrhage(site: Site, side: float, rng: np.random.Generator) -> Lesion:
    """Returns a small flame across the edge of the disc, above (-1) or below (1) on its left."""
    anatomy = site.anatomy
    heading = np.array([np.pi - side * float(rng.uniform(0.5, 1.3))])
    ray = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    place = anatomy.disc + 0.52 * anatomy.disc_diameter * ray
    length = anatomy.disc_diameter * rng.uniform(0.08, 0.18, 1)
    outline = flames(place, length, heading, rng)[0]
    return Lesion("haemorrhage", outline, float(rng.uniform(0.5, 0.9)))
