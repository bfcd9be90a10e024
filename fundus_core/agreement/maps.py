"""Two maps made comparable, and how far a map tells the truth about neighbours.

N is the number of photographs, D the length of an embedding, K of neighbours looked at.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import DataError

FEWEST_POINTS = 3

_CELLS_AT_ONCE = 4_000_000
"""Distances held at a time: 32 MB of each space."""


@dataclass(frozen=True, slots=True)
class AlignedMap:
    """A map turned, mirrored, scaled and shifted onto another one."""

    points: NDArray[np.float32]
    """Shape (N, 2), in the coordinates of the other map."""

    residual: float
    """Share of the other map's spread that is left unexplained, in [0, 1]: 0 for the same map but
    for turning and the like, near 1 for maps with no more in common than chance gives."""

    mirrored: bool
    """True if the map was turned over."""


@dataclass(frozen=True, slots=True)
class MapQuality:
    """How far neighbours on a map are neighbours in the embedding, and the other way round."""

    trustworthiness: float
    """In [0, 1], higher is better: falls where a map shows photographs together that are not
    alike. Scattering photographs at random gives about one half."""

    continuity: float
    """In [0, 1], higher is better: falls where a map tears alike photographs apart. About one half
    for a map at random."""

    n_neighbors: int
    """K: the neighbourhood looked at."""

    n_images: int


def align_map(points: NDArray[np.floating], onto: NDArray[np.floating]) -> AlignedMap:
    """Lays a map over another of the same photographs, by least squares.

    A map has no up and no left: t-SNE turns and mirrors it from run to run. Procrustes analysis
    takes that away, and nothing else: what still lies elsewhere does so in any turning of the map.

    Args:
        points: Shape (N, 2).
        onto: Shape (N, 2); row i is of the same photograph.

    Raises:
        DataError: If there are too few points, the numbers differ, or all points of a map are one.

    References:
        Gower (1975), Psychometrika 40(1), 33-51.

    Examples:
        >>> square = np.array([[0, 0], [2, 0], [2, 1], [0, 1]])
        >>> turned = 10 * square[:, ::-1] + 7
        >>> found = align_map(turned, square)
        >>> found.points.round(3).tolist() == square.tolist(), round(found.residual, 6)
        (True, 0.0)
    """
    if len(points) != len(onto) or len(points) < FEWEST_POINTS:
        raise DataError(
            f"The maps have {len(points)} and {len(onto)} points; at least {FEWEST_POINTS}, the "
            "same of both, are needed.",
            hint="Extract embeddings of the same photographs for both backbones.",
        )
    (moved, _, spread), (fixed, middle, fixed_spread) = _standardised(points), _standardised(onto)
    if not (spread and fixed_spread):
        raise DataError(
            "All points of a map are the same, so it has no direction to turn.",
            hint="Choose another map.",
        )
    left, strengths, right = np.linalg.svd(moved.T @ fixed)
    rotation = left @ right
    strength = float(strengths.sum())
    aligned = moved @ rotation * strength * fixed_spread + middle
    residual = float(np.clip(1 - strength**2, 0.0, 1.0))
    return AlignedMap(aligned.astype(np.float32), residual, bool(np.linalg.det(rotation) < 0))


def map_quality(
    vectors: NDArray[np.floating], points: NDArray[np.floating], n_neighbors: int = 10
) -> MapQuality:
    """Measures a map against the embedding that it shows, by Euclidean distance in both.

    Each photograph among the K nearest on the map but not in the embedding lowers trustworthiness
    by how much further down the embedding's list it stands; continuity is the same with the two
    exchanged. The sum is divided by its greatest possible value. All photographs are compared with
    all, piece by piece.

    Args:
        vectors: Shape (N, D).
        points: Shape (N, 2).
        n_neighbors: K, below N / 2.

    Raises:
        DataError: If K is not in [1, N / 2), or the numbers of rows differ.

    References:
        Venna & Kaski (2001), ICANN, 485-491.
    """
    n_images = len(vectors)
    if len(points) != n_images or not 1 <= n_neighbors < n_images / 2:
        raise DataError(
            f"A map of {len(points)} points, an embedding of {n_images} photographs and "
            f"{n_neighbors} neighbours do not go together.",
            hint=f"Look at 1 to {max(1, (n_images - 1) // 2)} neighbours of the same photographs.",
        )
    high, low = _for_distances(vectors), _for_distances(points)
    penalties = np.zeros(2)
    step = max(1, _CELLS_AT_ONCE // n_images)
    for start in range(0, n_images, step):
        rows = np.arange(start, min(start + step, n_images))
        in_high, in_low = _squared_distances(high, rows), _squared_distances(low, rows)
        penalties += (
            _excess_ranks(in_low, in_high, n_neighbors),
            _excess_ranks(in_high, in_low, n_neighbors),
        )
    greatest = n_images * n_neighbors * (2 * n_images - 3 * n_neighbors - 1) / 2
    trust, continuity = (1 - penalties / greatest).tolist()
    return MapQuality(trust, continuity, n_neighbors, n_images)


def _excess_ranks(
    near_by: NDArray[np.float64], ranked_by: NDArray[np.float64], n_neighbors: int
) -> float:
    """Returns the sum over the K nearest by one distance of rank by the other less K, if positive.

    Args:
        near_by: Shape (R, N), squared distances; infinite to itself.
        ranked_by: Likewise.
        n_neighbors: K.
    """
    nearest = np.argpartition(near_by, n_neighbors - 1, axis=1)[:, :n_neighbors]
    distances = np.take_along_axis(ranked_by, nearest, axis=1)  # (R, K)
    total = 0.0
    for column in distances.T:
        ranks = 1 + (ranked_by < column[:, np.newaxis]).sum(axis=1)
        total += float(np.maximum(ranks - n_neighbors, 0).sum())
    return total


def _for_distances(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns rows from their middle: squares of far-off numbers would lose the differences."""
    values = np.asarray(rows, np.float64)
    return np.asarray(values - values.mean(axis=0))


def _squared_distances(points: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Returns squared distances of some rows to all, shape (R, N); infinite to themselves."""
    lengths = np.einsum("ij,ij->i", points, points)
    found = lengths[rows, np.newaxis] + lengths - 2 * points[rows] @ points.T
    found[np.arange(len(rows)), rows] = np.inf
    return np.asarray(found)


def _standardised(
    points: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Returns points around zero with a sum of squares of 1, their middle, and their spread."""
    values = np.asarray(points, np.float64)
    middle = values.mean(axis=0)
    spread = float(np.linalg.norm(values - middle))
    return (values - middle) / (spread or 1.0), middle, spread
