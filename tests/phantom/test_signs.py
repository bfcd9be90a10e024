"""Signs: each disease changes what it says in the anatomy, and nothing else."""

from dataclasses import fields

import numpy as np
import pytest

from fundus_core.phantom.anatomy import LARGEST_HEALTHY_CUP, Anatomy, sample_anatomy
from fundus_core.phantom.lesions import LESIONS_OF, Disease
from fundus_core.phantom.signs import GLAUCOMATOUS_CUP, dr_grade, with_signs

CHANGED: dict[Disease, set[str]] = {
    "diabetic_retinopathy": set(),
    "amd": set(),
    "glaucoma": {"cup_ratio", "notch"},
    "glaucoma_suspect": {"cup_ratio", "notch"},
    "pathologic_myopia": {"tessellation", "pigmentation", "macula"},
    "epiretinal_membrane": {"drag"},
    "vein_occlusion": {"congestion"},
    "hypertensive_retinopathy": {"artery_calibre", "nicking"},
}


def _anatomy() -> Anatomy:
    return sample_anatomy(np.random.default_rng(4), age=60)


def _with(disease: Disease, severity: float, seed: int = 0) -> Anatomy:
    return with_signs(_anatomy(), {disease: severity}, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("severity", "grade"),
    [(0.0, 0), (0.04, 1), (0.2, 1), (0.21, 2), (0.55, 2), (0.56, 3), (0.8, 3), (0.81, 4), (1, 4)],
)
def test_dr_grade__steps_at_its_limits(severity: float, grade: int) -> None:
    assert dr_grade(severity) == grade


def test_with_signs__a_healthy_eye_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)

    assert with_signs(_anatomy(), {"glaucoma": 0.0}, rng) == _anatomy()
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("disease", LESIONS_OF)
def test_with_signs__changes_exactly_what_the_disease_changes(disease: Disease) -> None:
    before = _anatomy()

    changed = {
        field.name
        for seed in range(12)
        for field in fields(Anatomy)
        if getattr(_with(disease, 0.9, seed), field.name) != getattr(before, field.name)
    }

    assert changed == CHANGED[disease]


def test_with_signs__cups_of_suspects_lie_between_healthy_and_glaucomatous() -> None:
    for severity in (0.04, 0.5, 1.0):
        for seed in range(20):
            suspect = _with("glaucoma_suspect", severity, seed)
            ill = _with("glaucoma", severity, seed)

            assert LARGEST_HEALTHY_CUP < suspect.cup_ratio < GLAUCOMATOUS_CUP
            assert GLAUCOMATOUS_CUP <= ill.cup_ratio <= 0.93


def test_with_signs__worse_glaucoma_means_a_larger_cup_and_a_deeper_notch() -> None:
    mild, severe = ([_with("glaucoma", s, seed) for seed in range(30)] for s in (0.1, 0.9))

    assert np.mean([a.cup_ratio for a in severe]) > 0.1 + np.mean([a.cup_ratio for a in mild])
    assert max(a.notch[1] for a in severe) > max(a.notch[1] for a in mild) > 0


def test_with_signs__notches_lie_at_the_poles_more_often_below() -> None:
    angles = [_with("glaucoma", 0.9, seed).notch for seed in range(80)]
    notched = np.array([angle for angle, depth in angles if depth > 0])

    assert 20 < len(notched) < 80
    assert (np.abs(np.sin(notched)) > 0.8).all()
    assert (notched > 0).mean() > 0.5


def test_with_signs__worse_hypertension_means_narrower_arteries_and_more_nicking() -> None:
    mild, severe = (_with("hypertensive_retinopathy", severity) for severity in (0.1, 0.9))

    assert 1 > mild.artery_calibre > severe.artery_calibre
    assert 0 < mild.nicking < severe.nicking <= 1
    assert severe.vein_calibre == 1


def test_with_signs__vein_occlusion_is_of_a_temporal_branch_or_of_the_whole_eye() -> None:
    congestions = [_with("vein_occlusion", 0.5, seed).congestion for seed in range(60)]

    central = [c for c in congestions if c is not None and c.half_angle == np.pi]
    branch = [c for c in congestions if c is not None and c.half_angle < np.pi]

    assert len(central) + len(branch) == 60
    assert min(len(central), len(branch)) >= 8
    assert all(np.cos(c.towards) < 0 for c in branch)
    assert all(c.dilation > 1 for c in [*central, *branch])


def test_with_signs__a_membrane_pulls_near_the_fovea_and_harder_when_worse() -> None:
    anatomy = _anatomy()
    mild, severe = (_with("epiretinal_membrane", s).drag for s in (0.1, 0.9))

    assert mild is not None
    assert severe is not None
    assert 0 < mild.strength < severe.strength <= 1
    assert np.hypot(*np.subtract(severe.centre, anatomy.fovea)) < anatomy.disc_diameter


def test_with_signs__myopia_lets_the_choroid_shine_through() -> None:
    mild, severe = (_with("pathologic_myopia", severity) for severity in (0.1, 0.9))

    assert mild.tessellation < severe.tessellation <= 1
    assert severe.pigmentation < mild.pigmentation < _anatomy().pigmentation


def test_with_signs__two_diseases_leave_the_signs_of_both() -> None:
    severity: dict[Disease, float] = {"glaucoma": 0.5, "hypertensive_retinopathy": 0.5}

    anatomy = with_signs(_anatomy(), severity, np.random.default_rng(0))

    assert anatomy.cup_ratio >= GLAUCOMATOUS_CUP
    assert anatomy.artery_calibre < 1


def test_with_signs__the_same_generator_state_gives_the_same_signs() -> None:
    severity: dict[Disease, float] = dict.fromkeys(LESIONS_OF, 0.7)

    first, again = (with_signs(_anatomy(), severity, np.random.default_rng(3)) for _ in range(2))

    assert first == again
