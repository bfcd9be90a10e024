"""What a comparison tells the planner of the next study."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.io.workspace import Workspace
from fundus_core.stats.placements import covariance, placements
from fundus_core.stats.power import PatientImages, TwoAucs, patients_for
from fundus_core.workflows.evaluation.compare import Comparison, compare
from fundus_core.workflows.evaluation.power import observed_design, power_curve

Y_TRUE = np.repeat(np.arange(80) < 20, 2).astype(int)
PATIENTS = np.repeat(np.arange(80), 2)
EYES = np.repeat(np.random.default_rng(0).normal(size=(3, 80)), 2, axis=1)
NOISE = EYES + 0.3 * np.random.default_rng(1).normal(size=(3, 160))
SCORES = NOISE[:2] + NOISE[2] + 1.5 * Y_TRUE


def compared(folder: Path, scores: np.ndarray, *, patients: bool = True) -> Comparison:
    """Compares two tables of predictions."""
    paths = []
    for number, score in enumerate(scores):
        table = {"y_true": Y_TRUE, "y_score": score, "image_id": np.arange(160).astype(str)}
        known = {"patient_id": PATIENTS.astype(str)} if patients else {}
        paths.append(str(folder / f"{number}.csv"))
        pd.DataFrame({**table, **known}).to_csv(paths[-1])
    return compare(Workspace(folder), paths)


def test_observed_design__is_that_of_the_comparison(tmp_path: Path) -> None:
    found = compared(tmp_path, SCORES)

    design = observed_design(found, found.pairs[0])

    placed = placements(Y_TRUE == 1, SCORES)
    of_aucs = covariance(placed.deviations, Y_TRUE == 1, PATIENTS)
    expected = of_aucs[0, 1] / np.sqrt(of_aucs[0, 0] * of_aucs[1, 1])
    assert design.correlation == pytest.approx(expected)
    assert design.correlation_known
    assert (design.healthy_per_diseased, design.per_patient.images) == (3.0, 2.0)
    assert 0.7 < design.per_patient.correlation <= 1


def test_observed_design__without_patients_an_image_is_a_patient(tmp_path: Path) -> None:
    found = compared(tmp_path, SCORES, patients=False)

    assert observed_design(found, found.pairs[0]).per_patient == PatientImages()


def test_observed_design__a_perfect_model_tells_no_correlation(tmp_path: Path) -> None:
    found = compared(tmp_path, np.stack([SCORES[0], Y_TRUE]))

    design = observed_design(found, found.pairs[0])

    assert (design.correlation, design.correlation_known) == (0.5, False)


def test_power_curve__rises_through_the_study_that_is_planned() -> None:
    question, per_patient = TwoAucs(0.85, 0.8), PatientImages(2, 0.5)
    plan = patients_for(question, healthy_per_diseased=3, per_patient=per_patient)

    curve = power_curve(question, plan, per_patient=per_patient)

    powers = [one.power for one in curve]
    assert powers == sorted(powers)
    at_planned = next(one for one in curve if one.n_patients == plan.n_patients)
    assert at_planned.power == pytest.approx(plan.power)
    assert powers[0] < 0.5 < 0.95 < powers[-1]
