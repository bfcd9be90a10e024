"""Where lesions may lie, and what one lesion is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.phantom.anatomy import Anatomy
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.growth import Branch, Kind

LesionKind = Literal[
    "microaneurysm",
    "haemorrhage",
    "hard_exudate",
    "soft_exudate",
    "drusen",
    "nerve_fibre_defect",
    "pigment_change",
    "geographic_atrophy",
    "subretinal_haemorrhage",
    "neovascularisation",
    "laser_scar",
    "peripapillary_atrophy",
    "staphyloma",
    "epiretinal_membrane",
]
Floats: TypeAlias = NDArray[np.float64]

_EDGE = 0.06
"""Lesions keep this distance from the edge of the field of view, in half sides."""

_TRIES = ((6, 1.0), (60, 1.5), (120, 4.0))
"""Random places tried for each lesion, and how much wider they spread; the later ones only for
lesions that have found none."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion."""

    kind: LesionKind

    outline: Floats
    """Shape (n, 2): corners of a closed polygon in half sides of the picture."""

    contrast: float
    """From 0 (invisible) to 1 (as marked as this kind gets)."""

    strands: tuple[Floats, ...] = ()
    """Fine structures inside, each a closed ribbon of shape (m, 2): the vessels of a
    neovascularisation, the folds under a membrane, the cracks in a staphyloma."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where lesions may lie: one eye as it is framed."""

    anatomy: Anatomy
    field: FieldOfView
    vessels: tuple[Branch, ...] = ()

    def allows(
        self, points: Floats, radii: ArrayLike, *, off_disc: float = 0.75, off_fovea: float = 0.15
    ) -> NDArray[np.bool_]:
        """Says which lesions lie in the field, off the disc and off the very fovea.

        Args:
            points: Shape (..., 2): x and y of their centres, in half sides of the picture.
            radii: Broadcast against the points; in half sides.
            off_disc: Least distance from the centre of the disc, in disc diameters.
            off_fovea: Least distance from the fovea, in disc diameters.
        """
        anatomy = self.anatomy
        from_disc = _distance(points, anatomy.disc) / anatomy.disc_diameter
        from_fovea = _distance(points, anatomy.fovea) / anatomy.disc_diameter
        depth = self.field.depth(points[..., 0], points[..., 1])
        inside = depth > _EDGE + np.asarray(radii)
        return np.asarray(inside & (from_disc > off_disc) & (from_fovea > off_fovea))

    def place(
        self,
        rng: np.random.Generator,
        centres: ArrayLike,
        spread: float,
        radii: Floats,
        *,
        off_fovea: float = 0.15,
    ) -> Floats:
        """Returns one allowed place for each radius, normally distributed around centres.

        Args:
            rng: Source of the places.
            centres: Shape (2,), or (n, 2) for each lesion its own; in half sides of the picture.
            spread: Standard deviation in disc diameters.
            radii: Shape (n,): of the lesions, in half sides.
            off_fovea: Least distance from the fovea, in disc diameters.

        Returns:
            Shape (n, 2). Where no place was found, just below the fovea.
        """
        wanted = np.broadcast_to(np.asarray(centres, dtype=np.float64), (len(radii), 2))
        below = np.array([0.0, 0.4 * self.anatomy.disc_diameter])
        places = np.tile(self.anatomy.fovea + below, (len(radii), 1))
        missing = np.arange(len(radii))
        for n_tries, wider in _TRIES:
            noise = wider * rng.standard_normal((n_tries, len(missing), 2))
            tried = wanted[missing] + spread * self.anatomy.disc_diameter * noise
            allowed = self.allows(tried, radii[missing], off_fovea=off_fovea)
            found = allowed.any(axis=0)
            first = allowed.argmax(axis=0)[found]
            places[missing[found]] = tried[first, np.flatnonzero(found)]
            missing = missing[~found]
            if not len(missing):
                break
        return places

    def near_vessels(
        self, rng: np.random.Generator, n: int, *, kind: Kind | None = None, least_width: float = 0
    ) -> Floats:
        """Returns points on vessels, or around the disc where no vessel fits; shape (n, 2).

        Args:
            rng: Source of the choice.
            n: How many points.
            kind: Arteries or veins only.
            least_width: Of the vessels, in disc diameters.
        """
        least = least_width * self.anatomy.disc_diameter
        chosen = [
            branch.points
            for branch in self.vessels
            if kind in (None, branch.kind) and branch.widths[0] >= least
        ]
        scattered = 1.8 * self.anatomy.disc_diameter * rng.standard_normal((n, 2))
        if not chosen:
            return np.asarray(self.anatomy.disc + scattered)
        points = np.concatenate(chosen)
        points = points[self.field.depth(points[:, 0], points[:, 1]) > _EDGE]
        if not len(points):
            return np.asarray(self.anatomy.disc + scattered)
        return np.asarray(points[rng.integers(len(points), size=n)])

    def fibre_headings(self, points: Floats) -> Floats:
        """Returns the direction of the nerve fibres at points (n, 2), in radians, shape (n,).

        Fibres leave the disc along its radii; on the temporal side they arch around the fovea.
        """
        away = points - self.anatomy.disc
        around = points - self.anatomy.fovea
        along = np.stack([-around[:, 1], 0.8 * around[:, 0]], axis=1)
        along *= np.sign((along * away).sum(axis=1, keepdims=True) + 1e-12)
        diameter = self.anatomy.disc_diameter
        share = np.clip(-away[:, :1] / (2.2 * diameter), 0, 1)
        near_raphe = np.exp(-((around[:, 1:] / (0.5 * diameter)) ** 2))
        share = share * (1 - near_raphe)
        mixed = (1 - share) * _unit(away) + share * _unit(along)
        return np.asarray(np.arctan2(mixed[:, 1], mixed[:, 0]))


def lesions_of(kind: LesionKind, outlines: Sequence[Floats], contrasts: ArrayLike) -> list[Lesion]:
    """Returns one lesion of a kind for each outline; contrasts are limited to [0.05, 1]."""
    limited = np.clip(np.broadcast_to(np.asarray(contrasts), len(outlines)), 0.05, 1)
    return [Lesion(kind, outline, float(c)) for outline, c in zip(outlines, limited, strict=True)]


def _distance(points: Floats, centre: tuple[float, float]) -> Floats:
    """Returns how far points (..., 2) are from a centre."""
    return np.asarray(np.hypot(points[..., 0] - centre[0], points[..., 1] - centre[1]))


def _unit(vectors: Floats) -> Floats:
    """Returns vectors (n, 2) at length 1."""
    return np.asarray(vectors / (np.hypot(vectors[:, 0], vectors[:, 1])[:, None] + 1e-12))
