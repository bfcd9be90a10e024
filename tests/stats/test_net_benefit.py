"""Decision curves and differences between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.net_benefit import decision_curve, net_benefit_difference

FEW = 200


def cohort(
    n_patients: int = 100, seed: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Returns labels, rounded predictions and patients of both eyes."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), 2)
    y_true = (generator.random(n_patients) < 0.3)[patients]
    share = np.clip(0.3 + 0.2 * y_true + 0.2 * generator.normal(size=len(patients)), 0, 1)
    return y_true, np.round(share, 2), patients


def test_decision_curve__is_that_of_the_definition() -> None:
    y_true, share, _ = cohort()

    curve = decision_curve(y_true, share, n_resamples=FEW)

    n_images = len(y_true)
    for at, model, everyone in zip(
        curve.thresholds, curve.model.value, curve.treat_all.value, strict=True
    ):
        hits = sum(1 for y, p in zip(y_true, share, strict=True) if p >= at and y)
        alarms = sum(1 for y, p in zip(y_true, share, strict=True) if p >= at and not y)
        odds = at / (1 - at)
        assert model == pytest.approx(hits / n_images - alarms / n_images * odds, abs=1e-12)
        expected = y_true.mean() - (1 - y_true.mean()) * odds
        assert everyone == pytest.approx(expected, abs=1e-12)
    assert curve.over_all.value == pytest.approx(curve.model.value - curve.treat_all.value)
    assert curve.frame()["standardised"].max() <= 1


def test_decision_curve__by_hand() -> None:
    # Ten images, three diseased; from 0.5 on two diseased and one healthy: 2/10 - 1/10.
    y_true = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    score = [0.9, 0.5, 0.4, 0.7, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1]

    curve = decision_curve(y_true, score, thresholds=[0.2, 0.5])

    assert curve.model.value[1] == pytest.approx(0.1)
    assert curve.model.value[0] == pytest.approx(0.3 - 0.5 * 0.25)
    assert curve.treat_all.value == pytest.approx([0.3 - 0.7 * 0.25, 0.3 - 0.7])
    assert np.isnan(curve.model.low).all()
    assert "only 3 images with the class" in curve.reason


def test_decision_curve__at_another_prevalence_weighs_the_same_rates_anew() -> None:
    y_true, share, patients = cohort()

    rare = decision_curve(
        y_true, share, thresholds=[0.3], prevalence=0.05, patients=patients, n_resamples=FEW
    )
    as_is = decision_curve(
        y_true, share, thresholds=[0.3], prevalence=float(y_true.mean()), n_resamples=FEW
    )

    sensitivity = np.mean(share[y_true] >= 0.3)
    alarms = np.mean(share[~y_true] >= 0.3)
    expected = 0.05 * sensitivity - 0.95 * alarms * 0.3 / 0.7
    assert rare.model.value[0] == pytest.approx(expected, abs=1e-12)
    assert rare.prevalence == 0.05
    assert rare.observed_prevalence == pytest.approx(y_true.mean())
    assert rare.treat_all.low[0] == pytest.approx(rare.treat_all.high[0])  # nothing to estimate
    assert as_is.model.value == pytest.approx(
        decision_curve(y_true, share, thresholds=[0.3], n_resamples=FEW).model.value
    )


def test_decision_curve__holds_that_of_many_images_repeated_with_weights() -> None:
    # Frequency weights of resamples must act as repeated images do.
    from fundus_core.stats.net_benefit import treated_rates

    y_true, share, _ = cohort(30)
    weights = np.random.default_rng(1).integers(0, 3, len(y_true))
    at = np.array([0.1, 0.33, 0.6])

    rates = treated_rates(y_true, share, at)(weights[np.newaxis].astype(float))

    repeated = decision_curve(np.repeat(y_true, weights), np.repeat(share, weights), thresholds=at)
    benefit = rates.prevalence * rates.true_positive - (1 - rates.prevalence) * (
        rates.false_positive * at / (1 - at)
    )
    assert benefit[0] == pytest.approx(repeated.model.value)


def test_decision_curve__by_patient_is_less_sure_where_eyes_agree() -> None:
    y_true, share, _ = cohort()
    twice = np.tile(y_true, 2), np.tile(share, 2)

    by_patient = decision_curve(
        *twice, thresholds=[0.3], patients=np.tile(np.arange(len(share)), 2), n_resamples=500
    )
    by_image = decision_curve(*twice, thresholds=[0.3], n_resamples=500)

    wide = by_patient.model.high - by_patient.model.low
    assert wide[0] > 1.2 * (by_image.model.high - by_image.model.low)[0]
    assert by_patient.method == "percentile bootstrap of patients"


def test_net_benefit_difference__changes_its_sign_when_models_are_swapped() -> None:
    y_true, share, patients = cohort()
    other = np.clip(share + 0.1 * np.random.default_rng(3).normal(size=len(share)), 0, 1)

    a = net_benefit_difference(y_true, share, other, patients=patients, n_resamples=FEW)
    b = net_benefit_difference(y_true, other, share, patients=patients, n_resamples=FEW)

    assert a.difference.value == pytest.approx(-b.difference.value)
    assert a.difference.low == pytest.approx(-b.difference.high, nan_ok=True)
    curves = [decision_curve(y_true, one, n_resamples=2).model.value for one in (share, other)]
    assert a.difference.value == pytest.approx(curves[0] - curves[1])
    known = a.frame().dropna()
    assert len(known) > 60
    assert (known["low"] <= known["difference"] + 1e-9).mean() > 0.95


def test_net_benefit_difference__of_a_model_from_itself_is_nothing_and_shows_nothing() -> None:
    y_true, share, _ = cohort()

    found = net_benefit_difference(y_true, share, share, n_resamples=FEW)

    assert not found.difference.value.any()
    assert np.isnan(found.difference.low).all()
    assert np.isnan(found.difference.high).all()


def test_decision_curve__has_an_interval_where_five_patients_stand_behind_it() -> None:
    # Both photographs of 20 patients: at 0.3 two thirds are treated, at 0.6 five, at 0.7 four.
    patients = np.repeat(np.arange(20), 2)
    of_patient = np.array([0.9] * 4 + [0.6] + [0.3] * 9 + [0.2] * 6)
    diseased = np.arange(20) % 2 == 0
    options = {"thresholds": [0.05, 0.3, 0.6, 0.7], "patients": patients, "n_resamples": FEW}

    curve = decision_curve(diseased[patients], of_patient[patients], **options)

    assert np.isnan(curve.model.low).tolist() == [False, False, False, True]
    assert np.isnan(curve.over_all.high).tolist() == [True, False, False, False]
    assert not np.isnan(curve.treat_all.low).any()
    other = np.where(np.arange(20) < 5, 0.5, of_patient)  # 0.6 and 0.7 treat five, four fewer
    apart = net_benefit_difference(
        diseased[patients], of_patient[patients], other[patients], **options
    )
    assert np.isnan(apart.difference.low).tolist() == [True, True, False, True]


def test_decision_curve__refuses_what_it_cannot_use() -> None:
    with pytest.raises(ScoresError, match="no probabilities"):
        decision_curve([0, 1], [3.0, -1.0])
    with pytest.raises(ScoresError, match="Model B"):
        net_benefit_difference([0, 1], [0.3, 0.1], [3.0, 1.0])
    with pytest.raises(SingleClassError):
        decision_curve([0, 0], [0.3, 0.1])
    with pytest.raises(ValueError, match="thresholds"):
        decision_curve([0, 1], [0.3, 0.1], thresholds=[0.0, 0.5])
    with pytest.raises(ValueError, match="prevalence"):
        decision_curve([0, 1], [0.3, 0.1], prevalence=1.0)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.integers(0, 9)), min_size=2, max_size=40)
)
@settings(max_examples=50, deadline=None)
def test_decision_curve__of_anything_valid_is_at_most_the_prevalence(
    rows: list[tuple[bool, float, int]],
) -> None:
    labels, share, patients = map(np.array, zip(*rows, strict=True))
    labels[0], labels[1] = True, False

    curve = decision_curve(labels, share, patients=patients, n_resamples=30)

    assert np.isfinite(curve.model.value).all()
    assert (curve.model.value <= labels.mean() + 1e-12).all()
    if not curve.reason:
        given_one = ~np.isnan(curve.model.low)
        assert (curve.model.low <= curve.model.high)[given_one].all()
        assert np.isfinite(curve.treat_all.low).all()
