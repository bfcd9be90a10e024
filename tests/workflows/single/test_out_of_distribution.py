"""What is unlike the photographs a model was fitted on."""

import numpy as np
import pytest

from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import DataError
from fundus_core.workflows.single.out_of_distribution import (
    LARGEST_SHARE,
    NEIGHBOURS,
    alarm_rate,
    alike,
    distance_of,
    surroundings,
)


def cone(n: int, seed: int = 0) -> np.ndarray:
    """Vectors around one direction, as networks make of fundus photographs."""
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(n, 16))
    return (np.eye(16)[0] + noise).astype(np.float32)


def test_distance_of__a_direction_outside_the_cone_is_unlike() -> None:
    around = surroundings(cone(200))

    odd = distance_of(np.eye(16, dtype=np.float32)[5], around)

    assert odd.unlike
    assert odd.share_as_far == 0
    assert odd.percentile == 100


def test_distance_of__the_middle_of_the_cone_is_not() -> None:
    around = surroundings(cone(200))

    usual = distance_of(np.eye(16, dtype=np.float32)[0], around)

    assert not usual.unlike
    assert usual.distance < usual.limit


def test_distance_of__is_to_the_kth_nearest() -> None:
    angles = np.deg2rad(np.arange(0, 80, 10))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    found = distance_of(np.array([3.0, 0.0], np.float32), surroundings(vectors))

    assert found.distance == pytest.approx(1 - np.cos(np.deg2rad(10 * (NEIGHBOURS - 1))), abs=1e-6)


def test_surroundings__photographs_of_one_patient_do_not_make_each_other_usual() -> None:
    vectors = np.repeat(np.eye(12, dtype=np.float32), 6, axis=0)
    patients = np.repeat(np.arange(12), 6)

    alone, by_patient = surroundings(vectors), surroundings(vectors, patients)

    assert alone.usual.max() == pytest.approx(0)
    assert by_patient.usual.min() == pytest.approx(1)


def test_surroundings__one_patient_only_is_refused() -> None:
    with pytest.raises(DataError, match="other patients"):
        surroundings(cone(20), ["P"] * 20)


def test_expected_alarms__few_photographs_cannot_resolve_one_in_a_hundred() -> None:
    few, many = surroundings(cone(9)), surroundings(cone(400))

    assert few.expected_alarms == pytest.approx(0.1)
    assert many.expected_alarms == LARGEST_SHARE


def test_limit__as_many_lie_beyond_as_the_rule_allows() -> None:
    around = surroundings(cone(400))

    limit = distance_of(cone(1, seed=3)[0], around).limit

    assert (around.usual >= limit).sum() == 4


def test_alarm_rate__is_about_the_stated_one_for_patients_of_the_same_kind() -> None:
    vectors, patients = cone(600), np.repeat(np.arange(300), 2)

    rates = alarm_rate(vectors, patients, n_draws=10)

    assert len(rates) == 10
    assert 0 < np.mean(rates) < 0.03


def test_alike__names_the_nearest_first() -> None:
    vectors = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    embeddings = Embeddings(vectors, ("east", "north", "west", "south"), "f", ())

    found = alike(embeddings, np.array([2, 1], np.float32), count=2)

    assert [near.image_id for near in found] == ["east", "north"]
    assert found[0].cosine == pytest.approx(2 / np.sqrt(5))
