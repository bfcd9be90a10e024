"""A logistic line through labels, with a variance that knows which images share a patient.

N is the number of images, K of coefficients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.probabilities import sigmoid
from fundus_core.stats.unequal_patients import leverage

_MOST_STEPS = 100
_CLOSE = 1e-10
"""Largest derivative of the mean log-likelihood at which a line counts as found."""


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """logit P(y = 1) = X coefficients + offset, by maximum likelihood."""

    coefficients: NDArray[np.float64]
    """Shape (K,)."""

    covariance: NDArray[np.float64]
    """Shape (K, K): robust, with patients as the independent units where they are known."""


def fit_logistic(
    columns: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    offset: NDArray[np.float64] | float = 0.0,
    patients: NDArray[np.intp] | None = None,
) -> LogisticFit | None:
    """Fits by Newton's method; returns None where there is no finite maximum.

    The covariance is the sandwich: it does not trust the line to be right, and lets the images of a
    patient depend on each other in any way. Without patients each image is a unit of its own.

    Args:
        columns: X, shape (N, K).
        target: Shape (N,), in [0, 1]; labels, or shares that stand for them.
        offset: Added to the logit as it is; a number or shape (N,).
        patients: Shape (N,), numbers from 0, or None.

    References:
        Liang & Zeger (1986), Biometrika 73(1), 13-22.
        White (1982), Econometrica 50(1), 1-25.
    """
    found = np.zeros(columns.shape[1])
    best = _loss(columns @ found + offset, target)
    for _ in range(_MOST_STEPS):
        share = sigmoid(columns @ found + offset)
        slope = columns.T @ (target - share)
        curvature = (columns.T * (share * (1 - share))) @ columns
        if np.abs(slope).max() <= _CLOSE * len(target):
            return LogisticFit(found, _sandwich(columns, target - share, curvature, patients))
        if np.linalg.cond(curvature) > 1e14:
            return None
        step = np.linalg.solve(curvature, slope)
        while (loss := _loss(columns @ (found + step) + offset, target)) > best + 1e-14 * abs(best):
            step = step / 2
        found, best = found + step, loss
    return None


def _loss(logit: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Returns the negative log-likelihood."""
    return float((np.logaddexp(0, logit) - target * logit).sum())


def _sandwich(
    columns: NDArray[np.float64],
    residual: NDArray[np.float64],
    curvature: NDArray[np.float64],
    patients: NDArray[np.intp] | None,
) -> NDArray[np.float64]:
    """Returns the covariance of the coefficients."""
    pull = columns * residual[:, np.newaxis]  # (N, K)
    if patients is not None:
        pull = np.stack([np.bincount(patients, column) for column in pull.T], axis=1)
        pull *= leverage(patients, len(pull))[:, np.newaxis]
    n_units, (n_images, n_columns) = len(pull), columns.shape
    if n_units < 2 or n_images <= n_columns:
        return np.full(curvature.shape, np.nan)
    correction = n_units / (n_units - 1) * (n_images - 1) / (n_images - n_columns)
    bread = np.linalg.inv(curvature)
    return np.asarray(correction * bread @ (pull.T @ pull) @ bread)
