"""Previews by ridge regression: beside scikit-learn's, fold by fold."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from fundus_core.ridge_preview import STRENGTHS, ridge_scores
from fundus_core.splits import Fold, grouped_folds


def embeddings(n: int, length: int, n_classes: int = 1) -> tuple[NDArray[np.float32], ...]:
    """Returns vectors (n, length) that tell classes apart a little, and labels (n, n_classes)."""
    generator = np.random.default_rng(n + length)
    labels = generator.random((n, n_classes)) < 0.4
    towards = generator.normal(size=(n_classes, length)) * 0.3
    vectors = 5 + 3 * (generator.normal(size=(n, length)) + labels @ towards)
    return vectors.astype(np.float32), labels


def by_scikit_learn(
    vectors: NDArray[np.float32], labels: NDArray[np.bool_], folds: tuple[Fold, ...]
) -> NDArray[np.float64]:
    """The definition: a regression per fold and penalty, and the penalty the others like best."""
    standardised = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    scores = np.full((len(STRENGTHS), *labels.shape), np.nan)
    for row, strength in enumerate(STRENGTHS):
        for fold in folds:
            model = Ridge(alpha=strength).fit(standardised[fold.train], 1.0 * labels[fold.train])
            scores[row, fold.test] = model.predict(standardised[fold.test]).reshape(
                -1, labels.shape[1]
            )
    found = np.full(labels.shape, np.nan)
    for fold in folds:
        others = np.concatenate([one.test for one in folds if one is not fold] or [fold.test])
        for column in range(labels.shape[1]):
            errors = np.square(scores[:, others, column] - labels[others, column]).sum(axis=1)
            found[fold.test, column] = scores[errors.argmin(), fold.test, column]
    return found


@pytest.mark.parametrize(("n", "length"), [(200, 12), (60, 150), (64, 64)])
@pytest.mark.parametrize("n_classes", [1, 3])
def test_ridge_scores__are_those_of_scikit_learn(n: int, length: int, n_classes: int) -> None:
    vectors, labels = embeddings(n, length, n_classes)
    folds = grouped_folds(labels, None, n_folds=4, seed=0)

    scores = ridge_scores(vectors, labels, folds)

    np.testing.assert_allclose(scores, by_scikit_learn(vectors, labels, folds), atol=2e-4)


def test_ridge_scores__of_a_table_s_own_split_score_its_test_side_only() -> None:
    vectors, labels = embeddings(90, 10)
    split = Fold(np.arange(50), np.arange(60, 90))

    scores = ridge_scores(vectors, labels, (split,))

    assert np.isnan(scores[:60]).all()
    np.testing.assert_allclose(
        scores[60:], by_scikit_learn(vectors, labels, (split,))[60:], atol=2e-4
    )


def test_ridge_scores__never_see_what_they_score() -> None:
    vectors, labels = embeddings(120, 8)
    folds = grouped_folds(labels, None, n_folds=5, seed=0)
    turned = labels.copy()
    turned[folds[0].test] = ~labels[folds[0].test]

    before = ridge_scores(vectors, labels, folds)[folds[0].test]
    after = ridge_scores(vectors, turned, folds)[folds[0].test]

    np.testing.assert_allclose(before, after, atol=2e-4)


def test_ridge_scores__stand_a_number_that_never_varies() -> None:
    vectors, labels = embeddings(60, 6)
    vectors[:, 2] = 7

    scores = ridge_scores(vectors, labels, grouped_folds(labels, None, n_folds=3, seed=0))

    assert np.isfinite(scores).all()
