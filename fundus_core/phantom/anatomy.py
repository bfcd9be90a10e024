"""Where things lie in an eye: disc, cup, fovea, and what the two eyes of a patient share.

Everything is laid out in one frame, the nasal side to the right, as a right eye is photographed.
A left eye is drawn in the same frame and mirrored as a whole. Points are (x, y) with y down,
lengths in half sides of the picture.
"""

from dataclasses import dataclass, replace

import numpy as np

from fundus_core.phantom.field import FieldOfView

Point = tuple[float, float]

DISC_FOVEA_DIAMETERS = 2.5
"""Average distance from the centre of the disc to the fovea, in disc diameters."""

LARGEST_HEALTHY_CUP = 0.58
"""Vertical cup-to-disc ratios of eyes without glaucoma stay below."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One eye, laid out in the picture."""

    disc: Point
    """Centre of the optic disc."""

    disc_diameter: float
    """Vertical diameter of the disc; a little below or above the average of the field of view."""

    disc_width: float
    """Horizontal diameter over the vertical one; about 0.9."""

    cup_ratio: float
    """Vertical diameter of the cup over that of the disc, in (0, 1)."""

    fovea: Point

    arcade_heights: tuple[float, float]
    """How far above and below the fovea the large temporal vessels pass."""

    tortuosity: float
    """How much vessels wind; 1 is usual."""

    vessel_calibre: float
    """Width of every vessel relative to the usual one."""

    pigmentation: float
    """Melanin, from 0 (pale fundus) to 1 (dark fundus)."""

    tessellation: float
    """How clearly the choroidal vessels shine through, from 0 to 1."""

    macula: float
    """Optical depth of the macular pigment; about 0.6."""

    sheen: float
    """Brightness of the nerve-fibre layer's reflexes, from 0 to 1; strongest in the young."""

    crescent: float
    """Width of the pale crescent at the temporal edge of the disc, in disc diameters."""

    @property
    def cup(self) -> Point:
        """Centre of the cup: a little to the temporal side of that of the disc."""
        return (self.disc[0] - 0.04 * self.disc_diameter, self.disc[1])

    @property
    def disc_fovea_diameters(self) -> float:
        """Distance from the centre of the disc to the fovea, in disc diameters."""
        distance = np.hypot(self.disc[0] - self.fovea[0], self.disc[1] - self.fovea[1])
        return float(distance / self.disc_diameter)


def sample_anatomy(rng: np.random.Generator, field: FieldOfView, age: int) -> Anatomy:
    """Returns what the two eyes of a patient have in common, centred on the macula."""
    diameter = field.disc_diameter * float(np.clip(rng.normal(1, 0.05), 0.88, 1.12))
    distance = diameter * DISC_FOVEA_DIAMETERS * float(np.clip(rng.normal(1, 0.04), 0.9, 1.1))
    drop = diameter * float(np.clip(rng.normal(0.28, 0.1), 0.0, 0.55))
    disc = (float(np.sqrt(distance**2 - drop**2)), -drop)
    heights = diameter * np.clip(rng.normal(2.25, 0.2, size=2), 1.8, 2.7)
    youth = float(np.clip((70 - age) / 40, 0, 1))
    return Anatomy(
        disc=disc,
        disc_diameter=diameter,
        disc_width=float(np.clip(rng.normal(0.91, 0.04), 0.8, 1.0)),
        cup_ratio=float(np.clip(rng.normal(0.4, 0.09), 0.18, LARGEST_HEALTHY_CUP)),
        fovea=(0.0, 0.0),
        arcade_heights=(float(heights[0]), float(heights[1])),
        tortuosity=float(rng.lognormal(0.0, 0.25)),
        vessel_calibre=float(np.clip(rng.normal(1, 0.08), 0.8, 1.2)),
        pigmentation=float(rng.beta(2, 2)),
        tessellation=0.8 * float(rng.beta(1.2, 3.0)),
        macula=float(rng.uniform(0.35, 0.95)),
        sheen=youth * float(rng.uniform(0.3, 1.0)),
        crescent=float(max(0.0, rng.normal(0.0, 0.06))),
    )


def vary_for_eye(
    shared: Anatomy, rng: np.random.Generator, *, fovea: Point, cup_ratio: float | None
) -> Anatomy:
    """Returns one eye of a patient: the shared anatomy, slightly changed and framed.

    Args:
        shared: What both eyes have in common, with the fovea at the origin.
        rng: Source of the differences between the eyes.
        fovea: Where this photograph has the fovea.
        cup_ratio: The cup-to-disc ratio of a glaucomatous eye; None for a healthy cup.
    """
    shift = 0.04 * shared.disc_diameter * np.clip(rng.standard_normal(2), -2, 2)
    disc = np.array(fovea) + shared.disc + shift
    healthy = float(np.clip(shared.cup_ratio + rng.normal(0, 0.03), 0.15, LARGEST_HEALTHY_CUP))
    upper, lower = shared.arcade_heights * rng.uniform(0.95, 1.05, size=2)
    return replace(
        shared,
        fovea=fovea,
        disc=(float(disc[0]), float(disc[1])),
        cup_ratio=healthy if cup_ratio is None else cup_ratio,
        arcade_heights=(float(upper), float(lower)),
        tortuosity=shared.tortuosity * float(rng.lognormal(0.0, 0.08)),
    )
