"""The macula lies around the fovea, which lies to the temporal side of the disc."""

import numpy as np
import pytest

from fundus_core.explain.macula import RADIUS, around, disc_diameter, estimated_fovea


def disc_at(x: int, y: int, *, radius: int = 10) -> np.ndarray:
    rows, columns = np.mgrid[:200, :300]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


@pytest.mark.parametrize(("eye", "towards"), [("OD", -1), ("OS", 1)])
def test_estimated_fovea__is_temporal_of_the_disc_and_a_little_below(
    eye: str, towards: int
) -> None:
    x, y = estimated_fovea(disc_at(150, 90), eye)  # type: ignore[arg-type]

    assert (x - 150.5) * towards == pytest.approx(2.5 * 21)
    assert y == pytest.approx(90.5 + 0.3 * 21)


def test_around__is_a_circle_of_one_disc_diameter() -> None:
    diameter = disc_diameter(disc_at(150, 90))

    macula = around((100.0, 80.0), diameter, (200, 300))

    rows, columns = np.nonzero(macula)
    assert diameter == 21
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((100, 80), abs=0.01)
    assert macula.sum() == pytest.approx(np.pi * (RADIUS * 21) ** 2, rel=0.02)


def test_around__of_a_fovea_outside_of_the_photograph_is_empty() -> None:
    assert not around((-50.0, 80.0), 21, (200, 300)).any()
