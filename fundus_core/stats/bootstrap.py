"""Intervals of any statistic by the bootstrap of patients.

N is the number of images, B of resamples and M of statistics that are evaluated together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.inputs import require_confidence
from fundus_core.stats.resampling import (
    FEWEST_UNITS,
    Strata,
    Weights,
    generator_of,
    leave_outs,
    resamples,
    stratify,
    too_unequal,
)

Statistic = Callable[[Weights], NDArray[np.float64]]
"""Maps weights (B, N) to M statistics of each resample, shape (B, M)."""

Method = Literal["bca", "percentile"]

_ROUNDING = 1e-12
"""Values that differ by no more than this are the same."""

_NAMES: dict[Method, str] = {"bca": "BCa", "percentile": "percentile"}

_NOT_DEFINED = "it is not defined on these images"


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic and what is known of it."""

    value: float | None
    """Of the images as they are; None where it is not defined on them."""

    low: float | None
    """Lower end of the interval; None where no interval can be given, see `reason`."""

    high: float | None
    """Upper end, likewise."""

    confidence: float
    """Level of the interval, in (0, 1)."""

    method: str
    """E.g. "BCa bootstrap of patients, stratified"."""

    n_resamples: int

    reason: str = ""
    """Why there is no interval; empty where there is one."""


class _Ends(NamedTuple):
    low: float | None
    high: float | None
    reason: str


def bootstrap_intervals(
    statistic: Statistic,
    labels: Mapping[str, NDArray[np.bool_]],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    method: Method = "bca",
    n_resamples: int = 2000,
    seed: int = 0,
    unless: str = "",
) -> tuple[Interval, ...]:
    """Returns the interval of each of M statistics by the stratified bootstrap of patients.

    Patients are drawn within strata (see `stratify`), so that every resample has images of every
    label, and about as many as there are. The interval is therefore one for images in the mixture
    of labels at hand; what depends on prevalence is not carried to another prevalence. Models and
    thresholds count as given: how others would do, had other patients been learned from, is no part
    of it.

    BCa corrects the percentiles of the resamples for their bias, and for the skewness that leaving
    out one patient after the other shows. There is no interval, and `reason` says why, where

    - a label has fewer than `FEWEST_UNITS` patients, or images that are worth fewer because one
      patient has most of them (`too_unequal`),
    - all resamples give the same value: a width of zero would claim certainty,
    - the resamples lie so far to one side of the value that the interval would not hold it.

    Args:
        statistic: Called with chunks of resamples; finite wherever every label has weight.
        labels: Name -> shape (N,): the images with that label. Each resample has some of each.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        method: "bca", or "percentile" for the plain percentiles of the resamples.
        n_resamples: B.
        seed: Of the draws; equal seeds give equal intervals.
        unless: Why there is none, where the statistic asks for more than labels; empty if it has
            enough.

    Raises:
        ScoresError: If a patient is missing, or there is not one per image.
        ParameterError: If the level, the number of resamples or the seed is out of bounds.
        ValueError: If there are no labels.

    References:
        Efron (1987), J. Am. Stat. Assoc. 82(397), 171-185 (BCa).
        Davison & Hinkley (1997), Bootstrap Methods and their Application, chapter 5 (BCa of
        several samples: here strata).
        Field & Welsh (2007), J. R. Stat. Soc. B 69(3), 369-390 (drawing clusters whole).

    Examples:
        >>> values = np.array([1.0, 2.0, 3.0, 5.0, 8.0, 13.0])
        >>> def mean(weights):
        ...     return (weights @ values / weights.sum(axis=1))[:, np.newaxis]
        >>> (found,) = bootstrap_intervals(mean, {"any": np.ones(6, bool)})
        >>> round(found.value, 1), round(found.low), round(found.high)
        (5.3, 3, 9)
    """
    require_confidence(confidence)
    generator = generator_of(n_resamples, seed)
    strata = stratify(labels, patients)
    unit = "images" if patients is None else "patients"
    values = statistic(np.ones((1, len(strata.unit_of))))[0]
    reason = _too_few(labels, strata, unit)
    if not reason and patients is not None:
        sides = {f"that have {name!r}": chosen for name, chosen in labels.items()}
        reason = too_unequal(sides, strata.unit_of)
    reason = reason or unless
    found = [_Ends(None, None, reason)] * len(values)
    if not reason:
        drawn = np.concatenate([statistic(w) for w in resamples(strata, n_resamples, generator)])
        if method == "bca":
            skews = _accelerations(statistic, strata, generator)
            shares = [
                _bca_shares(*one, confidence) for one in zip(drawn.T, values, skews, strict=True)
            ]
        else:
            shares = [_tails(confidence)] * len(values)
        found = [_ends(*one) for one in zip(drawn.T, values, shares, strict=True)]
    name = f"{_NAMES[method]} bootstrap of {unit}, stratified"
    return tuple(
        Interval(float(value), *ends[:2], confidence, name, n_resamples, ends.reason)
        if np.isfinite(value)
        else Interval(None, None, None, confidence, name, n_resamples, _NOT_DEFINED)
        for value, ends in zip(values, found, strict=True)
    )


