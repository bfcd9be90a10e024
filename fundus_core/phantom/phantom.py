"""One synthetic fundus photograph of one eye, with everything that is known about it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy, Point, sample_anatomy, vary_for_eye
from fundus_core.phantom.camera import (
    CAMERAS,
    Camera,
    Exposure,
    photograph,
    sample_exposure,
    sample_field,
)
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.growth import Branch
from fundus_core.phantom.lesion_drawing import draw_mask
from fundus_core.phantom.lesions import Lesion, Site, place_lesions
from fundus_core.phantom.patients import Eye, Patient, Visit, generator_of
from fundus_core.phantom.retina import BloodVessels, draw_retina
from fundus_core.phantom.signs import with_signs
from fundus_core.phantom.vessel_drawing import draw_vessel_mask, draw_vessels
from fundus_core.phantom.vessel_signs import with_vessel_signs
from fundus_core.phantom.vessels import grow_vessels

_DISC_MARGIN = 0.2
"""The disc's centre stays this far inside the field of view, in half sides of the picture."""

_DISC_ROOM = 0.65
"""And at least this far, in average disc diameters."""


@dataclass(frozen=True, slots=True)
class EyeModel:
    """An eye ready to be photographed, in the frame of a right eye (nasal side to the right)."""

    anatomy: Anatomy
    field: FieldOfView
    vessels: tuple[Branch, ...]
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True, slots=True)
class Phantom:
    """A synthetic photograph and its truth; S is the side of all in pixels."""

    picture: NDArray[np.uint8]
    """Shape (S, S, 3): red, green, blue. A right eye has its disc on the right."""

    mask: NDArray[np.uint16]
    """Shape (S, S): per pixel the sum of `LESION_BITS`, `DISC_BIT` and `CUP_BIT`; 0 outside the
    field of view."""

    vessels: NDArray[np.uint8]
    """Shape (S, S): 0 no vessel, 1 artery, 2 vein, 3 both; 4 more where an artery nicks a vein."""

    model: EyeModel
    """What was drawn; for a left eye it is mirrored in the picture and both masks."""

    exposure: Exposure
    """How the photograph was taken."""

    eye: Eye

    @property
    def fovea(self) -> Point:
        """Where the picture has the fovea: x and y in pixels, (0, 0) the first pixel's centre."""
        x, y = self.model.anatomy.fovea
        size = len(self.mask)
        seen = -x if self.eye == "OS" else x
        return ((seen + 1) * size / 2 - 0.5, (y + 1) * size / 2 - 0.5)


def draw_phantom(
    patient: Patient, visit: Visit, eye: Eye, size: int, *, exposure: Exposure | None = None
) -> Phantom:
    """Returns the photograph of one eye; the same arguments give the same pixels.

    Args:
        patient: As `plan_patients` returns them.
        visit: One of the patient's visits.
        eye: Right (OD) or left (OS).
        size: Side of the picture in pixels, 64 or more.
        exposure: How the photograph is taken; None for the day's own chance.
    """
    camera = CAMERAS[patient.camera]
    sensor, day = patient.generator(eye, visit).spawn(2)
    model = build_eye(patient, visit, eye)
    vessels = BloodVessels(
        arteries=draw_vessels([b for b in model.vessels if b.kind == "artery"], size),
        veins=draw_vessels([b for b in model.vessels if b.kind == "vein"], size),
    )
    texture = patient.generator(eye).spawn(4)[3]
    light = draw_retina(model.anatomy, vessels, model.lesions, texture)
    mask = draw_mask(model.lesions, model.anatomy, model.field, size)
    vessel_mask = draw_vessel_mask(model.vessels, model.field, size)
    if eye == "OS":
        light = np.ascontiguousarray(light[..., ::-1])
        mask = np.ascontiguousarray(mask[:, ::-1])
        vessel_mask = np.ascontiguousarray(vessel_mask[:, ::-1])
    if exposure is None:
        exposure = sample_exposure(day, camera, haze=_haze(patient, visit))
    picture = photograph(light, model.field, camera, exposure, sensor)
    return Phantom(picture, mask, vessel_mask, model, exposure, eye)


def build_eye(patient: Patient, visit: Visit, eye: Eye) -> EyeModel:
    """Returns anatomy, vessels and lesions of one eye, framed as the visit's photograph has it.

    Anatomy and vessels are the same at each visit, but for what the diseases have done since.
    """
    camera = CAMERAS[patient.camera]
    framing = patient.generator(eye, visit).spawn(3)[2]
    signs, places = patient.generator(eye).spawn(4)[1:3]
    healthy, tree = _healthy_eye(patient.seed, patient.index, eye, patient.visits[0].age)
    severity = visit.severity[eye]
    anatomy = with_signs(healthy, severity, signs)
    field = sample_field(camera, framing)
    scale = field.disc_diameter
    fovea = _aim(camera, field, healthy, framing)
    vessels = tuple(b.framed(fovea, scale) for b in with_vessel_signs(tree, anatomy))
    anatomy = anatomy.framed(fovea, scale)
    lesions = place_lesions(Site(anatomy, field), severity, places, vessels=vessels)
    return EyeModel(anatomy, field, vessels, lesions)


@lru_cache(maxsize=8)
def _healthy_eye(seed: int, index: int, eye: Eye, age: int) -> tuple[Anatomy, tuple[Branch, ...]]:
    """Returns anatomy and vessels as they would be without disease, in the eye's own frame."""
    shared = sample_anatomy(generator_of(seed, index, "shared"), age)
    rng = generator_of(seed, index, eye).spawn(1)[0]
    anatomy = vary_for_eye(shared, rng)
    return anatomy, grow_vessels(anatomy, rng)


def _aim(camera: Camera, field: FieldOfView, eye: Anatomy, rng: np.random.Generator) -> Point:
    """Returns where the photograph has the fovea, such that the whole disc is in the field."""
    x, y = rng.normal([camera.fovea_x, 0.03], 0.035)
    scale = field.disc_diameter
    furthest = min(field.radius, 1.0) - max(_DISC_MARGIN, _DISC_ROOM * scale)
    return (min(float(x), furthest - eye.disc[0] * scale), float(y))


def _haze(patient: Patient, visit: Visit) -> float:
    """Returns how cloudy the patient's media are: more with age, but not with disease."""
    cloudy = patient.generator("shared").spawn(1)[0].gamma(1.5, 0.03)
    return float(cloudy) * (0.4 + visit.age / 80)
