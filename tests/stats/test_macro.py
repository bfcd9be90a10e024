"""The macro AUC, against its parts and against the bootstrap."""

import numpy as np
import pytest

from fundus_core.errors import ScoresError, SingleClassError, TargetError
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.macro import compare_macro, compare_macro_unpaired, macro_auc


def _three_classes(n_patients: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two eyes per patient of one class, scores that lean to it: (N, 3), (N, 3), (N,)."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), 2)
    y_true = np.eye(3)[generator.choice(3, size=n_patients, p=[0.5, 0.3, 0.2])[patients]]
    of_patient = generator.normal(size=(n_patients, 3))[patients]
    score = 0.8 * of_patient + 0.6 * generator.normal(size=(2 * n_patients, 3)) + y_true
    return y_true, score, patients


def test_macro_auc__is_the_mean_of_the_classes() -> None:
    y_true, score, _ = _three_classes(50, seed=0)

    found = macro_auc(y_true, score)

    each = [auc_interval(y_true[:, k], score[:, k]).auc for k in range(3)]
    assert found.auc == pytest.approx(np.mean(each))
    assert found.low < found.auc < found.high
    assert (found.n_positive, found.n_negative, found.method) == (100, 200, "macro delong")


def test_macro_auc__of_one_class_is_delongs() -> None:
    y_true, score, patients = _three_classes(50, seed=0)

    found = macro_auc(y_true[:, :1], score[:, :1])
    by_patient = macro_auc(y_true[:, :1], score[:, :1], patients=patients)

    plain = auc_interval(y_true[:, 0], score[:, 0])
    clustered = auc_interval(y_true[:, 0], score[:, 0], patients=patients)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
    assert (by_patient.low, by_patient.high) == pytest.approx((clustered.low, clustered.high))


@pytest.mark.parametrize("by_patient", [False, True])
def test_macro_auc__has_the_standard_error_of_the_bootstrap(by_patient: bool) -> None:
    y_true, score, patients = _three_classes(80, seed=1)
    units = patients if by_patient else np.arange(len(patients))
    generator = np.random.default_rng(0)
    means = []
    for _ in range(800):
        drawn = generator.integers(0, units.max() + 1, size=units.max() + 1)
        rows = np.flatnonzero(units == drawn[:, np.newaxis]) % len(units)
        means.append(np.mean([auc_interval(y_true[rows, k], score[rows, k]).auc for k in range(3)]))

    found = macro_auc(y_true, score, patients=units if by_patient else None)

    assert found.standard_error == pytest.approx(np.std(means), rel=0.1)


def test_macro_auc__of_perfect_classes_has_width() -> None:
    labels = np.eye(3)[[0, 0, 0, 1, 1, 1, 2, 2, 2]]

    found = macro_auc(labels, labels)

    assert (found.auc, found.high, found.method) == (1.0, 1.0, "macro delong, exact")
    assert found.low == pytest.approx(0.025 ** (1 / 3))


def test_macro_auc__with_a_class_of_one_image_is_wide_not_blind() -> None:
    y_true, score, _ = _three_classes(50, seed=0)
    y_true[:, 2] = np.arange(100) == 7

    found = macro_auc(y_true, score)

    assert found.method == "macro delong, exact"
    assert found.high - found.low > 0.8


def test_macro_auc__names_the_class_without_images() -> None:
    y_true, score, _ = _three_classes(50, seed=0)
    y_true[:, 1] = 0

    with pytest.raises(SingleClassError, match="Class 2 has 0 positive and 100 negative"):
        macro_auc(y_true, score)


def test_macro_auc__refuses_shapes_that_do_not_fit() -> None:
    y_true, score, _ = _three_classes(50, seed=0)

    with pytest.raises(TargetError, match=r"shape \(100,\)"):
        macro_auc(y_true[:, 0], score[:, 0])
    with pytest.raises(ScoresError, match=r"\(100, 2\), labels \(100, 3\)"):
        macro_auc(y_true, score[:, :2])
    with pytest.raises(ScoresError, match="Class 3 has 1 of 100"):
        macro_auc(y_true, np.where(np.arange(300).reshape(100, 3) == 5, np.inf, score))


def _two_models(n_patients: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y_true, score, patients = _three_classes(n_patients, seed)
    noise = np.random.default_rng(seed + 100).normal(size=score.shape)
    return y_true, np.stack([score, 0.7 * score + 0.7 * noise]), patients


def test_compare_macro__has_the_standard_error_of_the_bootstrap_of_patients() -> None:
    y_true, (a, b), patients = _two_models(80, seed=3)
    generator = np.random.default_rng(0)
    differences = []
    for _ in range(800):
        drawn = generator.integers(0, 80, size=80)
        rows = np.flatnonzero(patients == drawn[:, np.newaxis]) % len(patients)
        each = [
            auc_interval(y_true[rows, k], a[rows, k]).auc
            - auc_interval(y_true[rows, k], b[rows, k]).auc
            for k in range(3)
        ]
        differences.append(np.mean(each))

    found = compare_macro(y_true, a, b, patients=patients)

    assert found.standard_error == pytest.approx(np.std(differences), rel=0.1)
    assert found.difference == pytest.approx(macro_auc(y_true, a).auc - macro_auc(y_true, b).auc)
    assert found.low < found.difference < found.high


def test_compare_macro__of_one_class_is_delongs_test() -> None:
    y_true, (a, b), patients = _two_models(50, seed=0)

    found = compare_macro(y_true[:, :1], a[:, :1], b[:, :1])
    by_patient = compare_macro(y_true[:, :1], a[:, :1], b[:, :1], patients=patients)

    plain = compare_paired(y_true[:, 0], a[:, 0], b[:, 0])
    clustered = compare_paired(y_true[:, 0], a[:, 0], b[:, 0], patients=patients)
    assert (found.z, found.p_value) == pytest.approx((plain.z, plain.p_value))
    assert by_patient.z == pytest.approx(clustered.z)
    assert (found.method, by_patient.method) == ("macro delong", "macro obuchowski")


def test_compare_macro__a_model_does_not_differ_from_itself() -> None:
    y_true, (a, _), patients = _two_models(50, seed=0)

    found = compare_macro(y_true, a, 3 * a - 1, patients=patients)

    assert (found.z, found.p_value, found.difference) == (0.0, 1.0, 0.0)
    assert found.low < 0 < found.high


def test_compare_macro_unpaired__adds_the_variances_of_both_sets() -> None:
    y_a, (a, _), patients_a = _two_models(80, seed=3)
    y_b, (b, _), patients_b = _two_models(50, seed=4)

    found = compare_macro_unpaired(y_a, a, y_b, b, patients_a=patients_a, patients_b=patients_b)

    errors = [
        macro_auc(y_a, a, patients=patients_a).standard_error,
        macro_auc(y_b, b, patients=patients_b).standard_error,
    ]
    assert found.standard_error == pytest.approx(np.hypot(*errors))
    assert found.degrees_of_freedom is not None
    assert 50 - 1 < found.degrees_of_freedom < 130


def test_compare_macro__needs_two_patients_of_every_class() -> None:
    y_true, (a, b), patients = _two_models(50, seed=0)
    y_true[:, 2] = patients == 3

    with pytest.raises(SingleClassError, match="1 independent positive"):
        compare_macro(y_true, a, b, patients=patients)
