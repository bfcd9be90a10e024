"""Thresholds by rule: against a search over every possible threshold, and ties in whole numbers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.operating import operating_point
from fundus_core.stats.threshold_rules import (
    RULES,
    RuleChoice,
    choose_threshold,
    cuts_of,
    threshold_to_write,
)

Y_TRUE = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
SCORE = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.35, 0.5, 0.6, 0.7, 0.8])

CHOICES = (
    RuleChoice(),
    RuleChoice("specificity", 0.0),
    RuleChoice("specificity", 0.07),
    RuleChoice("specificity", 0.9),
    RuleChoice("specificity", 1.0),
    RuleChoice("sensitivity", 0.0),
    RuleChoice("sensitivity", 0.57),
    RuleChoice("sensitivity", 1.0),
    RuleChoice("cost", 10.0, prevalence=0.05),
    RuleChoice("cost", 1.0, prevalence=0.5),
    RuleChoice("cost", 1e-6, prevalence=0.01),
)

labelled = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=30).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def shares(y_true: np.ndarray, score: np.ndarray, threshold: float) -> tuple[Fraction, Fraction]:
    """Returns sensitivity and specificity, counted one image after the other, without rounding."""
    right = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for label, value in zip(y_true, score, strict=True):
        total[bool(label)] += 1
        right[bool(label)] += bool(value >= threshold) == bool(label)
    return Fraction(right[True], total[True]), Fraction(right[False], total[False])


def worth(choice: RuleChoice, sensitivity: Fraction, specificity: Fraction) -> tuple[Fraction, ...]:
    """Returns what a rule prefers, higher is better; empty where it does not allow the threshold.

    Written from the rules' definitions: of equally good thresholds the one that misses fewer.
    """
    number = Fraction(str(choice.number or 0))
    if choice.name == "youden":
        return sensitivity + specificity, sensitivity
    if choice.name == "specificity":
        return (sensitivity, specificity) if specificity >= number else ()
    if choice.name == "sensitivity":
        return (specificity, sensitivity) if sensitivity >= number else ()
    prevalence = Fraction(str(choice.prevalence))
    cost = number * prevalence * (1 - sensitivity) + (1 - prevalence) * (1 - specificity)
    return -cost, sensitivity


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@settings(max_examples=60, deadline=None)
@given(rows=labelled)
def test_choose_threshold__is_the_best_of_all_by_the_rules_definition(
    choice: RuleChoice, rows: list[tuple[bool, int]]
) -> None:
    y_true = np.array([label for label, _ in rows])
    score = np.array([value for _, value in rows]) / 3

    found = worth(choice, *shares(y_true, score, choose_threshold(y_true, score, choice)))

    every = [*np.unique(score), np.inf]
    assert found == max(worth(choice, *shares(y_true, score, value)) for value in every)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@settings(max_examples=30, deadline=None)
@given(rows=labelled)
def test_choose_threshold__is_finite_and_calls_the_same_after_a_rising_map(
    choice: RuleChoice, rows: list[tuple[bool, int]]
) -> None:
    y_true = np.array([label for label, _ in rows])
    score = np.array([value for _, value in rows], dtype=float)

    threshold = choose_threshold(y_true, score, choice)
    mapped = choose_threshold(y_true, np.exp(score), choice)

    assert np.isfinite(threshold)
    assert np.array_equal(score >= threshold, np.exp(score) >= mapped)


def test_choose_threshold__of_a_share_that_is_met_exactly_counts_it_as_met() -> None:
    # 0.07 x 100 is 7.000000000000001 in floating point; 7 of 100 are 0.07 all the same.
    y_true = np.arange(200) < 100
    score = np.concatenate([np.arange(100) + 0.5, np.arange(100)])

    by_sensitivity = choose_threshold(y_true, score, RuleChoice("sensitivity", 0.07))
    by_specificity = choose_threshold(y_true, score, RuleChoice("specificity", 0.07))

    assert operating_point(y_true, score, by_sensitivity).n_true_positive == 7
    assert operating_point(y_true, score, by_specificity).n_true_negative == 7


def test_choose_threshold__that_no_score_reaches_calls_none() -> None:
    # The highest score is a healthy photograph's: only calling none has a specificity of 1.
    threshold = choose_threshold(Y_TRUE, SCORE, RuleChoice("specificity", 1.0))

    assert 0.9 < threshold < 0.9 + 1e-9
    assert operating_point(Y_TRUE, SCORE, threshold).sensitivity == 0


def test_choose_threshold__by_cost_misses_fewer_the_dearer_a_miss_is() -> None:
    cheap, dear = (
        operating_point(
            Y_TRUE, SCORE, choose_threshold(Y_TRUE, SCORE, RuleChoice("cost", ratio, 0.1))
        )
        for ratio in (1.0, 100.0)
    )

    # At 10 % a miss as dear as an alarm: alarms outweigh, only 0.9 (healthy) stands in the way.
    assert (cheap.sensitivity, cheap.specificity) == (0.0, 1.0)
    assert (dear.sensitivity, dear.specificity) == (1.0, 0.6)


def test_choose_threshold__by_equal_costs_at_one_half_is_youdens() -> None:
    generator = np.random.default_rng(3)
    for _ in range(20):
        y_true = generator.random(60) < 0.4
        score = np.round(generator.normal(size=60) + y_true, 1)

        assert choose_threshold(y_true, score, RuleChoice("cost", 1.0, 0.5)) == choose_threshold(
            y_true, score
        )


def test_cuts_of__counts_as_scikit_learn_does() -> None:
    generator = np.random.default_rng(0)
    y_true = generator.random(300) < 0.3
    score = np.round(generator.normal(size=300) + y_true, 1)

    cuts = cuts_of(y_true, score)

    alarms, hits, _ = roc_curve(y_true, score, drop_intermediate=False)
    assert cuts.true_positives / cuts.n_positive == pytest.approx(hits)
    assert cuts.false_positives / cuts.n_negative == pytest.approx(alarms)
    for threshold, won in zip(cuts.thresholds, cuts.true_positives, strict=True):
        assert np.count_nonzero(y_true & (score >= threshold)) == won


def test_rule_choice__refuses_what_means_nothing() -> None:
    with pytest.raises(ValueError, match="must be one of youden"):
        RuleChoice("topleft")
    with pytest.raises(ValueError, match="takes no number"):
        RuleChoice("youden", 0.5)
    with pytest.raises(ValueError, match="needs a number: least specificity"):
        RuleChoice("specificity")
    with pytest.raises(ValueError, match="from 0 to 1 but is 90"):
        RuleChoice("sensitivity", 90)
    with pytest.raises(ValueError, match="prevalence"):
        RuleChoice("cost", 10)


@pytest.mark.parametrize("name", RULES)
def test_rules__name_their_number_where_they_have_one(name: str) -> None:
    rule = RULES[name]

    assert ("{number" in rule.label) == bool(rule.asks_for) == (rule.usual is not None)
    if rule.usual is not None:
        assert f"{rule.usual:g}" in rule.label.format(number=rule.usual)
        RuleChoice(name, rule.usual, 0.1 if rule.needs_prevalence else None)


def test_choose_threshold__refuses_one_class_and_scores_that_are_none() -> None:
    with pytest.raises(SingleClassError):
        choose_threshold(np.ones(10), SCORE)
    with pytest.raises(ScoresError, match="1 of 10 scores"):
        choose_threshold(Y_TRUE, np.where(SCORE == 0.9, np.nan, SCORE))


@pytest.mark.parametrize("n_images", [20, 200, 5000])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_threshold_to_write__what_is_short_calls_what_is_halfway_calls(
    choice: RuleChoice, n_images: int
) -> None:
    generator = np.random.default_rng(n_images)
    y_true = generator.random(n_images) < 0.4
    score = generator.beta(2, 3, n_images) + 0.1 * y_true
    cuts = cuts_of(y_true, score)
    halfway = cuts.thresholds[RULES[choice.name].choose(cuts, choice)]

    chosen = threshold_to_write(y_true, score, choice)

    assert np.array_equal(score >= chosen, score >= halfway)
    assert np.abs(score - chosen).min() >= 0.49 * np.abs(score - halfway).min()


def test_threshold_to_write__has_no_more_decimals_than_it_takes() -> None:
    y_true = [False, False, True, True]

    assert threshold_to_write(y_true, [0.1, 0.2 + 1e-9, 0.4 + 1e-9, 0.9]) == 0.3
    assert threshold_to_write(y_true, [0.1, 0.5951, 0.5957, 0.9]) == 0.5954
    assert threshold_to_write(y_true, [0.1, 0.59512, 0.59516, 0.9]) == 0.59514
