"""Deletion and insertion, counted by hand where the score is the brightness of one place."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError
from fundus_core.explain.removal import (
    SHARES,
    displaced_copies,
    laid_on_square,
    removal_curves,
    shares_hotter,
)

SIDE = 40
EVERYWHERE = np.ones((SIDE, SIDE), bool)
BLACK = np.zeros((3, SIDE, SIDE), np.float32)


def lit(row: int, column: int, side: int = 8) -> NDArray[np.uint8]:
    """A grey picture with one white square."""
    picture = np.full((3, SIDE, SIDE), 50, np.uint8)
    picture[:, row : row + side, column : column + side] = 250
    return picture


def brightness_there(row: int, column: int, side: int = 8):
    def score(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        return pictures[:, :, row : row + side, column : column + side].mean(axis=(1, 2, 3))

    return score


def hot_at(row: int, column: int) -> NDArray[np.float64]:
    """A map of 5 x 5 cells of 8 pixels, one of them hot."""
    raw = np.zeros((5, 5))
    raw[row, column] = 1.0
    return raw


def test_removal_curves__of_a_right_map_beat_every_displaced_copy() -> None:
    deletion, insertion = removal_curves(
        lit(16, 24), BLACK, hot_at(2, 3), EVERYWHERE, brightness_there(16, 24)
    )

    assert (deletion.beaten, insertion.beaten) == (1.0, 1.0)
    assert deletion.scores[0] == insertion.scores[-1] == 250
    assert deletion.scores[-1] == insertion.scores[0] == 0
    assert deletion.shares == insertion.shares == (0.0, *SHARES, 1.0)
    assert len(deletion.copies) == 19


def test_removal_curves__of_the_negative_of_a_right_map_beat_none() -> None:
    deletion, insertion = removal_curves(
        lit(16, 24), BLACK, -hot_at(2, 3), EVERYWHERE, brightness_there(16, 24)
    )

    assert (deletion.beaten, insertion.beaten) == (0.0, 0.0)


def test_removal_curves__of_a_score_that_nothing_moves_are_at_chance() -> None:
    deletion, insertion = removal_curves(
        lit(0, 0), BLACK, hot_at(2, 3), EVERYWHERE, lambda pictures: np.ones(len(pictures))
    )

    assert (deletion.beaten, insertion.beaten) == (0.5, 0.5)


def test_removal_curves__are_what_taking_pixels_away_one_share_at_a_time_gives() -> None:
    generator = np.random.default_rng(1)
    picture = generator.integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8)
    replaced = generator.uniform(0, 255, (3, SIDE, SIDE)).astype(np.float32)
    raw = generator.standard_normal((SIDE, SIDE))  # no two equal: the order is known
    field = np.hypot(*np.mgrid[-20:20, -20:20]) < 15
    weights = generator.standard_normal((3, SIDE, SIDE))

    def score(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        return (pictures * weights).sum(axis=(1, 2, 3))

    deletion, insertion = removal_curves(picture, replaced, raw, field, score, n_copies=1)

    pixels = sorted(zip(*np.nonzero(field), strict=True), key=lambda pixel: -raw[pixel])
    for share, taken, put in zip(deletion.shares, deletion.scores, insertion.scores, strict=True):
        gone = picture.astype(float)
        back = np.where(field, replaced, picture).astype(float)
        for row, column in pixels[: int(np.ceil(share * len(pixels) - 1e-9))]:
            gone[:, row, column] = replaced[:, row, column]
            back[:, row, column] = picture[:, row, column]
        assert taken == pytest.approx((gone * weights).sum(), rel=1e-4)
        assert put == pytest.approx((back * weights).sum(), rel=1e-4)
    steps = np.diff(deletion.shares)
    heights = (np.array(deletion.scores)[1:] + np.array(deletion.scores)[:-1]) / 2
    assert deletion.area == pytest.approx(steps @ heights)


def test_removal_curves__leave_what_is_outside_the_field_alone() -> None:
    field = np.zeros((SIDE, SIDE), bool)
    field[:, :20] = True

    deletion, _ = removal_curves(lit(16, 24), BLACK, hot_at(2, 3), field, brightness_there(16, 24))

    assert set(deletion.scores) == {250.0}


def test_removal_curves__are_the_same_for_the_same_seed() -> None:
    both = [
        removal_curves(
            lit(16, 24), BLACK, hot_at(2, 3), EVERYWHERE, brightness_there(8, 24), seed=seed
        )
        for seed in (3, 3, 4)
    ]

    assert both[0] == both[1]
    assert both[0] != both[2]


def test_displaced_copies__hold_the_same_heat_elsewhere() -> None:
    raw = np.arange(12.0).reshape(3, 4)

    copies = displaced_copies(raw, 50, np.random.default_rng(0))

    assert len(copies) == 50
    for copy in copies:
        assert copy.shape == raw.shape
        assert sorted(copy.ravel()) == sorted(raw.ravel())
        assert not np.array_equal(copy, raw)


def test_displaced_copies__of_an_even_map_are_refused() -> None:
    with pytest.raises(SaliencyError, match="the same wherever it is put"):
        displaced_copies(np.ones((3, 3)), 2, np.random.default_rng(0))


def test_shares_hotter__equals_come_in_another_order_each_time() -> None:
    field = np.ones((4, 4), bool)
    field[0, 0] = False

    one, other = (
        shares_hotter(np.zeros((4, 4)), field, np.random.default_rng(seed)) for seed in (0, 1)
    )

    assert np.isinf(one[0, 0])
    assert sorted(one[field]) == pytest.approx(np.arange(15) / 15)
    assert not np.array_equal(one, other)


def test_laid_on_square__peaks_in_the_middle_of_its_cell() -> None:
    large = laid_on_square(hot_at(2, 3), SIDE)

    rows, columns = np.nonzero(large == large.max())
    assert rows.mean() == pytest.approx(2.5 * 8 - 0.5)
    assert columns.mean() == pytest.approx(3.5 * 8 - 0.5)


@pytest.mark.parametrize(
    ("replaced", "field", "said"),
    [
        (np.zeros((3, 4, 4), np.float32), EVERYWHERE, "its replacement (3, 4, 4)"),
        (BLACK, ~EVERYWHERE, "field of view is empty"),
    ],
)
def test_removal_curves__refuse_what_does_not_fit(
    replaced: np.ndarray, field: np.ndarray, said: str
) -> None:
    with pytest.raises(SaliencyError) as refusal:
        removal_curves(lit(0, 0), replaced, hot_at(0, 0), field, brightness_there(0, 0))

    assert said in refusal.value.message
