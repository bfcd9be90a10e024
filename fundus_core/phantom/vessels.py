"""The vascular tree: arteries and veins that leave the disc, arch around the macula and branch.

At each fork Murray's law holds: the cubed widths of the two daughters add up to that of the
mother.

References:
    Murray C. D. (1926). The physiological principle of minimum work. Proc Natl Acad Sci 12(3).
"""

from dataclasses import replace

import numpy as np

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.growth import KINDS, STEP, Branch, Course, Ground, Kind, Shoot

ARTERY_TO_VEIN_WIDTH = 2 / 3

_VEIN_WIDTH = 0.088
"""Of a large vein at the disc, in disc diameters."""

_THINNEST = 0.010
"""Vessels thinner than this, in disc diameters, do not grow."""

_SPACING = (0.55, 0.42, 0.36)
"""Mean distance between forks along a vessel of each generation, in disc diameters. Vessels of
the generation after the last do not fork."""

_LEAST_CUBE_SHARE = 0.25
"""What a mother keeps of her first cubed width over all her large forks, at least."""


def grow_vessels(anatomy: Anatomy, rng: np.random.Generator) -> tuple[Branch, ...]:
    """Returns all vessels of an eye, mothers before daughters.

    Args:
        anatomy: Where disc and fovea lie, and how wide and winding the vessels are.
        rng: Source of the tree's shape.
    """
    ground = Ground(anatomy, rng)
    shoots = [shoot for kind in KINDS for shoot in _trunks(anatomy, kind, rng)]
    tree: list[Branch] = []
    for generation in range(len(_SPACING) + 1):
        daughters: list[Shoot] = []
        for number, grown in ground.grow(shoots):
            branch, forked = _fork(grown, number, generation, anatomy, rng)
            tree.append(branch)
            daughters.extend(forked)
        shoots = daughters
    return tuple(tree)


def _trunks(anatomy: Anatomy, kind: Kind, rng: np.random.Generator) -> list[Shoot]:
    """Returns the vessels that leave the disc: four large ones and a few small ones."""
    plan: list[tuple[Course, float, float, float, float]] = [
        # course, direction in degrees, relative width, length, how often present
        ("upper arcade", -98, 1.0, 9.0, 1.0),
        ("lower arcade", 98, 1.0, 9.0, 1.0),
        ("outward", -50, 0.7, 4.0, 1.0),
        ("outward", 50, 0.7, 4.0, 1.0),
        ("macular", -165, 0.3, 2.4, 0.8),
        ("macular", 162, 0.3, 2.4, 0.8),
        ("outward", -10, 0.36, 2.5, 0.7),
        ("outward", -75, 0.34, 2.5, 0.5),
        ("outward", 76, 0.34, 2.5, 0.5),
    ]
    calibre = _VEIN_WIDTH * anatomy.vessel_calibre
    calibre *= ARTERY_TO_VEIN_WIDTH if kind == "artery" else 1.0
    nasal = (0.05 if kind == "artery" else 0.12) * anatomy.disc_diameter
    root = np.array([anatomy.disc[0] + nasal, anatomy.disc[1]])
    shoots = []
    for course, degrees, relative_width, length, presence in plan:
        heading = float(np.deg2rad(degrees + rng.normal(0, 8)))
        away = anatomy.disc_diameter * rng.uniform(0.05, 0.11)
        start = root + away * np.array([np.cos(heading), np.sin(heading)])
        width = relative_width * calibre * float(rng.normal(1, 0.06))
        if rng.random() < presence:
            shoots.append(Shoot(kind, course, (start[0], start[1]), heading, width, length))
    return shoots


def _fork(
    branch: Branch, number: int, generation: int, anatomy: Anatomy, rng: np.random.Generator
) -> tuple[Branch, list[Shoot]]:
    """Returns the branch, thinner after each fork, and the daughters that leave it."""
    daughters: list[Shoot] = []
    if generation == len(_SPACING):
        return branch, daughters
    branch = replace(branch, widths=branch.widths.copy())
    widths = branch.widths
    spacing = _SPACING[generation]
    at = spacing * rng.uniform(0.3, 1.0) + (0.4 if generation == 0 else 0.05)
    side = 1.0 if rng.random() < 0.5 else -1.0
    while (index := round(at / STEP)) < len(widths) - 3:
        ratio = float(rng.uniform(0.25, 0.8))
        kept = 1 - ratio**3
        if widths[index] ** 3 * kept < _LEAST_CUBE_SHARE * widths[0] ** 3:
            ratio = float(rng.uniform(0.2, 0.45))
            kept = 1 - ratio**3
        if ratio * widths[index] > _THINNEST * anatomy.disc_diameter:
            daughters.append(_daughter(branch, number, index, side * ratio, anatomy, rng))
            widths[index:] *= kept ** (1 / 3)
        at += spacing * float(rng.uniform(0.5, 1.5))
        side = -side if rng.random() < 0.75 else side
    return branch, daughters


def _daughter(
    branch: Branch,
    mother: int,
    index: int,
    signed_ratio: float,
    anatomy: Anatomy,
    rng: np.random.Generator,
) -> Shoot:
    """Returns a shoot that leaves a branch: the thinner beside its mother, the wider the angle.

    Args:
        branch: The mother.
        mother: Her number on the map.
        index: The point of hers at which the daughter leaves.
        signed_ratio: Daughter's width over the mother's; negative to leave on the left.
        anatomy: Tells daughters that lead to the macula from those that lead away.
        rng: Source of angle and length.
    """
    point, before = branch.points[index], branch.points[index - 2]
    along = float(np.arctan2(point[1] - before[1], point[0] - before[0]))
    ratio = abs(signed_ratio)
    turn = np.deg2rad(78 - 50 * ratio + rng.normal(0, 8))
    heading = along + float(np.copysign(turn, signed_ratio))
    to_fovea = np.array(anatomy.fovea) - point
    inward = np.cos(np.arctan2(to_fovea[1], to_fovea[0]) - heading) > 0.2
    near = np.hypot(*to_fovea) < 3.2 * anatomy.disc_diameter
    width = ratio * float(branch.widths[index]) / anatomy.disc_diameter
    length = (0.5 + 55 * width) * float(rng.uniform(0.7, 1.3))
    course: Course = "macular" if inward and near else "outward"
    return Shoot(branch.kind, course, (point[0], point[1]), heading, width, length, mother)
