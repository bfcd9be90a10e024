"""Where things lie in an eye: disc, cup, fovea, and what the two eyes of a patient share.

The nasal side is to the right, as a right eye is photographed; a left eye is drawn in the same way
and mirrored as a whole. Points are (x, y) with y down. An eye is laid out in its own frame, with
the fovea at the origin and the average disc diameter as unit; each photograph frames it anew, and
from then on lengths are in half sides of the picture.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

DISC_FOVEA_DIAMETERS = 2.5
"""Average distance from the centre of the disc to the fovea, in disc diameters."""

LARGEST_HEALTHY_CUP = 0.58
"""Vertical cup-to-disc ratios of eyes without glaucoma stay below."""

_WIDEST_CUP = 0.97
"""How far a notch of depth 1 lets the cup reach, in disc radii."""

_NOTCH_WIDTH = 0.45
"""Radians from the middle of a notch to where it has a third of its depth."""


@dataclass(frozen=True, slots=True)
class Congestion:
    """Blood dammed up: veins of a sector are wide and winding."""

    towards: float
    """Middle of the sector as seen from the disc, in radians; 0 is nasal, a quarter turn down."""

    half_angle: float
    """Half the sector's angle in radians; pi for the whole eye."""

    dilation: float
    """Width of the veins relative to the usual one, at least 1."""

    winding: float
    """How much they meander; 0 is usual, 1 is a lot."""


@dataclass(frozen=True, slots=True)
class Drag:
    """A membrane that has shrunk and drawn the vessels with it."""

    centre: Point
    """Where it pulls to, in the frame of the anatomy."""

    reach: float
    """How far away vessels are drawn, in disc diameters."""

    strength: float
    """From 0 (not drawn) to 1 (as far as possible without folding)."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One eye, in its own frame or framed by a photograph."""

    disc: Point
    """Centre of the optic disc."""

    disc_diameter: float
    """Vertical diameter of the disc; in the eye's own frame about 1."""

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

    artery_calibre: float = 1.0
    """Width of the arteries relative to the usual one of this eye."""

    vein_calibre: float = 1.0
    """Width of the veins relative to the usual one of this eye."""

    nicking: float = 0.0
    """How strongly arteries pinch the veins they cross, from 0 to 1."""

    notch: tuple[float, float] = (0.0, 0.0)
    """Where the rim of the disc is lost: clock angle in radians, and depth from 0 to 1 (gone)."""

    congestion: Congestion | None = None
    """Veins behind an occlusion; None where blood flows freely."""

    drag: Drag | None = None
    """What pulls the vessels out of their course; None where nothing does."""

    @property
    def cup(self) -> Point:
        """Centre of the cup: a little to the temporal side of that of the disc."""
        return (self.disc[0] - 0.04 * self.disc_diameter, self.disc[1])

    @property
    def disc_fovea_diameters(self) -> float:
        """Distance from the centre of the disc to the fovea, in disc diameters."""
        distance = np.hypot(self.disc[0] - self.fovea[0], self.disc[1] - self.fovea[1])
        return float(distance / self.disc_diameter)

    def cup_reach(self, angle: NDArray[np.floating]) -> NDArray[np.floating]:
        """Returns how far the cup reaches at clock angles around its centre, in disc radii.

        It is `cup_ratio`, and more where the rim is notched.
        """
        towards, depth = self.notch
        off = np.abs((angle - towards + np.pi) % (2 * np.pi) - np.pi)
        lost = depth * max(0.0, _WIDEST_CUP - self.cup_ratio)
        return np.asarray(self.cup_ratio + lost * np.exp(-((off / _NOTCH_WIDTH) ** 2)))

    def cup_outline(self) -> NDArray[np.float64]:
        """Returns 72 corners of the cup's edge, shape (72, 2)."""
        angle = np.linspace(-np.pi, np.pi, 72, endpoint=False)
        reach = self.cup_reach(angle) * self.disc_diameter / 2
        sides = [self.disc_width * reach * np.cos(angle), reach * np.sin(angle)]
        return np.asarray(self.cup + np.stack(sides, axis=1))

    def framed(self, fovea: Point, scale: float) -> "Anatomy":
        """Returns the eye as a photograph shows it.

        Args:
            fovea: Where the photograph has the fovea, in half sides of the picture.
            scale: Half sides per unit of this frame.
        """

        def place(point: Point) -> Point:
            return (
                fovea[0] + scale * (point[0] - self.fovea[0]),
                fovea[1] + scale * (point[1] - self.fovea[1]),
            )

        upper, lower = self.arcade_heights
        return replace(
            self,
            disc=place(self.disc),
            disc_diameter=scale * self.disc_diameter,
            fovea=fovea,
            arcade_heights=(scale * upper, scale * lower),
            drag=self.drag and replace(self.drag, centre=place(self.drag.centre)),
        )


def sample_anatomy(rng: np.random.Generator, age: int) -> Anatomy:
    """Returns what the two eyes of a patient have in common, in the eye's own frame."""
    diameter = float(np.clip(rng.normal(1, 0.05), 0.88, 1.12))
    distance = diameter * DISC_FOVEA_DIAMETERS * float(np.clip(rng.normal(1, 0.04), 0.9, 1.1))
    drop = diameter * float(np.clip(rng.normal(0.28, 0.1), 0.0, 0.55))
    heights = diameter * np.clip(rng.normal(2.25, 0.2, size=2), 1.8, 2.7)
    youth = float(np.clip((70 - age) / 40, 0, 1))
    return Anatomy(
        disc=(float(np.sqrt(distance**2 - drop**2)), -drop),
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


def vary_for_eye(shared: Anatomy, rng: np.random.Generator) -> Anatomy:
    """Returns one eye of a patient: the shared anatomy, slightly changed."""
    shift = 0.04 * shared.disc_diameter * np.clip(rng.standard_normal(2), -2, 2)
    cup = float(np.clip(shared.cup_ratio + rng.normal(0, 0.03), 0.15, LARGEST_HEALTHY_CUP))
    upper, lower = shared.arcade_heights * rng.uniform(0.95, 1.05, size=2)
    return replace(
        shared,
        disc=(float(shared.disc[0] + shift[0]), float(shared.disc[1] + shift[1])),
        cup_ratio=cup,
        arcade_heights=(float(upper), float(lower)),
        tortuosity=shared.tortuosity * float(rng.lognormal(0.0, 0.08)),
    )
