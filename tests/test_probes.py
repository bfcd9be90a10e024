"""Probes: what each promises, and that nothing held out is ever seen."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.adapters import training
from fundus_core.compute import threads
from fundus_core.errors import ScoresError, TrainingError
from fundus_core.probe_fits import TrainingSide
from fundus_core.probes import (
    PROBES,
    LinearProbe,
    TextSide,
    cross_validate,
    fit_probe,
    held_out_losses,
    needs_text,
)
from fundus_core.splits import grouped_folds

WORDS = TextSide(
    np.eye(6, dtype=np.float32)[[0, 0]] * [[-1], [1]],
    np.array([2.0], np.float32),
    np.array([0, 1], np.float32),
)
"""Words for the embeddings of `two_groups`."""


@pytest.fixture(autouse=True)
def _short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_BOTTLENECK_EPOCHS", 4)


def two_groups(n_images: int = 80, gap: float = 2.0, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Embeddings (n, 6) of which the first number tells the class."""
    generator = np.random.default_rng(seed)
    y_true = (np.arange(n_images) % 2 == 0)[:, None]
    vectors = generator.normal(size=(n_images, 6)).astype(np.float32)
    vectors[:, 0] += gap * (y_true[:, 0] - 0.5)
    return vectors, y_true


@pytest.mark.parametrize("kind", PROBES)
def test_every_probe__separates_what_is_separable(kind: str) -> None:
    vectors, y_true = two_groups(gap=6.0)

    probe, _ = fit_probe(kind, vectors, y_true, task="binary", groups=None, seed=0, text=WORDS)

    scores = probe.score(vectors)
    assert scores.shape == (80, 1)
    assert ((scores > 0.5) == y_true).mean() > 0.97
    assert scores.min() >= 0
    assert scores.max() <= 1


@pytest.mark.parametrize("kind", PROBES)
def test_every_probe__scores_the_same_after_being_stored(kind: str) -> None:
    vectors, y_true = two_groups()
    probe, _ = fit_probe(kind, vectors, y_true, task="binary", groups=None, seed=0, text=WORDS)

    restored = PROBES[kind].restore("binary", probe.arrays())

    assert np.array_equal(restored.score(vectors), probe.score(vectors))


@pytest.mark.parametrize("kind", PROBES)
def test_cross_validate__scores_of_noise_are_at_chance(kind: str) -> None:
    generator = np.random.default_rng(5)
    vectors = generator.normal(size=(400, 6)).astype(np.float32)
    y_true = generator.random((400, 1)) < 0.5
    folds = grouped_folds(y_true, None, n_folds=5, seed=0)

    result = cross_validate(
        kind, vectors, y_true, task="binary", folds=folds, groups=None, seed=0, text=WORDS
    )

    positive, negative = result.y_score[y_true], result.y_score[~y_true]
    auc = (positive[:, None] > negative[None, :]).mean()
    assert 0.4 < auc < 0.6


@pytest.mark.parametrize("kind", ["logistic", "tip_adapter", "tip_adapter_f"])
def test_cross_validate__a_held_out_label_does_not_change_its_own_score(kind: str) -> None:
    vectors, y_true = two_groups()
    folds = grouped_folds(y_true, None, n_folds=4, seed=0)
    flipped = y_true.copy()
    flipped[folds[0].test] = ~flipped[folds[0].test]

    # Words that are wrong: where they are right, inner folds leave everything to them.
    wrong = replace(WORDS, directions=-WORDS.directions)
    before, after = (
        cross_validate(
            kind, vectors, labels, task="binary", folds=folds, groups=None, seed=0, text=wrong
        )
        for labels in (y_true, flipped)
    )

    held_out = folds[0].test
    assert np.array_equal(before.y_score[held_out], after.y_score[held_out])
    assert not np.array_equal(before.y_score[folds[1].test], after.y_score[folds[1].test])


@pytest.mark.parametrize("kind", PROBES)
def test_cross_validate__a_probe_is_fitted_on_its_training_side_alone(kind: str) -> None:
    vectors, y_true = two_groups()
    patients = np.array([f"P{number // 4}" for number in range(80)])
    fold = grouped_folds(y_true, patients, n_folds=4, seed=0)[0]

    result = cross_validate(
        kind,
        vectors,
        y_true,
        task="binary",
        folds=[fold],
        groups=patients,
        seed=0,
        text=WORDS,
        refit_on_all=False,
    )

    alone, _ = fit_probe(
        kind,
        vectors[fold.train],
        y_true[fold.train],
        task="binary",
        groups=patients[fold.train],
        seed=0,
        text=WORDS,
    )
    expected = alone.arrays()
    assert all(np.array_equal(a, expected[k]) for k, a in result.final.arrays().items())


