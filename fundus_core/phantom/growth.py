"""How vessels grow: step by step, each on ground that no vessel of its kind holds.

Many shoots grow together, as rows of arrays. Each is drawn to a preferred direction and deviates
from it at random, with a memory of its last deviation. It ends where it would meet a vessel of
its own kind, at the avascular centre of the fovea, or outside the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy, Point

Kind = Literal["artery", "vein"]
Course = Literal["upper arcade", "lower arcade", "macular", "outward"]
Floats: TypeAlias = NDArray[np.float64]
Complexes: TypeAlias = NDArray[np.complex128]
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

_CELLS = 260
"""Cells per side of the map on which a shoot notices vessels in its way."""

_MAP_CENTRE = (1.0, 0.0)
"""Between fovea and disc, in the eye's own frame."""

_MAP_REACH = 5.6
"""The map covers this much to each side of its centre; vessels end beyond it. No photograph of up
to 50 degrees sees further."""

_FREE, _SHARED, _WALL = 0, -1, -2
"""What a cell of the map holds besides the number of a vessel: nobody, everybody (the disc), or
nobody ever."""

_STEPS_ON_DISC = 9
_WINDING_ON_DISC = 2.0
"""Trunks wind this much more while they climb out of the cup."""

_STEPS_BESIDE_MOTHER = 8
"""So long a daughter may stand on her mother's ground."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One vessel from where it leaves its mother to its end."""

    kind: Kind

    course: Course
    """Which way it grows."""

    points: Floats
    """Shape (n, 2), n at least 6: x and y of the centre line."""

    widths: Floats
    """Shape (n,): diameter at each point, in the unit of the points."""

    pinch: Floats | None = None
    """Shape (n,): share of the width lost where an artery nicks this vein; None for nowhere."""

    def framed(self, fovea: Point, scale: float) -> "Branch":
        """Returns the vessel as a photograph shows it, as `Anatomy.framed` does.

        Args:
            fovea: Where the photograph has the fovea; this vessel has it at the origin.
            scale: Half sides of the picture per unit of the eye's own frame.
        """
        points, widths = fovea + scale * self.points, scale * self.widths
        return Branch(self.kind, self.course, points, widths, self.pinch)


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
    """Where the vessels grow, and who stands where: one map for arteries, one for veins.

    Places are complex numbers here, x + y * 1j: directions turn by multiplying.
    """

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator) -> None:
        self._anatomy = anatomy
        self._rng = rng
        self._disc, self._fovea = complex(*anatomy.disc), complex(*anatomy.fovea)
        self._owners = np.tile(_empty_map(anatomy).ravel(), len(KINDS))
        self._count = 0

    def grow(self, shoots: Sequence[Shoot]) -> list[tuple[int, Branch]]:
        """Grows all shoots at the same time; returns those that got somewhere, numbered."""
        if not shoots:
            return []
        rows = _Rows.of(shoots, self._count + 1, self._disc, self._fovea)
        self._count += len(shoots)
        path, n_steps = self._walk(rows)
        grown = []
        for row, shoot in enumerate(shoots):
            n = int(n_steps[row])
            if n >= _FEWEST_STEPS:
                points = np.stack([path[:n, row].real, path[:n, row].imag], axis=1)
                widths = shoot.width * self._anatomy.disc_diameter * _taper(n)
                branch = Branch(shoot.kind, shoot.course, points, widths)
                grown.append((int(rows.number[row]), branch))
        return grown

    def _walk(self, rows: "_Rows") -> tuple[Complexes, Integers]:
        """Returns paths of shape (T, n) and how many of the T points each shoot reached."""
        step = STEP * self._anatomy.disc_diameter
        position, heading = rows.start, rows.heading
        winding = self._anatomy.tortuosity * np.where(rows.mother == 0, 0.028, 0.048)
        deviation = np.zeros_like(heading)
        course = np.exp(1j * heading)
        alive = np.ones(heading.shape, dtype=bool)
        path, n_steps = [position], np.ones(heading.shape, dtype=np.int64)
        noise = winding * self._rng.standard_normal((int(rows.limit.max()), len(heading)))
        on_disc = _WINDING_ON_DISC / max(self._anatomy.tortuosity, 1.0)
        noise[:_STEPS_ON_DISC, rows.mother == 0] *= on_disc
        arched = bool(rows.arcade.any())
        heights = self._arcade_heights(rows)
        for t, push in enumerate(noise):
            deviation = 0.8 * deviation + push
            goal = rows.goal_sign * position + rows.goal_offset
            if arched:
                goal = np.where(
                    rows.arcade != 0, self._along_arcade(position, rows.arcade, heights), goal
                )
            # The imaginary part is the sine of the angle from the course to the goal.
            turn = (course.conj() * goal).imag / (np.abs(goal) + 1e-9)
            heading = heading + rows.pull * turn + deviation
            course = np.exp(1j * heading)
            position = position + step * alive * course
            alive = alive & (t < rows.limit) & self._settle(position, rows, t)
            if not alive.any():
                break
            n_steps += alive
            path.append(position)
        return np.stack(path), n_steps

    def _arcade_heights(self, rows: "_Rows") -> Floats:
        """Returns how far from the fovea each shoot passes; veins a little nearer than arteries."""
        upper, lower = self._anatomy.arcade_heights
        apart = np.where(rows.kind == 0, 0.12, -0.12) * self._anatomy.disc_diameter
        return np.asarray(np.where(rows.arcade < 0, upper, lower) + apart)

    def _along_arcade(self, position: Complexes, arcade: Floats, heights: Floats) -> Complexes:
        """Returns the direction along an arch over or under the macula.

        The arch is an ellipse around the fovea through the disc; on the temporal side it is twice
        as long, so that the vessels run out towards the edge of the picture.
        """
        x = position.real - self._fovea.real
        y = (position.imag - self._fovea.imag) * arcade
        half_length = np.where(x > 0, 2.45, 5.0) * self._anatomy.disc_diameter
        along, up = x / half_length, y / heights
        away_x, away_y = along / half_length, up / heights
        back = np.minimum(np.maximum(1.2 * (1 - along * along - up * up), -0.8), 0.8)
        across = back * away_x - away_y
        return np.asarray(across + 1j * arcade * (away_x + back * away_y))

    def _settle(self, position: Complexes, rows: "_Rows", t: int) -> Booleans:
        """Says which shoots stand on free ground after step t, and lets them occupy it."""
        cells = _cells(position) + rows.kind * _CELLS**2
        owner = self._owners[cells]
        free = (owner <= _FREE) | (owner == rows.number) | (rows.mother == 0)
        if t < _STEPS_BESIDE_MOTHER:
            free |= owner == rows.mother
        free &= owner != _WALL
        taken = free & (owner == _FREE)
        self._owners[cells[taken]] = rows.number[taken]
        return np.asarray(free)


