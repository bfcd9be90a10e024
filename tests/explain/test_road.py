"""Pixels are filled in from around them, as another library does."""

import warnings

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fundus_core.explain.road import imputed, road_gap

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own imports
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer


class Silent(np.random.Generator):
    """Adds no noise."""

    def normal(self, *arguments: object, **options: object) -> float:
        return 0.0


SILENT = Silent(np.random.PCG64(0))


def hole(side: int = 20) -> NDArray[np.bool_]:
    missing = np.zeros((side, side), bool)
    missing[4:12, 6:15] = True
    missing[0, :3] = True
    return missing


def test_imputed__equals_another_library() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 20, 20)).astype(np.uint8)

    ours = imputed(picture, hole(), SILENT)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of that library
        theirs = NoisyLinearImputer(noise=0)(
            torch.from_numpy(picture.astype(np.float32)), torch.from_numpy(1.0 - hole())
        )
    inside = np.s_[:, 4:12, 6:15]  # at the edges of the picture that library reads across rows
    np.testing.assert_allclose(ours[inside], theirs.numpy()[inside], atol=1e-2)


def test_imputed__each_pixel_is_the_weighted_mean_of_its_neighbours() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 20, 20)).astype(np.uint8)
    missing = hole()

    found = imputed(picture, missing, SILENT)

    assert np.array_equal(found[:, ~missing], picture[:, ~missing])
    for row, column in zip(*np.nonzero(missing), strict=True):
        total, weight_sum = np.zeros(3), 0.0
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                near = row + down, column + right
                if (down, right) != (0, 0) and min(near) >= 0 and max(near) < 20:
                    weight = 1 / 6 if 0 in (down, right) else 1 / 12
                    total, weight_sum = total + weight * found[:, *near], weight_sum + weight
        np.testing.assert_allclose(found[:, row, column], total / weight_sum, atol=1e-2)


def test_imputed__a_slope_is_continued() -> None:
    slope = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (3, 20, 1))
    missing = np.zeros((20, 20), bool)
    missing[5:15, 5:15] = True

    found = imputed(slope, missing, SILENT)

    np.testing.assert_allclose(found, slope, atol=1e-3)


@pytest.mark.parametrize("missing", [np.zeros((8, 8), bool), np.ones((8, 8), bool)])
def test_imputed__with_nothing_or_everything_missing_the_picture_stays(
    missing: NDArray[np.bool_],
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 8, 8)).astype(np.uint8)

    assert np.array_equal(imputed(picture, missing, SILENT), picture)


@pytest.mark.parametrize(("sign", "holds"), [(1, True), (-1, False)])
def test_road_gap__is_above_zero_for_a_right_map_and_below_for_its_negative(
    sign: int, holds: bool
) -> None:
    picture = np.full((3, 40, 40), 50, np.uint8)
    picture[:, 16:24, 24:32] = 250
    raw = np.zeros((5, 5))
    raw[2, 3] = sign

    def score(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        return pictures[:, :, 16:24, 24:32].mean(axis=(1, 2, 3))

    gap = road_gap(picture, raw, np.ones((40, 40), bool), score)

    assert (gap > 50) is holds
    assert (gap < -50) is not holds
