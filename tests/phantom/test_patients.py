"""The cohort: shares, correlated eyes, and a split by patient."""

from collections import Counter

import numpy as np
import pytest

from fundus_core.phantom.patients import EYES, plan_patients

COHORT = plan_patients(400, seed=0)


def test_plan_patients__about_45_percent_of_eyes_are_abnormal() -> None:
    abnormal = [bool(patient.severity[eye]) for patient in COHORT for eye in EYES]

    assert np.mean(abnormal) == pytest.approx(0.45, abs=0.04)


def test_plan_patients__every_diagnosis_occurs_even_in_a_small_cohort() -> None:
    small = plan_patients(20, seed=5)

    found = {patient.diagnosis(eye) for patient in small for eye in EYES}

    assert found == {"normal", "diabetic_retinopathy", "amd", "glaucoma"}


def test_plan_patients__some_eyes_have_two_diseases() -> None:
    numbers = Counter(len(patient.severity[eye]) for patient in COHORT for eye in EYES)

    assert numbers[2] > 5
    assert numbers[1] > 5 * numbers[2]


def test_plan_patients__severity_of_the_two_eyes_is_correlated() -> None:
    pairs = [
        [patient.severity[eye].get("diabetic_retinopathy", 0.0) for eye in EYES]
        for patient in COHORT
        if any("diabetic_retinopathy" in patient.severity[eye] for eye in EYES)
    ]
    right, left = np.array(pairs).T

    assert 0.6 < np.corrcoef(right, left)[0, 1] < 0.98


def test_plan_patients__the_camera_tells_nothing_about_disease() -> None:
    of_camera = {
        camera: np.mean([bool(p.severity["OD"]) for p in COHORT if p.camera == camera])
        for camera in ("A", "B")
    }

    assert abs(of_camera["A"] - of_camera["B"]) < 0.12


def test_plan_patients__the_diagnosis_is_the_most_severe_disease() -> None:
    for patient in COHORT:
        for eye in EYES:
            severity = patient.severity[eye]
            diagnosis = patient.diagnosis(eye)

            assert (diagnosis == "normal") == (not severity)
            assert not severity or severity[diagnosis] == max(severity.values())


def test_plan_patients__another_seed_gives_other_patients() -> None:
    assert plan_patients(20, seed=0) == plan_patients(20, seed=0)
    assert plan_patients(20, seed=0) != plan_patients(20, seed=1)
