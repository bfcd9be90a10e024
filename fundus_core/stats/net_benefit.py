"""Decision curves: what acting on a model's probabilities is worth.

N is the number of images, T of threshold probabilities, B of resamples.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import CHANCE
from fundus_core.errors import ParameterError
from fundus_core.stats.cohort import CohortDraws, draw_cohorts
from fundus_core.stats.inputs import as_labels, as_patients, require_both_classes
from fundus_core.stats.probabilities import as_probabilities
from fundus_core.stats.resampling import FEWEST_UNITS, Weights
from fundus_core.stats.treated import net_benefit, treat_all, treated_rates

THRESHOLDS = np.arange(1, 100) / 100
"""Threshold probabilities 0.01, 0.02, ..., 0.99."""


@dataclass(frozen=True, slots=True)
class Band:
    """A value at each of T thresholds with a pointwise interval."""

    value: NDArray[np.float64]
    """Shape (T,)."""

    low: NDArray[np.float64]
    """Shape (T,): lower ends; NaN where no interval is given: at all thresholds, see the curve's
    `reason`, or at those where fewer than `FEWEST_UNITS` patients are treated differently by what
    is compared."""

    high: NDArray[np.float64]
    """Shape (T,): upper ends, likewise."""


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit of a model over threshold probabilities, beside treating all; of none it is 0."""

    thresholds: NDArray[np.float64]
    """Shape (T,), ascending, in (0, 1). An image is treated as positive when its predicted
    probability is at least this."""

    model: Band
    """Net benefit: true positives per image, less false positives weighed by the odds of the
    threshold; at most the prevalence. Higher is better."""

    treat_all: Band
    """The same of treating every image as positive."""

    over_all: Band
    """Model less treating all."""

    prevalence: float
    """At which all of it holds, in (0, 1)."""

    observed_prevalence: float
    """Share of positive images."""

    confidence: float
    """Level of the intervals, each threshold on its own."""

    method: str
    """E.g. "percentile bootstrap of patients"."""

    reason: str
    """Why there are no intervals; empty where there are."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per threshold; standardised is net benefit / prevalence."""
        return pd.DataFrame(
            {
                "threshold": self.thresholds,
                "net_benefit": self.model.value,
                "net_benefit_low": self.model.low,
                "net_benefit_high": self.model.high,
                "treat_all": self.treat_all.value,
                "treat_none": 0.0,
                "over_treat_all": self.over_all.value,
                "over_treat_all_low": self.over_all.low,
                "over_treat_all_high": self.over_all.high,
                "standardised": self.model.value / self.prevalence,
            }
        )


@dataclass(frozen=True, slots=True)
class NetBenefitDifference:
    """Net benefit of model A less that of model B on the same images."""

    thresholds: NDArray[np.float64]
    """Shape (T,), ascending, in (0, 1)."""

    difference: Band
    """Positive favours A."""

    prevalence: float
    confidence: float
    method: str
    reason: str
    """Why there are no intervals; empty where there are."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per threshold."""
        band = self.difference
        return pd.DataFrame(
            {
                "threshold": self.thresholds,
                "difference": band.value,
                "low": band.low,
                "high": band.high,
            }
        )


def decision_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    thresholds: ArrayLike = THRESHOLDS,
    prevalence: float | None = None,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> DecisionCurve:
    """Returns the net benefit of treating images by their predicted probability.

    At threshold t, net benefit = TP / N - FP / N * t / (1 - t): whoever acts from a risk of t on
    holds one missed disease to be as bad as (1 - t) / t false alarms. It counts what a model is
    worth only if the probabilities it is fed are meant as such: a badly calibrated model can be
    worse than treating all or none.

    At another prevalence the shares of diseased and of healthy images that are treated stay as they
    are and are weighed anew. Predictions are not adjusted to it.

    There is no interval at a threshold that fewer than `FEWEST_UNITS` patients reach (for `model`),
    or that fewer stay below (for `over_all`): resamples of so few show too little of what could
    have been drawn.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,), predicted probabilities.
        thresholds: Shape (T,), ascending, in (0, 1).
        prevalence: In (0, 1), to weigh by; that of the images by default.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: B, of patients drawn from all.
        seed: Of the resamples; equal seeds give equal intervals.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is no probability or a patient is missing.
        SingleClassError: If one class has no image.
        ParameterError: If thresholds or prevalence are not in (0, 1).

    References:
        Vickers & Elkin (2006), Medical Decision Making 26(6), 565-574.
        Vickers, Cronin, Elkin & Gonen (2008), BMC Med. Inform. Decis. Mak. 8, 53 (intervals).
        Kerr et al. (2016), J. Clin. Oncol. 34(21), 2534-2540 (standardised net benefit).

    Examples:
        >>> curve = decision_curve([0, 0, 0, 1], [0.1, 0.2, 0.6, 0.9], thresholds=[0.2, 0.5])
        >>> curve.model.value.round(4).tolist(), curve.treat_all.value.round(4).tolist()
        ([0.125, 0.0], [0.0625, -0.5])
    """
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)
    at = _checked(thresholds, prevalence)
    rates = treated_rates(positive, share, at)

    def statistic(weights: Weights) -> NDArray[np.float64]:
        found = rates(weights)
        model, everyone = net_benefit(found, at, prevalence), treat_all(found, at, prevalence)
        return np.concatenate([model, everyone, model - everyone], axis=1)

    draws = draw_cohorts(
        statistic, positive, codes, confidence=confidence, n_resamples=n_resamples, seed=seed
    )
    observed = float(positive.mean())
    return DecisionCurve(
        at,
        _band(draws, 0, _n_apart(share, 0.0, at, codes)),
        _band(draws, 1, np.full(len(at), len(positive))),
        _band(draws, 2, _n_apart(share, 1.0, at, codes)),
        observed if prevalence is None else prevalence,
        observed,
        confidence,
        f"percentile bootstrap of {draws.unit}",
        draws.reason,
    )


