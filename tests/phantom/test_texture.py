"""Random fields: normalised, and the same whatever the size of the picture."""

import cv2
import numpy as np
import pytest

from fundus_core.phantom.texture import bump, radial_noise, smooth_noise, soft_step, window_around


@pytest.mark.parametrize("grain", [0.05, 0.2, 0.6])
def test_smooth_noise__has_mean_zero_and_unit_spread(grain: float) -> None:
    fields = [smooth_noise(np.random.default_rng(seed), 128, grain) for seed in range(30)]

    assert np.mean(fields) == pytest.approx(0, abs=0.12)
    assert np.std(fields) == pytest.approx(1, abs=0.15)


def test_smooth_noise__is_the_same_field_at_every_size() -> None:
    small = smooth_noise(np.random.default_rng(7), 128, 0.5)
    large = smooth_noise(np.random.default_rng(7), 256, 0.5)

    reduced = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced - small).max() < 0.1


def test_radial_noise__varies_less_along_a_ray_than_across() -> None:
    fields = [radial_noise(np.random.default_rng(s), 256, (0.0, 0.0), 40) for s in range(8)]
    row = np.stack([field[128, 160:] for field in fields])
    column = np.stack([field[96:160, 200] for field in fields])

    along, across = np.abs(np.diff(row)).mean(), np.abs(np.diff(column)).mean()

    assert along < 0.7 * across


def test_soft_step__falls_from_one_to_zero_across_an_outline() -> None:
    step = soft_step(np.array([-1.0, 0.0, 1.0], dtype=np.float32), 0.2)

    assert step.tolist() == [1.0, 0.5, 0.0]


def test_bump__is_highest_at_its_centre() -> None:
    hill = bump((0.5, -0.5), 0.1, 64)

    row, column = np.unravel_index(hill.argmax(), hill.shape)
    assert column in (47, 48)
    assert row in (15, 16)


def test_window_around__is_cut_at_the_edge_of_the_picture() -> None:
    rows, columns = window_around((0.9, 0.0), 0.25, 80)

    assert (rows.start, rows.stop) == (30, 50)
    assert (columns.start, columns.stop) == (66, 80)
