"""Maps: laid over one another, and measured, each against another library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fundus_core.agreement import maps
from fundus_core.agreement.maps import align_map, map_quality
from fundus_core.errors import DataError

CORNERS = np.array([[0, 0], [4, 0], [4, 1], [0, 1], [1, 3]], float)


def turned(degrees: float) -> NDArray[np.float64]:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@settings(max_examples=50, deadline=None)
@given(
    degrees=st.floats(0, 360),
    mirrored=st.booleans(),
    scale=st.floats(0.01, 100),
    shift=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
)
def test_align_map__undoes_turning_mirroring_scaling_and_shifting(
    degrees: float, mirrored: bool, scale: float, shift: tuple[float, float]
) -> None:
    mirror = np.diag([-1.0 if mirrored else 1.0, 1.0])
    moved = scale * CORNERS @ mirror @ turned(degrees) + shift

    found = align_map(moved, CORNERS)

    assert found.points == pytest.approx(CORNERS, abs=1e-4)
    assert found.residual == pytest.approx(0, abs=1e-6)
    assert found.mirrored == mirrored


def test_align_map__agrees_with_scipy() -> None:
    from scipy.spatial import procrustes

    generator = np.random.default_rng(0)
    onto = generator.normal(size=(30, 2)) * 5 + 2
    points = onto @ turned(70) + generator.normal(size=(30, 2))

    found = align_map(points, onto)

    fixed, moved, disparity = procrustes(onto, points)
    standardised = (found.points - onto.mean(axis=0)) / np.linalg.norm(onto - onto.mean(axis=0))
    assert found.residual == pytest.approx(disparity, abs=1e-12)
    assert standardised == pytest.approx(moved, abs=1e-6)
    assert np.sum((fixed - standardised) ** 2) == pytest.approx(found.residual, abs=1e-6)


def test_align_map__unrelated_maps_leave_nearly_all_of_the_spread() -> None:
    generator = np.random.default_rng(0)

    found = align_map(generator.normal(size=(2000, 2)), generator.normal(size=(2000, 2)))

    assert found.residual > 0.99


def test_align_map__refuses_what_has_no_direction() -> None:
    with pytest.raises(DataError, match="5 and 4 points"):
        align_map(CORNERS, CORNERS[1:])
    with pytest.raises(DataError, match="2 and 2 points"):
        align_map(CORNERS[:2], CORNERS[:2])
    with pytest.raises(DataError, match="All points of a map are the same"):
        align_map(np.zeros((5, 2)), CORNERS)


@pytest.mark.parametrize("n_neighbors", [1, 5, 14])
def test_map_quality__is_scikit_learns_trustworthiness_both_ways(
    n_neighbors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.manifold import trustworthiness

    monkeypatch.setattr(maps, "_CELLS_AT_ONCE", 100)  # three photographs at a time
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(30, 6)) + 50
    points = vectors[:, :2] + 0.3 * generator.normal(size=(30, 2))

    found = map_quality(vectors, points, n_neighbors)

    trust = trustworthiness(vectors, points, n_neighbors=n_neighbors)
    continuity = trustworthiness(points, vectors, n_neighbors=n_neighbors)
    assert found.trustworthiness == pytest.approx(trust, abs=1e-12)
    assert found.continuity == pytest.approx(continuity, abs=1e-12)
    assert found.n_images == 30


def test_map_quality__of_a_map_that_keeps_all_distances_is_one() -> None:
    found = map_quality(CORNERS, 3 * CORNERS @ turned(40), 2)

    assert (found.trustworthiness, found.continuity) == (1.0, 1.0)


def test_map_quality__a_map_that_tears_apart_is_trustworthy_but_not_continuous() -> None:
    line = np.arange(40.0)[:, np.newaxis]
    cut = np.hstack([np.arange(40.0) + 1000 * (np.arange(40) % 4), np.zeros(40)])
    torn = cut.reshape(2, 40).T

    found = map_quality(line, torn, 4)

    assert found.continuity < found.trustworthiness


def test_map_quality__of_a_map_at_random_is_about_one_half() -> None:
    generator = np.random.default_rng(0)

    found = map_quality(generator.normal(size=(400, 5)), generator.normal(size=(400, 2)), 10)

    assert found.trustworthiness == pytest.approx(0.5, abs=0.05)
    assert found.continuity == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("n_neighbors", [0, 3])
def test_map_quality__refuses_more_neighbours_than_half(n_neighbors: int) -> None:
    with pytest.raises(DataError, match="do not go together"):
        map_quality(CORNERS, CORNERS, n_neighbors)
