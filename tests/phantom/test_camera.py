"""The camera: every nuisance does what it says, alone, and the same seed gives the same picture."""

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fundus_core.phantom.camera import (
    CAMERAS,
    Exposure,
    encode_jpeg,
    photograph,
    sample_exposure,
)
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.texture import Light

SIZE = 128
FIELD = FieldOfView(0.95, 0.95, 45)
PLAIN = Exposure(
    brightness=1.0,
    tint=(1.0, 1.0, 1.0),
    falloff=0.0,
    centre=(0.0, 0.0),
    defocus=0.0,
    haze=0.0,
    noise=0.0,
    jpeg_quality=95,
    dust=0,
    lashes=0.0,
)


def _retina() -> Light:
    """Stripes: something to blur."""
    light = np.full((3, SIZE, SIZE), 0.4, dtype=np.float32)
    light[:, :, ::16] = 0.2
    return light


def _taken(exposure: Exposure, field: FieldOfView = FIELD, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    picture = photograph(_retina(), field, CAMERAS["A"], exposure, rng)
    assert picture.shape == (SIZE, SIZE, 3)
    return picture.astype(np.float64)


def _middle(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    return picture[SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4]


def test_photograph__the_same_seed_gives_the_same_pixels_and_another_one_others() -> None:
    noisy = replace(PLAIN, noise=0.01)

    np.testing.assert_array_equal(_taken(noisy), _taken(noisy))
    assert (_taken(noisy) != _taken(noisy, seed=1)).any()


def test_photograph__is_nearly_black_outside_the_field() -> None:
    field = FieldOfView(0.9, 0.6, 45)

    picture = _taken(replace(PLAIN, noise=0.01, haze=0.3, brightness=1.4), field)

    far_outside = field.plane_depth(SIZE) < -0.03
    notch = np.zeros((SIZE, SIZE), dtype=bool)
    notch[: SIZE // 2, SIZE // 2 :] = True
    assert picture[far_outside & ~notch].max() < 12


def test_photograph__a_square_has_no_black_corner() -> None:
    picture = _taken(PLAIN, FieldOfView(1.2, 1.2, 45))

    assert picture[0, 0].min() > 20


@pytest.mark.parametrize(("brightness", "brighter"), [(0.6, False), (1.4, True)])
def test_photograph__brightness_scales_the_light(brightness: float, brighter: bool) -> None:
    usual, other = _middle(_taken(PLAIN)), _middle(_taken(replace(PLAIN, brightness=brightness)))

    assert (other.mean() > 1.2 * usual.mean()) == brighter
    assert (other.mean() < 0.8 * usual.mean()) != brighter


def test_photograph__tint_changes_one_channel_only() -> None:
    usual, bluer = _taken(PLAIN), _taken(replace(PLAIN, tint=(1.0, 1.0, 1.5)))

    np.testing.assert_array_equal(usual[..., :2], bluer[..., :2])
    assert _middle(bluer)[..., 2].mean() > 1.3 * _middle(usual)[..., 2].mean()


def test_photograph__falloff_darkens_the_side_away_from_the_centre() -> None:
    picture = _taken(replace(PLAIN, falloff=0.7, centre=(0.4, 0.0)))

    left, right = picture[40:88, 16:32].mean(), picture[40:88, -32:-16].mean()
    assert left < 0.7 * right


def test_photograph__defocus_blurs_and_noise_roughens() -> None:
    def detail(exposure: Exposure) -> float:
        return float(np.abs(np.diff(_middle(_taken(exposure))[..., 1], axis=0)).mean())

    def stripes(exposure: Exposure) -> float:
        return float(np.ptp(_middle(_taken(exposure))[..., 1].mean(axis=0)))

    assert stripes(replace(PLAIN, defocus=0.05)) < 0.4 * stripes(PLAIN)
    assert detail(replace(PLAIN, noise=0.03)) > detail(PLAIN) + 1


def test_photograph__haze_lightens_and_takes_contrast() -> None:
    clear, hazy = _middle(_taken(PLAIN))[..., 1], _middle(_taken(replace(PLAIN, haze=0.4)))[..., 1]

    assert np.ptp(hazy.mean(axis=0)) < 0.85 * np.ptp(clear.mean(axis=0))
    assert hazy.min() > clear.min()


def test_photograph__dust_changes_small_places_only() -> None:
    change = np.abs(_taken(replace(PLAIN, dust=4)) - _taken(PLAIN)).max(axis=2)

    assert change.max() > 4
    assert 0 < (change > 1).mean() < 0.1


def test_photograph__lashes_come_from_the_edge_and_reach_further_in_as_they_grow() -> None:
    def lost(amount: float) -> NDArray[np.float64]:
        return 1 - _taken(replace(PLAIN, lashes=amount))[..., 0] / (_taken(PLAIN)[..., 0] + 1)

    few, many = lost(0.1), lost(1.0)
    assert (many > 0.3).mean() > (few > 0.3).mean() > 0
    edge_rows = np.r_[0 : SIZE // 3, -SIZE // 3 : 0]
    assert many[edge_rows].mean() > 3 * abs(many[SIZE * 2 // 5 : SIZE * 3 // 5].mean())


def test_photograph__one_nuisance_leaves_the_places_of_the_others() -> None:
    """Adding lashes does not move the dust nor change the noise."""
    dusty = replace(PLAIN, dust=3, noise=0.01)
    before, after = _taken(dusty), _taken(replace(dusty, lashes=0.3))

    untouched = np.s_[SIZE * 9 // 20 : SIZE * 11 // 20]
    assert np.abs(before[untouched] - after[untouched]).max() <= 3


@pytest.mark.parametrize("camera", CAMERAS)
def test_sample_exposure__stays_in_range_and_some_photographs_are_poor(camera: str) -> None:
    rng = np.random.default_rng(0)

    taken = [sample_exposure(rng, CAMERAS[camera], haze=0.05) for _ in range(400)]

    assert all(0 <= exposure.haze <= 0.45 for exposure in taken)
    assert all(0 <= exposure.lashes <= 1 for exposure in taken)
    assert all(40 <= exposure.jpeg_quality <= 95 for exposure in taken)
    assert all(exposure.noise > 0 for exposure in taken)
    poor = [
        e
        for e in taken
        if e.brightness < 0.6 or e.defocus > 0.012 or e.haze > 0.15 or e.lashes > 0.4
    ]
    assert 0.02 * len(taken) < len(poor) < 0.15 * len(taken)


def test_sample_exposure__cloudier_eyes_give_hazier_photographs() -> None:
    def hazes(of_patient: float) -> float:
        rng = np.random.default_rng(0)
        taken = [sample_exposure(rng, CAMERAS["A"], haze=of_patient) for _ in range(100)]
        return float(np.median([exposure.haze for exposure in taken]))

    assert hazes(0.2) > 2 * hazes(0.05)


def test_encode_jpeg__a_lower_quality_is_smaller_and_says_synthetic_too() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)

    small, large = encode_jpeg(picture, 50), encode_jpeg(picture, 95)

    assert len(small) < 0.6 * len(large)
    with Image.open(io.BytesIO(small)) as file:
        assert b"SYNTHETIC" in file.info["comment"]
        assert "SYNTHETIC" in file.getexif()[0x010E]
