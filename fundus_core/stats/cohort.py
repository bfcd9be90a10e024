"""Intervals of figures that depend on how many are diseased: patients drawn from all of them.

`bootstrap` draws the diseased and the healthy each for themselves, which holds their mixture fast.
How far predicted shares lie from observed ones, and what a decision is worth, depend on that
mixture, and its own chance belongs into the interval: here patients are drawn from all.

N is the number of images, B of resamples and M of statistics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.bootstrap import Interval, Statistic
from fundus_core.stats.inputs import independent_units, require_confidence
from fundus_core.stats.resampling import Strata, generator_of, resamples, too_few, too_unequal

Kind = Literal["percentile", "basic"]
"""`percentile`: quantiles of the resamples. `basic`: the value less what the resamples lie above
it, which takes back the bias of a statistic that noise can only make larger (twice the value less
their quantiles)."""

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class CohortDraws:
    """Statistics of a sample and of its resamples."""

    values: NDArray[np.float64]
    """Shape (M,): of the images as they are."""

    drawn: NDArray[np.float64]
    """Shape (B, M); B is 0 where there are too few patients, see `reason`."""

    unit: Literal["patients", "images"]
    confidence: float

    reason: str
    """Why there are no resamples; empty where there are."""

    def interval(self, index: int, kind: Kind = "percentile") -> Interval:
        """Returns the interval of one statistic; without ends, and a reason, where it has none."""
        value, drawn = float(self.values[index]), self.drawn[:, index]
        low = high = None
        reason = self.reason or _flaw(value, drawn)
        if not reason:
            low, high = np.quantile(drawn, self._tails).tolist()
            if kind == "basic":
                low, high = 2 * value - high, 2 * value - low
        name = f"{kind} bootstrap of {self.unit}"
        return Interval(
            value if np.isfinite(value) else None,
            low,
            high,
            self.confidence,
            name,
            len(drawn),
            reason,
        )

    def bounds(self, columns: Sequence[int] | slice) -> NDArray[np.float64]:
        """Returns the percentiles of several statistics, shape (2, m); NaN without resamples."""
        if self.reason:
            return np.full((2, len(self.values[columns])), np.nan)
        return np.asarray(np.quantile(self.drawn[:, columns], self._tails, axis=0))

    @property
    def _tails(self) -> list[float]:
        return [(1 - self.confidence) / 2, (1 + self.confidence) / 2]


def draw_cohorts(
    statistic: Statistic,
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> CohortDraws:
    """Returns statistics of a sample and of resamples of its patients.

    A resample that lacks either class is drawn again. There are none where either class has fewer
    than `FEWEST_UNITS` patients, or images that are worth fewer (`too_unequal`).

    Args:
        statistic: Maps weights (B, N) to M statistics of each resample.
        positive: Shape (N,), with both classes.
        patients: Shape (N,), numbers from 0; without them images count as independent.
        confidence: In (0, 1).
        n_resamples: B.
        seed: Of the draws; equal seeds give equal resamples, of whatever statistic.

    References:
        Field & Welsh (2007), J. R. Stat. Soc. B 69(3), 369-390 (drawing clusters whole).
        Davison & Hinkley (1997), Bootstrap Methods and their Application, section 5.2.
    """
    require_confidence(confidence)
    generator = generator_of(n_resamples, seed)
    unit: Literal["patients", "images"] = "images" if patients is None else "patients"
    values = statistic(np.ones((1, len(positive))))[0]
    units = independent_units(positive, patients)
    sides = {"with the class": positive, "without the class": ~positive}
    if reason := too_few(units, unit, "a bootstrap") or too_unequal(sides, patients):
        return CohortDraws(values, np.empty((0, len(values))), unit, confidence, reason)
    unit_of = np.arange(len(positive)) if patients is None else patients
    strata = Strata(
        unit_of,
        np.zeros(units.total, dtype=np.intp),
        np.stack([np.bincount(unit_of, one, units.total) > 0 for one in (positive, ~positive)], 1),
    )
    weights = resamples(strata, n_resamples, generator)
    drawn = np.concatenate([statistic(one) for one in weights])
    return CohortDraws(values, drawn, unit, confidence, "")


def _flaw(value: float, drawn: NDArray[np.float64]) -> str:
    """Returns why resamples give no interval; empty if they do."""
    if not np.isfinite(value):
        return "it is not defined on these images"
    if not np.isfinite(drawn).all():
        return "it is not defined on every resample"
    if np.ptp(drawn) <= _ROUNDING:
        return "all resamples give the same value"
    return ""
