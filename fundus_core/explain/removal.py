"""Does the score fall when a map's places are taken away? Deletion and insertion against chance.

S is the side of the network's input. A curve alone says little: taking away any tenth of a
photograph lowers a score. So each curve stands beside those of copies of the same map, mirrored and
shifted: as smooth, as peaked, and in the wrong place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError

Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Maps pictures (n, 3, S, S) in [0, 255] to what is explained of each, (n,)."""

SHARES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
"""Shares of the field of view that are taken away, or put in, first of all the hottest."""

N_COPIES = 19
"""Copies that a map is compared with: to beat all 19 has a chance of 1 in 20."""

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Removal:
    """One curve of a map beside those of its displaced copies."""

    shares: tuple[float, ...]
    """Shares of the field of view, from 0 to 1."""

    scores: tuple[float, ...]
    """What is explained, at each share, in its own unit (logits)."""

    area: float
    """Mean of the curve over the shares."""

    copies: tuple[float, ...]
    """The same area of each displaced copy."""

    beaten: float
    """Share of the copies that the map does better than, in [0, 1]; 0.5 is chance. For deletion
    better is a smaller area, for insertion a larger one."""


def removal_curves(
    picture: NDArray[np.uint8],
    replaced: NDArray[np.float32],
    raw: NDArray[np.floating],
    field: NDArray[np.bool_],
    score: Score,
    *,
    n_copies: int = N_COPIES,
    seed: int = 0,
) -> tuple[Removal, Removal]:
    """Takes a photograph away and puts it in, the map's hottest places first.

    Args:
        picture: Shape (3, S, S).
        replaced: Shape (3, S, S), in [0, 255]: what takes the place of what is taken away.
        raw: Shape (h, w), a signed map of any size that covers the square.
        field: Shape (S, S): where places are taken away; all else stays.
        score: What is explained.
        n_copies: Displaced copies to compare with.
        seed: Of the copies, and of the order among equals.

    Returns:
        Deletion (from the photograph to `replaced`) and insertion (the other way).

    Raises:
        SaliencyError: If the sizes differ, the field is empty, or the map is the same everywhere.

    References:
        Petsiuk, Das & Saenko (2018), BMVC, arXiv:1806.07421. There the score is a probability and
        random maps are not looked at; a logit is not flattened where a network is sure.
    """
    _require_fit(picture, replaced, field)
    generator = np.random.default_rng(seed)
    maps = [raw, *displaced_copies(raw, n_copies, generator)]
    ranks = [shares_hotter(laid_on_square(one, field.shape[0]), field, generator) for one in maps]
    whole, gone = score(np.stack([picture, np.where(field, replaced, picture)]).astype(np.float32))
    deletion, insertion = np.empty((2, len(maps), len(SHARES)))
    for row, rank in enumerate(ranks):
        taken = [rank < share for share in SHARES]  # never outside the field
        hidden = np.stack([np.where(one, replaced, picture) for one in taken])
        shown = np.stack([np.where(one | ~field, picture, replaced) for one in taken])
        deletion[row] = score(hidden.astype(np.float32))
        insertion[row] = score(shown.astype(np.float32))
    return (
        _removal(float(whole), deletion, float(gone), smaller_is_better=True),
        _removal(float(gone), insertion, float(whole), smaller_is_better=False),
    )


def displaced_copies(
    raw: NDArray[np.floating], n_copies: int, generator: np.random.Generator
) -> list[NDArray[np.floating]]:
    """Returns a map turned, mirrored and shifted around the edges at random; never the map itself.

    Args:
        raw: Shape (h, w).
        n_copies: How many.
        generator: Of the draws.

    Raises:
        SaliencyError: If every displacement gives the map again.
    """
    copies: list[NDArray[np.floating]] = []
    for _ in range(_TRIES * n_copies):
        if len(copies) == n_copies:
            return copies
        turns = int(generator.integers(4)) if raw.shape[0] == raw.shape[1] else 0
        turned = np.rot90(raw, turns)
        mirrored = turned[:, ::-1] if generator.integers(2) else turned
        shift = tuple(int(generator.integers(side)) for side in mirrored.shape)
        copy = np.roll(mirrored, shift, axis=(0, 1))
        if not np.array_equal(copy, raw):
            copies.append(copy)
    raise SaliencyError(
        "The map is the same wherever it is put; it cannot be compared with displaced copies.",
        hint="Choose another layer or method.",
    )


def laid_on_square(raw: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """Returns a map enlarged to (side, side), interpolated linearly between the cells' centres."""
    import cv2

    enlarged = cv2.resize(raw.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)


def shares_hotter(
    values: NDArray[np.float32], field: NDArray[np.bool_], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Returns for each pixel (S, S) of a field the share of it that is hotter; outside infinity.

    Args:
        values: Shape (S, S).
        field: Shape (S, S).
        generator: Orders equals.
    """
    inside = values[field]
    order = np.lexsort((generator.random(len(inside)), -inside))
    ranks = np.full(values.shape, np.inf)
    place = np.empty(len(inside))
    place[order] = np.arange(len(inside)) / len(inside)
    ranks[field] = place
    return ranks


def _removal(
    first: float, inner: NDArray[np.float64], last: float, *, smaller_is_better: bool
) -> Removal:
    """Sums up curves: the map's own in row 0, those of its copies below."""
    shares = np.array([0.0, *SHARES, 1.0])
    ends = np.ones((len(inner), 1))
    curves = np.hstack([first * ends, inner, last * ends])
    areas = np.trapezoid(curves, shares, axis=1)
    gains = (areas[1:] - areas[0]) * (1 if smaller_is_better else -1)
    beaten = np.mean((gains > 0) + 0.5 * (gains == 0))
    return Removal(
        tuple(shares.tolist()),
        tuple(curves[0].tolist()),
        float(areas[0]),
        tuple(areas[1:].tolist()),
        float(beaten),
    )


def _require_fit(
    picture: NDArray[np.uint8], replaced: NDArray[np.float32], field: NDArray[np.bool_]
) -> None:
    if not picture.shape == replaced.shape == (3, *field.shape):
        raise SaliencyError(
            f"The picture is {picture.shape}, its replacement {replaced.shape} and the field "
            f"{field.shape}.",
            hint="Bring all three to the size of the network's input.",
        )
    if not field.any():
        raise SaliencyError("The field of view is empty.", hint="Check the photograph.")
