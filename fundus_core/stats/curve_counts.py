"""ROC and precision-recall curves of many resamples at once: images sorted once, counted often.

N is the number of images, K of distinct scores, B of resamples. Weights, shape (B, N), say how
often each image counts in each resample; ones for the images as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.resampling import Weights

Counts = NDArray[np.float64]

_ROUNDING = 1e-9
"""Counts are whole numbers: 0.1 of 30 negative images are 3, though 30 * (1 - 0.9) is less."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Images from the highest score down, in steps of equal scores."""

    order: NDArray[np.intp]
    """Shape (N,): the images in this order."""

    positive: NDArray[np.bool_]
    """Shape (N,), in this order."""

    last: NDArray[np.intp]
    """Shape (K,): the last place of each step."""

    def counts(self, weights: Weights) -> "CurveCounts":
        """Returns how many images lie on each step or above, in each resample."""
        ordered = weights[:, self.order]
        return CurveCounts(
            self._upto(ordered * ~self.positive), self._upto(ordered * self.positive)
        )

    def _upto(self, ordered: Weights) -> Counts:
        counts = np.zeros((len(ordered), len(self.last) + 1))
        counts[:, 1:] = np.cumsum(ordered, axis=1)[:, self.last]
        return counts


@dataclass(frozen=True, slots=True)
class CurveCounts:
    """Corners of B curves, K + 1 each, as counts: from no image called positive to all called."""

    false: Counts
    """Shape (B, K + 1), ascending: negative images called positive."""

    true: Counts
    """Shape (B, K + 1), ascending: positive images called positive."""

    @property
    def mirrored(self) -> "CurveCounts":
        """The curves with the classes' parts exchanged, and so sensitivity and specificity.

        Positives missed, from none up, take the place of negatives called; negatives passed that
        of positives called.
        """
        return CurveCounts(
            self.true[:, -1:] - self.true[:, ::-1], self.false[:, -1:] - self.false[:, ::-1]
        )

    def rate_at(self, false_rate: float) -> Counts:
        """Returns the true positive rates at a false positive rate, interpolated, shape (B,).

        Where several thresholds have exactly this rate, it is that of the best.
        """
        at = self._place(false_rate)
        return np.asarray(at.height / self.true[:, -1])

    def area_between(self, start: float, end: float) -> Counts:
        """Returns the areas under the curves between two false positive rates, shape (B,)."""
        steps = np.diff(self.false, axis=1) * (self.true[:, 1:] + self.true[:, :-1]) / 2
        upto = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
        first, last = (self._area_upto(upto, rate) for rate in (start, end))
        return np.asarray((last - first) / (self.true[:, -1] * self.false[:, -1]))

    def _area_upto(self, upto: Counts, false_rate: float) -> Counts:
        at = self._place(false_rate)
        corner = _taken(upto, at.corner)
        return corner + at.beyond * (_taken(self.true, at.corner) + at.height) / 2

    def _place(self, false_rate: float) -> "_Place":
        wanted = false_rate * self.false[:, -1]
        is_reached = self.false <= wanted[:, np.newaxis] + _ROUNDING
        corner = np.count_nonzero(is_reached, axis=1) - 1
        following = np.minimum(corner + 1, self.false.shape[1] - 1)
        beyond = np.maximum(wanted - _taken(self.false, corner), 0.0)
        width = _taken(self.false, following) - _taken(self.false, corner)
        share = np.divide(beyond, width, out=np.zeros_like(beyond), where=width > 0)
        low, high = _taken(self.true, corner), _taken(self.true, following)
        return _Place(corner, beyond, low + share * (high - low))


@dataclass(frozen=True, slots=True)
class _Place:
    """A false positive rate on each of B curves."""

    corner: NDArray[np.intp]
    """Shape (B,): the last corner up to it."""

    beyond: Counts
    """Shape (B,): how many negatives it lies beyond that corner."""

    height: Counts
    """Shape (B,): positives called there, interpolated."""


def ladder(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Ladder:
    """Returns the images in the order of their scores.

    Args:
        positive: Shape (N,).
        score: Shape (N,), finite.
    """
    order = np.argsort(score)[::-1]
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return Ladder(order, positive[order], last)


def _taken(rows: Counts, columns: NDArray[np.intp]) -> Counts:
    """Returns one entry of each row."""
    return np.asarray(np.take_along_axis(rows, columns[:, np.newaxis], axis=1)[:, 0])
