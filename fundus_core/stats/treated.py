"""Who is treated at which threshold probability, in every resample at once.

N is the number of images, T of threshold probabilities, B of resamples.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.resampling import Weights


class TreatedRates(NamedTuple):
    """Of B resamples at T thresholds."""

    true_positive: NDArray[np.float64]
    """Shape (B, T), share of the positive images treated."""

    false_positive: NDArray[np.float64]
    """Shape (B, T), share of the negative images treated."""

    prevalence: NDArray[np.float64]
    """Shape (B, 1)."""


def treated_rates(
    positive: NDArray[np.bool_], share: NDArray[np.float64], at: NDArray[np.float64]
) -> Callable[[Weights], TreatedRates]:
    """Returns what counts, of any resamples, the images treated at each threshold.

    An image belongs to the last threshold that it reaches; all that reach a threshold are those of
    it and of every higher one.
    """
    reached = np.searchsorted(at, share, side="right")  # 0: none; T: all
    order = np.argsort(reached, kind="stable")
    starts = np.searchsorted(reached[order], np.arange(1, len(at) + 1))
    is_positive = positive[order]

    def rates(weights: Weights) -> TreatedRates:
        ranked = weights[:, order]
        n_positive, n_negative = (
            ranked @ one[:, np.newaxis] for one in (is_positive, ~is_positive)
        )
        return TreatedRates(
            _from_here_on(ranked * is_positive, starts) / n_positive,
            _from_here_on(ranked * ~is_positive, starts) / n_negative,
            n_positive / (n_positive + n_negative),
        )

    return rates


def _from_here_on(counts: Weights, starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Returns the sums (B, T) of counts (B, N) from each start to the end."""
    before = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)
    return np.asarray(before[:, -1:] - before[:, starts])


def net_benefit(
    rates: TreatedRates, at: NDArray[np.float64], prevalence: float | None
) -> NDArray[np.float64]:
    """Returns the net benefit of resamples, shape (B, T)."""
    of_all = rates.prevalence if prevalence is None else prevalence
    lost = rates.false_positive * (1 - of_all) * at / (1 - at)
    return np.asarray(rates.true_positive * of_all - lost)


def treat_all(
    rates: TreatedRates, at: NDArray[np.float64], prevalence: float | None
) -> NDArray[np.float64]:
    """Returns the net benefit of treating every image, shape (B, T)."""
    everyone = TreatedRates(
        np.ones_like(rates.true_positive), np.ones_like(rates.true_positive), rates.prevalence
    )
    return net_benefit(everyone, at, prevalence)
