"""Two models' calls of the same images: where one is right and the other wrong.

N is the number of images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ScoresError
from fundus_core.stats.inputs import as_labels, as_patients


@dataclass(frozen=True, slots=True)
class Discordance:
    """How often two models are right about the same images."""

    n_both_right: int
    n_only_first: int
    """Images that the first model alone calls rightly."""

    n_only_second: int
    """Images that the second model alone calls rightly."""

    n_both_wrong: int
    n_patients_first: int | None
    """Patients of whom the first model calls more images rightly; None where unknown."""

    n_patients_second: int | None
    """Patients of whom the second model does."""

    difference: float
    """Share called rightly by the first, less that of the second, in [-1, 1]."""

    p_value: float
    """Exact, two-sided: patients (images, where unknown) are independent; given the thresholds."""

    by_patient: bool

    @property
    def n_differ(self) -> int:
        """Images about which exactly one of them is right."""
        return self.n_only_first + self.n_only_second


def discordance(
    right_first: ArrayLike, right_second: ArrayLike, *, patients: ArrayLike | None = None
) -> Discordance:
    """Counts where two models differ, and tests whether one is right more often.

    If the models were equally good, swapping their answers for all images of a patient would change
    nothing. The test swaps patient by patient in every possible way: p is the share of all ways in
    which the number of rightly called images differs at least as much as it does. With an image per
    patient this is McNemar's exact test. A large p does not show that the models are equal.

    Args:
        right_first: Shape (N,), bool or {0, 1}: the first model's calls agree with the labels.
        right_second: Shape (N,), likewise.
        patients: Shape (N,), one id per image; without it images count as independent.

    Raises:
        TargetError: If an input is not one column of 0 and 1.
        ScoresError: If shapes do not fit, or a patient is missing.

    References:
        McNemar (1947), Psychometrika 12(2), 153-157.
        Durkalski et al. (2003), Stat. Med. 22(15), 2417-2428 (pairs in clusters; theirs is the
        approximation for many patients, ours counts).

    Examples:
        >>> found = discordance([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0])
        >>> found.n_only_first, found.p_value
        (5, 0.0625)
    """
    first, second = as_labels(right_first), as_labels(right_second)
    if first.shape != second.shape:
        raise ScoresError(
            f"The first model was judged on {len(first)} images, the second on {len(second)}.",
            hint="Judge both on the same images, in the same order.",
        )
    codes = as_patients(patients, n_images=len(first))
    unit_of = np.arange(len(first)) if codes is None else codes
    surplus = np.bincount(unit_of[first & ~second], minlength=_size(unit_of)) - np.bincount(
        unit_of[second & ~first], minlength=_size(unit_of)
    )
    return Discordance(
        int((first & second).sum()),
        int((first & ~second).sum()),
        int((second & ~first).sum()),
        int((~first & ~second).sum()),
        None if codes is None else int((surplus > 0).sum()),
        None if codes is None else int((surplus < 0).sum()),
        float(first.mean() - second.mean()) if len(first) else 0.0,
        _share_of_swaps(surplus),
        codes is not None,
    )


def _size(unit_of: NDArray[np.intp]) -> int:
    return int(unit_of.max(initial=-1)) + 1


def _share_of_swaps(surplus: NDArray[np.intp]) -> float:
    """Returns the share of sign changes whose sum is as far from 0 as that of the values.

    The distribution of the sum is built value by value, so that every way of swapping is counted.
    """
    sizes = np.abs(surplus[surplus != 0]).tolist()
    reach = sum(sizes)
    shares = np.ones(1)  # of the sums -reached ... reached
    for size in sizes:
        wider = np.zeros(len(shares) + 2 * size)
        wider[: len(shares)] += shares / 2
        wider[2 * size :] += shares / 2
        shares = wider
    sums = np.arange(-reach, reach + 1)
    as_far = np.abs(sums) >= abs(int(surplus.sum()))
    return float(min(1.0, shares[as_far].sum()))
