"""Drawing patients anew to test whether a number differs between two models.

N is the number of images, B of resamples. Any number will do that can be computed of weights: the
AUC in `resampled_tests`, partial areas and rates at a fixed specificity in their own modules.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import NoVarianceError, SingleClassError
from fundus_core.stats.inputs import (
    as_labels,
    as_patients,
    as_scores,
    independent_units,
    require_both_classes,
    require_confidence,
)
from fundus_core.stats.resampling import (
    FEWEST_UNITS,
    Weights,
    generator_of,
    resamples,
    stratify,
    too_unequal,
)

Statistic = Callable[[Weights], NDArray[np.float64]]
"""Maps weights (B, N) to M numbers of each resample, shape (B, M)."""

_ROUNDING = 1e-12
"""Differences up to this are none, and so are standard errors."""

_PAIRED = (
    "Both models scored the same images. {unit} are independent of each other; those of a class "
    "are drawn anew as they are, so that the numbers of each class count as fixed. The difference "
    "over its standard deviation in the resamples is held against the normal distribution, which "
    "asks for some thirty {units} of each class."
)


@dataclass(frozen=True, slots=True)
class ResampledTest:
    """A number of two models, how far apart they are, and how often chance does that."""

    value_a: float
    """Of model A."""

    value_b: float
    """Of model B."""

    difference: float
    """`value_a - value_b`; positive favours model A."""

    standard_error: float | None
    """Of the difference; None for a permutation test."""

    low: float | None
    """Lower end of the interval of the difference, in [-1, 1]; None where `reason` says why."""

    high: float | None
    """Upper end, likewise."""

    z: float | None
    """`difference / standard_error`; None for a permutation test."""

    p_value: float
    """Two-sided, in [0, 1]; of permutations at least 1 / (B + 1)."""

    confidence: float
    """Level of the interval, in (0, 1)."""

    method: str
    """E.g. "paired bootstrap of patients, stratified"."""

    assumptions: str
    """What the p-value rests on, in sentences."""

    n_resamples: int
    """Resamples, or permutations."""

    n_images_a: int
    """Images model A was evaluated on."""

    n_images_b: int
    """Images model B was evaluated on; the same ones in a paired test."""

    reason: str = ""
    """Why there is no interval; empty where there is one."""


def paired_bootstrap(
    pair: Statistic,
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> ResampledTest:
    """Tests whether a number differs between two models of the same images.

    Where no resample tells the models apart, z is 0, p is 1 and there is no interval.

    Args:
        pair: Maps weights (B, N) to the numbers of both models in each resample, (B, 2).
        positive: Shape (N,), with both classes.
        patients: Shape (N,), numbers from 0, or None.
        confidence: In (0, 1).
        n_resamples: B.
        seed: Of the draws.

    Raises:
        SingleClassError: If either class has fewer than `FEWEST_UNITS` images, or patients, or
            images that are worth fewer (`too_unequal`).
        NoVarianceError: If the models differ but no resample differs from another.
    """
    require_confidence(confidence)
    generator = generator_of(n_resamples, seed)
    value_a, value_b = pair(np.ones((1, len(positive))))[0].tolist()
    drawn = drawn_anew(pair, positive, patients, n_resamples, generator)
    standard_error = float(np.std(drawn[:, 0] - drawn[:, 1], ddof=1))
    unit = "images" if patients is None else "patients"
    return ratio_test(
        (value_a, value_b),
        standard_error,
        confidence=confidence,
        method=f"paired bootstrap of {unit}, stratified",
        assumptions=_PAIRED.format(unit=unit.capitalize(), units=unit),
        n_resamples=n_resamples,
        n_images=(len(positive), len(positive)),
    )


def checked_pair(
    y_true: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, patients: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp] | None]:
    """Returns labels (N,), the scores of two models (2, N), and patients as numbers.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.
    """
    positive = as_labels(y_true)
    n_images = len(positive)
    scores = np.stack(
        [
            as_scores(score_a, n_images=n_images, model="Model A"),
            as_scores(score_b, n_images=n_images, model="Model B"),
        ]
    )
    codes = as_patients(patients, n_images=n_images)
    require_both_classes(positive)
    return positive, scores, codes


def drawn_anew(
    statistic: Statistic,
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    n_resamples: int,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Returns what each resample gives, shape (B, M).

    Raises:
        SingleClassError: If either class has fewer than `FEWEST_UNITS` images, or patients, or
            images that are worth fewer (`too_unequal`).
    """
    units = independent_units(positive, patients)
    if units.rarer < FEWEST_UNITS:
        raise SingleClassError(
            f"There are {units.positive} independent positive and {units.negative} negative units "
            "(patients, or images where patients are unknown); a bootstrap needs at least "
            f"{FEWEST_UNITS} of each.",
            hint="Choose a larger set, or DeLong's test.",
        )
    require_alike(positive, patients)
    strata = stratify({"positive": positive, "negative": ~positive}, patients)
    chunks = [statistic(weights) for weights in resamples(strata, n_resamples, generator)]
    return np.concatenate(chunks)


def require_alike(positive: NDArray[np.bool_], patients: NDArray[np.intp] | None) -> None:
    """Refuses images of which one patient has most, from which nothing can be resampled.

    Raises:
        SingleClassError: With their numbers.
    """
    sides = {"that are positive": positive, "that are negative": ~positive}
    if reason := too_unequal(sides, patients):
        raise SingleClassError(
            f"A resampled test would be surer than it may be: {reason}.",
            hint="Take DeLong's test, which weighs patients by their images, or compare patients.",
        )


def ratio_test(
    values: tuple[float, float],
    standard_error: float,
    *,
    confidence: float,
    method: str,
    assumptions: str,
    n_resamples: int,
    n_images: tuple[int, int],
) -> ResampledTest:
    """Returns the test of a difference over its standard error against the normal distribution.

    Raises:
        NoVarianceError: If there is a difference but no standard error.
    """
    from scipy.special import ndtr, ndtri

    difference = values[0] - values[1]
    alike = standard_error <= _ROUNDING
    if alike and abs(difference) > _ROUNDING:
        raise NoVarianceError(
            f"The models differ by {difference:+z.3f}, but every resample gives the same.",
            hint="Compare the models on more and harder images.",
        )
    z = 0.0 if alike else difference / standard_error
    reach = float(ndtri(0.5 + confidence / 2)) * standard_error
    return ResampledTest(
        value_a=values[0],
        value_b=values[1],
        difference=0.0 if alike else difference,
        standard_error=0.0 if alike else standard_error,
        low=None if alike else max(difference - reach, -1.0),
        high=None if alike else min(difference + reach, 1.0),
        z=z,
        p_value=min(float(2 * ndtr(-abs(z))), 1.0),
        confidence=confidence,
        method=method,
        assumptions=assumptions,
        n_resamples=n_resamples,
        n_images_a=n_images[0],
        n_images_b=n_images[1],
        reason="no resample tells the models apart" if alike else "",
    )