def _too_few(labels: Mapping[str, NDArray[np.bool_]], strata: Strata, unit: str) -> str:
    """Returns which label has too few units; empty if none has."""
    counts = dict(zip(labels, strata.has.sum(axis=0).tolist(), strict=True))
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] >= FEWEST_UNITS:
        return ""
    return f"only {counts[rarest]} {unit} have {rarest!r}; a bootstrap needs {FEWEST_UNITS}"


def _ends(drawn: NDArray[np.float64], value: np.float64, shares: NDArray[np.float64]) -> _Ends:
    """Returns the two quantiles of the resamples, or why they are no interval."""
    if not np.isfinite(drawn).all():
        return _Ends(None, None, "it is not defined on every resample")
    if np.ptp(drawn) <= _ROUNDING:
        return _Ends(None, None, "all resamples give the same value")
    if np.isfinite(shares).all():
        low, high = np.quantile(drawn, shares).tolist()
        if low - _ROUNDING <= value <= high + _ROUNDING:
            return _Ends(low, high, "")
    return _Ends(None, None, "the resamples lie too far to one side of the value")


def _tails(confidence: float) -> NDArray[np.float64]:
    return np.array([1 - confidence, 1 + confidence]) / 2


def _bca_shares(
    drawn: NDArray[np.float64], value: np.float64, acceleration: np.float64, confidence: float
) -> NDArray[np.float64]:
    """Returns which quantiles of the resamples are the ends; NaN where all lie on one side."""
    from scipy.special import ndtr, ndtri

    below = (np.mean(drawn < value - _ROUNDING) + np.mean(drawn <= value + _ROUNDING)) / 2
    if not 0 < below < 1:
        return np.full(2, np.nan)
    bias = ndtri(below)
    reach = bias + ndtri(_tails(confidence))
    # An acceleration is at most 1/6, so that only a reach beyond 6 could turn the sign.
    return np.asarray(ndtr(bias + reach / np.maximum(1 - acceleration * reach, _ROUNDING)))


def _accelerations(
    statistic: Statistic, strata: Strata, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Returns BCa's accelerations, shape (M,), from what leaving units out does."""
    found = [(statistic(weights), of) for weights, of in leave_outs(strata, generator)]
    without = np.concatenate([values for values, _ in found])
    stratum_of = np.concatenate([of for _, of in found])
    squares, cubes = np.zeros((2, without.shape[1]))
    for stratum in np.unique(stratum_of):
        values = without[stratum_of == stratum]
        influence = (1 - 1 / len(values)) * (values.mean(axis=0) - values)
        squares += (influence**2).sum(axis=0)
        cubes += (influence**3).sum(axis=0)
    return np.divide(cubes, 6 * squares**1.5, out=np.zeros_like(cubes), where=squares > 0)
