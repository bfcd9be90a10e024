"""Many Platt lines at once are those fitted one by one, and their spread is that of patients."""

import numpy as np
import pytest

from fundus_core.stats.calibrated_scores import calibrated_intervals, platt_lines
from fundus_core.stats.probabilities import logits
from fundus_core.stats.recalibration import recalibrate_across_folds
from fundus_core.stats.score_maps import fit_platt


def scored(n_patients: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns labels, scores and patients of two photographs each."""
    generator = np.random.default_rng(seed)
    positive = np.repeat(generator.random(n_patients) < 0.4, 2)
    logit = 2.0 * positive - 1 + generator.normal(size=2 * n_patients)
    patients = np.repeat([f"P{number}" for number in range(n_patients)], 2)
    return positive, 1 / (1 + np.exp(-2 * logit)), patients


def test_platt_lines__are_those_of_repeated_photographs() -> None:
    positive, share, _ = scored()
    weights = np.random.default_rng(1).integers(0, 4, size=(5, len(share))).astype(float)

    lines = platt_lines(positive, logits(share), weights)

    for line, weight in zip(lines, weights, strict=True):
        rows = np.repeat(np.arange(len(share)), weight.astype(int))
        expected = fit_platt(positive[rows], share[rows]).parameters
        assert line == pytest.approx([expected["intercept"], expected["slope"]], abs=1e-6)


@pytest.mark.parametrize(
    ("positive", "share"),
    [
        ([False, False, True, True], [0.1, 0.2, 0.8, 0.9]),  # separated: still finite
        ([True, True, False, False], [0.1, 0.2, 0.8, 0.9]),  # turned round: flat
        ([True, False, False, False], [0.3, 0.3, 0.3, 0.3]),  # one score: flat
        ([True, False, True, False], [0.0, 0.0, 1.0, 1.0]),  # at the edges
    ],
)
def test_platt_lines__are_finite_and_never_fall(positive: list[bool], share: list[float]) -> None:
    labels, scores = np.array(positive), np.array(share)

    ((intercept, slope),) = platt_lines(labels, logits(scores), np.ones((1, 4)))

    expected = fit_platt(labels, scores).parameters
    assert slope >= 0
    assert [intercept, slope] == pytest.approx([expected["intercept"], expected["slope"]], abs=1e-6)


def test_calibrated_intervals__hold_what_recalibration_across_folds_gives() -> None:
    positive, share, patients = scored()
    fold = np.repeat([0, 1], 40)
    by_folds = recalibrate_across_folds(
        "binary", positive[:, None], share[:, None], fold, patients=patients
    )

    found = calibrated_intervals(
        "binary",
        positive[40:, None],
        share[40:, None],
        share[:40, None],
        0,
        patients=patients[40:],
        n_resamples=200,
    )

    values = [one.value for one in found]
    assert values == pytest.approx(by_folds.y_score[:40, 0], abs=1e-8)
    assert all(one.low < one.value < one.high for one in found)
    assert "bootstrap of patients" in found[0].method


def test_calibrated_intervals__of_several_classes_are_divided_by_their_sum() -> None:
    generator = np.random.default_rng(2)
    grade = np.repeat(np.arange(60) % 3, 2)
    y_true = np.eye(3, dtype=bool)[grade]
    y_score = generator.dirichlet((1.0, 1.0, 1.0), 120) + 0.5 * y_true
    y_score /= y_score.sum(axis=1, keepdims=True)
    fold = np.repeat([0, 1], 60)
    by_folds = recalibrate_across_folds("multiclass", y_true, y_score, fold)

    by_class = [
        calibrated_intervals(
            "multiclass", y_true[60:], y_score[60:], y_score[:60], column, n_resamples=50
        )
        for column in range(3)
    ]

    values = np.array([[one.value for one in found] for found in by_class]).T
    np.testing.assert_allclose(values, by_folds.y_score[:60], atol=1e-8)
    np.testing.assert_allclose(values.sum(axis=1), 1)


def test_calibrated_intervals__are_narrower_with_more_patients() -> None:
    asked = np.array([[0.5]])
    widths = []
    for n_patients in (40, 640):
        positive, share, patients = scored(n_patients)
        (found,) = calibrated_intervals(
            "binary", positive[:, None], share[:, None], asked, 0, patients=patients,
            n_resamples=300,
        )  # fmt: skip
        widths.append(found.high - found.low)

    assert 2.5 < widths[0] / widths[1] < 6  # sixteen times as many: a quarter, about


def test_calibrated_intervals__two_photographs_alike_are_no_more_than_one() -> None:
    positive, share, _ = scored()
    asked = np.array([[0.5]])
    twice = np.repeat(np.arange(len(share)), 2)
    one_each = np.array([f"P{number}" for number in range(len(share))])

    (alone,) = calibrated_intervals(
        "binary", positive[:, None], share[:, None], asked, 0, patients=one_each
    )
    (doubled,) = calibrated_intervals(
        "binary", positive[twice, None], share[twice, None], asked, 0, patients=one_each[twice]
    )

    assert doubled.high - doubled.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_calibrated_intervals__too_few_diseased_have_a_value_and_no_interval() -> None:
    positive, share, patients = scored()
    positive = np.repeat(np.arange(40) < 3, 2)  # three patients

    (found,) = calibrated_intervals(
        "binary", positive[:, None], share[:, None], share[:1, None], 0, patients=patients
    )

    assert found.value is not None
    assert (found.low, found.high) == (None, None)
    assert "only 3 patients with the class" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize(("n_patients", "least"), [(40, 0.88), (160, 0.91)])
def test_calibrated_intervals__hold_the_truth_as_often_as_they_say(
    n_patients: int, least: float
) -> None:
    generator = np.random.default_rng(7)
    intercept, slope = -0.3, 0.6
    at = np.array([0.2, 0.5, 0.85])
    truth = 1 / (1 + np.exp(-(intercept + slope * logits(at))))
    patients = np.repeat([f"P{number}" for number in range(n_patients)], 2)
    held = []
    for seed in range(300):
        logit = 1.5 * np.repeat(generator.normal(size=n_patients), 2)
        logit += 0.8 * generator.normal(size=2 * n_patients)
        luck = np.repeat(generator.random(n_patients), 2)
        alike = np.repeat(generator.random(n_patients) < 0.6, 2)  # eyes of one patient
        luck = np.where(alike, luck, generator.random(2 * n_patients))
        positive = luck < 1 / (1 + np.exp(-(intercept + slope * logit)))
        score = 1 / (1 + np.exp(-logit))
        found = calibrated_intervals(
            "binary", positive[:, None], score[:, None], at[:, None], 0,
            patients=patients, n_resamples=500, seed=seed,
        )  # fmt: skip
        held.append([one.low <= true <= one.high for one, true in zip(found, truth, strict=True)])

    share = np.mean(held, axis=0)
    assert (share > least).all()
    assert (share < 0.985).all()
