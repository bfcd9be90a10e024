"""The rules by which a threshold is chosen. To add one, add it to `RULES`.

N is the number of images, K of their distinct scores.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import CHANCE, Bounds
from fundus_core.errors import ParameterError
from fundus_core.stats.inputs import as_labels, as_scores, require_both_classes

_ROUNDING = 1e-9
"""Of an image: counts are compared as whole numbers."""

_COST_ROUNDING = 1e-12
"""Of the largest possible cost."""

_DECIMALS = range(3, 16)
"""With so many is a threshold tried, the fewest first."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Every way in which a threshold splits N scores, from calling none to calling all: K + 1."""

    thresholds: NDArray[np.float64]
    """Shape (K + 1,), descending, finite. Midway between the lowest score that is called positive
    and the next one below, so that rounding the scores moves no image across; the lowest score
    itself where all are called, the next number above the highest where none is."""

    true_positives: NDArray[np.int64]
    """Shape (K + 1,), ascending: positive images called positive."""

    false_positives: NDArray[np.int64]
    """Shape (K + 1,), ascending: negative images called positive."""

    n_positive: int
    """Positive images."""

    n_negative: int
    """Negative images."""


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """A rule with its number; a `ParameterError` unless `RULES` knows it and the number fits."""

    name: str = "youden"
    """Key of `RULES`."""

    number: float | None = None
    """What the rule asks for, see `ThresholdRule.asks_for`; None where it asks for nothing."""

    prevalence: float | None = None
    """Share of the diseased among those the threshold is for, in (0, 1); for `cost` only."""

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing."""
        if self.name not in RULES:
            raise ParameterError(
                f"The rule must be one of {', '.join(RULES)} but is {self.name!r}.",
                hint="Choose one of them.",
            )
        rule = RULES[self.name]
        if (self.number is not None) != bool(rule.asks_for):
            raise ParameterError(
                f"The rule {self.name} needs a number: {rule.asks_for}."
                if rule.asks_for
                else f"The rule {self.name} takes no number but was given {self.number}.",
                hint="Give the number behind it, such as specificity=0.9; youden has none.",
            )
        if self.number is not None:
            Bounds(rule.lowest, rule.highest).require(rule.asks_for, self.number)
        if rule.needs_prevalence:
            CHANCE.require(f"prevalence, which the rule {self.name} needs,", self.prevalence)


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """How a threshold is chosen on images with labels."""

    label: str
    """What it seeks, shown to the user; `{number}` stands for the number."""

    choose: Callable[[Cuts, RuleChoice], int]
    """Returns the chosen one of the cuts, 0 ... K."""

    asks_for: str = ""
    """What its number is; empty where it has none."""

    lowest: float = 0.0
    """Smallest number it takes."""

    highest: float = 1.0
    """Largest number it takes."""

    usual: float | None = None
    """A number to begin with."""

    needs_prevalence: bool = False


def cuts_of(y_true: ArrayLike, y_score: ArrayLike) -> Cuts:
    """Returns what each threshold does to the images.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit or a score is not finite.
        SingleClassError: If one class has no image.

    Examples:
        >>> cuts = cuts_of([0, 1, 0, 1], [0.25, 0.5, 0.5, 0.75])
        >>> cuts.thresholds[1:].tolist(), cuts.true_positives.tolist()
        ([0.625, 0.375, 0.25], [0, 1, 2, 2])
    """
    positive = as_labels(y_true)
    score = as_scores(y_score, n_images=len(positive))
    require_both_classes(positive)
    values, place = np.unique(score, return_inverse=True)  # ascending, (K,)
    cases = np.bincount(place[positive], minlength=len(values))[::-1]
    controls = np.bincount(place[~positive], minlength=len(values))[::-1]
    midway = values[1:] / 2 + values[:-1] / 2
    midway = np.where(midway > values[:-1], midway, values[1:])
    above = np.nextafter(values[-1], np.inf)
    return Cuts(
        np.concatenate([[values[0]], midway, [above]])[::-1],
        np.append(0, np.cumsum(cases)),
        np.append(0, np.cumsum(controls)),
        int(cases.sum()),
        int(controls.sum()),
    )


def choose_threshold(
    y_true: ArrayLike, y_score: ArrayLike, choice: RuleChoice | None = None
) -> float:
    """Returns the threshold that a rule chooses, always finite, halfway between two scores.

    Shares and costs are compared by whole numbers of images, or to within rounding, so that ties
    are ties. A rule that asks for more than scores can give without calling everything negative (or
    positive) does just that. A threshold flatters the images it was chosen on: judge it on others.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.
        choice: Rule and number; Youden's by default.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit or a score is not finite.
        SingleClassError: If one class has no image.

    References:
        Youden (1950), Cancer 3(1), 32-35.
        Perkins & Schisterman (2006), Am. J. Epidemiol. 163(7), 670-675 (Youden's index as a cost).
        Pepe (2003), The Statistical Evaluation of Medical Tests, chapter 2 (expected cost).

    Examples:
        >>> y_true, y_score = [0, 0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.4, 0.6, 0.9]
        >>> round(choose_threshold(y_true, y_score), 3)
        0.35
        >>> round(choose_threshold(y_true, y_score, RuleChoice("specificity", 0.9)), 3)
        0.8
        >>> round(choose_threshold(y_true, y_score, RuleChoice("sensitivity", 0.6)), 3)
        0.35
    """
    cuts = cuts_of(y_true, y_score)
    chosen = choice or RuleChoice()
    return float(cuts.thresholds[RULES[chosen.name].choose(cuts, chosen)])


def threshold_to_write(
    y_true: ArrayLike, y_score: ArrayLike, choice: RuleChoice | None = None
) -> float:
    """Returns what `choose_threshold` does, with three decimals or as many as it takes.

    It calls the same images, and keeps half the distance to their scores: what is written down is
    what was judged.

    Raises:
        TargetError: As `choose_threshold` does.
        ScoresError: As `choose_threshold` does.
        SingleClassError: As `choose_threshold` does.

    Examples:
        >>> threshold_to_write([0, 0, 1, 1], [0.1, 0.2, 0.4 + 1e-9, 0.9])
        0.3
    """
    threshold, score = choose_threshold(y_true, y_score, choice), np.asarray(y_score, np.float64)
    below = score[score < threshold].max(initial=-np.inf)
    above = score[score >= threshold].min(initial=np.inf)
    lowest, highest = (below + threshold) / 2, (threshold + above) / 2
    tried = (round(threshold, decimals) for decimals in _DECIMALS)
    return next((short for short in tried if lowest < short <= highest), threshold)


def _highest_sum(cuts: Cuts, choice: RuleChoice) -> int:
    """Of equally good thresholds the lowest, which misses the fewest diseased."""
    index = cuts.true_positives * cuts.n_negative - cuts.false_positives * cuts.n_positive
    return int(np.flatnonzero(index == index.max())[-1])


def _specificity_reached(cuts: Cuts, choice: RuleChoice) -> int:
    """Of the thresholds that reach it the most sensitive, of these the most specific."""
    allowed = cuts.n_negative - _needed(choice, cuts.n_negative)
    last = int(np.searchsorted(cuts.false_positives, allowed, side="right")) - 1
    return int(np.searchsorted(cuts.true_positives, cuts.true_positives[last]))


def _sensitivity_reached(cuts: Cuts, choice: RuleChoice) -> int:
    """Of the thresholds that reach it the most specific, of these the most sensitive."""
    first = int(np.searchsorted(cuts.true_positives, _needed(choice, cuts.n_positive)))
    return int(np.searchsorted(cuts.false_positives, cuts.false_positives[first], "right")) - 1


def _lowest_cost(cuts: Cuts, choice: RuleChoice) -> int:
    """Of equally cheap thresholds the lowest, which misses the fewest diseased."""
    prevalence = choice.prevalence or 0.0
    miss, alarm = (choice.number or 0.0) * prevalence, 1 - prevalence
    missed = 1 - cuts.true_positives / cuts.n_positive
    cost = miss * missed + alarm * cuts.false_positives / cuts.n_negative
    return int(np.flatnonzero(cost <= cost.min() + _COST_ROUNDING * (miss + alarm))[-1])


def _needed(choice: RuleChoice, n_images: int) -> int:
    """Returns how many of the images make the share that is asked for."""
    return math.ceil((choice.number or 0.0) * n_images - _ROUNDING)


RULES: dict[str, ThresholdRule] = {
    "youden": ThresholdRule("highest sensitivity + specificity (Youden)", _highest_sum),
    "specificity": ThresholdRule(
        "specificity of at least {number:g}",
        _specificity_reached,
        "least specificity",
        usual=0.9,
    ),
    "sensitivity": ThresholdRule(
        "sensitivity of at least {number:g}",
        _sensitivity_reached,
        "least sensitivity",
        usual=0.9,
    ),
    "cost": ThresholdRule(
        "lowest expected cost, a miss costing {number:g} times a false alarm",
        _lowest_cost,
        "cost of a miss in false alarms",
        lowest=1e-6,
        highest=1e6,
        usual=10.0,
        needs_prevalence=True,
    ),
}
"""Rules by the name that options call them by."""
