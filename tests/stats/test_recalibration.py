"""Recalibration: the maps, and that no fold's map has seen the fold."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.errors import FoldError, ScoresError, SingleClassError
from fundus_core.stats.calibration_line import calibration_line
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.recalibration import recalibrate_across_folds
from fundus_core.stats.score_maps import (
    RECALIBRATORS,
    Recalibration,
    fit_isotonic,
    fit_platt,
    fit_softmax_temperature,
    fit_temperature,
)

METHODS = tuple(RECALIBRATORS)
FOLD = np.arange(400) // 2 % 4
PATIENTS = np.array([f"P{row // 2}" for row in range(400)])


def held_out(seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Returns labels and scores of 400 images, both (400, 1): too extreme by a factor of 3."""
    generator = np.random.default_rng(seed)
    logit = generator.normal(-0.5, 1, 400)
    y_true = generator.random(400) < 1 / (1 + np.exp(-logit))
    return y_true[:, None], 1 / (1 + np.exp(-3 * logit[:, None]))


def recalibrated(
    y_true: NDArray[np.bool_], y_score: NDArray[np.float64], method: Recalibration
) -> NDArray[np.float64]:
    found = recalibrate_across_folds(
        "binary", y_true, y_score, FOLD, method=method, patients=PATIENTS
    )
    return found.y_score


@pytest.mark.parametrize("method", METHODS)
def test_recalibrate__makes_extreme_predictions_right(method: Recalibration) -> None:
    y_true, y_score = held_out()

    after = recalibrated(y_true, y_score, method)

    before_slope = calibration_line(y_true[:, 0], y_score[:, 0]).slope.value
    assert before_slope == pytest.approx(1 / 3, abs=0.1)
    # Isotonic regression overfits its steps, and says 0 and 1.
    slope = calibration_line(y_true[:, 0], np.clip(after[:, 0], 0.02, 0.98)).slope.value
    assert slope == pytest.approx(1, abs=0.35 if method == "isotonic" else 0.2)
    assert np.mean((after - y_true) ** 2) < np.mean((y_score - y_true) ** 2)


@pytest.mark.parametrize("method", METHODS)
def test_recalibrate__does_not_look_at_the_labels_or_scores_of_the_fold_itself(
    method: Recalibration,
) -> None:
    y_true, y_score = held_out()
    lied = np.where((FOLD == 2)[:, None], ~y_true, y_true)

    honest = recalibrated(y_true, y_score, method)
    misled = recalibrated(lied, y_score, method)

    assert (honest[FOLD == 2] == misled[FOLD == 2]).all()
    assert (honest[FOLD != 2] != misled[FOLD != 2]).mean() > 0.5


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_recalibrate__leaves_the_auc_of_each_fold_as_it_is(method: Recalibration) -> None:
    y_true, y_score = held_out()

    after = recalibrated(y_true, y_score, method)

    for fold in range(4):
        rows = fold == FOLD
        before_auc = auc_interval(y_true[rows, 0], y_score[rows, 0]).auc
        assert auc_interval(y_true[rows, 0], after[rows, 0]).auc == before_auc


@pytest.mark.parametrize("method", METHODS)
def test_recalibrate__never_falls_even_where_scores_are_upside_down(method: Recalibration) -> None:
    y_true, y_score = held_out()

    found = recalibrate_across_folds("binary", y_true, 1 - y_score, FOLD, method=method)

    for fold in range(4):
        rows = np.flatnonzero(fold == FOLD)
        rising = rows[np.argsort(1 - y_score[rows, 0])]
        assert (np.diff(found.y_score[rising, 0]) >= 0).all()
    assert method == "isotonic" or all(one.flat for one in found.maps)


def test_recalibrate__refuses_a_patient_in_two_folds_and_names_him() -> None:
    y_true, y_score = held_out()
    patients = PATIENTS.copy()
    patients[2] = "P0"  # row 2 is in fold 1, P0 in fold 0

    with pytest.raises(FoldError, match=r"1 of 200 patients .*\(P0\)"):
        recalibrate_across_folds("binary", y_true, y_score, FOLD, patients=patients)


def test_recalibrate__refuses_one_fold_one_class_and_what_is_no_probability() -> None:
    y_true, y_score = held_out()

    with pytest.raises(FoldError, match="one fold"):
        recalibrate_across_folds("binary", y_true, y_score, np.zeros(400))
    with pytest.raises(SingleClassError, match="Without fold 1"):
        recalibrate_across_folds("binary", (FOLD == 0)[:, None], y_score, FOLD)
    with pytest.raises(ScoresError, match="no probabilities"):
        recalibrate_across_folds("binary", y_true, 5 * y_score, FOLD)


