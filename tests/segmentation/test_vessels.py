"""Measures of shapes whose figures are known."""

import numpy as np
import pytest
from skimage.morphology import skeletonize

from fundus_core.segmentation.vessels import (
    artery_vein_ratio,
    box_dimension,
    mean_tortuosity,
    measure_vessels,
    measures,
    vertical_cup_disc_ratio,
)

FIELD = np.ones((256, 256), bool)


def bar(top: int, bottom: int) -> np.ndarray:
    mask = np.zeros((256, 256), bool)
    mask[top:bottom, 8:248] = True
    return mask


def ring(radius: float, *, half: bool = False) -> np.ndarray:
    """A circle's outline of one pixel; its upper half only if asked."""
    angle = np.linspace(0, np.pi if half else 2 * np.pi, 4000)
    mask = np.zeros((256, 256), bool)
    mask[
        np.rint(128 - radius * np.sin(angle)).astype(int),
        np.rint(128 + radius * np.cos(angle)).astype(int),
    ] = True
    return mask


def test_box_dimension__a_line_has_one_and_an_area_two() -> None:
    line, area = bar(100, 101), FIELD

    assert box_dimension(line) == pytest.approx(1, abs=0.03)
    assert box_dimension(area) == pytest.approx(2)


def test_box_dimension__of_sierpinskis_carpet() -> None:
    carpet = np.ones((1, 1), bool)
    for _ in range(6):
        row = np.concatenate([carpet, carpet, carpet], axis=1)
        hole = np.concatenate([carpet, np.zeros_like(carpet), carpet], axis=1)
        carpet = np.concatenate([row, hole, row], axis=0)

    assert box_dimension(carpet) == pytest.approx(np.log(8) / np.log(3), abs=0.07)


def test_box_dimension__is_not_had_of_nothing() -> None:
    assert box_dimension(np.zeros((64, 64), bool)) is None
    assert box_dimension(np.ones((20, 20), bool)) is None


def test_mean_tortuosity__a_straight_line_has_one_in_any_direction() -> None:
    slanted = np.zeros((256, 256), bool)
    columns = np.arange(20, 236)
    slanted[np.rint(40 + 0.4 * (columns - 20)).astype(int), columns] = True

    assert mean_tortuosity(bar(100, 101)) == pytest.approx(1.0, abs=1e-6)
    assert mean_tortuosity(np.eye(256, dtype=bool)) == pytest.approx(1.0, abs=1e-6)
    assert mean_tortuosity(slanted) == pytest.approx(1.0, abs=0.02)


def test_mean_tortuosity__a_half_circle_has_half_pi() -> None:
    line = skeletonize(ring(80, half=True))

    assert mean_tortuosity(line) == pytest.approx(np.pi / 2, abs=0.02)


def test_mean_tortuosity__forks_end_segments() -> None:
    crossing = bar(128, 129) | bar(128, 129).T

    assert mean_tortuosity(crossing) == pytest.approx(1.0, abs=1e-6)


def test_mean_tortuosity__is_not_had_of_short_pieces() -> None:
    dots = np.zeros((64, 64), bool)
    dots[::8, ::8] = True

    assert mean_tortuosity(dots) is None


def test_measure_vessels__density_and_width_inside_the_field() -> None:
    left = FIELD.copy()
    left[:, 128:] = False

    whole, half = measure_vessels(bar(100, 109), FIELD), measure_vessels(bar(100, 109), left)

    assert whole.density == pytest.approx(9 * 240 / 256**2)
    assert half.density == pytest.approx(9 * 120 / (256 * 128))
    assert whole.width == pytest.approx(9 / 256, rel=0.05)
    assert half.width == pytest.approx(9 / 128, rel=0.1)


def test_measure_vessels__nothing_marked_has_a_density_of_zero() -> None:
    found = measure_vessels(~FIELD, FIELD)

    assert (found.density, found.fractal_dimension, found.tortuosity) == (0.0, None, None)


def test_artery_vein_ratio__is_that_of_the_widths() -> None:
    arteries, veins = bar(40, 46), bar(160, 169)

    assert artery_vein_ratio(arteries, veins, FIELD) == pytest.approx(6 / 9, rel=0.05)
    assert artery_vein_ratio(arteries, ~FIELD, FIELD) is None


def test_vertical_cup_disc_ratio__is_that_of_the_heights_of_the_largest_pieces() -> None:
    disc, cup = np.zeros((2, 64, 64), bool)
    disc[10:50, 20:50], cup[20:40, 25:40] = True, True
    cup[60:, 60:] = True

    assert vertical_cup_disc_ratio(cup, disc) == pytest.approx(20 / 40)
    assert vertical_cup_disc_ratio(~FIELD, FIELD) == 0.0
    assert vertical_cup_disc_ratio(~FIELD, ~FIELD) is None


def test_measures__columns_follow_from_the_channels() -> None:
    of_vessels = measures({"vessel": bar(100, 104)}, FIELD)
    of_both = measures({"artery": bar(40, 46), "vein": bar(160, 169)}, FIELD)
    of_disc = measures({"disc": bar(10, 30), "cup": bar(15, 25)}, FIELD)
    of_lesions = measures({"hard exudate": bar(10, 12)}, FIELD)

    assert set(of_vessels) == {
        "vessel_density",
        "vessel_fractal_dimension",
        "vessel_tortuosity",
        "vessel_width",
    }
    assert of_both["artery_vein_width_ratio"] == pytest.approx(6 / 9, rel=0.05)
    assert of_both["vessel_density"] == pytest.approx(15 * 240 / 256**2)
    assert of_disc["vertical_cup_disc_ratio"] == 0.5
    assert of_lesions == {"hard exudate_share": pytest.approx(2 * 240 / 256**2)}
