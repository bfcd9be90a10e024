"""Tip-Adapter against its definition, and what training its keys promises."""

import math

import numpy as np
import pytest

from fundus_core.adapters.text_side import answers_of, probabilities
from fundus_core.adapters.tip import (
    CACHE_SETTINGS,
    CacheProbe,
    restore_cache,
    tip_f_path,
    tip_path,
    train_keys,
)
from fundus_core.adapters.training import trained_keys
from fundus_core.errors import ScoresError
from fundus_core.probe_fits import TrainingSide
from fundus_core.probes import cross_validate, fit_probe
from fundus_core.splits import grouped_folds
from tests.adapters.words import at, said

WORDS = said([0, 90], [0, 1], log_scale=1.0, length=0.8)
REMEMBERED = at(10, 30, 85, length=5.0)
DISEASED = np.array([[False], [False], [True]])
PHOTOGRAPHS = at(20, 60, 100, length=2.0)


def side(seed: int = 0, n_photographs: int = 40) -> TrainingSide:
    """Photographs whose directions tell the class, though not as the words say."""
    generator = np.random.default_rng(5)
    diseased = np.arange(n_photographs) % 2 == 1
    degrees = np.where(diseased, 30, 60) + generator.normal(0, 8, n_photographs)
    return TrainingSide(at(*degrees), diseased[:, None], "binary", seed, WORDS)


def test_tip__logits_are_those_of_the_definition() -> None:
    (probe,) = tip_path(TrainingSide(REMEMBERED, DISEASED, "binary", 0, WORDS), [(0.6, 4.0)])
    assert isinstance(probe, CacheProbe)

    logits = probe.logits(PHOTOGRAPHS)

    alpha = 0.6 * math.e / 3  # the words' scale is e, and three photographs are remembered
    for row, angle in enumerate((20, 60, 100)):
        for answer, word in enumerate((0, 90)):
            expected = math.e * 0.8 * math.cos(math.radians(angle - word))
            for key, label in ((10, 0), (30, 0), (85, 1)):
                if label == answer:
                    cosine = math.cos(math.radians(angle - key))
                    expected += alpha * math.exp(-4.0 * (1 - cosine))
            assert logits[row, answer] == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(probe.score(PHOTOGRAPHS), probabilities(logits, "binary"))


def test_tip__several_labels_of_a_photograph_are_remembered_each_for_its_question() -> None:
    words = said([0, 45, 90, 180], [1, 3, 0, 2], log_scale=0.0)
    y_true = np.array([[True, True], [False, True]])
    (probe,) = tip_path(TrainingSide(at(0, 90), y_true, "multilabel", 0, words), [(2.0, 1.0)])
    assert isinstance(probe, CacheProbe)

    (remembered,) = probe.logits(at(0)) - words.logits(at(0))

    far = math.exp(-1)  # alpha is 1; the keys lie at cosines 1 and 0
    np.testing.assert_allclose(remembered, [far, 1, 0, 1 + far], atol=1e-6)


def test_tip__at_weight_0_the_words_alone_give_the_scores() -> None:
    for path in (tip_path, tip_f_path):
        (probe,) = path(side(), CACHE_SETTINGS[:1])

        expected = probabilities(WORDS.logits(PHOTOGRAPHS), "binary")
        np.testing.assert_array_equal(probe.score(PHOTOGRAPHS), expected)


def test_tip__many_photographs_score_as_each_does_alone() -> None:
    (probe,) = tip_path(side(), [(1.0, 10.0)])
    many = at(*np.linspace(0, 180, 2500))

    scores = probe.score(many)

    np.testing.assert_allclose(scores[[0, 1300, 2499]], probe.score(many[[0, 1300, 2499]]))


def test_fit_probe__takes_from_the_memory_what_words_do_not_know() -> None:
    given = side(n_photographs=120)

    chosen, weight = fit_probe(
        "tip_adapter", given.vectors, given.y_true, task="binary", groups=None, seed=0, text=WORDS
    )

    healthy, diseased = chosen.score(at(62, 28))[:, 0]
    assert weight > 0
    assert diseased > 0.5 > healthy
    by_words = probabilities(WORDS.logits(at(62, 28)), "binary")[:, 0]
    assert by_words[1] < 0.5 < by_words[0]  # they have it the wrong way round


