"""CLIP-Adapter against its definition, and what its training promises."""

import math

import numpy as np
import pytest

from fundus_core.adapters.bottleneck import (
    BottleneckProbe,
    bottleneck_path,
    restore_bottleneck,
    train_bottleneck,
)
from fundus_core.adapters.text_side import TextSide, probabilities
from fundus_core.probe_fits import TrainingSide
from tests.adapters.words import at, said

WORDS = said([0, 90], [0, 1], log_scale=1.0)
PHOTOGRAPHS = at(20, 60, 100, length=2.0)


def side(seed: int = 0, n_photographs: int = 40, length: int = 12) -> TrainingSide:
    """Photographs of which one number tells the class, and words that do not know of it."""
    generator = np.random.default_rng(3)
    diseased = np.arange(n_photographs) % 2 == 1
    vectors = generator.normal(size=(n_photographs, length)).astype(np.float32)
    vectors[:, 0] += 3 * diseased
    directions = generator.normal(size=(2, length)).astype(np.float32)
    text = TextSide(directions, np.array([1.0], np.float32), np.array([0, 1], np.float32))
    return TrainingSide(vectors, diseased[:, None], "binary", seed, text)


def test_bottleneck__moves_embeddings_as_the_definition_says() -> None:
    down = np.array([[1.0, 2.0], [-1.0, 0.5]], np.float32)
    up = np.array([[0.5, 1.0], [-2.0, 3.0]], np.float32)
    probe = BottleneckProbe("binary", WORDS, down, up, np.array([0.3], np.float32))

    moved = probe.moved(PHOTOGRAPHS)

    for row, angle in enumerate((20, 60, 100)):
        x = [math.cos(math.radians(angle)), math.sin(math.radians(angle))]
        hidden = [max(0.0, sum(w * v for w, v in zip(line, x, strict=True))) for line in down]
        turned = [max(0.0, sum(w * v for w, v in zip(line, hidden, strict=True))) for line in up]
        mixed = [0.3 * new + 0.7 * old for new, old in zip(turned, x, strict=True)]
        np.testing.assert_allclose(moved[row], np.array(mixed) / math.hypot(*mixed), rtol=1e-5)
    expected = probabilities(WORDS.logits(moved), "binary")
    np.testing.assert_array_equal(probe.score(PHOTOGRAPHS), expected)


def test_bottleneck__at_ratio_0_the_words_alone_give_the_scores() -> None:
    given = side()
    assert given.text is not None

    (probe,) = bottleneck_path(given, [(0.0,)])

    expected = probabilities(given.text.logits(given.vectors), "binary")
    np.testing.assert_allclose(probe.score(given.vectors), expected, rtol=1e-6)


@pytest.mark.parametrize("task", ["binary", "one of three", "multilabel"])
def test_train_bottleneck__its_loss_is_that_of_the_score_which_is_used(task: str) -> None:
    words = {
        "binary": said([0, 90], [0, 1]),
        "one of three": said([0, 90, 50], [0, 1, 0]),
        "multilabel": said([0, 90, 50, 200], [1, 3, 0, 2]),
    }[task]
    y_true = np.array([[True, False]] if task == "multilabel" else [[True]])
    asked = "multilabel" if task == "multilabel" else "binary"
    alone = TrainingSide(at(20), y_true, asked, 0, words)
    (first,) = bottleneck_path(alone, [(0.0,)])
    assert isinstance(first, BottleneckProbe)

    before_any_step = train_bottleneck(alone, 0.6).losses[0]

    start = BottleneckProbe(asked, words, first.down, first.up, np.array([0.6], np.float32))
    right = np.where(y_true, start.score(at(20)), 1 - start.score(at(20)))
    assert before_any_step == pytest.approx(float(-np.log(right).mean()), rel=1e-5)


def test_train_bottleneck__lowers_the_loss() -> None:
    trained = train_bottleneck(side(length=64), 0.6)

    assert len(trained.losses) == 40
    assert trained.losses[-1] < 0.7 * trained.losses[0]


def test_train_bottleneck__depends_on_nothing_but_the_seed() -> None:
    first, again, other = (train_bottleneck(side(seed), 0.2).weights for seed in (0, 0, 1))

    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_train_bottleneck__the_layer_between_is_a_quarter_as_wide() -> None:
    down, up = train_bottleneck(side(), 0.2).weights

    assert (down.shape, up.shape) == ((3, 12), (12, 3))


def test_restore_bottleneck__scores_the_same() -> None:
    (probe,) = bottleneck_path(side(), [(0.6,)])

    restored = restore_bottleneck("binary", probe.arrays())

    np.testing.assert_array_equal(restored.score(side().vectors), probe.score(side().vectors))
