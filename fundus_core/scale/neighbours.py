"""Exact nearest neighbours among hundreds of thousands of vectors, by faiss."""

import importlib
import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_ROWS = 200_000
"""Vectors from which on faiss is asked; below, NumPy is done in minutes and needs nothing else."""

_MOST_LISTED = 2_048
"""Neighbours that are kept of each vector while it is compared: beyond, faiss is no faster."""

_QUERIES_AT_ONCE = 4_096


def why_not_faiss(n_rows: int, n_listed: int) -> str:
    """Returns in one sentence why NumPy compares the vectors; empty where faiss does.

    Args:
        n_rows: How many vectors there are.
        n_listed: How many neighbours of each must be looked at: those wanted, and those left out.

    Examples:
        >>> why_not_faiss(5_000, 10)
        '5,000 vectors are fewer than the 200,000 from which on faiss is asked.'
    """
    if n_rows < FEWEST_ROWS:
        return (
            f"{n_rows:,} vectors are fewer than the {FEWEST_ROWS:,} from which on faiss is asked."
        )
    if n_listed > _MOST_LISTED:
        return f"{n_listed:,} neighbours of each vector are more than the {_MOST_LISTED:,} kept."
    if importlib.util.find_spec("faiss") is None:
        return "faiss is not installed; `pip install faiss-cpu` makes this several times faster."
    return ""


def nearest_by_faiss(
    unit: NDArray[np.float32], count: int, codes: NDArray[np.intp] | None, n_listed: int
) -> NDArray[np.int32]:
    """Returns the rows nearest to each row, nearest first: all are compared, none is estimated.

    Args:
        unit: Shape (N, D), each row of length 1.
        count: How many neighbours.
        codes: Shape (N,); rows with the same code are no neighbours. None: only a row itself.
        n_listed: At least `count` and the most rows that share a code.

    Returns:
        Shape (N, count).
    """
    faiss: Any = importlib.import_module("faiss")
    vectors = np.ascontiguousarray(unit, np.float32)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    own = np.arange(len(vectors)) if codes is None else codes
    found = np.empty((len(vectors), count), np.int32)
    for start in range(0, len(vectors), _QUERIES_AT_ONCE):
        rows = slice(start, start + _QUERIES_AT_ONCE)
        _, listed = index.search(vectors[rows], min(n_listed, len(vectors)))
        is_own = own[listed] == own[rows, np.newaxis]  # (Q, L)
        order = np.argsort(is_own, axis=1, kind="stable")[:, :count]  # others first, as they came
        found[rows] = np.take_along_axis(listed, order, axis=1)
    return found
