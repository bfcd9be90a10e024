"""Which photographs a backbone finds alike."""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import DataError
from fundus_core.scale.neighbours import FEWEST_ROWS, nearest_by_faiss, why_not_faiss
from fundus_core.stats.inputs import as_patients

_log = logging.getLogger(__name__)

_CELLS_AT_ONCE = 10_000_000
"""Similarities held at a time: 40 MB, and as much again while they are sorted."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photograph near another one."""

    image_id: str

    cosine: float
    """Cosine similarity of the centred embeddings, in [-1, 1]; higher is more alike."""


def nearest(embeddings: Embeddings, image_id: str, *, count: int = 8) -> tuple[Neighbour, ...]:
    """Returns the photographs most like one, nearest first, itself left out.

    Embeddings are centred on the data set's mean first: networks put all fundus photographs into
    one narrow cone, where uncentred cosines are all near 1.

    Raises:
        KeyError: If the photograph has no embedding.
    """
    row = embeddings.image_ids.index(image_id) if image_id in embeddings.image_ids else None
    if row is None:
        raise KeyError(image_id)
    similarity = cosines_with(embeddings.vectors, embeddings.vectors[row])
    order = [i for i in np.argsort(-similarity, kind="stable") if i != row][:count]
    return tuple(Neighbour(embeddings.image_ids[i], float(similarity[i])) for i in order)


def cosines_with(vectors: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns how alike photographs are to one that need not be among them.

    Args:
        vectors: Shape (N, D); their mean is the origin for all.
        vector: Shape (D,).

    Returns:
        Shape (N,): cosines in [-1, 1], 0 where a vector lies at the mean.
    """
    mean = vectors.mean(axis=0)
    centred, wanted = vectors - mean, vector - mean
    lengths = np.linalg.norm(centred, axis=1) * np.linalg.norm(wanted)
    cosines: NDArray[np.float32] = centred @ wanted / np.where(lengths > 0, lengths, 1.0)
    return np.clip(cosines, -1.0, 1.0)


def nearest_rows(
    vectors: NDArray[np.float32], count: int, *, patients: ArrayLike | None = None
) -> NDArray[np.int32]:
    """Returns for every photograph the rows of those most like it, nearest first.

    As `nearest`, for all at once and in pieces: 20,000 photographs need some 200 MB besides the
    vectors. From 200,000 on faiss compares them, all with all just the same; where it cannot, the
    log says why.

    Args:
        vectors: Shape (N, D).
        count: How many neighbours, at most N - 1.
        patients: Shape (N,). Where given, photographs of the same patient are no neighbours: the
            other eye, or the same eye a year later, are alike for a reason of their own.

    Returns:
        Shape (N, count).

    Raises:
        DataError: If a photograph has fewer than `count` others to be near to, or if all vectors
            are equal, so that none is nearer than another.
        ScoresError: If a patient is missing, or there is not one per photograph.
    """
    codes = as_patients(patients, n_images=len(vectors))
    _require_enough(len(vectors), codes, count)
    unit = directions(vectors)
    n_listed = count + (1 if codes is None else int(np.bincount(codes).max()))
    reason = why_not_faiss(len(unit), n_listed)
    if not reason:
        return nearest_by_faiss(unit, count, codes, n_listed)
    if len(unit) >= FEWEST_ROWS:
        _log.warning("NumPy compares all %s photographs: %s", f"{len(unit):,}", reason)
    found = np.empty((len(unit), count), np.int32)
    step = max(1, _CELLS_AT_ONCE // len(unit))
    for start in range(0, len(unit), step):
        rows = np.arange(start, min(start + step, len(unit)))
        similarity = unit[rows] @ unit.T  # (step, N)
        similarity[np.arange(len(rows)), rows] = -np.inf
        if codes is not None:
            similarity[codes[rows, np.newaxis] == codes] = -np.inf
        found[rows] = _largest(similarity, count)
    return found


def _largest(values: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Returns the columns of the largest values of each row, the largest first."""
    columns = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def _require_enough(n_images: int, codes: NDArray[np.intp] | None, count: int) -> None:
    own = 1 if codes is None else int(np.bincount(codes).max(initial=0))
    if count > n_images - own:
        of_others = "" if codes is None else " of other patients"
        raise DataError(
            f"{count} neighbours of each photograph were asked for; there are {n_images - own} "
            f"others{of_others} to choose from.",
            hint="Ask for fewer neighbours, or extract embeddings of more photographs.",
        )


def directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the vectors as seen from their middle, each of length 1.

    Raises:
        DataError: If they are all equal.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    if not (lengths > 0).any():
        raise DataError(
            f"All {len(vectors)} embeddings are the same, so no photograph is nearer than another.",
            hint="Choose another backbone, or extract these embeddings again.",
        )
    return np.asarray(centred / np.where(lengths > 0, lengths, 1.0), np.float32)
