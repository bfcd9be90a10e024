"""Intervals of measures of agreement, by leaving out one patient after the other.

A bootstrap would draw patients more than once, and a photograph drawn twice is its own nearest
neighbour. Leaving out changes no distance between those that stay.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.inputs import as_patients, require_confidence

FEWEST_PATIENTS = 10
"""Fewer give no interval: a variance of so few differences is too uncertain itself."""

_ROUNDING = 1e-12

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale without ends, on which an interval is symmetric."""

    lowest: float
    """Least value of the measure; the greatest is 1."""

    forward: Callable[[Values], Values]
    back: Callable[[Values], Values]
    slope: Callable[[float], float]
    """Derivative of `forward` at a value inside the range."""


def _logistic(logits: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-logits)))


FISHER_Z = Scale(-1.0, np.arctanh, np.tanh, lambda value: 1 / (1 - value**2))
"""For what lies in [-1, 1]."""

LOGIT = Scale(0.0, lambda p: np.log(p / (1 - p)), _logistic, lambda value: 1 / (value - value**2))
"""For what lies in [0, 1]."""


def unit_codes(patients: ArrayLike | None, n_images: int) -> NDArray[np.intp]:
    """Returns whom each photograph is left out with, numbers from 0: itself without patients."""
    codes = as_patients(patients, n_images=n_images)
    return np.arange(n_images) if codes is None else codes


def jackknife_interval(
    value: float,
    without: Values,
    *,
    scale: Scale,
    by_patient: bool,
    confidence: float = 0.95,
) -> Interval:
    """Returns an interval from what leaving out each of G patients makes of a measure.

    The standard error is that of the delete-one jackknife, the quantile Student's with G - 1
    degrees of freedom, and the interval is symmetric on `scale`, so that it stays inside the range.

    Args:
        value: Of all photographs.
        without: Shape (G,): of all photographs but those of one patient.
        scale: `FISHER_Z` or `LOGIT`.
        by_patient: False where patients are unknown and photographs were left out instead.
        confidence: In (0, 1).

    References:
        Tukey (1958), Annals of Mathematical Statistics 29(2), 614.
        Arvesen (1969), Annals of Mathematical Statistics 40(6), 2076-2100 (of U-statistics and
        smooth functions of them).

    Examples:
        >>> without = np.linspace(0.49, 0.51, 20)
        >>> found = jackknife_interval(0.5, without, scale=LOGIT, by_patient=True)
        >>> round(found.low, 2), round(found.high, 2)
        (0.44, 0.56)
    """
    from scipy.special import stdtrit

    require_confidence(confidence)
    unit = "patients" if by_patient else "photographs"
    method = f"jackknife of {unit}"
    n_units = len(without)

    def none(reason: str) -> Interval:
        return Interval(value, None, None, confidence, method, n_units, reason)

    if not np.isfinite(value):
        return replace(none("it is not defined on these photographs"), value=None)
    if n_units < FEWEST_PATIENTS:
        return none(f"{n_units} {unit} are too few; a jackknife needs {FEWEST_PATIENTS}")
    if not np.isfinite(without).all():
        return none(f"it is not defined without one of the {unit}")
    error = float(np.sqrt((n_units - 1) / n_units * ((without - without.mean()) ** 2).sum()))
    if error <= _ROUNDING:
        return none(f"leaving out {unit} does not change it")
    if min(value - scale.lowest, 1 - value) <= _ROUNDING:
        return none("it lies at the end of its range")
    reach = float(stdtrit(n_units - 1, (1 + confidence) / 2)) * error * scale.slope(value)
    middle = scale.forward(np.array(value))
    low, high = scale.back(middle + np.array([-reach, reach])).tolist()
    return Interval(value, low, high, confidence, method, n_units)
