"""Intervals of shares, against R's."""

import numpy as np
import pytest

from fundus_core.stats.proportions import (
    clopper_pearson,
    effective_images,
    share_of,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R: prop.test(x, n, correct = FALSE)$conf.int
    [(0, 10, 0.0, 0.2775328), (7, 10, 0.3967781, 0.8922087), (10, 10, 0.7224672, 1.0)],
)
def test_wilson__agrees_with_r(successes: int, trials: int, low: float, high: float) -> None:
    assert tuple(map(float, wilson(successes, trials))) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R: binom.test(x, n)$conf.int
    [(0, 10, 0.0, 0.3084971), (7, 10, 0.3475471, 0.9332605), (10, 10, 0.6915029, 1.0)],
)
def test_clopper_pearson__agrees_with_r(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert tuple(map(float, clopper_pearson(successes, trials))) == pytest.approx(
        (low, high), abs=1e-6
    )


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_intervals__have_width_inside_0_and_1_for_any_share(interval) -> None:
    successes = np.linspace(0, 7, 50)

    low, high = interval(successes, 7)

    assert np.all((low >= 0) & (low <= successes / 7) & (successes / 7 <= high) & (high <= 1))
    assert np.all(high - low > 0.1)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_intervals__refuse_a_confidence_in_percent(interval) -> None:
    with pytest.raises(ValueError, match="95"):
        interval(1, 2, confidence=95)


def test_share_of__without_patients_is_wilsons() -> None:
    hits = np.arange(10) < 7

    assert share_of(hits, None)[1:] == pytest.approx((0.3967781, 0.8922087), abs=1e-6)


def test_effective_images__are_patients_where_eyes_agree_and_images_where_they_do_not() -> None:
    generator = np.random.default_rng(2)
    patients = np.repeat(np.arange(500), 2)
    agreeing = np.repeat(generator.random(500) < 0.8, 2)
    independent = generator.random(1000) < 0.8

    assert effective_images(agreeing, patients) == pytest.approx(500, rel=0.01)
    assert effective_images(independent, patients) == pytest.approx(1000, rel=0.15)
    assert effective_images(np.ones(1000, bool), patients) == 500
