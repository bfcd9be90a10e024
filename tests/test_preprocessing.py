"""The square that a network is shown: its crop, its filters, and the way back."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fundus_core.domain.recipe import Fit, PreprocessRecipe
from fundus_core.geometry import Box, Geometry
from fundus_core.io.images import read_image
from fundus_core.preprocessing import (
    ben_graham,
    clahe,
    decode_side,
    field_of_view,
    prepare,
)

FIELD = Box(left=200, top=60, right=680, bottom=540)


def _photograph(brightness: float = 1.0, border: int = 0, noise: float = 0.0) -> NDArray[np.uint8]:
    """A disc-shaped retina in `FIELD`, darker towards its rim, in a photograph of 600 x 900."""
    y, x = np.mgrid[:600, :900] + 0.5
    radius = np.hypot(x - 440, y - 300) / 240
    colour = np.array([190.0, 90.0, 50.0]) * (1 - 0.8 * radius[..., np.newaxis])
    pixels = np.where(radius[..., np.newaxis] < 1, colour * brightness, 0) + border
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _with_text(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photograph with a name, a date, and a label in the corners of its border."""
    drawn = Image.fromarray(image)
    pen = ImageDraw.Draw(drawn)
    pen.text((4, 4), "OD 12:41", fill=(255, 255, 255), font_size=30)
    pen.rectangle((880, 580, 899, 599), fill=(255, 255, 0))
    pen.line((0, 310, 215, 310), fill=(200, 200, 200), width=12)
    pen.point([(40, 300), (850, 300), (860, 80)], fill=(255, 255, 255))
    return np.array(drawn)


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union, in [0, 1]."""
    across = max(0, min(a.right, b.right) - max(a.left, b.left))
    down = max(0, min(a.bottom, b.bottom) - max(a.top, b.top))
    common = across * down
    return common / (a.width * a.height + b.width * b.height - common)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(_photograph(), id="as it should be"),
        pytest.param(_photograph(0.1), id="dark"),
        pytest.param(_photograph(0.1, border=3, noise=1), id="dark and noisy"),
        pytest.param(_photograph(4.0), id="over-exposed"),
        pytest.param(_photograph(2.0, border=35, noise=6), id="over-exposed, stray light"),
        pytest.param(_photograph(noise=12), id="noisy"),
        pytest.param(_with_text(_photograph()), id="text and specks"),
    ],
)
def test_field_of_view__is_found(image: NDArray[np.uint8]) -> None:
    box = field_of_view(image)

    assert _overlap(box, FIELD) > 0.96


def test_field_of_view__of_a_truncated_field_reaches_the_edge() -> None:
    image = _photograph()[150:, 300:]

    box = field_of_view(image)

    assert (box.left, box.top) == (0, 0)
    assert _overlap(box, Box(0, 0, 380, 390)) > 0.96


def test_field_of_view__of_a_crop_inside_the_retina_is_all_of_it() -> None:
    image = _photograph()[140:460, 280:600]

    box = field_of_view(image)

    assert box == Box(0, 0, 320, 320)


def test_field_of_view__of_an_unevenly_lit_crop_is_all_of_it() -> None:
    light = np.linspace(0.4, 1.0, 300)[np.newaxis, :, np.newaxis]
    image = np.tile(light * [200.0, 100.0, 50.0], (200, 1, 1)).astype(np.uint8)

    box = field_of_view(image)

    assert box == Box(0, 0, 300, 200)


def test_field_of_view__of_letterboxed_retina_leaves_the_bars_out() -> None:
    image = np.zeros((500, 320, 3), np.uint8)
    image[90:410] = _photograph()[140:460, 280:600]

    box = field_of_view(image)

    assert _overlap(box, Box(0, 90, 320, 410)) > 0.96


@pytest.mark.parametrize("value", [0, 7, 255])
def test_field_of_view__of_a_flat_picture_is_all_of_it(value: int) -> None:
    image = np.full((100, 150, 3), value, np.uint8)

    box = field_of_view(image)

    assert box == Box(0, 0, 150, 100)


@pytest.mark.parametrize("site", ["chase_db1", "hrf"])
@pytest.mark.parametrize("brightness", [0.15, 1.0, 3.0])
def test_field_of_view__agrees_with_masks_drawn_by_others(
    real_data: Path, site: str, brightness: float
) -> None:
    folder = real_data / "data" / "vessels" / site
    overlaps = []
    for path in sorted((folder / "images").glob("*.jpg"))[:12]:
        image = np.clip(read_image(path) * brightness, 0, 255).astype(np.uint8)
        mask = Image.open(folder / "fov" / f"{path.stem}.png").convert("L")
        mask = mask.resize(image.shape[1::-1]).point(lambda value: 255 * (value > 127))
        overlaps.append(_overlap(field_of_view(image), Box(*mask.getbbox())))

    assert min(overlaps) > 0.96


@pytest.mark.parametrize(
    ("x", "y", "fit"),
    [
        *((x, y, fit) for x, y in [(441, 301), (600, 420)] for fit in get_args(Fit)),
        *((x, y, fit) for x, y in [(210, 300), (440, 70)] for fit in ("pad", "corner", "squash")),
    ],
)
def test_prepare__a_lit_pixel_is_found_again_through_crop_fit_and_resize(
    x: int, y: int, fit: Fit
) -> None:
    image = _photograph() // 4
    image[:, 650:] = 0  # cuts the field, so that it is higher than wide and must be padded
    image[y, x] = 255

    prepared = prepare(image, 224, PreprocessRecipe(decoder="exact", fit=fit))

    brightest = prepared.pixels.sum(axis=2)
    row, column = np.unravel_index(brightest.argmax(), brightest.shape)
    found_x, found_y = prepared.geometry.point_to_original(column + 0.5, row + 0.5)
    pixel_of_square = max(prepared.geometry.extent) / 224
    assert abs(found_x - (x + 0.5)) <= pixel_of_square
    assert abs(found_y - (y + 0.5)) <= pixel_of_square


def test_prepare__the_map_of_the_square_lies_on_the_photograph_again() -> None:
    image = _photograph()

    prepared = prepare(image, 240, PreprocessRecipe(decoder="exact"))
    red_again = prepared.geometry.to_original(prepared.pixels[:, :, 0].astype(np.float32))

    inside = np.s_[150:450, 300:580]
    assert red_again.shape == (600, 900)
    assert np.abs(red_again[inside] - image[:, :, 0][inside]).max() < 3


def test_prepare__pads_to_the_middle_of_a_black_square() -> None:
    image = np.full((100, 50, 3), 200, np.uint8)

    prepared = prepare(image, 100, PreprocessRecipe(crop=False, decoder="exact"))

    assert (prepared.pixels[:, :23] == 0).all()
    assert (prepared.pixels[:, 28:72] == 200).all()
    assert (prepared.pixels[:, 77:] == 0).all()


def test_prepare__puts_the_photograph_into_the_corner() -> None:
    image = np.full((50, 100, 3), 200, np.uint8)

    prepared = prepare(image, 100, PreprocessRecipe(crop=False, decoder="exact", fit="corner"))

    assert (prepared.pixels[:48] == 200).all()
    assert (prepared.pixels[52:] == 0).all()


def test_prepare__stretches_the_photograph() -> None:
    image = np.zeros((50, 100, 3), np.uint8)
    image[:25, 50:] = 200

    prepared = prepare(image, 100, PreprocessRecipe(crop=False, decoder="exact", fit="squash"))

    assert (prepared.pixels[:47, 53:] == 200).all()
    assert (prepared.pixels[53:] == 0).all()
    assert (prepared.pixels[:, :47] == 0).all()


def test_prepare__shows_the_middle_seven_eighths_of_the_shorter_side() -> None:
    image = np.zeros((80, 120, 3), np.uint8)
    image[5:75, 25:95] = 200

    prepared = prepare(image, 70, PreprocessRecipe(crop=False, decoder="exact", fit="centre_crop"))

    assert (prepared.pixels == 200).all()
    assert prepared.geometry.crop == (25.0, 5.0, 95.0, 75.0)


def test_prepare__shows_the_same_whatever_scale_the_photograph_was_decoded_at() -> None:
    image = _photograph()
    half = np.array(Image.fromarray(image).reduce(2))

    whole, reduced = (prepare(i, 96, PreprocessRecipe()).pixels.astype(int) for i in (image, half))

    inside = np.s_[20:76, 20:76]
    assert np.abs(whole[inside] - reduced[inside]).mean() < 2


def test_geometry_at_size__points_to_the_same_place_of_the_full_photograph() -> None:
    half = Geometry(300, 450, -10.0, 20.0, (260.0, 260.0), (0.0, 20.0, 240.0, 280.0), 224)

    full = half.at_size(600, 900)

    assert (full.left, full.top, full.extent) == (-20.0, 40.0, (520.0, 520.0))
    assert full.point_to_original(112, 112) == pytest.approx((240.0, 300.0))
    assert full.to_original(np.ones((7, 7))).shape == (600, 900)


def test_geometry_points__there_and_back_is_the_same_point() -> None:
    geometry = Geometry(300, 450, -10.0, 20.0, (260.0, 260.0), (0.0, 20.0, 240.0, 280.0), 224)

    there = geometry.point_to_square(123.0, 45.0)

    assert geometry.point_to_original(*there) == pytest.approx((123.0, 45.0))


def test_geometry_to_original__marks_what_the_network_never_saw() -> None:
    geometry = Geometry(10, 20, 5.0, 0.0, (10.0, 10.0), (5.0, 0.0, 15.0, 10.0), 8)

    values = geometry.to_original(np.ones((8, 8)), outside=np.nan)

    assert np.isnan(values[:, :5]).all()
    assert (values[:, 5:15] == 1).all()
    assert np.isnan(values[:, 15:]).all()


def test_geometry_to_original__a_cell_of_the_map_covers_its_share_of_the_photograph() -> None:
    geometry = Geometry(80, 80, 0.0, 0.0, (80.0, 80.0), (0.0, 0.0, 80.0, 80.0), 224)
    cells = np.zeros((4, 4))
    cells[1, 2] = 1.0

    values = geometry.to_original(cells)

    rows, columns = np.nonzero(values > 0.5)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((30.0, 50.0))


def test_decode_side__is_close_to_twice_the_input() -> None:
    assert decode_side(224) == 426
    assert decode_side(512) <= 1000


def test_ben_graham__makes_flat_retina_and_border_grey_without_a_bright_rim() -> None:
    y, x = np.mgrid[:300, :300] + 0.5
    disc = np.hypot(x - 150, y - 150) < 149
    flat = (disc[..., np.newaxis] * np.uint8([180, 90, 40])).astype(np.uint8)

    filtered = ben_graham(flat).astype(int)

    rim = disc & (np.hypot(x - 150, y - 150) > 140)
    assert np.abs(filtered[disc] - 128).mean() < 4
    assert np.abs(filtered[rim] - 128).mean() < 40
    assert (filtered[~disc] == 128).mean() > 0.9


def test_ben_graham__enlarges_small_differences() -> None:
    image = np.full((200, 200, 3), 100, np.uint8)
    image[100, 100] = 110

    filtered = ben_graham(image)

    assert filtered[100, 100, 0] > 160
    assert abs(int(filtered[20, 20, 0]) - 128) <= 1


def test_clahe__raises_local_contrast_and_keeps_grey_grey() -> None:
    x = np.tile(np.linspace(100, 120, 256), (256, 1))
    image = np.repeat(x[..., np.newaxis], 3, axis=2).astype(np.uint8)

    equalised = clahe(image)

    assert np.ptp(equalised[:, :, 0].astype(int)) > np.ptp(image[:, :, 0].astype(int))
    assert np.ptp(equalised.astype(int), axis=2).max() <= 3


@pytest.mark.parametrize(
    "recipe", [PreprocessRecipe(clahe=True), PreprocessRecipe(ben_graham=True)]
)
def test_prepare__filters_change_the_pixels_but_not_the_geometry(recipe: PreprocessRecipe) -> None:
    image = _photograph(noise=4)

    plain, filtered = prepare(image, 128, PreprocessRecipe()), prepare(image, 128, recipe)

    assert filtered.geometry == plain.geometry
    assert (filtered.pixels != plain.pixels).mean() > 0.5
