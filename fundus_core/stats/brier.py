"""The Brier score and what it is made of.

N is the number of images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fundus_core.stats.inputs import as_labels
from fundus_core.stats.probabilities import as_probabilities
from fundus_core.stats.reliability import Binning, reliability_curve


@dataclass(frozen=True, slots=True)
class BrierParts:
    """The exact parts of a Brier score: their signed sum is the score, whatever the bins."""

    reliability: float
    """Mean squared distance of a bin's mean prediction from its observed share; 0 is best."""

    resolution: float
    """Mean squared distance of the bins' observed shares from the overall one; higher is better."""

    uncertainty: float
    """Of the labels alone, in [0, 0.25]: what predicting the overall share everywhere scores."""

    within_variance: float
    """Of the predictions inside of bins; enters with a plus."""

    within_covariance: float
    """Twice that of predictions and labels inside of bins; enters with a minus."""

    @property
    def score(self) -> float:
        """The Brier score, in [0, 1]; lower is better."""
        return (
            self.reliability
            - self.resolution
            + self.uncertainty
            + self.within_variance
            - self.within_covariance
        )

    @property
    def generalised_resolution(self) -> float:
        """The resolution with what bins hide of it: score = reliability - this + uncertainty."""
        return self.resolution - self.within_variance + self.within_covariance


def brier_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Returns the mean squared distance of predictions from labels, in [0, 1]; lower is better.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        y_score: Shape (N,), probabilities.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, or a score is no probability.

    References:
        Brier (1950), Monthly Weather Review 78(1), 1-3.

    Examples:
        >>> round(brier_score([0, 1], [0.2, 0.6]), 3)
        0.1
    """
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    return float(np.mean((share - positive) ** 2))


def brier_parts(
    y_true: ArrayLike, y_score: ArrayLike, *, n_bins: int = 10, binning: Binning = "mass"
) -> BrierParts:
    """Returns the Brier score in parts.

    Murphy's three parts add up only if all predictions of a bin are equal; Stephenson's two
    within-bin terms make the sum exact.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        y_score: Shape (N,), probabilities.
        n_bins: See `reliability_curve`.
        binning: "mass" or "width".

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, or a score is no probability.

    References:
        Murphy (1973), J. Applied Meteorology 12(4), 595-600.
        Stephenson, Coelho & Jolliffe (2008), Weather and Forecasting 23(4), 752-757.

    Examples:
        >>> parts = brier_parts([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], n_bins=2)
        >>> round(parts.reliability, 3), round(parts.resolution, 3), round(parts.score, 3)
        (0.065, 0.25, 0.075)
    """
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    curve = reliability_curve(positive, share, n_bins=n_bins, binning=binning)
    weight, overall = curve.n_images / len(positive), positive.mean()
    predicted, observed = curve.predicted[curve.bin_of], curve.observed[curve.bin_of]
    return BrierParts(
        float(weight @ (curve.predicted - curve.observed) ** 2),
        float(weight @ (curve.observed - overall) ** 2),
        float(overall * (1 - overall)),
        float(np.mean((share - predicted) ** 2)),
        float(2 * np.mean((positive - observed) * (share - predicted))),
    )
