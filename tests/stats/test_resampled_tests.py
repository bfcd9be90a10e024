"""Bootstrap and permutation tests of two AUCs."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from fundus_core.errors import NoVarianceError, ScoresError, SingleClassError
from fundus_core.stats.delong import auc_interval, compare_paired, compare_unpaired
from fundus_core.stats.resampled_tests import (
    bootstrap_test,
    permutation_test,
    unpaired_bootstrap_test,
)
from tests.stats.test_partial_auc import ANY, ROWS, eyes

FEW = 50


def test_bootstrap_test__agrees_with_obuchowskis_on_many_patients() -> None:
    y_true, scores, patients = eyes(0, n_patients=300)

    found = bootstrap_test(y_true, *scores, patients=patients)

    formula = compare_paired(y_true, *scores, patients=patients)
    assert found.difference == pytest.approx(formula.difference, abs=1e-12)
    assert found.standard_error == pytest.approx(formula.standard_error, rel=0.06)
    assert (found.low, found.high) == pytest.approx((formula.low, formula.high), abs=0.01)


def test_bootstrap_test__of_images_alone_makes_the_error_too_small() -> None:
    y_true, scores, patients = eyes(1, n_patients=200)

    by_image = bootstrap_test(y_true, *scores)
    by_patient = bootstrap_test(y_true, *scores, patients=patients)

    assert by_image.standard_error < 0.85 * by_patient.standard_error
    assert by_image.method == "paired bootstrap of images, stratified"


def test_bootstrap_test__models_that_order_alike_give_exactly_one() -> None:
    y_true, scores, _ = eyes()

    found = bootstrap_test(y_true, scores[0], 2 * scores[0] + 1, n_resamples=FEW)

    assert (found.difference, found.z, found.p_value) == (0.0, 0.0, 1.0)
    assert (found.low, found.reason) == (None, "no resample tells the models apart")


def test_bootstrap_test__perfect_against_constant_is_refused() -> None:
    y_true = np.repeat([0, 1], 10)

    with pytest.raises(NoVarianceError, match=r"\+0\.500"):
        bootstrap_test(y_true, np.arange(20), np.zeros(20), n_resamples=FEW)


def test_bootstrap_test__needs_five_patients_of_each_class() -> None:
    with pytest.raises(SingleClassError, match="4 independent positive and 5 negative"):
        bootstrap_test([1] * 4 + [0] * 5, range(9), range(9))
    with pytest.raises(SingleClassError, match="2 independent positive"):
        bootstrap_test([1] * 8 + [0] * 8, range(16), range(16), patients=np.arange(16) // 4)


def test_unpaired_bootstrap_test__agrees_with_delongs() -> None:
    y_true, scores, _ = eyes(4, n_patients=200)

    found = unpaired_bootstrap_test(y_true, scores[0], y_true, scores[1])

    formula = compare_unpaired(y_true, scores[0], y_true, scores[1])
    assert found.difference == pytest.approx(formula.difference)
    assert found.standard_error == pytest.approx(formula.standard_error, rel=0.06)
    assert found.method == "bootstrap of images, stratified, unpaired"


def _all_differences(y_true: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> list[float]:
    """Differences of AUC for every way of swapping patients' ranks, by SciPy's midranks."""
    ranks = rankdata(scores, axis=1)
    found = []
    for swaps in product([False, True], repeat=patients.max() + 1):
        swapped = np.array(swaps)[patients]
        a, b = np.where(swapped, ranks[::-1], ranks)
        found.append(auc_interval(y_true, a).auc - auc_interval(y_true, b).auc)
    return found


@pytest.mark.parametrize("clustered", [True, False])
def test_permutation_test__comes_near_the_share_among_all_permutations(clustered: bool) -> None:
    generator = np.random.default_rng(3)
    y_true = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    scores = generator.integers(0, 6, (2, 10)) + np.outer([4, 1], y_true)
    patients = np.array([0, 0, 1, 1, 2, 3, 3, 4, 4, 5]) if clustered else np.arange(10)
    every = np.abs(_all_differences(y_true, scores, patients))
    share = np.mean(every >= every[0] - 1e-12)

    known = patients if clustered else None
    found = permutation_test(y_true, *scores, patients=known, n_resamples=20_000)

    assert found.p_value == pytest.approx(share, abs=0.015)
    assert found.method == f"permutation of ranks within {'patients' if clustered else 'images'}"


def test_permutation_test__sees_the_aucs_of_the_models() -> None:
    y_true, scores, patients = eyes(2)

    found = permutation_test(y_true, *scores, patients=patients, n_resamples=FEW)

    formula = compare_paired(y_true, *scores, patients=patients)
    assert (found.value_a, found.value_b) == (formula.auc_a, formula.auc_b)
    assert (found.low, found.reason) == (None, "a permutation test gives none")


def test_permutation_test__p_is_counted_with_the_one_seen() -> None:
    y_true, scores, _ = eyes(2, n_patients=300)
    good = scores[0] + 5 * y_true

    found = permutation_test(y_true, good, -scores[1], n_resamples=99)

    assert found.p_value == 1 / 100


def test_permutation_test__of_equal_models_is_one() -> None:
    y_true, scores, _ = eyes()

    assert permutation_test(y_true, scores[0], scores[0] ** 3, n_resamples=FEW).p_value == 1.0


def test_permutation_test__holds_its_size_where_eyes_agree() -> None:
    rejected = {"patients": 0, "images": 0}
    for seed in range(150):
        generator = np.random.default_rng(seed)
        patients = np.repeat(np.arange(24), 2)
        y_true = patients % 2 == 0
        scores = generator.normal(size=(2, 24))[:, patients] + y_true
        for known, unit in ((patients, "patients"), (None, "images")):
            found = permutation_test(y_true, *scores, patients=known, n_resamples=99, seed=seed)
            rejected[unit] += found.p_value <= 0.1

    assert rejected["patients"] / 150 == pytest.approx(0.1, abs=0.07)
    assert rejected["images"] / 150 > 0.17  # identical eyes taken for news


def test_scores_that_are_not_finite_are_counted() -> None:
    y_true, scores, _ = eyes()
    scores[1, [0, 3]] = np.nan, np.inf

    for test in (bootstrap_test, permutation_test):
        with pytest.raises(ScoresError, match=r"Model B has 2 of 120 .* 1 NaN, 1 infinite"):
            test(y_true, *scores)
    with pytest.raises(ScoresError, match="Model B"):
        unpaired_bootstrap_test(y_true, scores[0], y_true, scores[1])


@ANY
@given(ROWS, st.booleans())
def test_any_test__changes_sign_when_models_are_swapped(
    rows: list[tuple[bool, int, int, int]], by_patient: bool
) -> None:
    y_true, score_a, score_b, patients = (np.array(one) for one in zip(*rows, strict=True))
    known = patients if by_patient else None

    for test in (bootstrap_test, permutation_test):
        try:
            found = test(y_true, score_a, score_b, patients=known, n_resamples=FEW)
            swapped = test(y_true, score_b, score_a, patients=known, n_resamples=FEW)
        except (SingleClassError, NoVarianceError):
            continue
        assert swapped.difference == -found.difference
        assert swapped.p_value == pytest.approx(found.p_value, rel=1e-12)
        assert 0 < found.p_value <= 1
        if found.low is not None and found.high is not None:
            assert -1 <= found.low <= found.difference <= found.high <= 1


@ANY
@given(ROWS)
def test_any_permutation__by_patient_is_plain_when_each_patient_has_one_image(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    y_true, score_a, score_b, _ = (np.array(one) for one in zip(*rows, strict=True))

    plain = permutation_test(y_true, score_a, score_b, n_resamples=FEW)
    by_patient = permutation_test(
        y_true, score_a, score_b, patients=np.arange(len(y_true)), n_resamples=FEW
    )

    assert by_patient.p_value == plain.p_value
