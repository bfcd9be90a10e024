"""What a call is worth where the disease is as frequent as the reader says.

Sensitivity and specificity are measured on the images at hand; how frequent the disease is there
says nothing of a clinic, so the prevalence is given and taken as known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import CHANCE
from fundus_core.stats.inputs import as_patients, require_both_classes, require_confidence
from fundus_core.stats.operating import checked_calls
from fundus_core.stats.placements import NO_VARIANCE
from fundus_core.stats.proportions import effective_images, share_of
from fundus_core.stats.unequal_patients import leverage

Method = Literal["score", "logit"]
"""`score`: from Wilson's intervals, at every share. `logit`: the usual normal interval on the logit
scale, which does not exist where a share is 0 or 1."""

_NO_WIDTH = 1e-9
"""Of its upper end: an interval that is narrower comes of rounding alone."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its interval."""

    value: float | None
    """None where it is not defined, see `reason`; infinite for a ratio without any false alarm."""

    low: float | None
    """Lower end of the interval; None where there is none, see `reason`."""

    high: float | None
    """Upper end, likewise; infinite where nothing bounds a ratio."""

    reason: str = ""
    """Why there is no value, or no interval; empty where there are both."""


@dataclass(frozen=True, slots=True)
class PredictiveValues:
    """What calls are worth at a prevalence. All shares are in [0, 1]."""

    prevalence: float
    """Share of the diseased among those who are screened, in (0, 1); taken as known."""

    positive: Estimate
    """Positive predictive value: the share of the diseased among those called positive."""

    negative: Estimate
    """Negative predictive value: the share of the healthy among those called negative."""

    ratio_positive: Estimate
    """Positive likelihood ratio: by how much a positive call multiplies the odds of disease."""

    ratio_negative: Estimate
    """Negative likelihood ratio: by how much a negative call does, in [0, inf]."""

    found: Estimate
    """Share of the diseased who are called positive: the sensitivity."""

    called: Estimate
    """Share of all who are screened that is called positive."""

    confidence: float
    """Level of the intervals, in (0, 1)."""

    method: str
    """E.g. "score, clustered": the method, and whether patients are the independent unit."""


def predictive_values(
    y_true: ArrayLike,
    called: ArrayLike,
    prevalence: float,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    method: Method = "score",
) -> PredictiveValues:
    """Returns predictive values and likelihood ratios by Bayes' theorem, with intervals.

    A likelihood ratio is a ratio of two shares: sensitivity over 1 - specificity, or 1 -
    sensitivity over specificity. Its interval is put together from Wilson's intervals of the two
    shares (`score`: the method of variance estimates recovery), which needs no share to be inside
    (0, 1), or from their variances (`logit`). A predictive value is an increasing (for the negative
    one decreasing) function of it, so its interval is that of the ratio, carried over. With
    patients all variances are over patients, and so is the covariance of the two shares, which is
    not zero where a patient has images of both classes.

    Neither the choice of the threshold nor the prevalence is part of the intervals.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        called: Shape (N,), bool or {0, 1}. True marks an image that was called positive.
        prevalence: In (0, 1).
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        method: Of the intervals.

    Raises:
        TargetError: If labels or calls are not one column of 0 and 1.
        ScoresError: If shapes do not fit, or a patient is missing.
        SingleClassError: If one class has no image.
        ParameterError: If the prevalence or the level is not inside (0, 1).

    References:
        Mercaldo, Lau & Zhou (2007), Statistics in Medicine 26(10), 2170-2183 (`logit`).
        Zou & Donner (2008), Statistics in Medicine 27(10), 1693-1702 (sums by recovered variances).
        Newcombe (2016), Stat. Methods Med. Res. 25(5), 1774-1778 (ratios likewise: `score`).

    Examples:
        >>> y_true = np.arange(200) < 100
        >>> called = np.r_[np.arange(100) < 90, np.arange(100) < 20]
        >>> found = predictive_values(y_true, called, 0.05)
        >>> round(found.ratio_positive.value, 2), round(found.positive.value, 3)
        (4.5, 0.191)
        >>> round(found.positive.low, 3), round(found.positive.high, 3)
        (0.14, 0.263)
    """
    require_confidence(confidence)
    CHANCE.require("prevalence", prevalence)
    positive, said = checked_calls(y_true, called)
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)

    hits = _sample(said, positive, codes, confidence)
    alarms = _sample(said, ~positive, codes, confidence)
    related = _correlation(said, positive, codes, hits, alarms)
    of_positive = _ratio(hits, alarms, related, method, confidence, "called positive")
    of_negative = _ratio(
        hits.mirrored, alarms.mirrored, related, method, confidence, "called negative"
    )
    odds = prevalence / (1 - prevalence)
    return PredictiveValues(
        prevalence,
        _mapped(of_positive, lambda ratio: _share_of_odds(odds * ratio)),
        _mapped(of_negative, lambda ratio: 1 - _share_of_odds(odds * ratio)),
        of_positive,
        of_negative,
        Estimate(hits.share, hits.low, hits.high),
        _weighted_sum(hits, alarms, related, prevalence),
        confidence,
        method if codes is None else f"{method}, clustered",
    )


