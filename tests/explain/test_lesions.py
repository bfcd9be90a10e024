"""How much of a map lies on lesions: counted by hand on small squares."""

import numpy as np
import pytest

from fundus_core.errors import SaliencyError
from fundus_core.explain.lesions import cell_side, lesion_share, shares_by_others

EVERYWHERE = np.ones((4, 4), bool)


def one_lesion(row: int, column: int, side: int = 4) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[row, column] = True
    return mask


def test_lesion_share__heat_on_the_lesion_over_all_heat() -> None:
    heat = np.zeros((4, 4))
    heat[0, 0], heat[3, 3] = 0.25, 1.0

    found = lesion_share(heat, one_lesion(0, 0), EVERYWHERE, cell=1.0)

    assert found.share == pytest.approx(0.2)
    assert found.chance == pytest.approx(1 / 16)
    assert found.above_chance
    assert not found.hit


def test_lesion_share__an_even_map_reaches_chance() -> None:
    found = lesion_share(np.ones((4, 4)), one_lesion(1, 2), EVERYWHERE, cell=1.0)

    assert found.share == pytest.approx(found.chance)
    assert not found.above_chance


def test_lesion_share__a_maximum_half_a_cell_away_is_a_hit_further_away_is_none() -> None:
    lesions = one_lesion(4, 4, side=9)
    near, far = np.zeros((9, 9)), np.zeros((9, 9))
    near[4, 6], far[4, 7] = 1.0, 1.0
    field = np.ones((9, 9), bool)

    assert lesion_share(near, lesions, field, cell=4.0).hit
    assert not lesion_share(far, lesions, field, cell=4.0).hit
    assert lesion_share(far, lesions, field, cell=4.0).chance_near == pytest.approx(25 / 81)
    assert lesion_share(near, lesions, field, cell=4.0).share_near == pytest.approx(1.0)


def test_lesion_share__chance_counts_the_field_only_and_heat_outside_it_is_lost() -> None:
    field = np.zeros((4, 4), bool)
    field[:, :2] = True
    heat = np.ones((4, 4))

    found = lesion_share(heat, one_lesion(0, 0), field, cell=1.0)

    assert found.chance == pytest.approx(1 / 8)
    assert found.share == pytest.approx(1 / 16)


def test_lesion_share__places_the_network_never_saw_have_no_heat() -> None:
    heat = np.array([[np.nan, 1.0], [np.nan, 1.0]])

    found = lesion_share(heat, one_lesion(0, 1, side=2), np.ones((2, 2), bool), cell=1.0)

    assert found.share == pytest.approx(0.5)
    assert found.hit


@pytest.mark.parametrize(
    ("heat", "lesions", "said"),
    [
        (np.ones((3, 4)), one_lesion(0, 0), "(3, 4)"),
        (np.ones((4, 4)), np.zeros((4, 4), bool), "No lesion"),
        (np.zeros((4, 4)), one_lesion(0, 0), "no heat"),
    ],
)
def test_lesion_share__refuses_what_cannot_be_measured(
    heat: np.ndarray, lesions: np.ndarray, said: str
) -> None:
    with pytest.raises(SaliencyError) as refused:
        lesion_share(heat, lesions, EVERYWHERE, cell=1.0)

    assert said in refused.value.message


def test_cell_side__covers_the_longer_side_of_what_was_seen() -> None:
    heat = np.full((10, 30), np.nan)
    heat[2:9, 1:29] = 0.0

    assert cell_side(heat, 7) == pytest.approx(4.0)


def test_shares_by_others__each_one_s_own_map_is_left_out() -> None:
    left, right = np.zeros((64, 64)), np.zeros((64, 64))
    left[:, :32], right[:, 32:] = 1.0, 1.0

    shares = shares_by_others(
        [left, right, right], [left > 0, right > 0, right > 0], left_eyes=[False] * 3
    )

    assert shares == pytest.approx([0.0, 0.5, 0.5])


def test_shares_by_others__left_eyes_are_mirrored() -> None:
    left, right = np.zeros((64, 64)), np.zeros((64, 64))
    left[:, :32], right[:, 32:] = 1.0, 1.0

    shares = shares_by_others([left, right], [left > 0, right > 0], left_eyes=[False, True])

    assert shares == pytest.approx([1.0, 1.0])


def test_shares_by_others__a_lone_photograph_has_none() -> None:
    heat = np.ones((8, 8))

    assert np.isnan(shares_by_others([heat], [heat > 0], left_eyes=[False])).all()
