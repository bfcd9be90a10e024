"""One synthetic fundus photograph of one eye, with everything that is known about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.anatomy import Anatomy, Point, sample_anatomy, vary_for_eye
from fundus_core.phantom.camera import (
    CAMERAS,
    Camera,
    photograph,
    sample_exposure,
    sample_field,
)
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.growth import Branch
from fundus_core.phantom.lesion_drawing import draw_mask
from fundus_core.phantom.lesions import Lesion, Site, cup_ratio, place_lesions
from fundus_core.phantom.patients import Eye, Patient
from fundus_core.phantom.retina import BloodVessels, draw_retina
from fundus_core.phantom.vessel_drawing import draw_vessels
from fundus_core.phantom.vessels import grow_vessels

_DISC_MARGIN = 0.2
"""The disc's centre stays this far inside the field of view, in half sides of the picture."""


@dataclass(frozen=True, slots=True)
class EyeModel:
    """An eye ready to be photographed, in the frame of a right eye (nasal side to the right)."""

    anatomy: Anatomy
    field: FieldOfView
    vessels: tuple[Branch, ...]
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True, slots=True)
class Phantom:
    """A synthetic photograph and its truth; S is the side of both in pixels."""

    picture: NDArray[np.uint8]
    """Shape (S, S, 3): red, green, blue. A right eye has its disc on the right."""

    mask: NDArray[np.uint8]
    """Shape (S, S): per pixel the sum of `LESION_BITS`, `DISC_BIT` and `CUP_BIT`; 0 outside the
    field of view."""

    model: EyeModel
    """What was drawn; for a left eye it is mirrored in picture and mask."""


def draw_phantom(patient: Patient, eye: Eye, size: int) -> Phantom:
    """Returns the photograph of one eye; the same patient and eye give the same pixels.

    Args:
        patient: As `plan_patients` returns them.
        eye: Right (OD) or left (OS).
        size: Side of the picture in pixels, 64 or more.
    """
    rng = patient.generator(eye)
    camera = CAMERAS[patient.camera]
    model = build_eye(patient, eye, camera, rng)
    vessels = BloodVessels(
        arteries=draw_vessels(_of_kind(model.vessels, "artery"), size),
        veins=draw_vessels(_of_kind(model.vessels, "vein"), size),
    )
    light = draw_retina(model.anatomy, vessels, model.lesions, rng)
    mask = draw_mask(model.lesions, model.anatomy, model.field, size)
    if eye == "OS":
        light, mask = np.ascontiguousarray(light[..., ::-1]), np.ascontiguousarray(mask[:, ::-1])
    exposure = sample_exposure(rng, haze=_haze(patient))
    return Phantom(photograph(light, model.field, camera, exposure, rng), mask, model)


def build_eye(patient: Patient, eye: Eye, camera: Camera, rng: np.random.Generator) -> EyeModel:
    """Returns anatomy, vessels and lesions of one eye, framed as the camera frames it."""
    severity = patient.severity[eye]
    field = sample_field(camera, rng)
    shared = sample_anatomy(patient.generator("shared"), field, patient.age)
    ratio = cup_ratio(severity["glaucoma"], rng) if "glaucoma" in severity else None
    anatomy = vary_for_eye(shared, rng, fovea=_aim(camera, field, shared, rng), cup_ratio=ratio)
    vessels = grow_vessels(anatomy, rng)
    lesions = place_lesions(Site(anatomy, field), severity, rng)
    return EyeModel(anatomy, field, vessels, lesions)


def _aim(camera: Camera, field: FieldOfView, shared: Anatomy, rng: np.random.Generator) -> Point:
    """Returns where the photograph has the fovea, such that the whole disc is in the field."""
    x, y = rng.normal([camera.fovea_x, 0.03], 0.035)
    return (min(float(x), field.radius - _DISC_MARGIN - shared.disc[0]), float(y))


def _haze(patient: Patient) -> float:
    """Returns how cloudy the patient's media are: more with age, but not with disease."""
    cloudy = patient.generator("shared").spawn(1)[0].gamma(1.5, 0.03)
    return float(cloudy) * (0.4 + patient.age / 80)


def _of_kind(vessels: Sequence[Branch], kind: str) -> list[Branch]:
    """Returns the arteries, or the veins."""
    return [branch for branch in vessels if branch.kind == kind]
