"""Labels against scores: what is flagged, what never is, and in what order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_core.agreement.labels import SuspectedLabels, suspected_labels


def mixed_up(seed: int, n_classes: int) -> tuple[SuspectedLabels, np.ndarray, np.ndarray]:
    """Asks about 300 labels of which 15 are wrong, of scores that mostly know better."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, n_classes, 300)
    scores = generator.dirichlet(np.ones(n_classes), 300) + 1.5 * np.eye(n_classes)[true]
    labels = true.copy()
    wrong = generator.choice(300, 15, replace=False)
    labels[wrong] = (labels[wrong] + 1) % n_classes
    return suspected_labels(labels, scores / scores.sum(axis=1, keepdims=True)), labels, wrong


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_suspected_labels__finds_wrong_labels_of_good_scores(n_classes: int) -> None:
    found, _, wrong = mixed_up(0, n_classes)

    assert found.flagged[wrong].sum() >= 9
    assert found.flagged.sum() - found.flagged[wrong].sum() <= 2
    assert set(np.argsort(found.quality)[:10]) <= set(wrong)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 4))
def test_suspected_labels__never_flags_what_it_would_not_change(seed: int, n_classes: int) -> None:
    found, labels, _ = mixed_up(seed, n_classes)

    assert not (found.flagged & (found.suggested == labels)).any()
    assert np.isfinite(found.quality).all()
    assert (found.quality >= 0).all()
    assert (found.quality <= 1).all()


def test_suspected_labels__quality_is_the_score_of_the_given_label() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])

    found = suspected_labels(np.array([0, 2, 2, 1]), scores)

    assert found.quality.tolist() == [0.7, 0.3, 0.4, 0.5]
    assert found.suggested.tolist() == [0, 1, 2, 1]


def test_suspected_labels__agrees_with_cleanlab_of_all_classes() -> None:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, 200)
    scores = generator.dirichlet(np.ones(3), 200)

    found = suspected_labels(labels, scores)

    issues = find_label_issues(labels, scores, n_jobs=1)
    assert list(found.flagged) == list(issues & (scores.argmax(axis=1) != labels))
    assert found.quality == pytest.approx(get_label_quality_scores(labels, scores))


def test_suspected_labels__a_class_nobody_has_can_be_suggested_and_is_no_error() -> None:
    scores = np.array([[0.8, 0.1, 0.1]] * 5 + [[0.1, 0.8, 0.1]] * 5 + [[0.05, 0.05, 0.9]])

    found = suspected_labels(np.array([0] * 5 + [1] * 6), scores)

    assert found.suggested[10] == 2
    assert not found.flagged[:10].any()


def test_suspected_labels__of_one_class_nothing_is_flagged() -> None:
    found = suspected_labels(np.zeros(4, int), np.full((4, 2), 0.5))

    assert not found.flagged.any()
