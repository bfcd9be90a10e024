"""Sensitivity where specificity is fixed, and the reverse.

N is the number of images.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import ZERO_TO_ONE
from fundus_core.errors import SingleClassError
from fundus_core.stats.bootstrap import Interval, bootstrap_intervals
from fundus_core.stats.curve_counts import Ladder, ladder
from fundus_core.stats.curve_ends import FOR_RATES, too_few_beyond
from fundus_core.stats.inputs import (
    checked_scores,
)
from fundus_core.stats.paired_bootstrap import ResampledTest, checked_pair, paired_bootstrap
from fundus_core.stats.resampling import Weights

Rate = Literal["sensitivity", "specificity"]

OTHER: dict[Rate, Rate] = {"sensitivity": "specificity", "specificity": "sensitivity"}
"""The rate that is measured where the key is fixed, and vice versa."""


@dataclass(frozen=True, slots=True)
class FixedRate:
    """One rate where the other is held at a value."""

    fixed: Rate
    at: float
    """Value of the fixed rate, in [0, 1]."""

    rate: Interval
    """The other rate, in [0, 1]. Higher is better."""

    @property
    def measured(self) -> Rate:
        """Which rate `rate` is."""
        return OTHER[self.fixed]


def rate_at(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    fixed: Rate = "specificity",
    at: float = 0.9,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    fewest_beyond: float = FOR_RATES,
) -> FixedRate:
    """Estimates sensitivity at a specificity, or the reverse, by the bootstrap of patients.

    Where no threshold has exactly the fixed rate, the curve is followed in a straight line between
    the two nearest: what drawing lots between their thresholds would give. Where several have it,
    the best is taken. The threshold is sought anew in every resample, so that the interval knows
    that it was sought on these images. The interval is of plain percentiles: a curve's height moves
    in jumps, which BCa's correction, made of single patients, is not meant for. Where too few
    images lie beyond the fixed rate (see `curve_ends`), there is none.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive; only the order matters.
        fixed: The rate that is held.
        at: Its value, in [0, 1].
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: Of the bootstrap.
        seed: Of the draws; equal seeds give equal intervals.
        fewest_beyond: Patients, or images, that must lie beyond the fixed rate for an interval.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.
        ParameterError: If `at` is not in [0, 1].

    References:
        Pepe (2003), The Statistical Evaluation of Medical Tests, sections 4.2 and 5.2.
        Platt, Hanley & Yang (2000), Statistics in Medicine 19(3), 313-322 (bootstrap intervals).

    Examples:
        >>> found = rate_at([0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 5, 4, 6, 7, 8], at=0.75)
        >>> found.measured, found.rate.value
        ('sensitivity', 1.0)
    """
    ZERO_TO_ONE.require("fixed rate", at)
    positive, score, codes = checked_scores(y_true, y_score, patients)
    steps = ladder(positive, score)
    (rate,) = bootstrap_intervals(
        lambda weights: _rates(steps, weights, fixed, at)[:, np.newaxis],
        {"positive": positive, "negative": ~positive},
        patients=codes,
        confidence=confidence,
        method="percentile",
        n_resamples=n_resamples,
        seed=seed,
        unless=too_few_beyond(fixed, at, positive, codes, fewest=fewest_beyond),
    )
    return FixedRate(fixed, at, rate)


def compare_rates_at(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    fixed: Rate = "specificity",
    at: float = 0.9,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    fewest_beyond: float = FOR_RATES,
) -> ResampledTest:
    """Tests whether two models of the same images differ in a rate where the other is fixed.

    Each model has its own threshold, sought anew in every resample.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        score_a: Shape (N,). Higher means more likely positive.
        score_b: Shape (N,), likewise, on any scale.
        fixed: The rate that is held.
        at: Its value, in [0, 1].
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: Of the bootstrap.
        seed: Of the draws; equal seeds give equal results.
        fewest_beyond: Patients, or images, that must lie beyond the fixed rate.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If either class has fewer than five images, or patients, or too few lie
            beyond the fixed rate.
        NoVarianceError: If the models differ but no resample differs from another.
        ParameterError: If `at` is not in [0, 1].

    References:
        Robin et al. (2011), BMC Bioinformatics 12, 77.
    """
    ZERO_TO_ONE.require("fixed rate", at)
    positive, scores, codes = checked_pair(y_true, score_a, score_b, patients)
    if reason := too_few_beyond(fixed, at, positive, codes, fewest=fewest_beyond):
        raise SingleClassError(
            f"{OTHER[fixed].capitalize()} at a fixed {fixed} cannot be tested: {reason}.",
            hint="Fix a lower rate, take more photographs, or DeLong's test of the whole area.",
        )
    ladders = [ladder(positive, score) for score in scores]
    return paired_bootstrap(
        lambda weights: np.stack([_rates(one, weights, fixed, at) for one in ladders], axis=1),
        positive,
        codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )


def _rates(steps: Ladder, weights: Weights, fixed: Rate, at: float) -> NDArray[np.float64]:
    """Returns the other rate in each resample, shape (B,)."""
    counts = steps.counts(weights)
    return (counts if fixed == "specificity" else counts.mirrored).rate_at(1 - at)
