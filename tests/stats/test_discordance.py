"""Where two models differ in being right, and the exact test by patient."""

from itertools import product

import numpy as np
import pytest

from fundus_core.errors import ScoresError
from fundus_core.stats.discordance import discordance


def by_enumeration(surplus: list[int]) -> float:
    """The p-value from all ways of swapping two models patient by patient."""
    observed = abs(sum(surplus))
    sums = [sum(np.multiply(signs, surplus)) for signs in product((-1, 1), repeat=len(surplus))]
    return float(np.mean(np.abs(sums) >= observed))


def test_discordance__counts_each_image_once() -> None:
    found = discordance([1, 1, 0, 0, 1], [1, 0, 1, 0, 0])

    assert (found.n_both_right, found.n_only_first) == (1, 2)
    assert (found.n_only_second, found.n_both_wrong) == (1, 1)
    assert found.n_differ == 3
    assert found.difference == pytest.approx(0.2)
    assert found.n_patients_first is None


def test_discordance__with_an_image_per_patient_is_mcnemars_exact_test() -> None:
    from scipy.stats import binomtest

    first, second = np.ones(23, bool), np.ones(23, bool)
    second[:13], first[13:17] = False, False

    found = discordance(first, second)

    assert found.p_value == pytest.approx(binomtest(4, 17).pvalue)


@pytest.mark.parametrize("seed", range(5))
def test_discordance__swaps_patients_whole(seed: int) -> None:
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(9), 3)
    first, second = generator.random(27) < 0.7, generator.random(27) < 0.5

    found = discordance(first, second, patients=patients)

    surplus = [
        int(first[patients == one].sum() - second[patients == one].sum()) for one in range(9)
    ]
    assert found.p_value == pytest.approx(by_enumeration([one for one in surplus if one]))
    assert found.n_patients_first == sum(one > 0 for one in surplus)
    assert found.n_patients_second == sum(one < 0 for one in surplus)


def test_discordance__both_eyes_of_a_patient_are_not_two_patients() -> None:
    first, second = np.ones(10, bool), np.zeros(10, bool)

    eyes = discordance(first, second)
    patients = discordance(first, second, patients=np.repeat(np.arange(5), 2))

    assert eyes.p_value == pytest.approx(2 / 2**10)
    assert patients.p_value == pytest.approx(2 / 2**5)


def test_discordance__equal_models_give_one() -> None:
    right = np.array([True, False, True])

    assert discordance(right, right).p_value == 1


def test_discordance__thousands_of_patients_are_counted_too() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random((2, 8000)) < 0.8

    found = discordance(first, second, patients=np.repeat(np.arange(4000), 2))

    assert 0 < found.p_value <= 1


def test_discordance__of_different_images_is_refused() -> None:
    with pytest.raises(ScoresError, match="3 images, the second on 2"):
        discordance([1, 0, 1], [1, 0])