def test_cross_validate__standardisation_sees_the_training_side_only() -> None:
    vectors, y_true = two_groups()
    folds = grouped_folds(y_true, None, n_folds=4, seed=0)
    shifted = vectors.copy()
    shifted[folds[0].test] += 1000

    result = cross_validate(
        "logistic", shifted, y_true, task="binary", folds=folds, groups=None, seed=0
    )

    first = result.probes[0]
    assert isinstance(first, LinearProbe)
    assert np.allclose(first.mean, vectors[folds[0].train].mean(axis=0), atol=1e-4)


def test_linear_probe__agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    vectors, y_true = two_groups()
    probe, strength = fit_probe("logistic", vectors, y_true, task="binary", groups=None, seed=0)

    reference = make_pipeline(StandardScaler(), LogisticRegression(C=strength, tol=1e-8))
    reference.fit(vectors.astype(np.float64), y_true[:, 0])

    expected = reference.predict_proba(vectors)[:, 1]
    assert np.allclose(probe.score(vectors)[:, 0], expected, atol=5e-3)


def test_linear_probe__direction_gives_the_logit_of_raw_embeddings() -> None:
    vectors, y_true = two_groups()
    probe, _ = fit_probe("logistic", vectors, y_true, task="binary", groups=None, seed=0)
    assert isinstance(probe, LinearProbe)

    weight, bias = probe.direction(0)

    assert np.allclose(vectors @ weight + bias, probe.logits(vectors)[:, 0], atol=1e-4)


def test_held_out_losses__in_threads_are_those_of_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    y_true = generator.random((80, 2)) < 0.5
    vectors = (y_true @ np.ones((2, 6)) + generator.normal(size=(80, 6))).astype(np.float32)
    side = TrainingSide(vectors, y_true, "multilabel", 0)
    folds = grouped_folds(y_true, None, n_folds=4, seed=0)
    found = []

    for n_threads in ("1", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
        found.append(held_out_losses("logistic", side, folds, [(0.01,), (1.0,)]))

    assert threads() == 4
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_linear_probe__several_classes_get_a_column_each(task: str) -> None:
    generator = np.random.default_rng(1)
    label = np.arange(90) % 3
    y_true = np.eye(3, dtype=bool)[label]
    vectors = (3 * np.eye(5)[label] + generator.normal(size=(90, 5))).astype(np.float32)

    probe, _ = fit_probe("logistic", vectors, y_true, task=task, groups=None, seed=0)

    scores = probe.score(vectors)
    assert scores.shape == (90, 3)
    assert (scores.argmax(axis=1) == label).mean() > 0.85
    if task == "multiclass":
        assert np.allclose(scores.sum(axis=1), 1)


def test_fit_probe__noise_is_regularised_more_than_signal() -> None:
    vectors, y_true = two_groups(n_images=200)
    noise = np.random.default_rng(2).normal(size=(200, 300)).astype(np.float32)

    _, for_signal = fit_probe("logistic", vectors, y_true, task="binary", groups=None, seed=0)
    _, for_noise = fit_probe("logistic", noise, y_true, task="binary", groups=None, seed=0)

    assert for_noise < for_signal


@pytest.mark.parametrize("kind", PROBES)
def test_needs_text__is_said_of_those_that_cannot_be_fitted_without(kind: str) -> None:
    vectors, y_true = two_groups()

    def fit(text: TextSide | None) -> None:
        fit_probe(kind, vectors, y_true, task="binary", groups=None, seed=0, text=text)

    if needs_text(kind):
        with pytest.raises(ScoresError, match="starts from words"):
            fit(None)
    else:
        fit(None)


@pytest.mark.parametrize("name", ["logistic", "knn"])
def test_fit__embeddings_that_no_solver_comes_to_an_end_with_are_refused(name: str) -> None:
    vectors, y_true = two_groups()

    with pytest.raises(TrainingError, match=r"numbers up to \d\.\d+e\+3\d"):
        fit_probe(name, vectors * np.float32(1e37), y_true, task="binary", groups=None, seed=0)


def test_fit__an_adapter_that_diverges_names_its_learning_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, y_true = two_groups()
    monkeypatch.setattr(training, "_cross_entropy", lambda *_: (_[0] * np.nan).sum())

    with pytest.raises(TrainingError, match=r"loss became nan: .* learning rate of 0\.001"):
        fit_probe("clip_adapter", vectors, y_true, task="binary", groups=None, seed=0, text=WORDS)
