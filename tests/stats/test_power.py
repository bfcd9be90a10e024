"""Planning: R's golden figures, published formulas, the tests themselves, and any input."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import multivariate_normal, norm

from fundus_core.errors import ScoresError
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.placements import placements
from fundus_core.stats.planned_variance import (
    VARIANCES,
    VarianceName,
    hanley_mcneil_variance,
    normal_variance,
)
from fundus_core.stats.power import (
    OneAuc,
    PatientImages,
    Question,
    TwoAucs,
    patients_for,
    power_of,
)


def test_one_auc__agrees_with_r(real_data: Path) -> None:
    if not (golden := real_data / "golden" / "proc.json").is_file():
        pytest.skip(f"no golden numbers in {golden}")
    expected = json.loads(golden.read_text())["power"]

    of_given = power_of(OneAuc(0.8), n_diseased=40, n_healthy=60)
    needed = patients_for(OneAuc(0.7), power=0.9)

    assert of_given.power == pytest.approx(
        expected["auc0.8_40cases_60controls_alpha0.05"], abs=1e-10
    )
    asked = expected["ncases_auc0.7_power0.9_alpha0.05_1to1"]
    assert needed.exact_positive == pytest.approx(asked, abs=1e-10, rel=1e-12)
    assert (needed.n_diseased, needed.n_healthy, needed.n_patients) == (41, 41, 82)


def test_hanley_mcneil_variance__is_that_of_pairs_of_exponential_scores() -> None:
    # Scores Exp(1) and Exp(0.25): AUC 0.8, and the two probabilities the formula is made of.
    generator = np.random.default_rng(0)
    scores = generator.exponential(size=(20_000, 30))
    scores[:, :10] *= 4
    aucs = placements(np.arange(30) < 10, scores).auc

    assert aucs.mean() == pytest.approx(0.8, abs=0.003)
    assert hanley_mcneil_variance(0.8, 10, 20) == pytest.approx(aucs.var(), rel=0.03)


def test_normal_variance__is_made_of_pairs_in_order() -> None:
    height = ndtri(0.85)
    both = multivariate_normal.cdf([height, height], cov=[[1, 0.5], [0.5, 1]])

    found = normal_variance(0.85, 12, 30)

    assert found == pytest.approx((0.85 * 0.15 + 40 * (both - 0.85**2)) / 360, rel=1e-5)


def test_two_aucs__is_the_published_formula() -> None:
    # Obuchowski & McClish: (z_a sqrt(V0) + z_b sqrt(V1))^2 / difference^2, as many healthy.
    question = TwoAucs(0.85, 0.75, correlation=0.4)
    variances = [VARIANCES["obuchowski"](auc, 1, 1) for auc in (0.8, 0.85, 0.75)]
    under_null = 2 * variances[0] * 0.6
    under_other = variances[1] + variances[2] - 0.8 * np.sqrt(variances[1] * variances[2])

    found = patients_for(question, power=0.8)

    z_alpha, z_beta = norm.ppf([0.975, 0.8])
    root = z_alpha * np.sqrt(under_null) + z_beta * np.sqrt(under_other)
    assert found.exact_positive == pytest.approx(root**2 / 0.01)
    assert found.n_diseased == np.ceil(found.exact_positive)


def test_two_aucs__models_that_err_together_take_fewer_patients() -> None:
    apart, together = (
        patients_for(TwoAucs(0.85, 0.8, correlation=correlation)) for correlation in (0.0, 0.7)
    )

    assert together.n_patients < 0.4 * apart.n_patients


def test_patients_for__two_eyes_are_worth_between_one_and_two_patients() -> None:
    one = patients_for(OneAuc(0.7))
    independent, alike, between = (
        patients_for(OneAuc(0.7), per_patient=PatientImages(2, correlation))
        for correlation in (0.0, 1.0, 0.5)
    )

    assert alike.n_patients == one.n_patients
    assert independent.n_diseased == np.ceil(one.exact_positive / 2)
    assert independent.n_patients < between.n_patients < alike.n_patients
    assert between.n_positive == 2 * between.n_diseased


def test_patients_for__a_rare_disease_takes_many_healthy() -> None:
    found = patients_for(OneAuc(0.7), healthy_per_diseased=9)

    assert found.n_healthy == 9 * found.n_diseased
    assert found.n_diseased < patients_for(OneAuc(0.7)).n_diseased


@pytest.mark.parametrize("images", [1, 2])
def test_power_of__is_how_often_the_test_rejects(images: int) -> None:
    # Scores of two models that correlate by 0.5 give AUCs that do by 0.45; placements of two eyes
    # whose scores correlate by 0.6 do by 0.54.
    plan = patients_for(
        TwoAucs(0.85, 0.75, correlation=0.45, variance="normal"),
        per_patient=PatientImages(images, 0.54),
    )
    generator = np.random.default_rng(1)
    diseased = np.arange(plan.n_patients) < plan.n_diseased
    y_true, patients = np.repeat(diseased, images), np.repeat(np.arange(plan.n_patients), images)
    shifts = np.sqrt(2) * ndtri(np.array([[0.85], [0.75]])) * y_true
    rejected = 0
    for _ in range(600):
        of_patient = generator.normal(size=(3, plan.n_patients))[:, patients]
        of_image = generator.normal(size=(3, len(y_true)))
        noise = (0.6**0.5 * of_patient + 0.4**0.5 * of_image) if images > 1 else of_image
        a, b = (noise[:1] + noise[1:]) / np.sqrt(2) + shifts
        rejected += compare_paired(y_true, a, b, patients=patients).p_value < 0.05

    assert rejected / 600 == pytest.approx(plan.power, abs=0.05)


def test_power_of__standard_error_is_that_of_the_interval() -> None:
    generator = np.random.default_rng(2)
    y_true = np.arange(4000) < 1000
    found = auc_interval(y_true, generator.normal(size=4000) + np.sqrt(2) * ndtri(0.8) * y_true)

    plan = power_of(OneAuc(0.8, variance="normal"), n_diseased=1000, n_healthy=3000)

    assert plan.standard_error == pytest.approx(found.standard_error, rel=0.05)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (OneAuc(1.0), "The AUC is 1;"),
        (OneAuc(0.8, null=0.0), "null AUC is 0;"),
        (OneAuc(0.5), "no difference to be found"),
        (TwoAucs(0.8, 1.2), "model B is 1.2"),
        (TwoAucs(0.8, 0.7, correlation=1.0), "models' AUCs is 1"),
    ],
)
def test_patients_for__says_which_value_is_out_of_range(question: Question, message: str) -> None:
    with pytest.raises(ScoresError, match=message):
        patients_for(question)


def test_patients_for__refuses_designs_that_cannot_be() -> None:
    with pytest.raises(ScoresError, match="within a patient is 2"):
        patients_for(OneAuc(0.8), per_patient=PatientImages(2, 2.0))
    with pytest.raises(ScoresError, match=r"images per patient is 0\.5"):
        patients_for(OneAuc(0.8), per_patient=PatientImages(0.5))
    with pytest.raises(ScoresError, match="power is 1"):
        patients_for(OneAuc(0.8), power=1.0)
    with pytest.raises(ScoresError, match="0 healthy patients per"):
        patients_for(OneAuc(0.8), healthy_per_diseased=0)
    with pytest.raises(ScoresError, match="1 diseased and 9 healthy"):
        power_of(OneAuc(0.8), n_diseased=1, n_healthy=9)


@settings(deadline=None, database=None, derandomize=True, max_examples=80)
@given(
    st.floats(0.51, 0.98),
    st.floats(0.6, 0.95),
    st.floats(0.2, 10),
    st.floats(1, 4),
    st.floats(0, 1),
    st.sampled_from(sorted(VARIANCES)),
)
def test_any_plan__has_the_power_asked_for_and_one_patient_less_has_not(
    auc: float,
    power: float,
    ratio: float,
    images: float,
    correlation: float,
    variance: VarianceName,
) -> None:
    question, per_patient = OneAuc(auc, variance=variance), PatientImages(images, correlation)

    plan = patients_for(question, power=power, healthy_per_diseased=ratio, per_patient=per_patient)

    assert plan.power >= power - 1e-9
    assert plan.n_diseased * per_patient.worth >= plan.exact_positive - 1e-6
    assert plan.n_healthy >= ratio * plan.n_diseased - 1e-6
    if plan.n_diseased > 2:
        assert (plan.n_diseased - 1) * per_patient.worth < plan.exact_positive
