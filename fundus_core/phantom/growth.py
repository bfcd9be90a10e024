"""How vessels grow: step by step, each on ground that no vessel of its kind holds.

Many shoots grow together, as rows of arrays. Each is drawn to a preferred direction and deviates
from it at random, with a memory of its last deviation. It ends where it would meet a vessel of
its own kind, at the avascular centre of the fovea, or outside the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy

Kind = Literal["artery", "vein"]
Course = Literal["upper arcade", "lower arcade", "macular", "outward"]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Booleans: TypeAlias = NDArray[np.bool_]

KINDS: tuple[Kind, ...] = ("artery", "vein")
STEP = 0.065
"""Length of one step of growth, in disc diameters."""

_FEWEST_STEPS = 6
"""Shoots that end sooner are left out."""

_AVASCULAR = 0.3
"""Radius around the fovea free of vessels, in disc diameters."""

_PULL = {"upper arcade": 0.16, "lower arcade": 0.16, "macular": 0.035, "outward": 0.025}
"""How fast a vessel turns to its preferred direction, per step."""

_CELLS = 200
"""Cells per side of the map on which a shoot notices vessels in its way."""

_MAP_REACH = 1.15
"""The map covers coordinates up to this; vessels end beyond it."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One vessel from where it leaves its mother to its end."""

    kind: Kind

    course: Course
    """Which way it grows."""

    points: Floats
    """Shape (n, 2), n at least 6: x and y of the centre line."""

    widths: Floats
    """Shape (n,): diameter at each point, in half sides of the picture."""


@dataclass(frozen=True, slots=True)
class Shoot:
    """A vessel about to grow."""

    kind: Kind
    course: Course
    start: tuple[float, float]

    heading: float
    """Direction of growth in radians; 0 points to the right, a quarter turn down."""

    width: float
    """In disc diameters."""

    length: float
    """In disc diameters."""

    mother: int = 0
    """Number of the mother on the map; 0 for a trunk."""


