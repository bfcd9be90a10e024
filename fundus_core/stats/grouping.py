"""Images in groups: by a name each, or by a number cut into bands (age bands, quality deciles)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import BANDS
from fundus_core.errors import ScoresError

NOT_STATED = "not stated"
"""The group of images whose group is missing."""

_FEWEST_DIGITS, _MOST_DIGITS = 2, 15


@dataclass(frozen=True, slots=True)
class Bands:
    """N numbers in bands."""

    of: NDArray[np.intp]
    """Shape (N,): the band of each number, 0 ... K - 1; -1 where the number is missing."""

    names: tuple[str, ...]
    """K names that state the edges, e.g. "below 45", "45 to below 60", "60 and above"."""

    edges: tuple[float, ...]
    """The K - 1 inner edges, ascending; a number on an edge belongs to the band above it."""


def in_groups(
    groups: Sequence[str | None], order: Sequence[str] = (), *, n_images: int
) -> tuple[list[str], NDArray[np.intp]]:
    """Returns the names of the groups that have images, and the group of each image, shape (N,).

    Args:
        groups: N names; those that are missing (None, NaN) form a group, which comes last.
        order: Names in the order wanted; others follow, numbers by size before words.
        n_images: N.

    Raises:
        ScoresError: If there is not one per image.

    Examples:
        >>> names, group_of = in_groups(["10", None, "9", "10"], n_images=4)
        >>> names, group_of.tolist()
        (['9', '10', 'not stated'], [1, 2, 0, 1])
    """
    if len(groups) != n_images:
        raise ScoresError(
            f"There are {len(groups)} groups for {n_images} labelled images.",
            hint="Give one group per image, None where it is missing.",
        )
    named = [NOT_STATED if one is None or one != one else str(one) for one in groups]
    present = set(named)
    others = sorted(present - set(order) - {NOT_STATED}, key=_by_number_then_name)
    names = [name for name in (*order, *others) if name in present and name != NOT_STATED]
    names += [NOT_STATED] if NOT_STATED in present else []
    place = {name: index for index, name in enumerate(names)}
    return names, np.array([place[name] for name in named], np.intp)


def cut(values: ArrayLike, n_bands: int) -> Bands:
    """Cuts numbers at their quantiles.

    Edges are rounded to as few digits as keep the bands apart, and the cut is made at the rounded
    edges, so that a name says exactly who is in the band. Equal numbers lie in one band, and where
    there are many of them there are fewer bands.

    Args:
        values: Shape (N,); NaN where missing.
        n_bands: How many bands to aim at, at least 2.

    Raises:
        ParameterError: If there are fewer than 2 bands to aim at.

    Examples:
        >>> found = cut([31, 38, 45, 52, 60, 71, float("nan")], 3)
        >>> found.names, found.of.tolist()
        (('below 43', '43 to below 55', '55 and above'), [0, 0, 1, 1, 2, 2, -1])
    """
    BANDS.require("number of bands", n_bands)
    numbers = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    of = np.full(len(numbers), -1, np.intp)
    if not known.any():
        return Bands(of, (), ())
    edges = _parting(_rounded(_quantiles(numbers[known], n_bands)), numbers[known])
    of[known] = np.searchsorted(edges, numbers[known], side="right")
    return Bands(of, _names(edges), tuple(edges.tolist()))


def _quantiles(numbers: NDArray[np.float64], n_bands: int) -> NDArray[np.float64]:
    """Returns the distinct quantiles; the lowest number alone gets a band if it is one of them."""
    edges = np.quantile(numbers, np.arange(1, n_bands) / n_bands)
    above_lowest = numbers[numbers > numbers.min()]
    if above_lowest.size:
        edges = np.maximum(edges, above_lowest.min())
    return np.unique(edges)


def _rounded(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns edges with the fewest significant digits that move none by a tenth of a band."""
    gaps = np.diff(edges)
    room = 0.1 * float(gaps.min()) if gaps.size else 0.01 * float(abs(edges[0]))
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        rounded = np.array([float(f"{edge:.{digits}g}") for edge in edges])
        if np.abs(rounded - edges).max() <= room:
            return rounded
    return edges


def _parting(edges: NDArray[np.float64], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leaves out edges that have no number between them, or none below or above."""
    band = np.searchsorted(np.unique(edges), numbers, side="right")
    filled = np.unique(band)
    return np.asarray(np.unique(edges)[filled[1:] - 1])


def _names(edges: NDArray[np.float64]) -> tuple[str, ...]:
    if not len(edges):
        return ("all values",)
    said = [f"{edge:.15g}" for edge in edges]
    between = [f"{low} to below {high}" for low, high in pairwise(said)]
    return (f"below {said[0]}", *between, f"{said[-1]} and above")


def _by_number_then_name(name: str) -> tuple[float, str]:
    """Returns what puts 10 after 9, and words after numbers."""
    try:
        return float(name), name
    except ValueError:
        return np.inf, name
