"""What DeLong's and Obuchowski's variances are made of: placements, and their covariance.

M is the number of models, N of images, m of positive and n of negative images. An image's placement
is the share of images of the other class that the model puts on the right side of it, ties counting
one half; the mean placement of either class is the AUC.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.unequal_patients import leverage

Counts = NDArray[np.signedinteger[Any]]

NO_VARIANCE = 1e-30
"""Variances up to this are rounding. The smallest true one is about 1 / (2 m n)^2."""


@dataclass(frozen=True, slots=True)
class Placements:
    """Placements of every image under M models."""

    auc: NDArray[np.float64]
    """Shape (M,), in [0, 1]; the exact ratio of counts, rounded once."""

    values: NDArray[np.float64]
    """Shape (M, N), in [0, 1], in the order of the images."""

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Placements less the AUC, shape (M, N)."""
        return self.values - self.auc[:, np.newaxis]


def placements(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> Placements:
    """Returns the placements under each model by one sort per model, O(N log N).

    Args:
        positive: Shape (N,), with both classes.
        scores: Shape (M, N), finite.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845 (V10 and V01).
        Sun & Xu (2014), IEEE Signal Processing Letters 21(11), 1389-1393 (linearithmic form).
    """
    auc = np.empty(len(scores))
    values = np.empty(scores.shape)
    for model, score in enumerate(scores):
        auc[model] = _place(positive, score, out=values[model])
    return Placements(auc, values)


def covariance(
    deviations: NDArray[np.float64],
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Returns the covariance matrix of M AUCs, shape (M, M).

    Without patients this is DeLong's, which takes images as independent. With patients it is
    Obuchowski's, which lets the images of a patient depend on each other in any way; a patient may
    have images of both classes. Where every patient has one image, the two are the same.

    Args:
        deviations: Shape (M, N): placements less the AUC. By linearity a row may also be the
            difference of two models' deviations; then it gives the variance of the difference.
        positive: Shape (N,). Two units (patients, else images) of each class at least.
        patients: Shape (N,), numbers from 0, or None.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845.
        Obuchowski (1997), Biometrics 53(2), 567-578.
    """
    m = int(np.count_nonzero(positive))
    n = len(positive) - m
    # Zeros in place of the other class: to pick images out takes several times as long.
    of_positive, of_negative = deviations * positive, deviations * ~positive
    if patients is None:
        within_positive = of_positive @ of_positive.T / (m - 1) / m
        return np.asarray(within_positive + of_negative @ of_negative.T / (n - 1) / n)
    n_patients = int(patients.max()) + 1
    sums_positive = _patient_sums(of_positive, patients, n_patients) / m  # (M, I)
    sums_negative = _patient_sums(of_negative, patients, n_patients) / n
    sums_positive *= leverage(patients[positive], n_patients)
    sums_negative *= leverage(patients[~positive], n_patients)
    return np.asarray(
        _correction(patients[positive]) * sums_positive @ sums_positive.T
        + _correction(patients[~positive]) * sums_negative @ sums_negative.T
        + _correction(patients)
        * (sums_positive @ sums_negative.T + sums_negative @ sums_positive.T)
    )


def _place(
    positive: NDArray[np.bool_], score: NDArray[np.float64], *, out: NDArray[np.float64]
) -> float:
    """Writes the placements of one model into `out`, shape (N,), and returns its AUC.

    Equal scores form a group. A positive has all negatives before its group below it and half of
    those within; counts are kept doubled, so that they and the AUC stay exact integers until the
    one division. The last line scatters back to the order of the images.
    """
    order, ranked_score = _ascending(score)
    ranked_positive = positive[order]
    ends_group = np.append(ranked_score[1:] != ranked_score[:-1], True)
    # Half the bytes, half the time; doubled counts of 2^30 images would not fit.
    count: np.dtype[Any] = np.dtype(np.int32 if len(order) < 2**30 else np.int64)
    positives: Counts = np.cumsum(ranked_positive, dtype=count)
    negatives: Counts = np.arange(1, len(order) + 1, dtype=count) - positives
    if has_ties := not bool(ends_group.all()):
        last = np.flatnonzero(ends_group)  # (groups,)
        positives, negatives = positives[last], negatives[last]
    m, n = int(positives[-1]), int(negatives[-1])

    twice_below, twice_above = _twice_midway(negatives), 2 * m - _twice_midway(positives)
    if has_ties:
        group_size = np.diff(last, prepend=-1)
        twice_below = np.repeat(twice_below, group_size)
        twice_above = np.repeat(twice_above, group_size)
    twice_below *= ranked_positive
    twice_above *= ~ranked_positive
    # One of the two is 0; choosing by a mask takes the processor three times as long.
    out[order] = twice_below / (2 * n) + twice_above / (2 * m)
    return int(twice_below.sum(dtype=np.int64)) / (2 * m * n)


def _twice_midway(upto: Counts) -> Counts:
    """Returns, from counts through each group, twice the count up to its middle."""
    twice = upto.copy()
    twice[1:] += upto[:-1]
    return twice


def _ascending(score: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns the order of the scores, faster than `np.argsort`, and the scores in it.

    A float's bits, read as a whole number, rise with it (once those of negative floats are turned).
    Each number gives up its lowest bits to the place of its score; sorting such numbers, which
    takes no look-up, sorts the places. Few scores differ in nothing but the bits given up - in
    single precision none do - and those few are put right afterwards.
    """
    n_bits = len(score).bit_length()
    bits = score.view(np.int64)
    keys = bits ^ ((bits >> 63) & np.iinfo(np.int64).max)
    keys >>= n_bits
    keys <<= n_bits
    keys |= np.arange(len(score))
    keys.sort()
    order = keys & ((1 << n_bits) - 1)
    ranked = score[order]
    if (ranked[1:] < ranked[:-1]).any():
        keys >>= n_bits
        alike = np.append(False, keys[1:] == keys[:-1])
        alike[:-1] |= alike[1:]
        within = np.argsort(ranked[alike])
        order[alike], ranked[alike] = order[alike][within], ranked[alike][within]
    return order, ranked


def _patient_sums(
    deviations: NDArray[np.float64], patients: NDArray[np.intp], n_patients: int
) -> NDArray[np.float64]:
    """Returns the sums over each patient's images, shape (M, n_patients)."""
    return np.stack([np.bincount(patients, row, minlength=n_patients) for row in deviations])


def _correction(patients: NDArray[np.intp]) -> float:
    """Returns I / (I - 1) for the I patients among those given."""
    n_patients = int(np.count_nonzero(np.bincount(patients)))
    return n_patients / (n_patients - 1)
