"""What a backbone made of the photographs: one vector each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import RejectedRow


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector per photograph, D numbers each."""

    vectors: NDArray[np.float32]
    """Shape (N, D), read-only; finite."""

    image_ids: tuple[str, ...]
    """N distinct ids; row i of `vectors` belongs to entry i."""

    fingerprint: str
    """Key of the `EmbedRecipe` they were made by."""

    skipped: tuple[RejectedRow, ...] = ()
    """Photographs that failed on the way, with reasons; they have no row."""

    older_fingerprints: tuple[str, ...] = ()
    """See `EmbedRecipe.older_fingerprints`."""

    def rows(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Returns the vectors of the given photographs, shape (len(image_ids), D).

        Raises:
            KeyError: If one of them has no vector.
        """
        row_of = {image_id: row for row, image_id in enumerate(self.image_ids)}
        return self.vectors[[row_of[image_id] for image_id in image_ids]]
