"""The anatomy's promises: distances, the two eyes, and what tells them apart."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.phantom.anatomy import Drag, sample_anatomy
from fundus_core.phantom.patients import EYES, plan_patients
from fundus_core.phantom.phantom import build_eye

PATIENTS = plan_patients(24, seed=3)
MODELS = {(p.index, eye): build_eye(p, p.visits[0], eye) for p in PATIENTS for eye in EYES}


def test_build_eye__disc_and_fovea_are_two_and_a_half_disc_diameters_apart() -> None:
    distances = [model.anatomy.disc_fovea_diameters for model in MODELS.values()]

    assert np.mean(distances) == pytest.approx(2.5, abs=0.1)
    assert min(distances) > 2.1
    assert max(distances) < 2.9


def test_build_eye__the_disc_and_the_fovea_lie_in_the_field() -> None:
    for model in MODELS.values():
        anatomy = model.anatomy
        to_edge = model.field.depth(np.array(anatomy.disc[0]), np.array(anatomy.disc[1]))

        assert to_edge > 0.4 * anatomy.disc_diameter
        assert model.field.depth(np.array(anatomy.fovea[0]), np.array(anatomy.fovea[1])) > 0.3


def test_build_eye__the_fovea_lies_temporal_of_the_disc_and_not_above_it() -> None:
    for model in MODELS.values():
        assert model.anatomy.fovea[0] < model.anatomy.disc[0]
        assert model.anatomy.fovea[1] > model.anatomy.disc[1] - 0.1 * model.anatomy.disc_diameter


def test_build_eye__glaucoma_and_only_glaucoma_has_a_large_cup() -> None:
    for (index, eye), model in MODELS.items():
        large = model.anatomy.cup_ratio >= 0.66

        assert large == ("glaucoma" in PATIENTS[index].visits[0].severity[eye])


def test_build_eye__two_eyes_of_a_patient_are_more_alike_than_eyes_of_two() -> None:
    right, left = (
        np.array(
            [
                MODELS[p.index, eye].anatomy.disc_diameter
                / MODELS[p.index, eye].field.disc_diameter
                for p in PATIENTS
            ]
        )
        for eye in EYES
    )

    assert np.abs(right - left).mean() < 0.5 * np.abs(right - np.roll(left, 1)).mean()


def test_framed__keeps_proportions_and_moves_everything_with_the_fovea() -> None:
    eye = replace(
        sample_anatomy(np.random.default_rng(0), age=50), drag=Drag((1.0, -0.5), 2.0, 0.5)
    )

    framed = eye.framed((-0.1, 0.05), 0.25)

    assert framed.fovea == (-0.1, 0.05)
    assert framed.disc_fovea_diameters == pytest.approx(eye.disc_fovea_diameters)
    assert framed.disc == pytest.approx((-0.1 + 0.25 * eye.disc[0], 0.05 + 0.25 * eye.disc[1]))
    assert framed.drag is not None
    assert framed.drag.centre == pytest.approx((0.15, -0.075))


def test_cup_outline__bulges_only_where_the_rim_is_notched() -> None:
    whole = sample_anatomy(np.random.default_rng(1), age=50)
    notched = replace(whole, notch=(np.pi / 2, 0.8))

    down, up = np.array([np.pi / 2]), np.array([-np.pi / 2])

    assert whole.cup_reach(down) == pytest.approx(whole.cup_ratio)
    assert notched.cup_reach(up) == pytest.approx(whole.cup_ratio, abs=1e-3)
    assert whole.cup_ratio + 0.2 < notched.cup_reach(down) < 1
    lowest = [eye.cup_outline()[:, 1].max() for eye in (whole, notched)]
    assert lowest[1] > lowest[0]