def test_recalibrate__says_what_each_fold_was_fitted_on() -> None:
    y_true, y_score = held_out()

    found = recalibrate_across_folds("binary", y_true, y_score, FOLD, patients=PATIENTS)

    assert [one.fold for one in found.maps] == [0, 1, 2, 3]
    assert {(one.n_images, one.n_patients) for one in found.maps} == {(300, 150)}
    assert all(0.2 < one.parameters["slope"] < 0.5 for one in found.maps)
    assert not found.renormalised


@pytest.mark.parametrize("method", METHODS)
def test_recalibrate__of_several_classes_sums_to_one(method: Recalibration) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(400, 3))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y_true = np.array([generator.multinomial(1, row) for row in right]) == 1
    sharp = right**4 / (right**4).sum(axis=1, keepdims=True)

    found = recalibrate_across_folds("multiclass", y_true, sharp, FOLD, method=method)

    assert found.y_score.sum(axis=1) == pytest.approx(1)
    assert np.mean((found.y_score - y_true) ** 2) < np.mean((sharp - y_true) ** 2)
    assert found.renormalised == (method != "temperature")
    if method == "temperature":
        assert [one.parameters["temperature"] for one in found.maps] == pytest.approx(
            [4] * 4, rel=0.3
        )


def test_recalibrate__of_several_labels_maps_each_by_itself() -> None:
    (dr, dr_score), (amd, amd_score) = held_out(0), held_out(1)

    both = recalibrate_across_folds(
        "multilabel", np.hstack([dr, amd]), np.hstack([dr_score, amd_score]), FOLD
    )
    alone = recalibrate_across_folds("binary", amd, amd_score, FOLD)

    assert (both.y_score[:, [1]] == alone.y_score).all()


def test_fit_platt__is_the_logistic_regression_of_platts_targets() -> None:
    import statsmodels.api as sm

    y_true, y_score = (one[:, 0] for one in held_out())
    logit = np.log(y_score / (1 - y_score))
    n_positive, n_negative = y_true.sum(), (~y_true).sum()
    target = np.where(y_true, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    found = fit_platt(y_true, y_score)

    family = sm.families.Binomial()
    expected = sm.GLM(target, sm.add_constant(logit), family=family).fit().params
    assert [found.parameters["intercept"], found.parameters["slope"]] == pytest.approx(
        expected, abs=1e-6
    )


def test_fit_platt__of_separated_classes_is_finite() -> None:
    found = fit_platt(np.array([False, False, True, True]), np.array([0.1, 0.2, 0.8, 0.9]))

    assert np.isfinite(list(found.parameters.values())).all()
    assert found.apply(np.array([0.0, 1.0])).round(6).tolist() != [0.0, 1.0]


def test_fit_temperature__minimises_the_log_loss() -> None:
    y_true, y_score = (one[:, 0] for one in held_out())
    logit = np.log(y_score / (1 - y_score))

    found = fit_temperature(y_true, y_score).parameters["temperature"]

    def loss(temperature: float) -> float:
        return float(np.logaddexp(0, np.where(y_true, -1, 1) * logit / temperature).mean())

    assert loss(found) < min(loss(0.99 * found), loss(1.01 * found))
    assert found == pytest.approx(3, rel=0.2)


def test_fit_softmax_temperature__of_two_classes_is_that_of_one() -> None:
    y_true, y_score = (one[:, 0] for one in held_out())

    found = fit_softmax_temperature(
        y_true.astype(np.intp), np.stack([1 - y_score, y_score], axis=1)
    )

    alone = fit_temperature(y_true, y_score).parameters["temperature"]
    assert found.parameters["temperature"] == pytest.approx(alone, rel=1e-6)
    with pytest.raises(ScoresError, match="sum to"):
        fit_softmax_temperature(np.array([0, 1]), np.array([[0.9, 0.9], [0.1, 0.2]]))


def test_fit_isotonic__pools_what_falls() -> None:
    found = fit_isotonic(np.array([True, False, True]), np.array([0.2, 0.4, 0.6]))

    assert found.apply(np.array([0.0, 0.3, 0.6, 1.0])).tolist() == [0.5, 0.5, 1.0, 1.0]
