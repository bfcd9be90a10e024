"""Predicted against observed shares, bin by bin.

N is the number of images, K of bins that hold any.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import BINS
from fundus_core.stats.inputs import as_labels, as_patients, require_confidence
from fundus_core.stats.probabilities import as_probabilities
from fundus_core.stats.proportions import share_of
from fundus_core.stats.unequal_patients import leverage

Binning = Literal["mass", "width"]
"""`mass`: about as many images in each bin. `width`: bins of equal width from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """K bins of images with similar predicted probabilities, in ascending order."""

    predicted: NDArray[np.float64]
    """Shape (K,): mean predicted probability, in [0, 1]."""

    observed: NDArray[np.float64]
    """Shape (K,): share of positive images, in [0, 1]."""

    low: NDArray[np.float64]
    """Shape (K,): lower ends of the intervals of `observed`, each bin on its own."""

    high: NDArray[np.float64]
    """Shape (K,): upper ends."""

    n_images: NDArray[np.intp]
    """Shape (K,)."""

    lowest: NDArray[np.float64]
    """Shape (K,): the lowest predicted probability in the bin."""

    highest: NDArray[np.float64]
    """Shape (K,): the highest."""

    bin_of: NDArray[np.intp]
    """Shape (N,): the bin of each image, 0 ... K - 1."""

    variance: NDArray[np.float64]
    """Shape (K,): of observed less predicted, as an estimate with patients as the units."""

    confidence: float
    """Level of the intervals, in (0, 1)."""

    binning: Binning

    method: str
    """"wilson": images independent; "wilson, clustered": patients independent."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per bin."""
        names = ("lowest", "highest", "n_images", "predicted", "observed", "low", "high")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def reliability_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    n_bins: int = 10,
    binning: Binning = "mass",
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> ReliabilityCurve:
    """Returns the share of positive images among those with similar predictions.

    Bins of equal mass are cut at quantiles of the predictions, so that no bin is drawn from a
    handful of images; equal predictions always share a bin, and bins without images are left out,
    so there can be fewer than asked for. Intervals are Wilson's, clustered by patient where they
    are known (`share_of`), as those of `operating_point` are.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        y_score: Shape (N,), probabilities.
        n_bins: At least 1.
        binning: "mass" or "width".
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1), for each bin on its own.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is no probability or a patient is missing.
        ParameterError: If there is no bin, or the level is not a share.

    References:
        DeGroot & Fienberg (1983), The Statistician 32(1/2), 12-22 (reliability diagrams).
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
        Rao & Scott (1992), Biometrics 48(2), 577-585 (the design effect of clustered shares).

    Examples:
        >>> curve = reliability_curve([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], n_bins=2)
        >>> curve.predicted.round(3).tolist(), curve.observed.tolist()
        ([0.2, 0.7], [0.0, 1.0])
    """
    require_confidence(confidence)
    BINS.require("number of bins", n_bins)
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    codes = as_patients(patients, n_images=len(positive))

    bin_of = _bins(share, n_bins, binning)
    n_images = np.bincount(bin_of)
    observed = np.bincount(bin_of, positive) / n_images
    predicted = np.bincount(bin_of, share) / n_images
    shares = [
        share_of(positive[rows], None if codes is None else codes[rows], confidence=confidence)
        for rows in (bin_of == number for number in range(len(n_images)))
    ]
    _, low, high = np.array(shares).T
    order = np.argsort(share, kind="stable")
    starts = np.cumsum(n_images) - n_images  # bins ascend with the predictions
    return ReliabilityCurve(
        predicted,
        observed,
        low,
        high,
        n_images,
        share[order][starts],
        share[order][starts + n_images - 1],
        bin_of,
        _variance_of_gap(positive, share, bin_of, codes),
        confidence,
        binning,
        "wilson" if codes is None else "wilson, clustered",
    )


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """How many images have which predicted probability, in bins of equal width from 0 to 1."""

    edges: NDArray[np.float64]
    """Ends of the bins, one more than there are counts."""

    n_positive: NDArray[np.intp]
    """Positive images in each bin."""

    n_negative: NDArray[np.intp]
    """Negative images in each bin."""