def test_fit_probe__a_patients_other_photograph_is_no_proof_of_the_memory() -> None:
    generator = np.random.default_rng(7)
    degrees = np.repeat(generator.uniform(0, 90, 30), 2)  # two photographs alike of each patient
    chance = np.repeat(generator.random(30) < 0.5, 2)[:, None]
    patients = np.repeat([f"P{number}" for number in range(30)], 2)

    grouped, alone = (
        fit_probe(
            "tip_adapter", at(*degrees), chance, task="binary", groups=groups, seed=0, text=WORDS
        )[1]
        for groups in (patients, None)
    )

    assert grouped < alone


def test_train_keys__moves_them_and_lowers_the_loss() -> None:
    trained = train_keys(side())

    assert len(trained.losses) == 20
    assert trained.losses[-1] < trained.losses[0] - 0.01
    assert np.abs(trained.weights[0] - side().vectors).max() > 0.005


def test_train_keys__a_photograph_does_not_answer_for_itself() -> None:
    keys, answers = at(10, 30, 85), answers_of(DISEASED, "binary")

    trained = trained_keys(
        keys, answers, WORDS.logits(keys), task="binary", alpha=2.0, beta=3.0, seed=0
    )

    losses = []
    for row, angle in enumerate((10, 30, 85)):
        logits = list(WORDS.logits(keys)[row])
        for other, (key, label) in enumerate(((10, 0), (30, 0), (85, 1))):
            if other != row:
                cosine = math.cos(math.radians(angle - key))
                logits[label] += 2.0 * math.exp(-3.0 * (1 - cosine))
        right = logits[int(DISEASED[row, 0])]
        losses.append(math.log(sum(math.exp(logit) for logit in logits)) - right)
    assert trained.losses[0] == pytest.approx(np.mean(losses), rel=1e-5)


def test_train_keys__depends_on_nothing_but_the_seed() -> None:
    many = side(n_photographs=300)  # more than are seen at once

    first, again = train_keys(many), train_keys(many)
    other = train_keys(side(seed=1, n_photographs=300))

    np.testing.assert_array_equal(first.weights[0], again.weights[0])
    assert not np.array_equal(first.weights[0], other.weights[0])


def test_tip_f__scores_with_trained_keys() -> None:
    (probe,) = tip_f_path(side(), [(1.0, 5.0)])

    assert isinstance(probe, CacheProbe)
    np.testing.assert_array_equal(probe.keys, train_keys(side()).weights[0])


@pytest.mark.parametrize("kind", ["tip_adapter", "tip_adapter_f"])
def test_cross_validate__nobody_held_out_is_remembered(kind: str) -> None:
    given = side(n_photographs=60)
    patients = np.array([f"P{number // 4}" for number in range(60)])
    folds = grouped_folds(given.y_true, patients, n_folds=3, seed=0)

    result = cross_validate(
        kind,
        given.vectors,
        given.y_true,
        task="binary",
        folds=folds,
        groups=patients,
        seed=0,
        text=WORDS,
    )

    for fold, probe in zip(folds, result.probes, strict=True):
        assert isinstance(probe, CacheProbe)
        assert len(probe.keys) == len(fold.train)
        assert not set(patients[fold.train]) & set(patients[fold.test])
        if kind == "tip_adapter":
            np.testing.assert_allclose(probe.keys, given.vectors[fold.train], atol=1e-6)
        expected = answers_of(given.y_true[fold.train], "binary")
        np.testing.assert_array_equal(probe.values, expected)
        np.testing.assert_array_equal(
            result.y_score[fold.test], probe.score(given.vectors[fold.test])
        )


def test_restore_cache__scores_the_same() -> None:
    (probe,) = tip_path(side(), [(1.0, 10.0)])

    restored = restore_cache("binary", probe.arrays())

    np.testing.assert_array_equal(restored.score(PHOTOGRAPHS), probe.score(PHOTOGRAPHS))


@pytest.mark.parametrize("kind", ["tip_adapter", "tip_adapter_f", "clip_adapter"])
def test_fit_probe__without_words_is_refused(kind: str) -> None:
    with pytest.raises(ScoresError, match="starts from words, and none were given"):
        fit_probe(kind, REMEMBERED, DISEASED, task="binary", groups=None, seed=0)
