"""What words say by themselves: the zero-shot scores, whatever is asked."""

import numpy as np
import pytest

from fundus_core.adapters.text_side import answers_of, probabilities, taken_out
from fundus_core.errors import ScoresError
from fundus_core.zero_shot import exclusive_scores, paired_scores
from tests.adapters.words import at, said

PHOTOGRAPHS = at(5, 80, 40, 170, length=3.0)


def test_logits__of_two_classes_give_the_zero_shot_score_of_the_second() -> None:
    text = said([10, 70], [0, 1], log_scale=2.0, length=0.9)

    scores = probabilities(text.logits(PHOTOGRAPHS), "binary")

    expected = exclusive_scores(PHOTOGRAPHS, text.directions, log_scale=2.0)
    np.testing.assert_allclose(scores, expected[:, 1:], rtol=1e-6)


def test_logits__of_several_classes_give_the_zero_shot_scores() -> None:
    text = said([10, 70, 120], [0, 1, 2], log_scale=2.0)

    scores = probabilities(text.logits(PHOTOGRAPHS), "multiclass")

    expected = exclusive_scores(PHOTOGRAPHS, text.directions, log_scale=2.0)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_logits__one_class_of_several_keeps_its_share_among_all() -> None:
    text = said([10, 70, 120], [0, 1, 0], log_scale=2.0)

    scores = probabilities(text.logits(PHOTOGRAPHS), "binary")

    expected = exclusive_scores(PHOTOGRAPHS, text.directions, log_scale=2.0)
    np.testing.assert_allclose(scores, expected[:, [1]], rtol=1e-6)


def test_logits__each_finding_is_weighed_against_its_own_opposite() -> None:
    text = said([70, 120, 10, 200], [1, 3, 0, 2], log_scale=2.0)

    scores = probabilities(text.logits(PHOTOGRAPHS), "multilabel")

    present, absent = text.directions[:2], text.directions[2:]
    expected = paired_scores(PHOTOGRAPHS, present, absent, log_scale=2.0)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_logits__words_of_another_space_are_refused() -> None:
    with pytest.raises(ScoresError, match="vectors of 3 numbers, words of 2"):
        said([10, 70], [0, 1]).logits(np.ones((1, 3), np.float32))


def test_answers_of__an_absent_finding_is_an_answer_too() -> None:
    binary = answers_of(np.array([[True], [False]]), "binary")
    several = answers_of(np.array([[True, False]]), "multilabel")
    grades = answers_of(np.array([[False, True, False]]), "multiclass")

    assert binary.tolist() == [[False, True], [True, False]]
    assert several.tolist() == [[False, True, True, False]]
    assert grades.tolist() == [[False, True, False]]


def test_taken_out__gives_back_what_was_stored_and_leaves_the_rest() -> None:
    text = said([10, 70], [0, 1], log_scale=2.5)
    arrays = {**text.arrays(), "keys": np.zeros((1, 2), np.float32)}

    again = taken_out(arrays)

    np.testing.assert_array_equal(again.logits(PHOTOGRAPHS), text.logits(PHOTOGRAPHS))
    assert list(arrays) == ["keys"]