def score_histogram(y_true: ArrayLike, y_score: ArrayLike, *, n_bins: int = 25) -> ScoreHistogram:
    """Counts images by predicted probability; 1 itself is in the last bin.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        y_score: Shape (N,), probabilities.
        n_bins: Of equal width.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, or a score is no probability.

    Examples:
        >>> score_histogram([0, 1, 1], [0.1, 0.6, 1.0], n_bins=2).n_positive.tolist()
        [0, 2]
    """
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    BINS.require("number of bins", n_bins)
    edges = np.linspace(0, 1, n_bins + 1)
    counts = [np.histogram(share[one], edges)[0] for one in (positive, ~positive)]
    return ScoreHistogram(edges, counts[0], counts[1])


def at_prevalence(share: ArrayLike, *, observed: float, prevalence: float) -> NDArray[np.float64]:
    """Returns what shares of positive images become where the class is more or less frequent.

    By Bayes' rule, if photographs of the diseased look there as they do here, and those of the
    healthy too (label shift): the odds of each share are multiplied by the ratio of the odds of the
    two prevalences.

    Args:
        share: In [0, 1]; any shape.
        observed: Prevalence where the shares were observed, in (0, 1).
        prevalence: Prevalence there, in (0, 1).

    References:
        Saerens, Latinne & Decaestecker (2002), Neural Computation 14(1), 21-41.

    Examples:
        >>> round(float(at_prevalence(0.5, observed=0.5, prevalence=0.1)), 3)
        0.1
    """
    shares = np.asarray(share, dtype=np.float64)
    positive = shares * prevalence / observed
    negative = (1 - shares) * (1 - prevalence) / (1 - observed)
    return np.asarray(positive / (positive + negative))


@dataclass(frozen=True, slots=True)
class ShiftedShares:
    """The observed shares of a reliability curve at another prevalence, see `at_prevalence`."""

    observed: NDArray[np.float64]
    """Shape (K,), in [0, 1]."""

    low: NDArray[np.float64]
    """Shape (K,): lower ends of their intervals."""

    high: NDArray[np.float64]
    """Shape (K,): upper ends."""


def shifted_shares(curve: ReliabilityCurve, *, observed: float, prevalence: float) -> ShiftedShares:
    """Returns what the shares of a curve become at another prevalence, see `at_prevalence`.

    Args:
        curve: As observed.
        observed: Prevalence where it was, in (0, 1).
        prevalence: The other one, in (0, 1).
    """
    return ShiftedShares(
        *(
            at_prevalence(one, observed=observed, prevalence=prevalence)
            for one in (curve.observed, curve.low, curve.high)
        )
    )


def _bins(share: NDArray[np.float64], n_bins: int, binning: Binning) -> NDArray[np.intp]:
    """Returns the bin of each image, shape (N,), numbers from 0 without a gap."""
    cuts = np.linspace(0, 1, n_bins + 1)[1:-1]
    if binning == "mass":
        cuts = np.quantile(share, cuts)
    return np.unique(np.searchsorted(cuts, share), return_inverse=True)[1].astype(np.intp)


def _variance_of_gap(
    positive: NDArray[np.bool_],
    share: NDArray[np.float64],
    bin_of: NDArray[np.intp],
    patients: NDArray[np.intp] | None,
) -> NDArray[np.float64]:
    """Returns the variance of each bin's mean of label less prediction, shape (K,).

    Of a bin with a single patient it is that of one label, as predicted.
    """
    gap = positive - share
    owners = np.arange(len(gap)) if patients is None else patients
    found = []
    for number in range(int(bin_of.max()) + 1):
        rows = np.flatnonzero(bin_of == number)
        _, unit_of = np.unique(owners[rows], return_inverse=True)
        n_units = int(unit_of.max()) + 1
        if n_units == 1:
            predicted = float(share[rows].mean())
            found.append(predicted * (1 - predicted))
            continue
        own = np.bincount(unit_of, gap[rows] - gap[rows].mean()) * leverage(unit_of, n_units)
        found.append(n_units / (n_units - 1) * float(own @ own) / len(rows) ** 2)
    return np.array(found)
