"""What diseases do to grown vessels: wider, thinner, pinched, winding or drawn aside.

The tree itself stays: each vessel keeps its kind, its mother and its number of points, so that an
eye can be recognised from visit to visit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundus_core.phantom.anatomy import Anatomy, Congestion, Drag
from fundus_core.phantom.growth import Branch, Floats

_MEANDER = 0.075
"""How far veins leave their course at a winding of 1, in disc diameters."""

_MEANDER_LENGTHS = (0.75, 0.5)
"""Wave lengths of meanders, in disc diameters."""

_SECTOR_EDGE = 0.2
"""Width in radians over which congestion fades at the edge of its sector."""

_NICKABLE = 0.025
"""Only vessels wider than this, in disc diameters, pinch or are pinched."""

_CROSSING_ANGLE = np.deg2rad(20)
"""Vessels at a smaller angle run beside each other and do not cross."""

_DEEPEST_NICK = 0.85
"""Share of a vein's width lost at a crossing when nicking is 1."""


def with_vessel_signs(tree: Sequence[Branch], anatomy: Anatomy) -> tuple[Branch, ...]:
    """Returns the vessels as the signs in the anatomy have changed them.

    Args:
        tree: Vessels of the healthy eye, in the frame of the anatomy.
        anatomy: With calibres, congestion, drag and nicking.
    """
    changed = []
    for branch in tree:
        calibre = anatomy.artery_calibre if branch.kind == "artery" else anatomy.vein_calibre
        points, widths = branch.points, branch.widths * calibre
        if branch.kind == "vein" and anatomy.congestion is not None:
            dammed = _dammed(points, anatomy, anatomy.congestion)
            widths = widths * (1 + (anatomy.congestion.dilation - 1) * dammed)
            winding = anatomy.congestion.winding * _MEANDER * anatomy.disc_diameter
            points = points + (winding * dammed)[:, None] * _meanders(points, anatomy)
        if anatomy.drag is not None:
            points = _drawn(points, anatomy, anatomy.drag)
        changed.append(Branch(branch.kind, branch.course, points, widths))
    return _nicked(changed, anatomy) if anatomy.nicking > 0 else tuple(changed)


def _dammed(points: Floats, anatomy: Anatomy, congestion: Congestion) -> Floats:
    """Returns how much blood is dammed up at each point: 1 in the sector, 0 outside."""
    if congestion.half_angle >= np.pi:
        return np.ones(len(points))
    x, y = (points - anatomy.disc).T
    off = np.arctan2(y, x) - congestion.towards
    off = np.abs((off + np.pi) % (2 * np.pi) - np.pi)
    inside = np.clip((congestion.half_angle - off) / _SECTOR_EDGE + 0.5, 0, 1)
    away = np.clip(np.hypot(x, y) / anatomy.disc_diameter - 0.4, 0, 1)
    return np.asarray(inside * away)


def _meanders(points: Floats, anatomy: Anatomy) -> Floats:
    """Returns displacements of length about 1 that change from place to place, shape (n, 2).

    They depend on the place alone, so that daughters stay with their mothers.
    """
    x, y = ((points - anatomy.disc) / anatomy.disc_diameter).T
    long, short = (2 * np.pi / length for length in _MEANDER_LENGTHS)
    right = np.sin(long * y + 1.0) + 0.6 * np.sin(short * (0.6 * x - 0.8 * y) + 2.0)
    down = np.sin(long * x + 0.5) + 0.6 * np.sin(short * (0.8 * x + 0.6 * y) + 4.0)
    return np.stack([right, down], axis=1)


def _drawn(points: Floats, anatomy: Anatomy, drag: Drag) -> Floats:
    """Returns points drawn to the membrane's centre, the more the nearer they are."""
    towards = drag.centre - points
    reach = drag.reach * anatomy.disc_diameter
    pull = 0.55 * drag.strength * np.exp(-(towards**2).sum(axis=1) / reach**2)
    return np.asarray(points + pull[:, None] * towards)


def _nicked(tree: Sequence[Branch], anatomy: Anatomy) -> tuple[Branch, ...]:
    """Returns the tree with veins pinched where arteries cross them."""
    least = _NICKABLE * anatomy.disc_diameter
    crossing = [b for b in tree if b.kind == "artery" and b.widths[0] > least]
    crossed = [b.kind == "vein" and bool(b.widths[0] > least) for b in tree]
    if not crossing or not any(crossed):
        return tuple(tree)
    arteries = _Course.of(crossing, least)
    return tuple(
        _pinched(branch, arteries, anatomy, least) if concerned else branch
        for branch, concerned in zip(tree, crossed, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """Points of arteries wide enough to pinch a vein."""

    points: Floats
    angles: Floats
    """Direction of the artery at each point, in radians."""

    widths: Floats

    @classmethod
    def of(cls, arteries: Sequence[Branch], least: float) -> "_Course":
        """Returns the points of arteries where they are wider than `least`."""
        widths = np.concatenate([branch.widths for branch in arteries])
        points = np.concatenate([branch.points for branch in arteries])
        angles = np.concatenate([_direction(branch.points) for branch in arteries])
        wide = widths > least
        return cls(points[wide], angles[wide], widths[wide])


def _pinched(vein: Branch, arteries: _Course, anatomy: Anatomy, least: float) -> Branch:
    """Returns a vein that is narrower the nearer an artery crosses it."""
    x, y = (arteries.points - vein.points[:, None]).transpose(2, 0, 1)  # (vein, artery points)
    apart = np.abs(np.sin(arteries.angles - _direction(vein.points)[:, None]))
    crosses = (apart > np.sin(_CROSSING_ANGLE)) & (vein.widths[:, None] > least)
    reach = 0.5 * (arteries.widths + vein.widths[:, None])
    near = np.where(crosses, np.exp(-(x * x + y * y) / reach**2), 0.0).max(axis=1)
    on_disc = np.hypot(*(vein.points - anatomy.disc).T) < 0.5 * anatomy.disc_diameter
    pinch = _DEEPEST_NICK * anatomy.nicking * np.where(on_disc, 0.0, near)
    return replace(vein, widths=vein.widths * (1 - pinch), pinch=pinch)


def _direction(points: Floats) -> Floats:
    """Returns the direction in radians at each point of a vessel."""
    along = np.gradient(points, axis=0)
    return np.asarray(np.arctan2(along[:, 1], along[:, 0]))
