"""From AUCs and their variances to intervals and p-values; shared by `delong` and `macro`.

scipy.special is imported where it is used: it takes 0.16 s, which the first page must not wait for.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fundus_core.domain.bounds import Bounds
from fundus_core.errors import NoVarianceError, SingleClassError
from fundus_core.stats.inputs import (
    IndependentUnits,
    checked_scores,
    independent_units,
)
from fundus_core.stats.placements import NO_VARIANCE, covariance, placements
from fundus_core.stats.proportions import clopper_pearson
from fundus_core.stats.small_samples import auc_degrees_of_freedom, sum_of_independent

UNITS_FOR_VARIANCE = 2
"""Fewest images, or patients, of each class from which a variance can be estimated."""

TESTED_UNITS = Bounds(UNITS_FOR_VARIANCE, 1_000_000)
"""What a test may be asked to have of each class at least."""


@dataclass(frozen=True, slots=True)
class AucEstimate:
    """One AUC with its variance."""

    auc: float
    """In [0, 1]."""

    variance: float
    """Of `auc`; 0 where a class has fewer than two independent units."""

    degrees_of_freedom: float | None
    """How well `variance` is known; None where there is none."""

    units: IndependentUnits
    """Patients, or images where patients are unknown."""

    n_positive: int
    """Positive images."""

    n_images: int
    """All images."""

    n_patients: int | None
    """Patients, or None where unknown."""

    @property
    def method(self) -> str:
        """Whose variance it is."""
        return "delong" if self.n_patients is None else "obuchowski"


class AucBounds(NamedTuple):
    """Ends of an AUC's interval."""

    low: float
    high: float
    standard_error: float
    """Above 0; for an exact interval its width in units of the normal one's."""

    exact: bool
    """True when no variance could be estimated."""


class DifferenceTest(NamedTuple):
    """A difference of two AUCs held against no difference."""

    low: float
    high: float
    standard_error: float
    z: float
    p_value: float
    degrees_of_freedom: float | None
    """Of the t distribution behind the p-value; None for the normal one."""

    interval_degrees_of_freedom: float | None
    """Of the t distribution behind the interval; None for an exact one."""


def estimate(
    y_true: ArrayLike, y_score: ArrayLike, *, patients: ArrayLike | None, model: str = "The model"
) -> AucEstimate:
    """Checks the arrays and returns the AUC with its variance."""
    positive, score, codes = checked_scores(y_true, y_score, patients, model=model)
    n_images = len(positive)

    placed = placements(positive, score[np.newaxis])
    units = independent_units(positive, codes)
    variance, known = 0.0, None
    if units.rarer >= UNITS_FOR_VARIANCE:
        variance = float(covariance(placed.deviations, positive, codes)[0, 0])
        known = auc_degrees_of_freedom(placed.deviations[0], positive, codes)
    return AucEstimate(
        float(placed.auc[0]),
        variance,
        known,
        units,
        int(np.count_nonzero(positive)),
        n_images,
        None if codes is None else units.total,
    )


def auc_bounds(
    auc: float,
    variance: float,
    n_pairs: int,
    *,
    confidence: float,
    degrees_of_freedom: float | None = None,
) -> AucBounds:
    """Returns the interval on the logit scale, or the exact one where there is no variance.

    Args:
        auc: In [0, 1].
        variance: Of `auc`; up to `NO_VARIANCE` counts as none.
        n_pairs: Independent pairs of a positive and a negative image. 0, when all images are one
            patient's, counts as 1 pair, which says next to nothing.
        confidence: In (0, 1).
        degrees_of_freedom: Of the variance; None takes it for certain.
    """
    from scipy.special import expit, logit, ndtri

    if variance <= NO_VARIANCE:
        n_trials = max(n_pairs, 1)
        low, high = clopper_pearson(auc * n_trials, n_trials, confidence=confidence)
        width = 2 * float(ndtri(0.5 + confidence / 2))
        return AucBounds(float(low), float(high), float(high - low) / width, exact=True)
    standard_error = float(np.sqrt(variance))
    quantile = two_sided_quantile(confidence, degrees_of_freedom)
    reach = quantile * standard_error / (auc * (1 - auc))
    low, high = expit(logit(auc) - reach), expit(logit(auc) + reach)
    return AucBounds(float(low), float(high), standard_error, exact=False)


