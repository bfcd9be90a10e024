"""Use case: does a photograph look unlike those of a data set, before any network is asked?

Backbones can find a picture of one colour much like a photograph. Its light and sharpness cannot be
taken for one's: this is the second of two warnings, beside `workflows.single.out_of_distribution`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.workflows.single.out_of_distribution import LARGEST_SHARE

_SPREAD_OF_NORMAL = 1.4826
"""Standard deviation of a normal variable, in median absolute deviations."""


@dataclass(frozen=True, slots=True)
class OddLook:
    """How far out a photograph lies in the measure in which it lies furthest out."""

    name: str
    """Of the measure."""

    spreads: float
    """Distance from the data set's median, in robust standard deviations; 0 or more."""

    share_as_far: float
    """Share of the data set's photographs that lie as far out in any measure, in [0, 1]."""

    n_images: int

    @property
    def unlike(self) -> bool:
        """Says whether the photograph looks unlike the data set."""
        return self.share_as_far < LARGEST_SHARE


def odd_look(own: Mapping[str, float], others: Mapping[str, NDArray[np.float64]]) -> OddLook:
    """Compares a photograph with a data set, measure by measure.

    Each measure is centred on the data set's median and divided by its median absolute deviation; a
    measure that is the same for all photographs but this one is as far out as can be. What counts
    is the largest distance, for this photograph as for each of the others.

    Args:
        own: Name -> value, at least those of `others`.
        others: Name -> shape (N,), rows in the same order.

    Examples:
        >>> values = np.arange(101.0)
        >>> odd_look({"brightness": 50.0}, {"brightness": values}).unlike
        False
        >>> odd_look({"brightness": 900.0}, {"brightness": values}).unlike
        True
    """
    names = list(others)
    table = np.stack([others[name] for name in names], axis=1)  # (N, M)
    middle = np.median(table, axis=0)
    spread = _SPREAD_OF_NORMAL * np.median(np.abs(table - middle), axis=0)
    spread = np.where(spread > 0, spread, table.std(axis=0))
    new = _distances(np.array([[own[name] for name in names]]), middle, spread)[0]
    usual = _distances(table, middle, spread).max(axis=1)
    worst = int(new.argmax())
    return OddLook(names[worst], float(new[worst]), float((usual >= new[worst]).mean()), len(table))


def _distances(
    rows: NDArray[np.float64], middle: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns distances from the middle in spreads; infinite where there is no spread to count."""
    off = np.abs(rows - middle)
    safe = np.where(spread > 0, spread, 1.0)
    return np.where(spread > 0, off / safe, np.where(off > 0, np.inf, 0.0))
