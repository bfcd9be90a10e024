"""Remove and debias: what a map ranks high or low is filled in from around it, and scored.

S is the side of the network's input.
"""

import numpy as np
from numpy.typing import NDArray

from fundus_core.explain.removal import Score, laid_on_square, shares_hotter

SHARES = (0.1, 0.3, 0.5)
"""Shares of the field of view that are filled in."""

_NOISE = 0.01 * 255
"""Standard deviation of what is added to filled pixels, so that they are not too smooth."""

_NEIGHBOURS = (
    *(((row, column), 1 / 6) for row, column in ((-1, 0), (1, 0), (0, -1), (0, 1))),
    *(((row, column), 1 / 12) for row, column in ((-1, -1), (-1, 1), (1, -1), (1, 1))),
)
"""Steps to the neighbours of a pixel, with their weights."""


def road_gap(
    picture: NDArray[np.uint8],
    raw: NDArray[np.floating],
    field: NDArray[np.bool_],
    score: Score,
    *,
    seed: int = 0,
) -> float:
    """Returns how much further the score falls without the hottest places than without the coldest.

    Args:
        picture: Shape (3, S, S).
        raw: Shape (h, w), a signed map of any size that covers the square.
        field: Shape (S, S): where places are filled in.
        score: What is explained.
        seed: Of the noise.

    Returns:
        Mean over `SHARES`, in the unit of the score. Above 0 the map orders places rightly; 0 is
        chance, and higher is better.

    References:
        Rong, Leemann, Borisov, Kasneci & Kasneci (2022), ICML, arXiv:2202.00449. Half of its
        difference between least and most relevant first is the combined figure of some libraries.
    """
    generator = np.random.default_rng(seed)
    hotter = shares_hotter(laid_on_square(raw, field.shape[0]), field, generator)
    colder = np.where(field, 1 - hotter, np.inf)
    filled = [
        imputed(picture, side < share, generator) for share in SHARES for side in (hotter, colder)
    ]
    hot, cold = score(np.stack(filled)).reshape(-1, 2).T
    return float(np.mean(cold - hot))


def imputed(
    picture: NDArray[np.uint8], missing: NDArray[np.bool_], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Fills pixels in so that each is the weighted mean of its eight neighbours, plus noise.

    Args:
        picture: Shape (3, S, S).
        missing: Shape (S, S): the pixels to fill in.
        generator: Of the noise.

    Returns:
        Shape (3, S, S), in [0, 255].
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    result = picture.astype(np.float32)
    rows, columns = np.nonzero(missing)
    if not len(rows) or missing.all():  # nothing to fill in, or nothing to fill it from
        return result
    unknown = np.full(missing.shape, -1)
    unknown[rows, columns] = np.arange(len(rows))
    total, known_part = np.zeros(len(rows)), np.zeros((len(rows), len(picture)))
    places, weights = [], []
    for (down, right), weight in _NEIGHBOURS:
        beside = (rows + down, columns + right)
        inside = _inside(beside[0], missing.shape[0]) & _inside(beside[1], missing.shape[1])
        equation = np.flatnonzero(inside)
        near = (beside[0][inside], beside[1][inside])
        total[equation] += weight
        is_missing = missing[near]
        places.append(np.stack([equation[is_missing], unknown[near][is_missing]]))
        weights.append(np.full(int(is_missing.sum()), -weight))
        known = equation[~is_missing]
        known_part[known] += weight * picture[:, near[0][~is_missing], near[1][~is_missing]].T
    diagonal = np.tile(np.arange(len(rows)), (2, 1))
    index = np.hstack([*places, diagonal])
    values = np.concatenate([*weights, total])
    system = coo_array((values, (index[0], index[1]))).tocsc()
    solved = splu(system).solve(known_part)
    noisy = solved + generator.normal(0, _NOISE, solved.shape)
    result[:, rows, columns] = np.clip(noisy, 0, 255).T
    return result


def _inside(positions: NDArray[np.intp], side: int) -> NDArray[np.bool_]:
    return np.asarray((positions >= 0) & (positions < side))