def net_benefit_difference(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    thresholds: ArrayLike = THRESHOLDS,
    prevalence: float | None = None,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> NetBenefitDifference:
    """Returns how much more one model is worth than another on the same images.

    Both are evaluated on the same resamples, so that what they share cancels. There is no interval
    at a threshold at which they treat fewer than `FEWEST_UNITS` patients differently.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        score_a: Shape (N,), predicted probabilities of model A.
        score_b: Shape (N,), those of model B; entry i of all three is of the same image.
        thresholds: See `decision_curve`, as the rest.
        prevalence: To weigh by.
        patients: Shape (N,).
        confidence: In (0, 1).
        n_resamples: B.
        seed: Of the resamples.

    Raises:
        FundusError: As `decision_curve` does.
        ParameterError: If thresholds or prevalence are not in (0, 1).

    References:
        Vickers, Cronin, Elkin & Gonen (2008), BMC Med. Inform. Decis. Mak. 8, 53.

    Examples:
        >>> found = net_benefit_difference(
        ...     [0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8], [0.6, 0.9, 0.2, 0.8], thresholds=[0.5]
        ... )
        >>> found.difference.value.tolist()
        [0.25]
    """
    positive = as_labels(y_true)
    share_a = as_probabilities(score_a, n_images=len(positive), model="Model A")
    share_b = as_probabilities(score_b, n_images=len(positive), model="Model B")
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)
    at = _checked(thresholds, prevalence)
    rates_a, rates_b = treated_rates(positive, share_a, at), treated_rates(positive, share_b, at)

    def statistic(weights: Weights) -> NDArray[np.float64]:
        return net_benefit(rates_a(weights), at, prevalence) - net_benefit(
            rates_b(weights), at, prevalence
        )

    draws = draw_cohorts(
        statistic, positive, codes, confidence=confidence, n_resamples=n_resamples, seed=seed
    )
    return NetBenefitDifference(
        at,
        _band(draws, 0, _n_apart(share_a, share_b, at, codes)),
        float(positive.mean()) if prevalence is None else prevalence,
        confidence,
        f"percentile bootstrap of {draws.unit}",
        draws.reason,
    )


def _checked(thresholds: ArrayLike, prevalence: float | None) -> NDArray[np.float64]:
    """Returns thresholds as float64, shape (T,).

    Raises:
        ParameterError: If they, or the prevalence, are not in (0, 1), or do not ascend.
    """
    at = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    if not (len(at) and ((at > 0) & (at < 1)).all() and (np.diff(at) > 0).all()):
        raise ParameterError(
            f"The thresholds must ascend within (0, 1) but are {at}.",
            hint="Give probabilities at which one would treat, such as 0.05, 0.1 and 0.2.",
        )
    if prevalence is not None:
        CHANCE.require("prevalence", prevalence)
    return at


def _n_apart(
    share_a: NDArray[np.float64],
    share_b: NDArray[np.float64] | float,
    at: NDArray[np.float64],
    patients: NDArray[np.intp] | None,
) -> NDArray[np.intp]:
    """Returns how many patients are treated by one and not by the other, shape (T,).

    Args:
        share_a: Shape (N,).
        share_b: Likewise; 0 for treating none, 1 for treating all.
        at: Shape (T,).
        patients: Shape (N,), numbers from 0; without them images are counted.
    """
    a, b = share_a >= at[:, np.newaxis], share_b >= at[:, np.newaxis]  # (T, N)
    if patients is None:
        return np.asarray((a != b).sum(axis=1))
    return np.array([np.count_nonzero(np.bincount(patients, one)) for one in a != b])


def _band(draws: CohortDraws, part: int, n_apart: NDArray[np.intp]) -> Band:
    """Returns a run of T statistics with their percentiles, where they have any."""
    columns = slice(part * len(n_apart), (part + 1) * len(n_apart))
    low, high = draws.bounds(columns)
    scarce = n_apart < FEWEST_UNITS
    return Band(
        draws.values[columns], np.where(scarce, np.nan, low), np.where(scarce, np.nan, high)
    )
