"""Placements and their covariance, held against their definitions pair by pair."""

import time
import tracemalloc
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata

from fundus_core.stats.placements import covariance, placements

Floats = NDArray[np.float64]

# Five positive and four negative images with ties inside and across the classes, of four patients:
# 0 and 1 have images of both classes, 2 positive and 3 negative ones only.
POSITIVE = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
SCORES = np.array(
    [
        [0.9, 0.8, 0.8, 0.4, 0.3, 0.6, 0.4, 0.2, 0.1],
        [0.7, 0.9, 0.2, 0.5, 0.5, 0.5, 0.8, 0.1, 0.3],
    ]
)
PATIENTS = np.array([0, 0, 1, 2, 2, 0, 1, 3, 3])


def _kernel(scores: Floats, positive: NDArray[np.bool_]) -> Floats:
    """1 for every pair in the right order, one half for ties: shape (models, m, n)."""
    won, lost = scores[:, positive], scores[:, ~positive]
    result = np.zeros((len(scores), won.shape[1], lost.shape[1]))
    for model, i, j in product(*map(range, result.shape)):
        result[model, i, j] = np.heaviside(won[model, i] - lost[model, j], 0.5)
    return result


def _obuchowski(scores: Floats, positive: NDArray[np.bool_], patients: NDArray[np.intp]) -> Floats:
    """The covariance matrix of the AUCs as sections 2 and 3 of the 1997 paper define it.

    But that a patient's excess over the AUC is made up for what he himself pulled the AUC by, which
    changes nothing where patients have equally many images of a class.
    """
    kernel = _kernel(scores, positive)
    auc = kernel.mean(axis=(1, 2))
    v10, v01 = kernel.mean(axis=2), kernel.mean(axis=1)  # (models, m), (models, n)
    m, n = v10.shape[1], v01.shape[1]
    ids = sorted(set(patients.tolist()))
    with_positive = [one for one in ids if positive[patients == one].any()]
    with_negative = [one for one in ids if (~positive)[patients == one].any()]

    def excess(values: Floats, members: NDArray[np.intp], model: int, patient: int) -> float:
        own = values[model][members == patient]
        alike, pulled = 1 / len(set(members.tolist())), len(own) / len(members)
        return float(sum(own) - len(own) * auc[model]) * (1 - alike) / (1 - pulled)

    result = np.zeros((len(scores), len(scores)))
    for r, s in product(range(len(scores)), repeat=2):
        s10 = s01 = s11 = s11_transposed = 0.0
        for one in ids:
            x_r = excess(v10, patients[positive], r, one)
            x_s = excess(v10, patients[positive], s, one)
            y_r = excess(v01, patients[~positive], r, one)
            y_s = excess(v01, patients[~positive], s, one)
            s10 += x_r * x_s
            s01 += y_r * y_s
            s11 += x_r * y_s
            s11_transposed += x_s * y_r
        s10 *= len(with_positive) / ((len(with_positive) - 1) * m)
        s01 *= len(with_negative) / ((len(with_negative) - 1) * n)
        both = len(ids) / (len(ids) - 1)
        result[r, s] = s10 / m + s01 / n + both * (s11 + s11_transposed) / (m * n)
    return result


