"""Intervals of shares: Wilson's score interval and Clopper and Pearson's exact one.

Successes need not be whole numbers: an AUC counts as successes among pairs of images. Of images
whose patients are known, Wilson's interval is that of the number of independent images they are
worth, fewer of them where few patients say how many that is.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.inputs import require_confidence
from fundus_core.stats.placements import NO_VARIANCE
from fundus_core.stats.unequal_patients import leverage


class Bounds(NamedTuple):
    """Ends of an interval; arrays of the same shape as the shares they belong to."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Share(NamedTuple):
    """A share of images, in [0, 1], with its interval."""

    value: float
    low: float
    high: float


def wilson(successes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95) -> Bounds:
    """Returns Wilson's score interval of a share: inside [0, 1], never of zero width.

    Args:
        successes: In [0, trials]; any shape.
        trials: Above 0; broadcast against `successes`. Independent ones.
        confidence: In (0, 1).

    References:
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.

    Examples:
        >>> low, high = wilson(9, 10)
        >>> round(float(low), 4), round(float(high), 4)
        (0.5958, 0.9821)
    """
    from scipy.special import ndtri

    require_confidence(confidence)
    n = np.asarray(trials, dtype=np.float64)
    share = np.asarray(successes, dtype=np.float64) / n
    z_squared = ndtri(0.5 + confidence / 2) ** 2
    centre = share + z_squared / (2 * n)
    spread = np.sqrt(z_squared * (share * (1 - share) / n + z_squared / (4 * n**2)))
    low = np.where(share <= 0, 0.0, (centre - spread) / (1 + z_squared / n))
    high = np.where(share >= 1, 1.0, (centre + spread) / (1 + z_squared / n))
    return Bounds(low, high)


def clopper_pearson(successes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95) -> Bounds:
    """Returns the exact interval of a share: it covers at least as often as it says.

    Args:
        successes: In [0, trials]; any shape.
        trials: Above 0; broadcast against `successes`. Independent ones.
        confidence: In (0, 1).

    References:
        Clopper & Pearson (1934), Biometrika 26(4), 404-413.

    Examples:
        >>> low, high = clopper_pearson(10, 10)
        >>> round(float(low), 4), float(high)
        (0.6915, 1.0)
    """
    from scipy.special import betaincinv

    require_confidence(confidence)
    tail = (1 - confidence) / 2
    won, n = np.broadcast_arrays(
        np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    )
    lost = n - won
    low = np.where(won > 0, betaincinv(np.where(won > 0, won, 1.0), lost + 1, tail), 0.0)
    high = np.where(lost > 0, betaincinv(won + 1, np.where(lost > 0, lost, 1.0), 1 - tail), 1.0)
    return Bounds(low, high)


def share_of(
    hits: NDArray[np.bool_], patients: NDArray[np.intp] | None, *, confidence: float = 0.95
) -> Share:
    """Returns the share of images that are hits, with Wilson's interval, clustered if need be.

    With patients the interval is that of `effective_images` times the squared ratio of two
    quantiles of Student's t, with images less one and with patients less one degrees of freedom:
    how alike the images of a patient are is known from patients only. Where all are hits, or none,
    the images are worth what their patients are already.

    Args:
        hits: Shape (n,), n of at least 1.
        patients: Shape (n,), numbers from 0; None where images are independent.
        confidence: In (0, 1).

    References:
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
        Rao & Scott (1992), Biometrics 48(2), 577-585 (the design effect of clustered shares).
        Korn & Graubard (1998), Survey Methodology 24(2), 193-201 (degrees of freedom).

    Examples:
        >>> hits = np.array([True] * 8 + [False] * 2)
        >>> [round(number, 3) for number in share_of(hits, None)]
        [0.8, 0.49, 0.943]
        >>> both_eyes = np.arange(10) // 2  # five patients, whose eyes agree
        >>> [round(number, 3) for number in share_of(hits, both_eyes)]
        [0.8, 0.268, 0.978]
    """
    require_confidence(confidence)
    share = float(hits.mean())
    n_images = effective_images(hits, patients)
    if patients is not None and 0 < share < 1:
        n_images *= _known(len(hits), len(np.unique(patients)), confidence)
    low, high = wilson(share * n_images, n_images, confidence=confidence)
    return Share(share, float(low), float(high))


def effective_images(hits: NDArray[np.bool_], patients: NDArray[np.intp] | None) -> float:
    """Returns how many independent images the given ones are worth.

    Their number divided by the design effect, which is how much more the share varies over patients
    than it would over independent images, by the jackknife over patients (see `leverage`); at most
    their number. Where all are hits, or none, the
    number of patients: the design effect cannot be seen there, and images of one patient may agree
    fully.

    Args:
        hits: Shape (n,), n of at least 1.
        patients: Shape (n,), numbers from 0; None where images are independent.
    """
    if patients is None:
        return float(len(hits))
    share = hits.mean()
    _, codes = np.unique(patients, return_inverse=True)
    n_patients = int(codes.max()) + 1
    residuals = np.bincount(codes, hits - share) * leverage(codes, n_patients)
    variance = 0.0
    if n_patients > 1:
        variance = n_patients / (n_patients - 1) * float(residuals @ residuals) / len(hits) ** 2
    if variance <= NO_VARIANCE:
        return float(n_patients)
    return float(min(share * (1 - share) / variance, len(hits)))


def _known(n_images: int, n_patients: int, confidence: float) -> float:
    """Returns by how much fewer patients than images spoil what images are worth, in (0, 1]."""
    from scipy.special import stdtrit

    each, of_patients = (
        stdtrit(max(n - 1, 1), 0.5 + confidence / 2) for n in (n_images, n_patients)
    )
    return float((each / of_patients) ** 2)
