"""Calibration in the large, intercept and slope, and the logistic calibration curve."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.inputs import (
    as_labels,
    as_patients,
    independent_units,
    require_both_classes,
    require_confidence,
)
from fundus_core.stats.logistic import LogisticFit, fit_logistic
from fundus_core.stats.probabilities import as_probabilities, logits, n_at_edge, sigmoid
from fundus_core.stats.resampling import too_few
from fundus_core.stats.unequal_patients import leverage

_CURVE_POINTS = 101


@dataclass(frozen=True, slots=True)
class SmoothCurve:
    """The logistic calibration curve at G predicted probabilities, with a pointwise band."""

    predicted: NDArray[np.float64]
    """Shape (G,), ascending over the range of the predictions."""

    observed: NDArray[np.float64]
    """Shape (G,): the share of positive images that the line expects there."""

    low: NDArray[np.float64]
    """Shape (G,): lower ends of the band, each point on its own."""

    high: NDArray[np.float64]
    """Shape (G,): upper ends."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per point."""
        names = ("predicted", "observed", "low", "high")
        return pd.DataFrame({name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """How predicted probabilities as a whole relate to what was observed."""

    in_the_large: Interval
    """Share of positive images less mean prediction, in [-1, 1]; 0 is right, positive means that
    predictions are too low."""

    intercept: Interval
    """What must be added to every logit to meet the share of positive images, the slope held at 1;
    0 is right."""

    slope: Interval
    """By what logits must be multiplied; 1 is right. Below 1 predictions are too extreme, above 1
    not extreme enough."""

    curve: SmoothCurve | None
    """The line with slope and its own intercept; None where the slope has no interval."""

    n_at_edge: int
    """Predictions of 0 or 1, or as good as that: `probabilities.EDGE` stands in for them."""


def calibration_line(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> CalibrationLine:
    """Returns Cox's calibration intercept and slope, with intervals by patient.

    Logistic regression of the labels on the logit of the predictions. Intervals are of Student's t
    on the robust (sandwich) standard error: for the intercept with one degree of freedom less than
    there are patients (images, where patients are unknown), for slope and calibration in the large
    with one less than there are patients of the rarer class, on whom these hang. There is none
    where a class has fewer than `FEWEST_UNITS` patients, and no slope where all predictions are
    equal, or where they separate the classes: the likelihood then has no maximum. `reason` says so.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        y_score: Shape (N,), probabilities.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is no probability or a patient is missing.
        SingleClassError: If one class has no image.

    References:
        Cox (1958), Biometrika 45(3/4), 562-565.
        Miller, Hui & Tierney (1991), Statistics in Medicine 10(8), 1213-1226.
        Van Calster et al. (2019), BMC Medicine 17, 230 (what the figures say).
        Liang & Zeger (1986), Biometrika 73(1), 13-22 (the variance by patient).

    Examples:
        >>> y_true = np.repeat([0, 1, 0, 1], [18, 2, 2, 18])
        >>> line = calibration_line(y_true, np.repeat([0.2, 0.8], 20))
        >>> round(line.slope.value, 2)
        1.58
    """
    require_confidence(confidence)
    positive = as_labels(y_true)
    share = as_probabilities(y_score, n_images=len(positive))
    codes = as_patients(patients, n_images=len(positive))
    require_both_classes(positive)

    unit = "images" if codes is None else "patients"
    units = independent_units(positive, codes)
    scarce = too_few(units, unit, "an interval")
    by_all = _Rule(units.total - 1, confidence, unit, scarce)
    by_rarer = _Rule(units.rarer - 1, confidence, unit, scarce)
    logit, target = logits(share), positive.astype(np.float64)
    ones = np.ones((len(share), 1))
    moved = fit_logistic(ones, target, offset=logit, patients=codes)
    reason = _no_slope(positive, logit)
    line = None if reason else fit_logistic(np.column_stack([ones, logit]), target, patients=codes)
    if line is None:
        reason = reason or "the likelihood has no maximum: predictions all but separate the classes"
        slope = by_rarer.none(reason)
    else:
        slope = _of_coefficient(line, 1, by_rarer)
    return CalibrationLine(
        _in_the_large(target - share, codes, by_rarer),
        by_all.none("it has no finite value")
        if moved is None
        else _of_coefficient(moved, 0, by_all),
        slope,
        None if line is None or slope.low is None else _curve(line, share, by_rarer.quantile),
        n_at_edge(share),
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """How standard errors become intervals."""

    degrees: int
    """Of freedom."""

    confidence: float
    unit: str
    """"patients" or "images"."""

    scarce: str
    """Why there are no intervals; empty where there are."""

    @property
    def quantile(self) -> float:
        """Of Student's t: how many standard errors an end is away."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, 0.5 + self.confidence / 2))

    @property
    def method(self) -> str:
        return f"Student's t, sandwich by {self.unit}"

    def none(self, reason: str, value: float | None = None) -> Interval:
        """Returns an interval without ends, and why it has none."""
        return Interval(value, None, None, self.confidence, self.method, 0, reason)

    def around(self, value: float, error: float, *, least: float, most: float) -> Interval:
        """Returns value plus and minus `quantile` standard errors, within [least, most]."""
        if self.scarce:
            return self.none(self.scarce, value)
        low, high = (
            max(value - self.quantile * error, least),
            min(value + self.quantile * error, most),
        )
        if not (np.isfinite(low) and np.isfinite(high)):
            return self.none("too few patients or images", value)
        if high - low <= 1e-12:
            return self.none("there is no variance", value)
        return Interval(value, low, high, self.confidence, self.method, 0)


def _no_slope(positive: NDArray[np.bool_], logit: NDArray[np.float64]) -> str:
    """Returns why the line has no slope; empty if it has one."""
    if np.ptp(logit) <= 1e-12:
        return "all predictions are equal"
    with_class, without = logit[positive], logit[~positive]
    if with_class.min() >= without.max() or with_class.max() <= without.min():
        return "predictions separate the classes perfectly, so the slope has no finite value"
    return ""


def _in_the_large(
    gap: NDArray[np.float64], patients: NDArray[np.intp] | None, rule: _Rule
) -> Interval:
    """Returns the mean of labels less predictions, its units being patients."""
    mean = float(gap.mean())
    sums = gap - mean
    if patients is not None:
        sums = np.bincount(patients, sums) * leverage(patients, int(patients.max()) + 1)
    variance = len(sums) / max(len(sums) - 1, 1) * float(sums @ sums) / len(gap) ** 2
    return rule.around(mean, float(np.sqrt(variance)), least=-1.0, most=1.0)


def _of_coefficient(fit: LogisticFit, index: int, rule: _Rule) -> Interval:
    error = float(np.sqrt(fit.covariance[index, index]))
    return rule.around(float(fit.coefficients[index]), error, least=-np.inf, most=np.inf)


def _curve(fit: LogisticFit, share: NDArray[np.float64], quantile: float) -> SmoothCurve:
    """Returns the line as probabilities; its band is the line's on the logit scale."""
    predicted = np.linspace(share.min(), share.max(), _CURVE_POINTS)
    columns = np.column_stack([np.ones(_CURVE_POINTS), logits(predicted)])
    centre = columns @ fit.coefficients
    variance = np.einsum("gk,kl,gl->g", columns, fit.covariance, columns)
    reach = quantile * np.sqrt(np.maximum(variance, 0))
    return SmoothCurve(predicted, sigmoid(centre), sigmoid(centre - reach), sigmoid(centre + reach))
