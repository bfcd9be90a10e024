"""faiss finds the neighbours that NumPy finds, and is only asked where it helps."""

import importlib.util
import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.scale import neighbours
from fundus_core.scale.neighbours import why_not_faiss
from fundus_core.similarity import directions, nearest_rows

needs_faiss = pytest.mark.skipif(
    importlib.util.find_spec("faiss") is None, reason="faiss is not installed"
)


def _vectors(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, 24)).astype(np.float32)


@pytest.fixture
def faiss_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks faiss even for a few vectors."""
    monkeypatch.setattr(neighbours, "FEWEST_ROWS", 1)


@needs_faiss
@pytest.mark.parametrize("photographs_per_patient", [None, 1, 3])
def test_nearest_rows__faiss_and_numpy_agree_but_for_ties_of_float32(
    monkeypatch: pytest.MonkeyPatch, photographs_per_patient: int | None
) -> None:
    vectors = _vectors(5_000)  # more than are compared at once
    patients = None
    if photographs_per_patient is not None:
        patients = [f"P{row // photographs_per_patient}" for row in range(len(vectors))]
    by_numpy = nearest_rows(vectors, 7, patients=patients)

    monkeypatch.setattr(neighbours, "FEWEST_ROWS", 1)
    assert not why_not_faiss(len(vectors), 10)
    by_faiss = nearest_rows(vectors, 7, patients=patients)

    others = (by_faiss != by_numpy).any(axis=1)
    unit = directions(vectors).astype(np.float64)
    one, other = (
        np.einsum("nd,nkd->nk", unit[others], unit[found[others]]) for found in (by_faiss, by_numpy)
    )
    assert others.mean() < 0.001
    assert np.abs(one - other).max(initial=0) < 1e-7  # two that float32 cannot tell apart


@needs_faiss
@pytest.mark.usefixtures("faiss_for_all")
def test_nearest_rows__a_patient_with_many_photographs_is_left_out_whole() -> None:
    vectors = _vectors(60)
    vectors[:40] = vectors[0] + 1e-3 * vectors[:40]  # forty nearly equal ones of one patient
    patients = ["one"] * 40 + [f"P{row}" for row in range(20)]

    found = nearest_rows(vectors, 5, patients=patients)

    assert (found[:40] >= 40).all()


def test_why_not_faiss__says_what_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "fewer than the 200,000" in why_not_faiss(199_999, 10)
    assert "more than the 2,048" in why_not_faiss(300_000, 5_000)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    assert "pip install faiss-cpu" in why_not_faiss(300_000, 10)


def test_nearest_rows__without_faiss_the_log_says_why_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fundus_core.similarity.FEWEST_ROWS", 1)
    monkeypatch.setattr("fundus_core.similarity.why_not_faiss", lambda *_: "It is not there.")

    with caplog.at_level(logging.WARNING):
        found = nearest_rows(_vectors(20), 3)

    assert found.shape == (20, 3)
    assert "NumPy compares all 20 photographs: It is not there." in caplog.text