class Ground:
    """Where the vessels grow, and who stands where: one map for arteries, one for veins."""

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator) -> None:
        self._anatomy = anatomy
        self._rng = rng
        self._owners = np.zeros((len(KINDS), _CELLS, _CELLS), dtype=np.int64)
        self._count = 0

    def grow(self, shoots: Sequence[Shoot]) -> list[tuple[int, Branch]]:
        """Grows all shoots at the same time; returns those that got somewhere, numbered."""
        if not shoots:
            return []
        rows = _Rows.of(shoots, self._count + 1)
        self._count += len(shoots)
        path, n_steps = self._walk(rows)
        grown = []
        for row, shoot in enumerate(shoots):
            n = int(n_steps[row])
            if n >= _FEWEST_STEPS:
                widths = shoot.width * self._anatomy.disc_diameter * _taper(n)
                branch = Branch(shoot.kind, shoot.course, path[:n, row], widths)
                grown.append((int(rows.number[row]), branch))
        return grown

    def _walk(self, rows: "_Rows") -> tuple[Floats, Integers]:
        """Returns paths of shape (T, n, 2) and how many of the T points each shoot reached."""
        step = STEP * self._anatomy.disc_diameter
        position, heading = rows.start, rows.heading
        winding = self._anatomy.tortuosity * np.where(rows.mother == 0, 0.028, 0.04)
        deviation = np.zeros_like(heading)
        alive = np.ones(heading.shape, dtype=bool)
        path, n_steps = [position], np.ones(heading.shape, dtype=np.int64)
        noise = winding * self._rng.standard_normal((int(rows.limit.max()), len(heading)))
        for t, push in enumerate(noise):
            deviation = 0.8 * deviation + push
            wanted = self._preferred(position, rows)
            heading = heading + rows.pull * np.sin(wanted - heading) + deviation
            position = position + step * np.stack([np.cos(heading), np.sin(heading)], axis=1)
            alive = alive & (t < rows.limit) & self._settle(position, rows, t)
            if not alive.any():
                break
            n_steps += alive
            path.append(position)
        return np.stack(path), n_steps

    def _preferred(self, position: Floats, rows: "_Rows") -> Floats:
        """Returns the direction in which each shoot is drawn."""
        from_disc = position - self._anatomy.disc
        to_fovea = self._anatomy.fovea - position
        goal = np.where(rows.macular[:, None], to_fovea, from_disc)
        wanted = np.arctan2(goal[:, 1], goal[:, 0])
        if rows.arcade.any():
            along = self._arcade_direction(position, rows)
            wanted = np.where(rows.arcade != 0, along, wanted)
        return np.asarray(wanted)

    def _arcade_direction(self, position: Floats, rows: "_Rows") -> Floats:
        """Returns the direction along an arch over or under the macula.

        The arch is an ellipse around the fovea through the disc; on the temporal side it is twice
        as long, so that the vessels run out towards the edge of the picture.
        """
        upper, lower = self._anatomy.arcade_heights
        diameter = self._anatomy.disc_diameter
        apart = np.where(rows.kind == 0, 0.12, -0.12) * diameter
        height = np.where(rows.arcade < 0, upper, lower) + apart
        x = position[:, 0] - self._anatomy.fovea[0]
        y = (position[:, 1] - self._anatomy.fovea[1]) * rows.arcade
        half_length = np.where(x > 0, 2.45, 5.0) * diameter
        away = np.stack([x / half_length**2, y / height**2])
        away = away / (np.hypot(*away) + 1e-9)
        level = (x / half_length) ** 2 + (y / height) ** 2
        back = np.clip(1.2 * (1 - level), -0.8, 0.8)
        down = rows.arcade * (away[0] + back * away[1])
        return np.asarray(np.arctan2(down, -away[1] + back * away[0]))

    def _settle(self, position: Floats, rows: "_Rows", t: int) -> Booleans:
        """Says which shoots stand on free ground after step t, and lets them occupy it."""
        cells = ((position + _MAP_REACH) * (_CELLS / 2 / _MAP_REACH)).astype(np.int64)
        inside = ((cells >= 0) & (cells < _CELLS)).all(axis=1)
        column, row = np.clip(cells, 0, _CELLS - 1).T
        owner = self._owners[rows.kind, row, column]
        diameter = self._anatomy.disc_diameter
        on_disc = np.hypot(*(position - self._anatomy.disc).T) < 0.55 * diameter
        central = np.hypot(*(position - self._anatomy.fovea).T) < _AVASCULAR * diameter
        mine = (owner == 0) | (owner == rows.number) | ((owner == rows.mother) & (t < 8))
        free = inside & ~central & (mine | on_disc | (rows.mother == 0))
        taken = free & ~on_disc & (owner == 0)
        self._owners[rows.kind[taken], row[taken], column[taken]] = rows.number[taken]
        return np.asarray(free)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The n shoots of a generation, one per row."""

    number: Integers
    mother: Integers
    kind: Integers
    """Index into `KINDS`."""

    start: Floats
    heading: Floats
    limit: Integers
    """Most steps to take."""

    pull: Floats
    macular: Booleans
    arcade: Floats
    """-1 for the upper arcade, +1 for the lower, 0 for other vessels."""

    @classmethod
    def of(cls, shoots: Sequence[Shoot], first_number: int) -> "_Rows":
        """Returns the shoots as arrays, numbered from `first_number`."""
        side = {"upper arcade": -1.0, "lower arcade": 1.0}
        return cls(
            number=np.arange(first_number, first_number + len(shoots)),
            mother=np.array([shoot.mother for shoot in shoots]),
            kind=np.array([KINDS.index(shoot.kind) for shoot in shoots]),
            start=np.array([shoot.start for shoot in shoots]),
            heading=np.array([shoot.heading for shoot in shoots]),
            limit=np.array([round(shoot.length / STEP) for shoot in shoots]),
            pull=np.array([_PULL[shoot.course] for shoot in shoots]),
            macular=np.array([shoot.course == "macular" for shoot in shoots]),
            arcade=np.array([side.get(shoot.course, 0.0) for shoot in shoots]),
        )


def _taper(n: int) -> Floats:
    """Returns relative widths at n points of a vessel: 1 at its start, pointed at its end."""
    t = np.linspace(0, 1, n)
    tip = np.sqrt(np.clip((1 - t) * max(n / 12, 1.0), 0.06, 1.0))
    return np.asarray((1 - 0.2 * t) * tip)
