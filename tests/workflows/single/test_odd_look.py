"""A picture that looks unlike a data set is noticed before any network is asked."""

import numpy as np
import pytest

from fundus_core.workflows.single.odd_look import odd_look

GENERATOR = np.random.default_rng(0)
OTHERS = {
    "sharpness": GENERATOR.normal(1.0, 0.2, 300),
    "contrast": GENERATOR.normal(0.1, 0.02, 300),
}


def test_odd_look__names_the_measure_that_lies_furthest_out() -> None:
    found = odd_look({"sharpness": 1.1, "contrast": 0.0001}, OTHERS)

    assert found.name == "contrast"
    assert found.spreads == pytest.approx(5, abs=0.7)
    assert found.share_as_far == 0
    assert found.unlike
    assert found.n_images == 300


def test_odd_look__the_middle_is_not_unlike() -> None:
    assert not odd_look({"sharpness": 1.0, "contrast": 0.1}, OTHERS).unlike


def test_odd_look__both_directions_count_alike() -> None:
    low = odd_look({"sharpness": -0.5, "contrast": 0.1}, OTHERS)
    high = odd_look({"sharpness": 2.5, "contrast": 0.1}, OTHERS)

    assert low.unlike
    assert high.unlike
    assert low.spreads == pytest.approx(high.spreads, rel=0.1)


def test_odd_look__about_as_many_of_the_same_kind_are_called_unlike_as_the_rule_says() -> None:
    rates = []
    for seed in range(20):
        draws = np.random.default_rng(seed).normal(size=(400, 5))
        others = {str(column): draws[:300, column] for column in range(5)}
        new = [{str(column): row[column] for column in range(5)} for row in draws[300:]]
        rates.append(np.mean([odd_look(one, others).unlike for one in new]))

    assert np.mean(rates) == pytest.approx(0.01, abs=0.006)


def test_odd_look__what_is_the_same_for_all_others_is_as_far_out_as_can_be() -> None:
    found = odd_look({"field": 0.9}, {"field": np.ones(50)})

    assert found.spreads == np.inf
    assert found.unlike
    assert not odd_look({"field": 1.0}, {"field": np.ones(50)}).unlike
