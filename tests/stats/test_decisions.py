"""Thresholds come from other patients than those they judge."""

import numpy as np
import pytest

from fundus_core.errors import ScoresError
from fundus_core.stats.decisions import (
    decide_across_folds,
    decide_as_inside,
    decide_at_half,
    decide_highest,
)
from fundus_core.stats.operating import youden_threshold
from fundus_core.stats.threshold_rules import RuleChoice, choose_threshold

Y_TRUE = np.array([0, 0, 1, 1, 0, 0, 1, 1], dtype=bool)[:, None]
SCORE = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])[:, None]
FOLD = np.repeat([0, 1], 4)
"""The network of the second fold gives higher scores throughout. Each fold alone is perfect at a
threshold of its own, 0.25 and 0.65."""


def test_decide_across_folds__takes_the_threshold_of_the_other_fold() -> None:
    found = decide_across_folds(Y_TRUE, SCORE, FOLD)

    assert [(one.fold, one.column, one.rule) for one in found.thresholds] == [
        (0, 0, "other folds"),
        (1, 0, "other folds"),
    ]
    assert [one.value for one in found.thresholds] == pytest.approx([0.65, 0.25])
    # On thresholds of their own folds all eight would be right; honestly, four are.
    assert found.decided[:, 0].tolist() == [False] * 4 + [True] * 4
    assert (found.decided == Y_TRUE).sum() == 4
    assert found.rules == ("other folds",)


def test_decide_across_folds__uses_no_label_of_the_fold_it_decides() -> None:
    labels = Y_TRUE.copy()
    labels[:4] = ~labels[:4]

    before, after = (decide_across_folds(y_true, SCORE, FOLD) for y_true in (Y_TRUE, labels))

    assert before.thresholds[0] == after.thresholds[0]
    assert np.array_equal(before.decided[:4], after.decided[:4])
    assert before.thresholds[1] != after.thresholds[1]


def test_decide_across_folds__of_three_folds_pools_the_other_two() -> None:
    fold = np.array([0, 1, 2, 0, 1, 2, 0, 1])

    found = decide_across_folds(Y_TRUE, SCORE, fold)

    for threshold in found.thresholds:
        others = fold != threshold.fold
        chosen = youden_threshold(Y_TRUE[others, 0], SCORE[others, 0])
        mine = fold == threshold.fold
        assert threshold.value == chosen
        assert np.array_equal(found.decided[mine, 0], SCORE[mine, 0] >= chosen)


def test_decide_across_folds__takes_the_threshold_of_any_rule() -> None:
    choice = RuleChoice("sensitivity", 1.0)

    found = decide_across_folds(Y_TRUE, SCORE, FOLD, choice=choice)

    for threshold in found.thresholds:
        others = threshold.fold != FOLD
        assert threshold.value == choose_threshold(Y_TRUE[others, 0], SCORE[others, 0], choice)
    assert found.rules == ("other folds",)


def test_decide_as_inside__takes_the_threshold_of_any_rule() -> None:
    choice = RuleChoice("specificity", 1.0)

    found = decide_as_inside(
        [[0.62], [0.66]], inside_true=Y_TRUE, inside_score=SCORE, choice=choice
    )

    assert found.thresholds[0].value == pytest.approx(0.65)
    assert found.decided[:, 0].tolist() == [False, True]


def test_decide_across_folds__chooses_for_each_class_and_says_where_it_cannot() -> None:
    rare = np.zeros((8, 1), bool)
    rare[5] = True  # only the second fold has it, so nothing can be chosen for it there

    found = decide_across_folds(np.hstack([Y_TRUE, rare]), np.hstack([SCORE, SCORE]), FOLD)

    rules = {(one.fold, one.column): (one.rule, one.value) for one in found.thresholds}
    assert rules[1, 1] == ("one half", 0.5)
    assert rules[0, 1][0] == "other folds"
    assert found.decided[4:, 1].tolist() == [True, True, True, True]
    assert found.rules == ("other folds", "one half")


@pytest.mark.parametrize("fold", [None, np.zeros(8, int)], ids=["none", "one"])
def test_decide_across_folds__with_a_single_fold_is_one_half(fold: np.ndarray | None) -> None:
    found = decide_across_folds(Y_TRUE, SCORE, fold)

    assert np.array_equal(found.decided, SCORE >= 0.5)
    assert [(one.fold, one.value, one.rule) for one in found.thresholds] == [
        (None, 0.5, "one half")
    ]


def test_decide_as_inside__does_not_look_at_the_labels_outside() -> None:
    outside = np.array([[0.3], [0.45], [0.9]])

    found = decide_as_inside(outside, inside_true=Y_TRUE[:4], inside_score=SCORE[:4])

    assert found.thresholds[0].value == pytest.approx(0.25)
    assert found.thresholds[0].rule == "inside"
    assert found.thresholds[0].fold is None
    assert found.decided[:, 0].tolist() == [True, True, True]


def test_decide_highest__takes_one_class_each_and_the_first_of_equals() -> None:
    found = decide_highest([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.0, 0.1, 0.9]])

    assert found.decided.argmax(axis=1).tolist() == [1, 0, 2]
    assert (found.decided.sum(axis=1) == 1).all()
    assert found.thresholds == ()
    assert found.rules == ("highest score",)


def test_decide_at_half__calls_a_score_of_one_half_positive() -> None:
    found = decide_at_half([[0.5, 0.49]])

    assert found.decided.tolist() == [[True, False]]


def test_decisions__refuse_scores_that_do_not_fit() -> None:
    with pytest.raises(ScoresError, match=r"shape \(7, 1\)"):
        decide_across_folds(Y_TRUE, SCORE[1:], FOLD)
    with pytest.raises(ScoresError, match="NaN"):
        decide_as_inside(SCORE, inside_true=Y_TRUE, inside_score=SCORE * np.nan)