def _cells(position: Complexes) -> Integers:
    """Returns the numbers of the cells of the map that hold the places."""
    scale = _CELLS / 2 / _MAP_REACH
    column = ((position.real + (_MAP_REACH - _MAP_CENTRE[0])) * scale).astype(np.int64)
    row = ((position.imag + (_MAP_REACH - _MAP_CENTRE[1])) * scale).astype(np.int64)
    return np.asarray(row * _CELLS + column)


def _empty_map(anatomy: Anatomy) -> Integers:
    """Returns the ground before anything grows: free, but for walls and the shared disc."""
    axis = (np.arange(_CELLS) + 0.5) * (2 * _MAP_REACH / _CELLS) - _MAP_REACH
    x, y = axis + _MAP_CENTRE[0], axis[:, None] + _MAP_CENTRE[1]

    def around(centre: Point, radius: float) -> Booleans:
        return np.asarray((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2)

    ground = np.full((_CELLS, _CELLS), _FREE, dtype=np.int64)
    ground[around(anatomy.disc, 0.55 * anatomy.disc_diameter)] = _SHARED
    ground[around(anatomy.fovea, _AVASCULAR * anatomy.disc_diameter)] = _WALL
    # Thicker than a step is long: who walks into the wall does not leave the map.
    ground[~around(_MAP_CENTRE, 0.97 * _MAP_REACH)] = _WALL
    return ground


@dataclass(frozen=True, slots=True)
class _Rows:
    """The n shoots of a generation, one per row."""

    number: Integers
    mother: Integers
    kind: Integers
    """Index into `KINDS`."""

    start: Complexes
    heading: Floats
    limit: Integers
    """Most steps to take."""

    pull: Floats
    goal_sign: Floats
    """-1 for shoots drawn to the fovea, +1 for those that shy away from the disc."""

    goal_offset: Complexes
    """The fovea, or the disc's negative."""

    arcade: Floats
    """-1 for the upper arcade, +1 for the lower, 0 for other vessels."""

    @classmethod
    def of(
        cls, shoots: Sequence[Shoot], first_number: int, disc: complex, fovea: complex
    ) -> "_Rows":
        """Returns the shoots as arrays, numbered from `first_number`."""
        side = {"upper arcade": -1.0, "lower arcade": 1.0}
        macular = np.array([shoot.course == "macular" for shoot in shoots])
        return cls(
            number=np.arange(first_number, first_number + len(shoots)),
            mother=np.array([shoot.mother for shoot in shoots]),
            kind=np.array([KINDS.index(shoot.kind) for shoot in shoots]),
            start=np.array([complex(*shoot.start) for shoot in shoots]),
            heading=np.array([shoot.heading for shoot in shoots]),
            limit=np.array([round(shoot.length / STEP) for shoot in shoots]),
            pull=np.array([_PULL[shoot.course] for shoot in shoots]),
            goal_sign=np.where(macular, -1.0, 1.0),
            goal_offset=np.where(macular, fovea, -disc),
            arcade=np.array([side.get(shoot.course, 0.0) for shoot in shoots]),
        )


@lru_cache(maxsize=256)
def _taper(n: int) -> Floats:
    """Returns relative widths at n points of a vessel: 1 at its start, pointed at its end."""
    t = np.arange(n) / (n - 1)
    tip = np.sqrt(np.minimum(np.maximum((1 - t) * max(n / 12, 1.0), 0.06), 1.0))
    taper = np.asarray((1 - 0.2 * t) * tip)
    taper.setflags(write=False)
    return taper
