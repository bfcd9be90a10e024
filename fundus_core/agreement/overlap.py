"""Do two backbones name the same photographs as neighbours?

N is the number of photographs, K of neighbours looked at, G of patients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.agreement.jackknife import LOGIT, jackknife_interval, unit_codes
from fundus_core.stats.bootstrap import Interval

_CELLS_AT_ONCE = 5_000_000

Neighbours = NDArray[np.int32]
"""Shape (N, K or more): rows of the nearest photographs, the nearest first."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many of its nearest photographs each photograph keeps under another backbone."""

    per_image: NDArray[np.float64]
    """Shape (N,), in [0, 1]: the share of the K neighbours that both name."""

    mean: Interval
    """Of `per_image`; its interval is by patient where patients are known."""

    chance: float
    """What backbones without anything in common would reach on average."""

    k: int


def neighbour_overlap(
    near_a: Neighbours,
    near_b: Neighbours,
    k: int,
    *,
    patients: ArrayLike | None = None,
    others_only: bool = False,
    confidence: float = 0.95,
) -> Overlap:
    """Compares the nearest neighbours of the same photographs under two backbones.

    The interval leaves out each patient in turn, from among the neighbours as well: the next
    photograph of the list then takes the place. How far the lists must reach for that says
    `list_length`; where they do not, there is no interval.

    Args:
        near_a: Of the first backbone, see `fundus_core.similarity.nearest_rows`.
        near_b: Of the second; row i is of the same photograph.
        k: How many neighbours to compare.
        patients: Shape (N,), one id per photograph; without it photographs count as independent.
        others_only: The lists hold no photographs of the same patient; changes what chance gives.
        confidence: Of the interval, in (0, 1).

    Raises:
        ScoresError: If a patient is missing, or there is not one per photograph.
        ValueError: If the lists are shorter than `k`.

    Examples:
        >>> a = np.array([[1, 2], [2, 0], [1, 3], [2, 1]], np.int32)
        >>> b = np.array([[1, 3], [0, 2], [3, 0], [2, 1]], np.int32)
        >>> neighbour_overlap(a, b, 2).per_image.tolist()
        [0.5, 1.0, 0.5, 1.0]
    """
    if min(near_a.shape[1], near_b.shape[1]) < k:
        raise ValueError(f"lists of {near_a.shape[1]} and {near_b.shape[1]} are shorter than {k}")
    units = unit_codes(patients, len(near_a))
    sizes = np.bincount(units)
    per_image = _shared(near_a[:, :k], near_b[:, :k]) / k
    others = len(near_a) - (sizes[units] if others_only else 1)
    return Overlap(
        per_image,
        jackknife_interval(
            float(per_image.mean()),
            _means_without(near_a, near_b, k, units, per_image),
            scale=LOGIT,
            by_patient=patients is not None,
            confidence=confidence,
        ),
        float(np.mean(k / others)),
        k,
    )


def list_length(k: int, patients: ArrayLike | None, n_images: int) -> int:
    """Returns how many neighbours to list so that any patient can be left out of K of them."""
    return k + int(np.bincount(unit_codes(patients, n_images)).max(initial=1))


def _means_without(
    near_a: Neighbours,
    near_b: Neighbours,
    k: int,
    units: NDArray[np.intp],
    per_image: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the mean overlap without each patient, shape (G,); NaN where lists are too short.

    Only photographs that have one of the patient's among their K are affected: two lists of K make
    at most 2 K N such pairs of a photograph and a patient.
    """
    n_images, sizes = len(near_a), np.bincount(units)
    sums = per_image.sum() - np.bincount(units, per_image)
    named = units[np.concatenate([near_a[:, :k], near_b[:, :k]], axis=1)]  # (N, 2K)
    images = np.repeat(np.arange(n_images), named.shape[1])
    pairs = np.unique(np.stack([images, named.ravel()], axis=1), axis=0)
    pairs = pairs[units[pairs[:, 0]] != pairs[:, 1]]
    step = max(1, _CELLS_AT_ONCE // max(near_a.shape[1], near_b.shape[1], k**2))
    for start in range(0, len(pairs), step):
        image, unit = pairs[start : start + step].T
        kept_a = _kept(near_a[image], units, unit, k)
        kept_b = _kept(near_b[image], units, unit, k)
        too_short = (kept_a < 0).any(axis=1) | (kept_b < 0).any(axis=1)
        share = np.where(too_short, np.nan, _shared(kept_a, kept_b) / k)
        sums += np.bincount(unit, share - per_image[image], minlength=len(sums))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / (n_images - sizes))


def _kept(
    lists: Neighbours, units: NDArray[np.intp], without: NDArray[np.intp], k: int
) -> Neighbours:
    """Returns the first K of each list that are not of one patient, -1 where there are no more."""
    of_patient = units[lists] == without[:, np.newaxis]
    first = np.argsort(of_patient, axis=1, kind="stable")[:, :k]
    kept = np.take_along_axis(lists, first, axis=1)
    return np.where(np.take_along_axis(of_patient, first, axis=1), -1, kept)


def _shared(a: Neighbours, b: Neighbours) -> NDArray[np.float64]:
    """Returns how many entries two lists share, row by row."""
    counts = np.empty(len(a))
    step = max(1, _CELLS_AT_ONCE // (a.shape[1] * b.shape[1]))
    for start in range(0, len(a), step):
        rows = slice(start, start + step)
        same = a[rows, :, np.newaxis] == b[rows, np.newaxis, :]
        counts[rows] = same.sum(axis=(1, 2))
    return counts
