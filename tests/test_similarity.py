"""Neighbours: by direction from the middle of the data set."""

import numpy as np
import pytest

from fundus_core.domain.embeddings import Embeddings
from fundus_core.similarity import nearest

FAR_FROM_ORIGIN = np.array([100.0, 100.0])
STAR = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [-1.0, 0.0], [-0.9, -1.1]])
EMBEDDINGS = Embeddings(
    (STAR + FAR_FROM_ORIGIN).astype(np.float32), ("a", "b", "c", "d", "e"), "key"
)


def test_nearest__nearest_first_and_never_itself() -> None:
    found = nearest(EMBEDDINGS, "a", count=4)

    assert [neighbour.image_id for neighbour in found] == ["b", "c", "e", "d"]
    assert found[0].cosine > 0.9
    assert found[-1].cosine < 0


def test_nearest__a_photograph_without_embedding_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        nearest(EMBEDDINGS, "z")
