"""The photograph shows through where the map is cold, and the order of heat can be read."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError
from fundus_core.plots.overlay import HEAT, blend, heat_table

PHOTOGRAPH = np.array([[[200, 90, 20], [10, 10, 10], [255, 255, 255]]], dtype=np.uint8)
"""One row of three pixels: retina, border, reflex."""

COLOUR_BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""Linear RGB as seen: Machado, Oliveira & Fernandes (2009), doi:10.1109/TVCG.2009.113."""


def test_blend__shows_the_photograph_where_cold_and_where_unseen() -> None:
    result = blend(PHOTOGRAPH, np.array([[0.0, np.nan, 1.0]]), opacity=1.0)

    np.testing.assert_array_equal(result[0, :2], PHOTOGRAPH[0, :2])
    assert result[0, 2].tolist() == heat_table()[-1].tolist()
    assert result.dtype == np.uint8


def test_blend__hides_more_the_hotter_and_the_more_opaque() -> None:
    grey = np.full((1, 3, 3), 128, dtype=np.uint8)
    values = np.array([[0.25, 0.5, 1.0]])

    faint, strong = (blend(grey, values, opacity).astype(int) for opacity in (0.3, 0.9))

    away = [np.abs(result - 128).sum(axis=-1)[0] for result in (faint, strong)]
    assert np.all(np.diff(away[0]) > 0)
    assert np.all(away[1] > away[0])


def test_blend__at_half_opacity_is_the_mean_of_photograph_and_colour() -> None:
    result = blend(PHOTOGRAPH, np.ones((1, 3)), opacity=0.5)

    expected = (PHOTOGRAPH.astype(float) + heat_table()[-1]) / 2
    np.testing.assert_allclose(result, expected, atol=1)


def test_blend__leaves_its_input_alone_and_takes_a_transparent_map() -> None:
    before = PHOTOGRAPH.copy()

    result = blend(PHOTOGRAPH, np.ones((1, 3)), opacity=0.0)

    np.testing.assert_array_equal(result, before)
    np.testing.assert_array_equal(PHOTOGRAPH, before)
    assert not np.shares_memory(result, PHOTOGRAPH)


def test_blend__refuses_a_map_of_another_size() -> None:
    with pytest.raises(SaliencyError, match=r"\(7, 7\) and the photograph \(1, 3\)") as refusal:
        blend(PHOTOGRAPH, np.zeros((7, 7)))

    assert "to_original" in refusal.value.hint


@pytest.mark.parametrize("values", [[[0.0, 0.5, 1.5]], [[-0.5, 0.5, 1.0]], [[0.0, np.inf, 1.0]]])
def test_blend__refuses_values_outside_the_scale(values: list[list[float]]) -> None:
    with pytest.raises(SaliencyError, match=r"values in \[0, 1\] were expected"):
        blend(PHOTOGRAPH, np.array(values))


def test_blend__forgives_the_rounding_of_an_interpolation() -> None:
    values = np.array([[-1e-7, 0.5, 1 + 1e-7]], dtype=np.float32)

    result = blend(PHOTOGRAPH, values, opacity=1.0)

    np.testing.assert_array_equal(result, blend(PHOTOGRAPH, values.clip(0, 1), opacity=1.0))


def test_blend__refuses_an_impossible_opacity() -> None:
    with pytest.raises(ValueError, match="opacity must be in"):
        blend(PHOTOGRAPH, np.zeros((1, 3)), opacity=60)


@pytest.mark.parametrize("vision", COLOUR_BLINDNESS)
def test_heat_table__grows_evenly_lighter_for_every_eye(vision: str) -> None:
    seen = linear(heat_table()) @ np.asarray(COLOUR_BLINDNESS[vision]).T

    colours = oklab(np.clip(seen, 0, 1))

    steps = np.linalg.norm(np.diff(colours[::15], axis=0), axis=1)
    assert np.all(np.diff(colours[::5, 0]) > 0)
    assert steps.min() > 0.7 * steps.mean()
    if vision == "none":
        assert steps.std() < 0.05 * steps.mean()


def test_heat_table__keeps_away_from_the_colours_of_a_retina() -> None:
    retina = oklab(linear(np.array([[200, 90, 20], [120, 30, 20], [240, 220, 120], [90, 40, 15]])))

    distance = np.linalg.norm(oklab(linear(heat_table()))[:, None] - retina, axis=-1)

    assert distance.min() > 0.15  # about 0.02 can just be told apart


def test_heat__names_the_colours_of_the_table() -> None:
    first, last = HEAT[0], HEAT[-1]

    assert (first[0], last[0]) == (0.0, 1.0)
    assert bytes.fromhex(first[1][1:]) == heat_table()[0].tobytes()
    assert bytes.fromhex(last[1][1:]) == heat_table()[-1].tobytes()


def linear(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Undoes the gamma of sRGB."""
    share = rgb / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns lightness and two colour axes of linear RGB (Ottosson, 2020)."""
    cones = rgb @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(cones) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )
