"""The vascular tree: arteries and veins that leave the disc, arch around the macula and branch.

At each fork Murray's law holds: the cubed widths of the two daughters add up to that of the
mother.

References:
    Murray C. D. (1926). The physiological principle of minimum work. Proc Natl Acad Sci 12(3).
"""

from dataclasses import replace

import numpy as np

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.growth import KINDS, STEP, Branch, Course, Floats, Ground, Kind, Shoot

ARTERY_TO_VEIN_WIDTH = 2 / 3

_VEIN_WIDTH = 0.088
"""Of a large vein at the disc, in disc diameters."""

_THINNEST = 0.010
"""Vessels thinner than this, in disc diameters, do not grow."""

_SPACING: dict[Kind, tuple[float, ...]] = {
    "artery": (0.38, 0.30, 0.27),
    "vein": (0.62, 0.47, 0.40),
}
"""Mean distance between forks along a vessel of each generation, in disc diameters. Vessels of
the generation after the last do not fork. Arteries fork more often: thinner than veins, they
supply the same retina."""

_LENGTH_PER_WIDTH: dict[Kind, float] = {"artery": 78.0, "vein": 47.0}

_OWN_ROOT = 0.35
"""Nasal vessels wider than this, relative to the largest, leave an arcade's trunk on the disc."""

_N_GENERATIONS = 4

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
    for generation in range(_N_GENERATIONS):
        daughters: list[Shoot] = []
        for number, grown in ground.grow(shoots):
            branch, forked = _fork(grown, number, generation, anatomy, rng)
            tree.append(branch)
            daughters.extend(forked)
        shoots = daughters
    return tuple(tree)


def _trunks(anatomy: Anatomy, kind: Kind, rng: np.random.Generator) -> list[Shoot]:
    """Returns the vessels that leave the disc: large ones up and down, and what leaves these on it.

    Small ones come out at the edge of the cup.
    """
    plan: list[tuple[Course, float, float, float, float]] = [
        # course, direction in degrees, relative width, length, how often present
        ("upper arcade", -98, 1.0, 9.0, 1.0),
        ("lower arcade", 98, 1.0, 9.0, 1.0),
        ("outward", -50, 0.7, 4.0, 1.0),
        ("outward", 50, 0.7, 4.0, 1.0),
        ("macular", -165, 0.3, 2.4, 0.8),
        ("macular", 162, 0.3, 2.4, 0.8),
        ("outward", -10, 0.32, 2.5, 0.7),
        ("outward", -75, 0.4, 2.5, 0.6),
        ("outward", 76, 0.4, 2.5, 0.6),
    ]
    calibre = _VEIN_WIDTH * anatomy.vessel_calibre
    calibre *= ARTERY_TO_VEIN_WIDTH if kind == "artery" else 1.0
    nasal = rng.uniform(-0.02, 0.08) if kind == "artery" else rng.uniform(0.03, 0.14)
    root = np.array(anatomy.disc) + anatomy.disc_diameter * np.array([nasal, rng.normal(0, 0.05)])
    trunks: dict[bool, Floats] = {}
    shoots = []
    for course, degrees, relative_width, length, presence in plan:
        angle = float(np.deg2rad(degrees + rng.normal(0, 8)))
        along = np.array([np.cos(angle), np.sin(angle)])
        width = relative_width * calibre * float(rng.normal(1, 0.06))
        away, present = rng.uniform(0.12, 0.42), rng.random() < presence
        start, heading = root, angle
        if course.endswith("arcade"):
            trunks[degrees < 0] = along
        elif course == "macular":
            start = anatomy.cup + 0.5 * anatomy.cup_ratio * anatomy.disc_diameter * along
        elif relative_width > _OWN_ROOT:
            trunk = trunks[degrees < 0]
            start = root + away * anatomy.disc_diameter * trunk
            heading = float(np.angle(complex(*(along + 0.5 * trunk))))
        if present:
            place = (float(start[0]), float(start[1]))
            shoots.append(Shoot(kind, course, place, heading, width, length))
    return shoots


def _fork(
    branch: Branch, number: int, generation: int, anatomy: Anatomy, rng: np.random.Generator
) -> tuple[Branch, list[Shoot]]:
    """Returns the branch, thinner after each fork, and the daughters that leave it."""
    daughters: list[Shoot] = []
    if generation == _N_GENERATIONS - 1:
        return branch, daughters
    branch = replace(branch, widths=branch.widths.copy())
    widths = branch.widths
    spacing = _SPACING[branch.kind][generation]
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
    length = (0.5 + _LENGTH_PER_WIDTH[branch.kind] * width) * float(rng.uniform(0.7, 1.3))
    course: Course = "macular" if inward and near else "outward"
    return Shoot(branch.kind, course, (point[0], point[1]), heading, width, length, mother)
