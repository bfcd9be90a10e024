"""Zero-shot scores against their definition, on vectors written by hand."""

import numpy as np
import pytest

from fundus_core.errors import ScoresError
from fundus_core.zero_shot import (
    PROTOTYPES,
    build_prototypes,
    exclusive_scores,
    paired_scores,
    prompts,
    ranked,
)

PHOTOGRAPHS = np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 1.0]], np.float32)
NORMAL, DISEASED = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
BOTH = np.stack([NORMAL, DISEASED])


def test_prompts__braces_in_a_description_are_left_alone() -> None:
    assert prompts(["a {wide} cup"], "see {}") == ("see a {wide} cup",)


def test_build_prototypes__the_mean_of_unit_vectors_is_not_brought_back_to_length_1() -> None:
    embedded = [np.array([[2.0, 0.0], [0.0, 5.0]], np.float32), np.array([[0.0, 3.0]], np.float32)]

    mean = build_prototypes(embedded, "mean")

    np.testing.assert_allclose(mean, [[0.5, 0.5], [0.0, 1.0]], atol=1e-7)


def test_build_prototypes__renormalised_ones_have_length_1() -> None:
    embedded = [np.array([[2.0, 0.0], [0.0, 5.0]], np.float32), np.array([[0.0, 3.0]], np.float32)]

    prototypes = build_prototypes(embedded, "renormalised")

    np.testing.assert_allclose(prototypes, [[0.5**0.5, 0.5**0.5], [0.0, 1.0]], atol=1e-7)


@pytest.mark.parametrize("kind", PROTOTYPES)
def test_build_prototypes__one_prompt_is_its_own_prototype(kind: str) -> None:
    prototype = build_prototypes([np.array([[0.6, 0.8]], np.float32)], kind)

    np.testing.assert_allclose(prototype, [[0.6, 0.8]], atol=1e-6)


def test_exclusive_scores__equal_the_softmax_of_scaled_cosines() -> None:
    scores = exclusive_scores(PHOTOGRAPHS, BOTH, log_scale=np.log(2.0))

    high, half = np.exp(2) / (np.exp(2) + 1), 0.5
    np.testing.assert_allclose(
        scores, [[high, 1 - high], [1 - high, high], [half, half]], atol=1e-12
    )


def test_exclusive_scores__the_length_of_a_photographs_vector_does_not_matter() -> None:
    near, far = (exclusive_scores(k * PHOTOGRAPHS, BOTH, log_scale=1.0) for k in (1, 100))

    np.testing.assert_allclose(near, far, atol=1e-6)


def test_exclusive_scores__the_length_of_a_prototype_does() -> None:
    whole, half = (
        exclusive_scores(PHOTOGRAPHS, np.stack([NORMAL, k * DISEASED]), log_scale=1.0)[1, 1]
        for k in (1.0, 0.5)
    )

    assert half < whole


def test_exclusive_scores__a_large_scale_does_not_overflow() -> None:
    scores = exclusive_scores(PHOTOGRAPHS, BOTH, log_scale=10.0)

    np.testing.assert_allclose(scores.sum(axis=1), 1.0)


def test_paired_scores__each_finding_is_a_question_of_its_own() -> None:
    scores = paired_scores(
        PHOTOGRAPHS, np.stack([DISEASED, DISEASED]), np.stack([NORMAL, DISEASED]), log_scale=1.0
    )

    alone = exclusive_scores(PHOTOGRAPHS, BOTH, log_scale=1.0)[:, 1]
    np.testing.assert_allclose(scores[:, 0], alone)
    np.testing.assert_allclose(scores[:, 1], 0.5)


def test_exclusive_scores__vectors_of_another_space_are_refused() -> None:
    with pytest.raises(ScoresError, match="vectors of 2 numbers, words of 3"):
        exclusive_scores(PHOTOGRAPHS, np.ones((2, 3), np.float32), log_scale=1.0)


def test_ranked__nearest_first_and_ties_in_the_order_given() -> None:
    found = ranked(np.array([[0, 1], [5, 0], [1, 0]], np.float32), ["a", "b", "c"], 2 * NORMAL)

    assert list(found) == ["b", "c", "a"]
    assert found["b"] == pytest.approx(1.0)


def test_ranked__only_so_many() -> None:
    assert list(ranked(PHOTOGRAPHS, ["a", "b", "c"], DISEASED, count=1)) == ["b"]
