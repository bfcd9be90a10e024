"""The field of view: three shapes, all inside the picture."""

import numpy as np
import pytest

from fundus_core.phantom.camera import CAMERAS, sample_field
from fundus_core.phantom.field import FieldOfView

CIRCLE = FieldOfView(0.9, 0.9, 45)
TRUNCATED = FieldOfView(0.9, 0.6, 45)
SQUARE = FieldOfView(1.2, 1.2, 45)


def test_shape__says_what_is_seen() -> None:
    assert [field.shape for field in (CIRCLE, TRUNCATED, SQUARE)] == [
        "circle",
        "truncated",
        "square",
    ]


def test_mask__a_circle_covers_its_area() -> None:
    share = float(CIRCLE.mask(200).mean())

    assert share == pytest.approx(np.pi * 0.9**2 / 4, abs=0.005)


def test_mask__a_truncated_circle_is_black_above_and_below() -> None:
    mask = TRUNCATED.mask(200)
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))

    assert (rows[0], rows[-1]) == (40, 159)
    assert (columns[0], columns[-1]) == (10, 189)


def test_mask__a_square_fills_the_picture_but_for_its_corners() -> None:
    mask = SQUARE.mask(200)

    assert mask[100, 0]
    assert mask[0, 100]
    assert not mask[0, 0]
    assert mask.mean() > 0.95


def test_depth__is_the_distance_to_the_nearest_edge() -> None:
    x, y = np.array([0.0, 0.8, 0.0, 0.0]), np.array([0.0, 0.0, 0.5, 0.7])

    np.testing.assert_allclose(TRUNCATED.depth(x, y), [0.6, 0.1, 0.1, -0.1])
    np.testing.assert_allclose(SQUARE.depth(x, y)[[1, 3]], [0.2, 0.3])


def test_disc_diameter__grows_as_the_angle_narrows() -> None:
    wide, narrow = (FieldOfView(1.0, 1.0, degrees).disc_diameter for degrees in (50, 30))

    assert narrow / wide == pytest.approx(50 / 30)


@pytest.mark.parametrize("camera", CAMERAS)
def test_sample_field__every_camera_makes_every_shape_at_30_to_50_degrees(camera: str) -> None:
    rng = np.random.default_rng(0)

    fields = [sample_field(CAMERAS[camera], rng) for _ in range(150)]

    assert {field.shape for field in fields} == {"circle", "truncated", "square"}
    degrees = [field.degrees for field in fields]
    assert 30 <= min(degrees) < 38
    assert 47 < max(degrees) <= 50
