"""The micro AUC, against its definition and against the bootstrap of patients."""

import numpy as np
import pytest

from fundus_core.errors import ScoresError, SingleClassError, TargetError
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.micro import compare_micro, compare_micro_unpaired, micro_auc


def _three_classes(n_patients: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two eyes per patient, several diseases each: (N, 3), two models' (2, N, 3), (N,)."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), 2)
    y_true = (generator.random((n_patients, 3)) < (0.5, 0.3, 0.2))[patients]
    of_patient = generator.normal(size=(2, n_patients, 3))[:, patients]
    score = 0.8 * of_patient + 0.6 * generator.normal(size=(2, 2 * n_patients, 3)) + y_true
    return y_true, score, patients


def _resampled(patients: np.ndarray, n_resamples: int) -> list[np.ndarray]:
    """Rows of patients drawn with replacement."""
    generator = np.random.default_rng(0)
    n_patients = patients.max() + 1
    drawn = generator.integers(0, n_patients, size=(n_resamples, n_patients))
    return [np.flatnonzero(patients == one[:, np.newaxis]) % len(patients) for one in drawn]


def test_micro_auc__is_the_share_of_ordered_pairs_of_an_image_and_a_class() -> None:
    y_true, (score, _), _ = _three_classes(10, seed=0)

    found = micro_auc(y_true, score)

    positive, negative = score[y_true], score[~y_true]
    assert found.auc == pytest.approx(np.mean(positive[:, np.newaxis] > negative))
    assert (found.n_positive, found.n_negative) == (y_true.sum(), (~y_true).sum())


def test_micro_auc__takes_the_image_as_cluster_where_patients_are_unknown() -> None:
    y_true, (score, _), _ = _three_classes(50, seed=0)

    unknown = micro_auc(y_true, score)
    each_its_own = micro_auc(y_true, score, patients=np.arange(100))

    assert (unknown.low, unknown.high) == (each_its_own.low, each_its_own.high)
    assert (unknown.n_patients, each_its_own.n_patients) == (None, 100)
    assert unknown.method == "micro obuchowski"


def test_micro_auc__of_one_class_is_that_class() -> None:
    y_true, (score, _), patients = _three_classes(50, seed=0)

    found = micro_auc(y_true[:, :1], score[:, :1], patients=patients)

    alone = auc_interval(y_true[:, 0], score[:, 0], patients=patients)
    assert (found.low, found.auc, found.high) == (alone.low, alone.auc, alone.high)


@pytest.mark.parametrize("by_patient", [False, True])
def test_micro_auc__has_the_standard_error_of_the_bootstrap(by_patient: bool) -> None:
    y_true, (score, _), patients = _three_classes(80, seed=1)
    units = patients if by_patient else np.arange(len(patients))
    resampled = [
        auc_interval(y_true[rows].ravel(), score[rows].ravel()).auc
        for rows in _resampled(units, 800)
    ]

    found = micro_auc(y_true, score, patients=units if by_patient else None)

    assert found.standard_error == pytest.approx(np.std(resampled), rel=0.1)


def test_micro_auc__taking_pairs_as_independent_would_be_too_sure() -> None:
    y_true, (score, _), patients = _three_classes(80, seed=1)

    found = micro_auc(y_true, score, patients=patients)

    naive = auc_interval(y_true.ravel(), score.ravel())
    assert found.standard_error > 1.2 * naive.standard_error


def test_micro_auc__of_a_perfect_model_has_the_width_of_its_patients() -> None:
    y_true = np.eye(2, dtype=bool)[[0, 0, 0, 0, 1, 1, 1, 1]]

    found = micro_auc(y_true, y_true, patients=np.repeat(range(4), 2))

    assert (found.auc, found.method) == (1.0, "micro obuchowski, exact")
    assert found.low == pytest.approx(0.025 ** (1 / 2))  # four patients make two pairs


def test_compare_micro__has_the_standard_error_of_the_bootstrap() -> None:
    y_true, (a, b), patients = _three_classes(80, seed=2)
    resampled = [
        auc_interval(y_true[rows].ravel(), a[rows].ravel()).auc
        - auc_interval(y_true[rows].ravel(), b[rows].ravel()).auc
        for rows in _resampled(patients, 800)
    ]

    found = compare_micro(y_true, a, b, patients=patients)

    assert found.standard_error == pytest.approx(np.std(resampled), rel=0.1)
    assert found.difference == micro_auc(y_true, a).auc - micro_auc(y_true, b).auc
    assert (found.n_images_a, found.method) == (160, "micro obuchowski")


def test_compare_micro__of_one_class_is_the_test_of_that_class() -> None:
    y_true, (a, b), patients = _three_classes(50, seed=0)

    found = compare_micro(y_true[:, :1], a[:, :1], b[:, :1], patients=patients)

    alone = compare_paired(y_true[:, 0], a[:, 0], b[:, 0], patients=patients)
    assert (found.z, found.p_value) == (alone.z, alone.p_value)


def test_compare_micro_unpaired__adds_the_variances_of_both_sets() -> None:
    y_a, (a, _), patients_a = _three_classes(50, seed=0)
    y_b, (b, _), patients_b = _three_classes(40, seed=1)

    found = compare_micro_unpaired(y_a, a, y_b, b, patients_a=patients_a, patients_b=patients_b)

    errors = [
        micro_auc(y_a, a, patients=patients_a).standard_error,
        micro_auc(y_b, b, patients=patients_b).standard_error,
    ]
    assert found.standard_error == pytest.approx(np.hypot(*errors))
    assert (found.n_images_a, found.n_images_b) == (100, 80)
    assert found.method == "micro obuchowski, unpaired"


def test_micro_auc__refuses_what_it_cannot_pool() -> None:
    y_true, (score, _), _ = _three_classes(10, seed=0)

    with pytest.raises(TargetError, match=r"shape \(20,\)"):
        micro_auc(y_true[:, 0], score)
    with pytest.raises(ScoresError, match=r"\(20, 2\), labels \(20, 3\)"):
        micro_auc(y_true, score[:, :2])
    with pytest.raises(ScoresError, match="Class 2 of Model B has 20 of 20"):
        compare_micro(y_true, score, score * [1, np.nan, 1])
    with pytest.raises(SingleClassError, match="0 positive"):
        micro_auc(np.zeros((20, 3)), score)
