"""Are predicted probabilities what they claim to be?

Of the images that are given 30 %, do 30 % have the disease? N is the number of images, B of
resamples, K of bins.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.bootstrap import Interval, Statistic
from fundus_core.stats.brier import BrierParts, brier_parts
from fundus_core.stats.calibration_line import CalibrationLine, calibration_line
from fundus_core.stats.cohort import draw_cohorts
from fundus_core.stats.inputs import as_labels, as_patients, require_both_classes
from fundus_core.stats.probabilities import as_probabilities
from fundus_core.stats.reliability import Binning, ReliabilityCurve, reliability_curve
from fundus_core.stats.resampling import Weights

_ECE, _SQUARED, _BRIER, _SCALED = range(4)
"""Columns of `_statistic`."""


@dataclass(frozen=True, slots=True)
class BinnedErrors:
    """How far predicted shares lie from observed ones, as single numbers."""

    ece: float
    """Expected calibration error: the mean over images of their bin's |observed - predicted|, in
    [0, 1]. Lower is better, but chance alone keeps it above 0."""

    ece_by_chance: float
    """What the ECE would be on average if predictions were right and these images were drawn."""

    root_mean_square: Interval
    """Root of the mean squared distance, less what chance adds to it, in [0, 1]; lower is
    better."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that is said of how a model's probabilities agree with what was observed."""

    curve: ReliabilityCurve
    line: CalibrationLine
    errors: BinnedErrors

    brier: Interval
    """In [0, 1]; lower is better."""

    scaled_brier: Interval
    """1 - Brier score / that of predicting the overall share everywhere; 1 is perfect, 0 no better
    than the overall share, below 0 worse."""

    parts: BrierParts

    mean_predicted: float
    """In [0, 1]."""

    mean_observed: float
    """Share of positive images, in (0, 1)."""

    n_positive: int
    n_images: int
    n_patients: int | None
    """None where unknown: images then count as independent."""


def calibration(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    n_bins: int = 10,
    binning: Binning = "mass",
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Returns the calibration of a model's probabilities, by patient where patients are known.

    The interval of the Brier score is of the percentile bootstrap; that of the root mean squared
    calibration error is of the basic one, which takes back what chance adds to a squared distance.
    Both draw patients from all of them, so that the chance of their mixture is part of it. Bins are
    held as they are. The ECE is given no interval: noise can only make it larger, and where models
    are right, bootstrap intervals around it hold the truth half the time or never
    (docs/calibration.md). `ece_by_chance` stands beside it.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,), predicted probabilities of the positive class.
        n_bins: Of the reliability curve; see `reliability_curve`.
        binning: "mass" (about as many images in each bin) or "width".
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: B.
        seed: Of the resamples; equal seeds give equal intervals.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is no probability or a patient is missing.
        SingleClassError: If one class has no image.

    References:
        Naeini, Cooper & Hauskrecht (2015), AAAI, 2901-2907 (ECE).
        Nguyen & O'Connor (2015), EMNLP, 1587-1598 (bins of equal mass).
        Kumar, Liang & Ma (2019), NeurIPS 32, 3787-3798 (debiased squared error, and its interval).
        Steyerberg et al. (2010), Epidemiology 21(1), 128-138 (scaled Brier score).

    Examples:
        >>> generator = np.random.default_rng(0)
        >>> share = generator.random(2000)
        >>> right = calibration(generator.random(2000) < share, share)
        >>> overconfident = calibration(generator.random(2000) < 0.5 * share + 0.25, share)
        >>> round(right.errors.ece, 2), round(overconfident.errors.ece, 2)
        (0.03, 0.13)
        >>> round(overconfident.errors.root_mean_square.value, 2)
        0.14
    """
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)

    curve = reliability_curve(
        positive, share, n_bins=n_bins, binning=binning, patients=codes, confidence=confidence
    )
    draws = draw_cohorts(
        _statistic(positive, share, curve.bin_of),
        positive,
        codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )
    return Calibration(
        curve,
        calibration_line(positive, share, patients=codes, confidence=confidence),
        _errors(curve, draws.interval(_SQUARED, "basic")),
        draws.interval(_BRIER),
        draws.interval(_SCALED),
        brier_parts(positive, share, n_bins=n_bins, binning=binning),
        float(share.mean()),
        float(positive.mean()),
        int(np.count_nonzero(positive)),
        len(positive),
        None if codes is None else int(codes.max()) + 1,
    )


def binned_errors(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    n_bins: int = 10,
    binning: Binning = "mass",
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> BinnedErrors:
    """Returns the errors of `calibration` alone, which need but one class; see there.

    Also for how sure a model is of the class it decides for: `y_score` is then the highest
    probability of each image, and `y_true` whether that class was right (top-label calibration).

    References:
        Guo, Pleiss, Sun & Weinberger (2017), ICML, PMLR 70, 1321-1330 (top label).
    """
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    codes = as_patients(patients, n_images=len(positive))
    curve = reliability_curve(
        positive, share, n_bins=n_bins, binning=binning, patients=codes, confidence=confidence
    )
    draws = draw_cohorts(
        _statistic(positive, share, curve.bin_of),
        positive,
        codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )
    return _errors(curve, draws.interval(_SQUARED, "basic"))


def _errors(curve: ReliabilityCurve, squared: Interval) -> BinnedErrors:
    """Returns the errors of a curve.

    Args:
        curve: With the variance of each bin's distance.
        squared: The mean squared distance as observed, with its basic interval.
    """
    weight = curve.n_images / curve.n_images.sum()
    gap = curve.observed - curve.predicted
    debiased = float(weight @ (gap**2 - curve.variance))
    # A distance that is nothing but noise of this variance is sqrt(2 / pi) deviations on average.
    by_chance = float(weight @ np.sqrt(2 / np.pi * curve.variance))
    return BinnedErrors(float(weight @ np.abs(gap)), by_chance, _rooted(debiased, squared))


def _rooted(debiased: float, squared: Interval) -> Interval:
    """Returns the root of a debiased square with the roots of its interval's ends."""
    value = float(np.sqrt(max(debiased, 0.0)))
    if squared.low is None or squared.high is None:
        return replace(squared, value=value)
    low, high = (float(np.sqrt(max(end, 0.0))) for end in (squared.low, squared.high))
    if high <= 0 or not low <= value <= high:
        reason = "predictions lie closer to the observed shares than chance explains"
        return replace(squared, value=value, low=None, high=None, reason=reason)
    return replace(squared, value=value, low=low, high=high)


def _statistic(
    positive: NDArray[np.bool_], share: NDArray[np.float64], bin_of: NDArray[np.intp]
) -> Statistic:
    """Returns ECE, mean squared distance, Brier and scaled Brier score of resamples, (B, 4)."""
    member = np.eye(int(bin_of.max()) + 1)[bin_of]  # (N, K)
    gap = member * (positive - share)[:, np.newaxis]
    square = (share - positive) ** 2

    def statistic(weights: Weights) -> NDArray[np.float64]:
        total = weights.sum(axis=1)
        in_bin, off = weights @ member, weights @ gap  # (B, K)
        present = np.where(in_bin > 0, in_bin, 1)
        brier, overall = weights @ square / total, weights @ positive / total
        of_overall = overall * (1 - overall)
        scaled = np.full(len(weights), np.nan)
        np.divide(brier, of_overall, out=scaled, where=of_overall > 0)
        return np.stack(
            [
                np.abs(off).sum(axis=1) / total,
                (off**2 / present).sum(axis=1) / total,
                brier,
                1 - scaled,
            ],
            axis=1,
        )

    return statistic
