"""Overlap of neighbours: against sets, against chance, and without each patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fundus_core.agreement.jackknife import LOGIT, jackknife_interval
from fundus_core.agreement.overlap import list_length, neighbour_overlap
from fundus_core.similarity import nearest_rows

K = 3
PATIENTS = np.arange(30) // 2


def lists(seed: int, patients: NDArray[np.intp] | None = None) -> list[NDArray[np.int32]]:
    """Returns the neighbours of 30 photographs under two related backbones, long enough."""
    generator = np.random.default_rng(seed)
    a = generator.normal(size=(30, 4)).astype(np.float32)
    b = a + generator.normal(size=(30, 4)).astype(np.float32)
    length = list_length(K, PATIENTS, 30)
    return [nearest_rows(one, length, patients=patients) for one in (a, b)]


def mean_of_sets(a: NDArray[np.int32], b: NDArray[np.int32], left_out: int) -> float:
    """The mean overlap without one patient, with Python's sets and lists."""
    shares = []
    for row in np.flatnonzero(left_out != PATIENTS):
        kept = [[one for one in near[row] if PATIENTS[one] != left_out][:K] for near in (a, b)]
        shares.append(len(set(kept[0]) & set(kept[1])) / K)
    return float(np.mean(shares))


def test_neighbour_overlap__is_the_share_of_the_nearest_that_both_name() -> None:
    a, b = lists(0)

    found = neighbour_overlap(a, b, K)

    expected = [len(set(x[:K]) & set(y[:K])) / K for x, y in zip(a, b, strict=True)]
    assert list(found.per_image) == expected
    assert found.mean.value == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("others_only", [False, True])
def test_neighbour_overlap__interval_leaves_patients_out_of_the_lists_as_well(
    others_only: bool,
) -> None:
    a, b = lists(1, PATIENTS if others_only else None)

    found = neighbour_overlap(a, b, K, patients=PATIENTS, others_only=others_only)

    without = np.array([mean_of_sets(a, b, one) for one in range(15)])
    expected = jackknife_interval(
        float(found.per_image.mean()), without, scale=LOGIT, by_patient=True
    )
    assert found.mean.low is not None
    assert (found.mean.low, found.mean.high) == pytest.approx((expected.low, expected.high))


def test_neighbour_overlap__lists_too_short_to_leave_out_of_give_no_interval() -> None:
    a, b = lists(1)

    found = neighbour_overlap(a[:, :K], b[:, :K], K, patients=PATIENTS).mean

    assert found.low is None
    assert found.reason == "it is not defined without one of the patients"


def test_neighbour_overlap__chance_is_what_random_lists_reach() -> None:
    generator = np.random.default_rng(0)

    def random_lists() -> NDArray[np.int32]:
        return np.array(
            [generator.permutation(np.delete(np.arange(30), row))[:K] for row in range(30)],
            np.int32,
        )

    means = [neighbour_overlap(random_lists(), random_lists(), K) for _ in range(200)]

    assert means[0].chance == pytest.approx(K / 29)
    assert np.mean([one.per_image.mean() for one in means]) == pytest.approx(K / 29, abs=0.005)


def test_neighbour_overlap__chance_is_higher_where_the_own_patient_is_no_candidate() -> None:
    a, b = lists(0, PATIENTS)

    found = neighbour_overlap(a, b, K, patients=PATIENTS, others_only=True)

    assert found.chance == pytest.approx(K / 28)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_neighbour_overlap__stays_inside_its_range_and_knows_no_first_backbone(seed: int) -> None:
    a, b = lists(seed)

    found, swapped = (neighbour_overlap(*pair, K, patients=PATIENTS) for pair in ((a, b), (b, a)))

    assert found.mean == swapped.mean
    assert found.mean.low is not None
    assert found.mean.high is not None
    assert 0 < found.mean.low < float(found.mean.value or 0) < found.mean.high < 1


def test_neighbour_overlap__of_a_backbone_with_itself_is_one_without_an_interval() -> None:
    a, _ = lists(0)

    found = neighbour_overlap(a, a, K, patients=PATIENTS).mean

    assert (found.value, found.low) == (1.0, None)


def test_neighbour_overlap__lists_shorter_than_k_are_a_defect() -> None:
    a, b = lists(0)

    with pytest.raises(ValueError, match="shorter than 9"):
        neighbour_overlap(a, b, 9)