def _random_case(
    seed: int, n_images: int = 60
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.intp]]:
    """Two models with heavy ties, and patients with one to several images of either class."""
    generator = np.random.default_rng(seed)
    positive = generator.random(n_images) < 0.3
    positive[:4] = True, True, False, False
    scores = generator.integers(0, 6, size=(2, n_images)) + 2.0 * positive
    return scores, positive, generator.integers(0, n_images // 2, size=n_images)


@pytest.mark.parametrize("seed", range(5))
def test_placements__agree_with_the_definition_under_ties(seed: int) -> None:
    scores, positive, _ = _random_case(seed)

    placed = placements(positive, scores)

    kernel = _kernel(scores, positive)
    np.testing.assert_allclose(placed.auc, kernel.mean(axis=(1, 2)), rtol=0, atol=1e-14)
    np.testing.assert_allclose(placed.values[:, positive], kernel.mean(axis=2), atol=1e-14)
    np.testing.assert_allclose(placed.values[:, ~positive], kernel.mean(axis=1), atol=1e-14)


def test_placements__do_not_depend_on_the_order_of_the_images() -> None:
    scores, positive, _ = _random_case(1)
    shuffled = np.random.default_rng(0).permutation(len(positive))

    placed = placements(positive[shuffled], scores[:, shuffled])

    expected = placements(positive, scores)
    np.testing.assert_array_equal(placed.values, expected.values[:, shuffled])
    np.testing.assert_array_equal(placed.auc, expected.auc)


def test_placements__of_perfect_and_constant_models_are_exact() -> None:
    # 49 * (1 / 49) is not 1 in floating point; 1 must come out as 1 all the same.
    positive = np.arange(98) >= 49
    scores = np.stack([np.arange(98.0), np.zeros(98), -np.arange(98.0)])

    placed = placements(positive, scores)

    assert placed.auc.tolist() == [1.0, 0.5, 0.0]
    assert [set(row) for row in placed.values.tolist()] == [{1.0}, {0.5}, {0.0}]


def test_covariance__is_delongs_when_images_are_independent() -> None:
    placed = placements(POSITIVE, SCORES)

    found = covariance(placed.deviations, POSITIVE)

    kernel = _kernel(SCORES, POSITIVE)
    expected = np.cov(kernel.mean(axis=2)) / 5 + np.cov(kernel.mean(axis=1)) / 4
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_covariance__is_obuchowskis_when_a_patient_has_images_of_both_classes() -> None:
    placed = placements(POSITIVE, SCORES)

    found = covariance(placed.deviations, POSITIVE, PATIENTS)

    np.testing.assert_allclose(found, _obuchowski(SCORES, POSITIVE, PATIENTS), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_covariance__is_obuchowskis_on_random_patients(seed: int) -> None:
    scores, positive, patients = _random_case(seed)
    patients = np.unique(patients, return_inverse=True)[1]

    found = covariance(placements(positive, scores).deviations, positive, patients)

    np.testing.assert_allclose(found, _obuchowski(scores, positive, patients), rtol=1e-11)


def test_covariance__is_the_published_one_where_patients_have_equally_many_images() -> None:
    # Four patients with two positive images, of whom the last two have two negative ones as well,
    # as have two others: section 3 of the 1997 paper without anything made up for.
    positive = np.repeat([True, False], 8)
    patients = np.repeat([0, 1, 2, 3, 2, 3, 4, 5], 2)
    scores = np.random.default_rng(3).normal(size=(1, 16)) + positive

    found = covariance(placements(positive, scores).deviations, positive, patients)

    kernel = _kernel(scores, positive)[0]
    excess = kernel.mean(axis=1) - kernel.mean(), kernel.mean(axis=0) - kernel.mean()
    above, below = np.zeros((2, 6))
    np.add.at(above, patients[positive], excess[0] / 8)
    np.add.at(below, patients[~positive], excess[1] / 8)
    expected = 4 / 3 * (above @ above + below @ below) + 2 * 6 / 5 * above @ below
    assert found[0, 0] == pytest.approx(expected, rel=1e-12)


def test_covariance__is_the_jackknife_over_patients_who_have_one_class() -> None:
    # A patient of five images beside patients of one: left out of the placements, one by one.
    scores, positive, _ = _random_case(7)
    patients = np.where(positive, 0, 100) + np.arange(60) // 4
    patients[np.flatnonzero(positive)[:5]] = 99
    patients = np.unique(patients, return_inverse=True)[1]

    found = covariance(placements(positive, scores[:1]).deviations, positive, patients)

    kernel = _kernel(scores[:1], positive)[0]
    expected = 0.0
    for values, members in (
        (kernel.mean(axis=1), patients[positive]),
        (kernel.mean(axis=0), patients[~positive]),
    ):
        ids = np.unique(members)
        left = np.array([values[members != one].mean() for one in ids])
        expected += (len(ids) - 1) / len(ids) * ((left - kernel.mean()) ** 2).sum()
    assert found[0, 0] == pytest.approx(expected, rel=1e-12)


def test_covariance__by_patient_is_delongs_when_each_patient_has_one_image() -> None:
    deviations = placements(POSITIVE, SCORES).deviations

    found = covariance(deviations, POSITIVE, np.arange(9)[::-1].copy())

    np.testing.assert_allclose(found, covariance(deviations, POSITIVE), rtol=1e-13)


def test_covariance__doubles_when_every_photograph_is_there_twice() -> None:
    # A second, identical eye adds no information: the variance by patient stays what one eye gives,
    # while the variance by image takes it for news and is about half of that.
    positive, scores = np.tile(POSITIVE, 2), np.tile(SCORES, 2)
    patients = np.tile(np.arange(9), 2)

    deviations = placements(positive, scores).deviations
    by_patient = covariance(deviations, positive, patients)
    by_image = covariance(deviations, positive)

    one_eye = covariance(placements(POSITIVE, SCORES).deviations, POSITIVE)
    np.testing.assert_allclose(by_patient, one_eye, rtol=1e-12)
    assert by_image[0, 0] < 0.6 * by_patient[0, 0]


@pytest.mark.parametrize(
    "score",
    [
        pytest.param(1 + np.arange(9)[::-1] * 2.0**-52, id="neighbours among the floats"),
        pytest.param(np.array([0.0, -0.0, 5e-324, -5e-324, 0, 1e308, -1e308, -0.0, 1]), id="zeros"),
        pytest.param(np.array([3, -3, 3, -3, 1, 1, -1, -1, 0.0]), id="ties of either sign"),
        pytest.param(np.float32([0.1, 0.2, 0.1, 0.7, 0.7, -0.3, 0.2, 1e-9, -1e9]), id="single"),
        pytest.param(-1 - np.tile(np.arange(3) * 2.0**-50, 3), id="ties among neighbours"),
    ],
)
def test_placements__tell_every_two_floats_apart(score: Floats) -> None:
    scores = np.asarray(score, dtype=np.float64)[np.newaxis]

    placed = placements(POSITIVE, scores)

    kernel = _kernel(scores, POSITIVE)
    np.testing.assert_allclose(placed.auc, kernel.mean(axis=(1, 2)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(placed.values[:, POSITIVE], kernel.mean(axis=2), atol=1e-15)
    np.testing.assert_allclose(placed.values[:, ~POSITIVE], kernel.mean(axis=1), atol=1e-15)


@pytest.mark.slow
def test_placements__of_a_million_images_take_little_time_and_memory() -> None:
    generator = np.random.default_rng(0)
    positive = generator.random(1_000_000) < 0.3
    scores = generator.normal(size=(2, 1_000_000)) + positive
    seconds: dict[str, list[float]] = {"ours": [], "midranks": []}
    routes = {
        "ours": lambda: placements(positive, scores),
        "midranks": lambda: rankdata(scores, axis=1),
    }
    for _ in range(3):
        for name, route in routes.items():
            started = time.process_time()
            route()
            seconds[name].append(time.process_time() - started)

    tracemalloc.start()
    placements(positive, scores)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 150e6
    # One of the three rankings that the usual formula takes.
    assert min(seconds["ours"]) < min(seconds["midranks"])


def test_placements__of_many_scores_are_those_of_midranks() -> None:
    # So many that some differ only in the bits that the sort gives up, ties among them.
    generator = np.random.default_rng(0)
    positive = generator.random(300_000) < 0.3
    scores = generator.normal(size=(2, 300_000)) + positive
    scores[1] = 1 + scores[1] * 2.0**-35

    placed = placements(positive, scores)

    ranks = rankdata(scores, axis=1)
    among = rankdata(scores[:, positive], axis=1), rankdata(scores[:, ~positive], axis=1)
    m, n = among[0].shape[1], among[1].shape[1]
    below, above = (ranks[:, positive] - among[0]) / n, 1 - (ranks[:, ~positive] - among[1]) / m
    np.testing.assert_allclose(placed.values[:, positive], below, rtol=0, atol=1e-12)
    np.testing.assert_allclose(placed.values[:, ~positive], above, rtol=0, atol=1e-12)