class _Sample(NamedTuple):
    """The share of one class that is called positive."""

    share: float
    low: float
    high: float
    variance: float

    @property
    def mirrored(self) -> "_Sample":
        """The share that is called negative."""
        return _Sample(1 - self.share, 1 - self.high, 1 - self.low, self.variance)


def _sample(
    called: NDArray[np.bool_],
    members: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    confidence: float,
) -> _Sample:
    codes = None if patients is None else patients[members]
    share = share_of(called[members], codes, confidence=confidence)
    n_images = effective_images(called[members], codes)
    return _Sample(*share, share.value * (1 - share.value) / n_images)


def _correlation(
    called: NDArray[np.bool_],
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    hits: _Sample,
    alarms: _Sample,
) -> float:
    """Returns the correlation of the two shares over patients who have images of both classes."""
    if patients is None or min(hits.variance, alarms.variance) <= NO_VARIANCE:
        return 0.0
    n_patients = int(patients.max()) + 1
    of_hits, of_alarms = (
        np.bincount(patients, (called - one.share) * side)
        / side.sum()
        * leverage(patients[side], n_patients)
        for one, side in ((hits, positive), (alarms, ~positive))
    )
    covariance = n_patients / max(n_patients - 1, 1) * float(of_hits @ of_alarms)
    return float(np.clip(covariance / np.sqrt(hits.variance * alarms.variance), -1, 1))


def _ratio(
    upper: _Sample,
    lower: _Sample,
    related: float,
    method: Method,
    confidence: float,
    which: str,
) -> Estimate:
    """Returns a ratio of two shares with its interval; `which` images it is about, for reasons."""
    if upper.share == lower.share == 0:
        return Estimate(None, None, None, f"no image is {which}")
    value = upper.share / lower.share if lower.share else np.inf
    if method == "score":
        return _estimate(value, *_recovered(upper, lower, related))
    if upper.share == 0 or lower.share == 0:
        blamed = "positive" if upper.share == 0 else "negative"
        return Estimate(
            value, None, None, f"no {blamed} image is {which}, where this method has no interval"
        )
    return _estimate(value, *_on_log_scale(upper, lower, related, confidence))


def _estimate(value: float, low: float, high: float) -> Estimate:
    """Returns a number with its interval, unless that has no width: nothing is so certain."""
    if high - low <= _NO_WIDTH * high < np.inf:
        return Estimate(value, None, None, "both shares move together in all patients")
    return Estimate(value, low, high)


def _recovered(upper: _Sample, lower: _Sample, related: float) -> tuple[float, float]:
    """Returns the ends of a ratio from those of its parts (method of variance recovery).

    The lower end is the ratio R at which the lower limit of upper - R x lower is zero, a root of
    a R^2 - 2 b R + c; the upper end likewise with the other limits.
    """
    product = upper.share * lower.share
    down, up = upper.share - upper.low, lower.high - lower.share
    a = lower.high * (2 * lower.share - lower.high)
    b = product - related * down * up
    c = upper.low * (2 * upper.share - upper.low)
    divisor = b + np.sqrt(max(b * b - a * c, 0.0))
    low = c / divisor if divisor > 0 else 0.0

    up, down = upper.high - upper.share, lower.share - lower.low
    a = lower.low * (2 * lower.share - lower.low)
    b = product - related * up * down
    c = upper.high * (2 * upper.share - upper.high)
    high = (b + np.sqrt(max(b * b - a * c, 0.0))) / a if a > 0 else np.inf
    return float(low), float(high)


def _on_log_scale(
    upper: _Sample, lower: _Sample, related: float, confidence: float
) -> tuple[float, float]:
    """Returns the ends of a ratio of shares by the delta method; neither share is 0."""
    from scipy.special import ndtri

    errors = [np.sqrt(one.variance) / one.share for one in (upper, lower)]
    variance = errors[0] ** 2 + errors[1] ** 2 - 2 * related * errors[0] * errors[1]
    reach = float(ndtri(0.5 + confidence / 2) * np.sqrt(max(variance, 0.0)))
    ratio = upper.share / lower.share
    return float(ratio * np.exp(-reach)), float(ratio * np.exp(reach))


def _weighted_sum(hits: _Sample, alarms: _Sample, related: float, prevalence: float) -> Estimate:
    """Returns the share of all who are screened that is called, ends by variance recovery."""
    parts = (prevalence, hits), (1 - prevalence, alarms)
    value = sum(weight * one.share for weight, one in parts)
    down = [weight * (one.share - one.low) for weight, one in parts]
    up = [weight * (one.high - one.share) for weight, one in parts]
    reach = [np.sqrt(max(a * a + b * b + 2 * related * a * b, 0.0)) for a, b in (down, up)]
    return _estimate(value, float(max(value - reach[0], 0)), float(min(value + reach[1], 1)))


def _mapped(ratio: Estimate, to: Callable[[float], float]) -> Estimate:
    """Returns a monotone function of a ratio, with its interval."""
    if ratio.value is None:
        return ratio
    if ratio.low is None or ratio.high is None:
        return Estimate(to(ratio.value), None, None, ratio.reason)
    low, high = sorted((to(ratio.low), to(ratio.high)))
    return Estimate(to(ratio.value), low, high)


def _share_of_odds(odds: float) -> float:
    """Returns the share that odds in [0, inf] stand for."""
    return 1.0 if np.isinf(odds) else odds / (1 + odds)
