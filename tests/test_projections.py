"""Maps: every method keeps groups apart, repeats itself, and says how far to trust it."""

import numpy as np
import pytest

from fundus_core.errors import DataError
from fundus_core.projections import PROJECTORS, project


def three_groups(n_images: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (n, 60) of three well separated groups, and the group of each."""
    generator = np.random.default_rng(0)
    group = np.arange(n_images) % 3
    vectors = generator.normal(size=(n_images, 60)) + 12 * np.eye(60)[group]
    return vectors.astype(np.float32), group


def _ids(count: int) -> tuple[str, ...]:
    return tuple(f"i{number}" for number in range(count))


@pytest.mark.parametrize("method", PROJECTORS)
def test_project__neighbours_on_the_map_are_of_the_same_group(method: str) -> None:
    vectors, group = three_groups()

    projection = project(vectors, _ids(60), method=method, seed=0)

    points = projection.points
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(axis=1)] == group).mean() > 0.95
    assert projection.trustworthiness > 0.7
    assert projection.frame().columns.tolist() == ["image_id", "x", "y"]


@pytest.mark.parametrize("method", PROJECTORS)
def test_project__the_same_seed_gives_the_same_map(method: str) -> None:
    vectors, _ = three_groups()

    first, again = (project(vectors, _ids(60), method=method, seed=1).points for _ in range(2))

    assert np.array_equal(first, again)


@pytest.mark.parametrize("method", PROJECTORS)
def test_project__what_is_not_in_the_sample_is_placed_among_its_own(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, group = three_groups(150)
    monkeypatch.setattr("fundus_core.projections.MOST_FITTED", 60)
    monkeypatch.setattr("fundus_core.projections._PLACED_AT_ONCE", 50)

    projection = project(vectors, _ids(150), method=method, seed=0)

    distance = np.linalg.norm(projection.points[:, None] - projection.points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert projection.n_fitted == 60
    assert (group[distance.argmin(axis=1)] == group).mean() > 0.9


def test_project__a_map_of_all_is_not_one_of_a_sample() -> None:
    vectors, _ = three_groups()

    assert project(vectors, _ids(60), method="pca").n_fitted is None


@pytest.mark.parametrize("method", PROJECTORS)
@pytest.mark.parametrize("shape", [(5, 8), (9, 3), (20, 1)])
def test_project__small_sets_have_a_map_too(method: str, shape: tuple[int, int]) -> None:
    vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    points = project(vectors, _ids(shape[0]), method=method).points

    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()


def test_project__trustworthiness_of_a_random_map_is_low() -> None:
    from fundus_core.projections import _trustworthiness

    vectors, _ = three_groups(90)
    points = np.random.default_rng(1).normal(size=(90, 2)).astype(np.float32)

    assert _trustworthiness(vectors, points, 10) < 0.6


def test_project__three_photographs_are_too_few() -> None:
    with pytest.raises(DataError, match="at least 4 photographs; 3 have"):
        project(np.zeros((3, 5), np.float32), _ids(3), method="pca")


def test_project__an_unknown_method_is_answered_with_the_known_ones() -> None:
    vectors, _ = three_groups()

    with pytest.raises(DataError, match="no map called 'lda'"):
        project(vectors, _ids(60), method="lda")
