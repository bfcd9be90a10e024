"""Neighbours: by direction from the middle of the data set."""

import numpy as np
import pytest

from fundus_core import similarity
from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import DataError
from fundus_core.similarity import nearest, nearest_rows

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


def test_nearest_rows__are_those_of_each_photograph_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_CELLS_AT_ONCE", 130)  # three photographs at a time
    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32) + 9
    ids = tuple(map(str, range(40)))

    found = nearest_rows(vectors, 7)

    one_by_one = [nearest(Embeddings(vectors, ids, "key"), name, count=7) for name in ids]
    assert found.tolist() == [[int(n.image_id) for n in near] for near in one_by_one]


def test_nearest_rows__photographs_of_the_same_patient_can_be_left_out() -> None:
    found = nearest_rows(EMBEDDINGS.vectors, 3, patients=["p", "p", "q", "r", "s"])

    assert found[0].tolist() == [2, 4, 3]
    assert 0 not in found[1]


def test_nearest_rows__more_than_there_are_is_refused_with_both_numbers() -> None:
    with pytest.raises(DataError, match=r"5 neighbours .* there are 4 others to"):
        nearest_rows(EMBEDDINGS.vectors, 5)
    with pytest.raises(DataError, match="there are 3 others of other patients"):
        nearest_rows(EMBEDDINGS.vectors, 4, patients=["p", "p", "q", "r", "s"])


def test_nearest_rows__equal_embeddings_have_no_neighbours() -> None:
    with pytest.raises(DataError, match="All 4 embeddings are the same"):
        nearest_rows(np.full((4, 3), 2.5, np.float32), 2)
