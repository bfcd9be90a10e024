"""The anatomy's promises: distances, the two eyes, and what tells them apart."""

import numpy as np
import pytest

from fundus_core.phantom.camera import CAMERAS, sample_field
from fundus_core.phantom.patients import EYES, Patient, plan_patients
from fundus_core.phantom.phantom import EyeModel, build_eye, draw_phantom

PATIENTS = plan_patients(14, seed=3)


def _model(patient: Patient, eye: str) -> EyeModel:
    return build_eye(patient, eye, CAMERAS[patient.camera], patient.generator(eye))


MODELS = {(p.index, eye): _model(p, eye) for p in PATIENTS for eye in EYES}


def test_build_eye__disc_and_fovea_are_two_and_a_half_disc_diameters_apart() -> None:
    distances = [model.anatomy.disc_fovea_diameters for model in MODELS.values()]

    assert np.mean(distances) == pytest.approx(2.5, abs=0.1)
    assert min(distances) > 2.1
    assert max(distances) < 2.9


def test_build_eye__the_whole_disc_and_the_fovea_lie_in_the_field() -> None:
    for model in MODELS.values():
        anatomy = model.anatomy
        to_edge = model.field.depth(np.array(anatomy.disc[0]), np.array(anatomy.disc[1]))

        assert to_edge > anatomy.disc_diameter / 2
        assert model.field.depth(np.array(anatomy.fovea[0]), np.array(anatomy.fovea[1])) > 0.5


def test_build_eye__the_fovea_lies_temporal_of_the_disc_and_not_above_it() -> None:
    for model in MODELS.values():
        assert model.anatomy.fovea[0] < model.anatomy.disc[0]
        assert model.anatomy.fovea[1] > model.anatomy.disc[1] - 0.1 * model.anatomy.disc_diameter


def test_build_eye__glaucoma_and_only_glaucoma_has_a_large_cup() -> None:
    for (index, eye), model in MODELS.items():
        large = model.anatomy.cup_ratio > 0.6

        assert large == ("glaucoma" in PATIENTS[index].severity[eye])


def test_build_eye__two_eyes_of_a_patient_are_more_alike_than_eyes_of_two() -> None:
    right = np.array([MODELS[p.index, "OD"].anatomy.disc_diameter for p in PATIENTS])
    left = np.array([MODELS[p.index, "OS"].anatomy.disc_diameter for p in PATIENTS])

    assert np.abs(right - left).mean() < 0.5 * np.abs(right - np.roll(left, 1)).mean()


def test_draw_phantom__a_right_eye_has_its_disc_on_the_right_and_a_left_eye_on_the_left() -> None:
    patient = PATIENTS[0]

    x_of_disc, as_modelled = {}, {}
    for eye in EYES:
        phantom = draw_phantom(patient, eye, 128)
        x_of_disc[eye] = (np.nonzero(phantom.mask & 16)[1].mean() + 0.5) / 64 - 1
        as_modelled[eye] = phantom.model.anatomy.disc[0]

    assert x_of_disc["OD"] == pytest.approx(as_modelled["OD"], abs=0.02)
    assert x_of_disc["OS"] == pytest.approx(-as_modelled["OS"], abs=0.02)
    assert min(as_modelled.values()) > 0.2


def test_draw_phantom__the_disc_is_bright_where_the_mask_has_it() -> None:
    for eye in EYES:
        phantom = draw_phantom(PATIENTS[1], eye, 128)
        green = phantom.picture[..., 1].astype(float)
        retina = phantom.model.field.plane_depth(128) > 0.1

        assert green[(phantom.mask & 16) > 0].mean() > 1.3 * green[retina].mean()


def test_draw_phantom__is_the_same_eye_at_every_size() -> None:
    small = draw_phantom(PATIENTS[2], "OD", 128).picture.astype(float)
    large = draw_phantom(PATIENTS[2], "OD", 256).picture.astype(float)

    reduced = large.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))

    assert np.corrcoef(small.ravel(), reduced.ravel())[0, 1] > 0.98


def test_sample_field__some_photographs_are_truncated_and_some_are_not() -> None:
    rng = np.random.default_rng(0)

    truncated = [sample_field(CAMERAS["A"], rng).truncated for _ in range(40)]

    assert 5 < sum(truncated) < 35
