"""The cohort: shares, correlated eyes, visits, and a split by patient."""

from collections import Counter
from typing import get_args

import numpy as np
import pytest

from fundus_core.phantom.lesions import Disease
from fundus_core.phantom.patients import EYES, SITES, plan_patients

COHORT = plan_patients(400, seed=0)
DEMO = plan_patients(240, seed=0)
DISEASES = set(get_args(Disease))


def test_plan_patients__somewhat_more_than_half_of_the_eyes_are_abnormal() -> None:
    abnormal = [bool(p.visits[0].severity[eye]) for p in COHORT for eye in EYES]

    assert np.mean(abnormal) == pytest.approx(0.54, abs=0.04)


@pytest.mark.parametrize("seed", [0, 1])
def test_plan_patients__240_patients_have_25_eyes_with_each_disease(seed: int) -> None:
    demo = plan_patients(240, seed=seed)

    eyes = Counter(d for p in demo for eye in EYES for d in p.visits[0].severity[eye])
    seen = Counter(d for p in demo for v in p.visits for eye in EYES for d in v.severity[eye])

    assert sum(2 * len(p.visits) for p in demo) == 600
    assert set(eyes) == DISEASES
    assert min(eyes.values()) >= 25
    assert seen["diabetic_retinopathy"] >= 85


def test_plan_patients__every_fourth_patient_comes_again_older_and_not_better() -> None:
    again = [p for p in DEMO if len(p.visits) == 2]

    assert len(again) == 60
    for patient in again:
        first, second = patient.visits
        assert (first.number, second.number) == (1, 2)
        assert 1 <= second.age - first.age <= 3
        for eye in EYES:
            assert second.severity[eye].keys() == first.severity[eye].keys()
            assert all(
                first.severity[eye][d] <= worse <= 1 for d, worse in second.severity[eye].items()
            )


def test_plan_patients__the_sites_have_their_own_cameras_and_shares() -> None:
    ill = {
        site: np.mean([bool(p.visits[0].severity["OD"]) for p in COHORT if p.site == site])
        for site in SITES
    }

    assert {(p.site, p.camera) for p in COHORT} == {(s, c.camera) for s, c in SITES.items()}
    assert len({clinic.camera for clinic in SITES.values()}) == len(SITES)
    assert ill["south"] < ill["north"] - 0.05


def test_plan_patients__glaucoma_and_its_suspicion_exclude_one_another() -> None:
    for patient in COHORT:
        for eye in EYES:
            assert not {"glaucoma", "glaucoma_suspect"} <= patient.visits[0].severity[eye].keys()


def test_plan_patients__some_eyes_have_two_diseases() -> None:
    numbers = Counter(len(p.visits[0].severity[eye]) for p in COHORT for eye in EYES)

    assert numbers[2] > 5
    assert numbers[1] > 5 * numbers[2]


def test_plan_patients__severity_of_the_two_eyes_is_correlated() -> None:
    pairs = [
        [patient.visits[0].severity[eye].get("diabetic_retinopathy", 0.0) for eye in EYES]
        for patient in COHORT
        if any("diabetic_retinopathy" in patient.visits[0].severity[eye] for eye in EYES)
    ]
    right, left = np.array(pairs).T

    assert 0.6 < np.corrcoef(right, left)[0, 1] < 0.98


def test_plan_patients__old_eyes_have_amd_and_young_ones_do_not() -> None:
    ages = [p.visits[0].age for p in COHORT if "amd" in p.visits[0].severity["OD"]]

    assert np.mean(ages) > np.mean([p.visits[0].age for p in COHORT]) + 5


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 1.0])
def test_plan_patients__the_wanted_share_of_patients_is_healthy(share: float) -> None:
    cohort = plan_patients(200, seed=4, healthy_share=share)

    sick = np.mean([any(p.visits[0].severity[eye] for eye in EYES) for p in cohort])

    assert 1 - sick == pytest.approx(share, abs=0.04)


def test_plan_patients__refuses_a_share_beyond_one() -> None:
    with pytest.raises(ValueError, match=r"healthy_share must be in \[0, 1\] but was 1\.2"):
        plan_patients(3, seed=0, healthy_share=1.2)


def test_diagnosis__is_the_most_severe_disease() -> None:
    for patient in COHORT:
        for eye in EYES:
            severity = patient.visits[0].severity[eye]
            diagnosis = patient.diagnosis(patient.visits[0], eye)

            assert (diagnosis == "normal") == (not severity)
            assert not severity or severity[diagnosis] == max(severity.values())


def test_plan_patients__another_seed_gives_other_patients() -> None:
    assert plan_patients(20, seed=0) == plan_patients(20, seed=0)
    assert plan_patients(20, seed=0) != plan_patients(20, seed=1)
