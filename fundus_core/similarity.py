"""Which photographs a backbone finds alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.embeddings import Embeddings


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
    similarity = _cosines(embeddings.vectors, row)
    order = [i for i in np.argsort(-similarity, kind="stable") if i != row][:count]
    return tuple(Neighbour(embeddings.image_ids[i], float(similarity[i])) for i in order)


def _cosines(vectors: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    centred = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    scale = np.where(lengths > 0, lengths, 1.0)
    cosines: NDArray[np.float32] = centred @ centred[row] / (scale * scale[row])
    return np.clip(cosines, -1.0, 1.0)