def difference_test(
    difference: float,
    variance: float,
    *,
    confidence: float,
    degrees_of_freedom: float | None,
    interval_degrees_of_freedom: float | None,
) -> DifferenceTest:
    """Returns the two-sided test of a difference against the normal or t distribution.

    Args:
        difference: In [-1, 1].
        variance: Of `difference`.
        confidence: Of the interval, in (0, 1).
        degrees_of_freedom: Of the t distribution behind the p-value; None for the normal one.
        interval_degrees_of_freedom: Likewise, behind the interval.

    Raises:
        NoVarianceError: If there is no variance to divide by.
    """
    _require_variance(difference, variance)
    standard_error = float(np.sqrt(variance))
    z = difference / standard_error
    reach = two_sided_quantile(confidence, interval_degrees_of_freedom) * standard_error
    return DifferenceTest(
        max(difference - reach, -1.0),
        min(difference + reach, 1.0),
        standard_error,
        z,
        min(2 * lower_tail(-abs(z), degrees_of_freedom), 1.0),
        degrees_of_freedom,
        interval_degrees_of_freedom,
    )


def alike_test(n_pairs: int, *, confidence: float) -> DifferenceTest:
    """Returns the test of two models that order every pair of images alike: z 0, p 1.

    The interval is what remains possible: were the models to differ on a share q of all pairs,
    k independent pairs would all agree with probability (1 - q)^k, and q bounds the difference.
    """
    reach = 1 - (1 - confidence) ** (1 / n_pairs)
    return DifferenceTest(-reach, reach, 0.0, 0.0, 1.0, None, None)


def unpaired_test(a: AucEstimate, b: AucEstimate, *, confidence: float) -> DifferenceTest:
    """Returns the test of two AUCs of independent samples.

    Its degrees of freedom are put together from those of the two variances. Only where patients
    are unknown in both, the p-value keeps Welch's, in which every image counts: the published form.
    Where the AUCs are equal and both without variance (two perfect models), z is 0, p is 1 and the
    interval is put together from the exact ones of the two AUCs.

    Raises:
        NoVarianceError: If the AUCs differ and neither varies.

    References:
        Robin et al. (2011), BMC Bioinformatics 12, 77 (the published form).
        Welch (1947), Biometrika 34(1/2), 28-35.
        Zou & Donner (2008), Statistics in Medicine 27(10), 1693-1702 (the interval put together).
    """
    variance = a.variance + b.variance
    if a.auc == b.auc and variance <= NO_VARIANCE:
        of_a, of_b = (
            auc_bounds(one.auc, 0.0, one.units.disjoint_pairs, confidence=confidence)
            for one in (a, b)
        )
        low = -float(np.hypot(a.auc - of_a.low, of_b.high - b.auc))
        high = float(np.hypot(of_a.high - a.auc, b.auc - of_b.low))
        return DifferenceTest(low, high, 0.0, 0.0, 1.0, None, None)
    _require_variance(a.auc - b.auc, variance)
    known = sum_of_independent(
        (a.variance, a.degrees_of_freedom), (b.variance, b.degrees_of_freedom)
    )
    published = a.n_patients is None and b.n_patients is None
    by_image = (a.variance, a.units.total - 1.0), (b.variance, b.units.total - 1.0)
    return difference_test(
        a.auc - b.auc,
        variance,
        confidence=confidence,
        degrees_of_freedom=sum_of_independent(*by_image) if published else known,
        interval_degrees_of_freedom=known,
    )


def two_sided_quantile(confidence: float, degrees_of_freedom: float | None) -> float:
    """Returns how many standard errors an interval reaches: of t, or of the normal for None."""
    from scipy.special import ndtri, stdtrit

    if degrees_of_freedom is None:
        return float(ndtri(0.5 + confidence / 2))
    return float(stdtrit(degrees_of_freedom, 0.5 + confidence / 2))


def lower_tail(z: float, degrees_of_freedom: float | None) -> float:
    """Returns the chance of a value up to z: of t, or of the normal for None."""
    from scipy.special import ndtr, stdtr

    return float(ndtr(z) if degrees_of_freedom is None else stdtr(degrees_of_freedom, z))


def require_testable(units: IndependentUnits) -> None:
    """Raises unless there are two independent units of each class.

    Raises:
        SingleClassError: With the counts.
    """
    if min(units.positive, units.negative) < UNITS_FOR_VARIANCE:
        raise SingleClassError(
            f"There are {units.positive} independent positive and {units.negative} negative units "
            "(patients, or images where patients are unknown); the test needs at least "
            f"{UNITS_FOR_VARIANCE} of each.",
            hint="Choose a larger set, or one that is stratified by label.",
        )


def _require_variance(difference: float, variance: float) -> None:
    """Raises a NoVarianceError if there is nothing to divide the difference by."""
    if variance <= NO_VARIANCE:
        raise NoVarianceError(
            f"The AUCs differ by {difference:+z.3f}, but neither varies over these images, so that "
            "no test can be made.",
            hint="Compare the models on more and harder images; a constant score cannot be tested.",
        )
