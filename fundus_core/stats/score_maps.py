"""Maps from a model's probabilities to better ones. To add one, add it to `RECALIBRATORS`.

Each is fitted on some images and applied to others. None of them turns the order of scores round:
where the images to fit on would have it so, the map is flat. N is the number of images, C of
classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import ScoresError
from fundus_core.stats.logistic import fit_logistic
from fundus_core.stats.probabilities import EDGE, logits, sigmoid

Recalibration = Literal["platt", "isotonic", "temperature"]

_SHARPEST = 50.0
"""Logits are multiplied by no more than this; reached only where classes are separated."""


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """A map from probabilities to probabilities, fitted."""

    apply: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    """Maps probabilities to probabilities of the same shape."""

    parameters: dict[str, float]
    """Name -> value, of those maps that have any."""

    flat: bool
    """True where the map gives every image the same probability: the images it was fitted on would
    have had the order turned round."""


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A way to fit such a map."""

    label: str
    """Name shown to the user."""

    fit: Callable[[NDArray[np.bool_], NDArray[np.float64]], ScoreMap]
    """From labels and probabilities of one class, both of shape (N,)."""

    strictly_monotone: bool
    """True where different scores stay different, unless the map is flat."""


def fit_platt(positive: NDArray[np.bool_], share: NDArray[np.float64]) -> ScoreMap:
    """Fits intercept and slope of the logits.

    By Platt's rule (n + 1) / (n + 2) stands for the label of n positive images and 1 / (m + 2) for
    that of m negative ones, so that the line is finite where scores separate the classes.

    Args:
        positive: Shape (N,), with both classes.
        share: Shape (N,), probabilities.

    References:
        Platt (1999), in Advances in Large Margin Classifiers, MIT Press, 61-74.

    Examples:
        >>> fitted = fit_platt(np.array([False, False, True]), np.array([0.2, 0.4, 0.9]))
        >>> bool((np.diff(fitted.apply(np.array([0.1, 0.5, 0.9]))) > 0).all())
        True
    """
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(positive) - n_positive
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    logit = logits(share)
    ones = np.ones((len(share), 1))
    line = fit_logistic(np.column_stack([ones, logit]), target) if np.ptp(logit) > 1e-12 else None
    if line is None or line.coefficients[1] <= 0:
        flat = float(logits(np.array(target.mean())))
        return ScoreMap(
            lambda values: np.full(values.shape, sigmoid(np.array(flat))),
            {"intercept": flat, "slope": 0.0},
            flat=True,
        )
    intercept, slope = line.coefficients.tolist()
    return ScoreMap(
        lambda values: sigmoid(intercept + slope * logits(values)),
        {"intercept": intercept, "slope": slope},
        flat=False,
    )


def fit_isotonic(positive: NDArray[np.bool_], share: NDArray[np.float64]) -> ScoreMap:
    """Fits the best map that never falls: steps, with straight lines between them.

    Scores beyond those that it was fitted on get the value at their end. Different scores can
    become equal.

    Args:
        positive: Shape (N,), with both classes.
        share: Shape (N,), probabilities.

    References:
        Zadrozny & Elkan (2002), KDD, 694-699.

    Examples:
        >>> fitted = fit_isotonic(np.array([False, True, False, True]), np.array([1, 2, 3, 4]) / 5)
        >>> fitted.apply(np.array([0.0, 0.5, 1.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    fitted.fit(share, positive.astype(np.float64))
    at, value = fitted.X_thresholds_, fitted.y_thresholds_
    return ScoreMap(
        lambda values: np.asarray(np.interp(values, at, value), np.float64),
        {},
        flat=bool(np.ptp(value) <= 1e-12),
    )


def fit_temperature(positive: NDArray[np.bool_], share: NDArray[np.float64]) -> ScoreMap:
    """Fits the one number that logits are divided by; one half stays one half.

    Args:
        positive: Shape (N,), with both classes.
        share: Shape (N,), probabilities.

    References:
        Guo, Pleiss, Sun & Weinberger (2017), ICML, PMLR 70, 1321-1330.
    """
    logit = logits(share)
    sharpness = _sharpness(
        np.stack([np.zeros_like(logit), logit], axis=1), positive.astype(np.intp)
    )
    return ScoreMap(
        lambda values: sigmoid(sharpness * logits(values)),
        _temperature(sharpness),
        flat=sharpness == 0,
    )


def fit_softmax_temperature(label: NDArray[np.intp], share: NDArray[np.float64]) -> ScoreMap:
    """Fits the one number that the logarithms of all classes' probabilities are divided by.

    Args:
        label: Shape (N,), the true class, 0 ... C - 1.
        share: Shape (N, C), probabilities that sum to 1 over the classes of an image.

    Raises:
        ScoresError: If they do not sum to 1.

    References:
        Guo, Pleiss, Sun & Weinberger (2017), ICML, PMLR 70, 1321-1330.
    """
    sums = share.sum(axis=1)
    if np.abs(sums - 1).max() > 1e-3:
        raise ScoresError(
            f"Probabilities of an image's classes sum to {sums.min():.3f} to {sums.max():.3f}, "
            "not to 1.",
            hint="Choose another recalibration, or one class against the rest.",
        )
    sharpness = _sharpness(_logarithms(share), label)

    def apply(values: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import softmax

        return np.asarray(softmax(sharpness * _logarithms(values), axis=1))

    return ScoreMap(apply, _temperature(sharpness), flat=sharpness == 0)


def _logarithms(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(share, EDGE)))


def _sharpness(logit: NDArray[np.float64], label: NDArray[np.intp]) -> float:
    """Returns 1 / temperature, in [0, _SHARPEST], at the maximum of the likelihood.

    The derivative of the log-likelihood falls with the sharpness, so it has one zero at most.

    Args:
        logit: Shape (N, C).
        label: Shape (N,), the true class.
    """
    from scipy.optimize import brentq
    from scipy.special import softmax

    true = logit[np.arange(len(label)), label]

    def derivative(sharpness: float) -> float:
        return float((true - (softmax(sharpness * logit, axis=1) * logit).sum(axis=1)).mean())

    if derivative(0.0) <= 0:
        return 0.0
    if derivative(_SHARPEST) >= 0:
        return _SHARPEST
    return float(brentq(derivative, 0.0, _SHARPEST, xtol=1e-12))


def _temperature(sharpness: float) -> dict[str, float]:
    return {"temperature": 1 / sharpness if sharpness > 0 else np.inf}


RECALIBRATORS: dict[Recalibration, Recalibrator] = {
    "platt": Recalibrator("Platt scaling", fit_platt, True),
    "isotonic": Recalibrator("isotonic regression", fit_isotonic, False),
    "temperature": Recalibrator("temperature scaling", fit_temperature, True),
}
"""Recalibrations by the name that the command line calls them by."""
