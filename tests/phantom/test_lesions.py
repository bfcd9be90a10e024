"""Lesions: there if and only if labelled, inside the field, more of them in worse disease."""

import numpy as np
import pytest

from fundus_core.phantom.camera import CAMERAS
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.lesion_drawing import LESION_BITS, draw_mask
from fundus_core.phantom.lesions import LESIONS_OF, Disease, Site, place_lesions
from fundus_core.phantom.patients import EYES, Patient, plan_patients
from fundus_core.phantom.phantom import EyeModel, build_eye, draw_phantom

PATIENTS = plan_patients(18, seed=1)

BITS_OF: dict[Disease, int] = {"diabetic_retinopathy": 1 | 2 | 4 | 8, "amd": 64, "glaucoma": 128}


def _model(patient: Patient, eye: str) -> EyeModel:
    return build_eye(patient, eye, CAMERAS[patient.camera], patient.generator(eye))


@pytest.fixture(scope="module")
def eyes() -> list[tuple[dict[Disease, float], EyeModel]]:
    return [(dict(p.severity[eye]), _model(p, eye)) for p in PATIENTS for eye in EYES]


@pytest.mark.parametrize("disease", LESIONS_OF)
def test_mask__shows_a_disease_if_and_only_if_the_eye_has_it(
    disease: Disease, eyes: list[tuple[dict[Disease, float], EyeModel]]
) -> None:
    seen = []
    for severity, model in eyes:
        mask = draw_mask(model.lesions, model.anatomy, model.field, 128)
        seen.append((disease in severity, bool((mask & BITS_OF[disease]).any())))

    assert {has for has, _ in seen} == {True, False}
    assert all(has == shows for has, shows in seen)


def test_draw_mask__a_small_field_cuts_off_what_lies_outside(
    eyes: list[tuple[dict[Disease, float], EyeModel]],
) -> None:
    model = eyes[0][1]
    small = FieldOfView(radius=0.3, half_height=0.3, degrees=15)

    whole = draw_mask(model.lesions, model.anatomy, model.field, 96)
    cut = draw_mask(model.lesions, model.anatomy, small, 96)

    assert (whole[~small.mask(96)] & 16).any()
    assert not cut[~small.mask(96)].any()


def test_draw_phantom__nothing_is_marked_outside_the_field_of_view() -> None:
    for patient in PATIENTS[:4]:
        phantom = draw_phantom(patient, "OD", 96)
        outside = ~phantom.model.field.mask(96)

        assert outside.any()
        assert not phantom.mask[outside].any()
        assert phantom.picture[phantom.model.field.plane_depth(96) < -0.05].mean() < 12


def test_place_lesions__none_lies_on_the_disc(
    eyes: list[tuple[dict[Disease, float], EyeModel]],
) -> None:
    for _, model in eyes:
        for lesion in model.lesions:
            if lesion.kind == "microaneurysm":
                away = np.hypot(*(lesion.outline.mean(axis=0) - model.anatomy.disc))
                assert away > model.anatomy.disc_diameter / 2


def test_place_lesions__a_healthy_eye_has_none(
    eyes: list[tuple[dict[Disease, float], EyeModel]],
) -> None:
    healthy = [model for severity, model in eyes if not severity]

    assert healthy
    assert all(model.lesions == () for model in healthy)


@pytest.mark.parametrize("disease", ["diabetic_retinopathy", "amd"])
def test_place_lesions__worse_disease_leaves_more(
    disease: Disease, eyes: list[tuple[dict[Disease, float], EyeModel]]
) -> None:
    site = Site(eyes[0][1].anatomy, eyes[0][1].field)
    rng = np.random.default_rng(0)

    mean_count = [
        np.mean([len(place_lesions(site, {disease: severity}, rng)) for _ in range(10)])
        for severity in (0.05, 0.5, 1.0)
    ]

    assert mean_count[0] >= 1
    assert mean_count[0] * 3 < mean_count[1]
    assert mean_count[1] * 1.3 < mean_count[2]


def test_lesion_bits__are_distinct_single_bits() -> None:
    bits = [*LESION_BITS.values(), 16, 32]

    assert sorted(bits) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_draw_phantom__haemorrhages_are_darker_and_exudates_brighter_than_their_surroundings() -> (
    None
):
    severe = [
        (p, eye)
        for p in plan_patients(200, seed=2)
        for eye in EYES
        if p.severity[eye].get("diabetic_retinopathy", 0) > 0.7
    ]

    for patient, eye in severe[:2]:
        phantom = draw_phantom(patient, eye, 256)
        green = phantom.picture[..., 1].astype(float)
        plain = green[(phantom.mask == 0) & (green > 25)].mean()

        assert green[phantom.mask == 2].mean() < 0.85 * plain
        assert green[phantom.mask == 4].mean() > 1.15 * plain
