"""Lesions: each disease leaves its own, inside the field, more of them in worse disease."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fundus_core.phantom.anatomy import Congestion, sample_anatomy
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.growth import Branch
from fundus_core.phantom.lesions import (
    LESIONS_OF,
    Disease,
    Lesion,
    LesionKind,
    Site,
    place_lesions,
)

FIELD = FieldOfView(radius=0.97, half_height=0.97, degrees=45)

ALLOWED: dict[Disease, set[LesionKind]] = {
    "diabetic_retinopathy": {
        "microaneurysm",
        "haemorrhage",
        "hard_exudate",
        "soft_exudate",
        "neovascularisation",
        "laser_scar",
    },
    "amd": {
        "drusen",
        "pigment_change",
        "geographic_atrophy",
        "subretinal_haemorrhage",
        "hard_exudate",
        "haemorrhage",
    },
    "glaucoma": {"nerve_fibre_defect", "haemorrhage"},
    "glaucoma_suspect": set(),
    "pathologic_myopia": {"peripapillary_atrophy", "staphyloma", "geographic_atrophy"},
    "epiretinal_membrane": {"epiretinal_membrane"},
    "vein_occlusion": {"haemorrhage", "soft_exudate", "hard_exudate"},
    "hypertensive_retinopathy": {"haemorrhage", "soft_exudate", "hard_exudate"},
}
"""Every kind that a disease may leave."""

ALWAYS: dict[Disease, LesionKind] = {
    "diabetic_retinopathy": "microaneurysm",
    "amd": "drusen",
    "glaucoma": "nerve_fibre_defect",
    "pathologic_myopia": "peripapillary_atrophy",
    "epiretinal_membrane": "epiretinal_membrane",
    "vein_occlusion": "haemorrhage",
}
"""What is there even in the mildest case."""


def _site(field: FieldOfView = FIELD) -> Site:
    anatomy = sample_anatomy(np.random.default_rng(5), age=60)
    return Site(anatomy.framed((-0.1, 0.02), field.disc_diameter), field)


def _lesions(disease: Disease, severity: float, seed: int = 0) -> tuple[Lesion, ...]:
    return place_lesions(_site(), {disease: severity}, np.random.default_rng(seed))


def _kinds(disease: Disease, severity: float, n_eyes: int = 12) -> Counter[LesionKind]:
    eyes = (_lesions(disease, severity, seed) for seed in range(n_eyes))
    return Counter(lesion.kind for eye in eyes for lesion in eye)


def _from_disc(lesion: Lesion, site: Site) -> float:
    middle = lesion.outline.mean(axis=0)
    return float(np.hypot(*(middle - site.anatomy.disc)) / site.anatomy.disc_diameter)


def test_lesions_of__draws_every_disease() -> None:
    assert set(LESIONS_OF) == set(ALLOWED)


def test_place_lesions__a_healthy_eye_has_none_and_uses_no_randomness() -> None:
    rng = np.random.default_rng(1)

    lesions = place_lesions(_site(), {"amd": 0.0}, rng)

    assert lesions == ()
    assert rng.random() == np.random.default_rng(1).random()


@pytest.mark.parametrize("disease", ALLOWED)
def test_place_lesions__a_disease_leaves_only_its_own_kinds(disease: Disease) -> None:
    seen = set(_kinds(disease, 0.05)) | set(_kinds(disease, 0.5)) | set(_kinds(disease, 1.0, 40))

    assert seen == ALLOWED[disease]


@pytest.mark.parametrize(("disease", "kind"), ALWAYS.items())
def test_place_lesions__the_mildest_case_has_the_sign_of_the_disease(
    disease: Disease, kind: LesionKind
) -> None:
    for seed in range(20):
        assert kind in {lesion.kind for lesion in _lesions(disease, 0.04, seed)}


@pytest.mark.parametrize(
    "disease", ["diabetic_retinopathy", "amd", "vein_occlusion", "hypertensive_retinopathy"]
)
def test_place_lesions__worse_disease_leaves_more_on_average(disease: Disease) -> None:
    mild, middle, worst = (
        sum(_kinds(disease, severity, n_eyes=30).values()) for severity in (0.1, 0.5, 1.0)
    )

    assert 2 * mild < middle
    assert 1.3 * middle < worst


def test_place_lesions__glaucoma_and_membranes_show_more_clearly_when_worse() -> None:
    diseases: tuple[Disease, ...] = ("glaucoma", "epiretinal_membrane", "pathologic_myopia")
    for disease in diseases:
        mild, severe = (
            np.mean([_lesions(disease, severity, seed)[0].contrast for seed in range(20)])
            for severity in (0.1, 0.9)
        )

        assert severe > 1.5 * mild


def test_place_lesions__mild_retinopathy_has_microaneurysms_and_nothing_else() -> None:
    assert set(_kinds("diabetic_retinopathy", 0.2, n_eyes=40)) == {"microaneurysm"}


def test_place_lesions__moderate_retinopathy_has_blood_but_no_new_vessels() -> None:
    for seed in range(30):
        kinds = {lesion.kind for lesion in _lesions("diabetic_retinopathy", 0.3, seed)}

        assert "haemorrhage" in kinds
        assert not kinds & {"neovascularisation", "laser_scar"}


@pytest.mark.parametrize("degrees", [30, 50])
def test_place_lesions__proliferative_retinopathy_has_new_vessels_or_laser_scars(
    degrees: float,
) -> None:
    site = _site(replace(FIELD, degrees=degrees))
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = place_lesions(site, {"diabetic_retinopathy": 0.81}, rng)

        assert {lesion.kind for lesion in found} & {"neovascularisation", "laser_scar"}


def test_place_lesions__severe_retinopathy_bleeds_in_all_four_quadrants() -> None:
    site, eyes_with_all = _site(), 0
    for seed in range(20):
        blood = [
            lesion.outline.mean(axis=0) - site.anatomy.fovea
            for lesion in _lesions("diabetic_retinopathy", 0.75, seed)
            if lesion.kind == "haemorrhage"
        ]
        eyes_with_all += len({(at[0] > 0, at[1] > 0) for at in blood}) == 4

    assert eyes_with_all >= 17


def test_place_lesions__a_suspect_has_none() -> None:
    assert _lesions("glaucoma_suspect", 1.0) == ()


def test_place_lesions__mild_hypertension_shows_in_the_vessels_only() -> None:
    assert not _kinds("hypertensive_retinopathy", 0.25)


def test_place_lesions__late_degeneration_is_atrophic_or_wet() -> None:
    for seed in range(30):
        kinds = {lesion.kind for lesion in _lesions("amd", 0.9, seed)}

        assert len(kinds & {"geographic_atrophy", "subretinal_haemorrhage"}) == 1


@pytest.mark.parametrize("disease", ["diabetic_retinopathy", "amd", "vein_occlusion"])
@pytest.mark.parametrize("half_height", [0.97, 0.75])
def test_place_lesions__small_ones_lie_in_the_field_and_off_the_disc(
    disease: Disease, half_height: float
) -> None:
    site = _site(replace(FIELD, half_height=half_height))
    small = {"microaneurysm", "haemorrhage", "hard_exudate", "soft_exudate", "drusen"}

    lesions = place_lesions(site, {disease: 1.0}, np.random.default_rng(3))
    chosen = [lesion for lesion in lesions if lesion.kind in small]

    assert len(chosen) > 20
    assert min(_from_disc(lesion, site) for lesion in chosen) > 0.6
    for lesion in chosen:
        middle = lesion.outline.mean(axis=0)
        assert site.field.depth(middle[:1], middle[1:])[0] > 0


def test_place_lesions__blood_lies_behind_the_occluded_branch() -> None:
    site = _site()
    above = Congestion(towards=-2.3, half_angle=0.7, dilation=1.4, winding=0.8)
    site = replace(site, anatomy=replace(site.anatomy, congestion=above))

    lesions = place_lesions(site, {"vein_occlusion": 0.9}, np.random.default_rng(0))
    away = [lesion.outline.mean(axis=0) - site.anatomy.disc for lesion in lesions]
    behind = [abs(np.arctan2(y, x) + 2.3) < 1.0 for x, y in away]

    assert len(behind) > 40
    assert np.mean(behind) > 0.85


def test_place_lesions__flames_and_cotton_wool_keep_to_the_vessels() -> None:
    points = np.stack([np.linspace(-0.7, 0.3, 40), np.full(40, -0.5)], axis=1)
    vessel = Branch("vein", "upper arcade", points, np.full(40, 0.02))
    site, distance = _site(), []

    for vessels in ((), (vessel,)):
        lesions = place_lesions(
            site, {"hypertensive_retinopathy": 1.0}, np.random.default_rng(2), vessels=vessels
        )
        chosen = [le for le in lesions if le.kind in ("haemorrhage", "soft_exudate")]
        distance.append(np.mean([abs(le.outline[:, 1].mean() + 0.5) for le in chosen]))

    assert distance[1] < 0.5 * distance[0]


def test_place_lesions__the_same_generator_state_gives_the_same_lesions() -> None:
    severity: dict[Disease, float] = dict.fromkeys(LESIONS_OF, 0.9)

    first, again = (place_lesions(_site(), severity, np.random.default_rng(8)) for _ in range(2))
    other = place_lesions(_site(), severity, np.random.default_rng(9))

    assert len(first) == len(again) != len(other)
    for one, two in zip(first, again, strict=True):
        assert (one.kind, one.contrast) == (two.kind, two.contrast)
        assert np.array_equal(one.outline, two.outline)


def test_place_lesions__contrasts_lie_between_zero_and_one() -> None:
    for disease in LESIONS_OF:
        for severity in (0.04, 1.0):
            for lesion in _lesions(disease, severity):
                assert 0 < lesion.contrast <= 1


def test_site_place__falls_back_below_the_fovea_where_nothing_is_allowed() -> None:
    site = _site()
    far_outside = np.array([5.0, 5.0])

    place = site.place(np.random.default_rng(0), far_outside, 0.01, np.array([0.01]))[0]

    assert place[0] == site.anatomy.fovea[0]
    assert place[1] == site.anatomy.fovea[1] + 0.4 * site.anatomy.disc_diameter
