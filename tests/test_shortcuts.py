"""Measurements of a photograph: drawn by hand, so that the answer is known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_core.errors import ImageError
from fundus_core.shortcuts import as_row, measure
from tests.fakes import write_photograph


def blurred(path: Path, step: int) -> Path:
    """Writes a chessboard of squares of `step` pixels, as large as a photograph."""
    rows, columns = np.mgrid[:480, :480] // step
    pixels = np.where((rows + columns) % 2, 150, 100).astype(np.uint8)
    Image.fromarray(pixels).convert("RGB").save(path)
    return path


def test_measure__colour_is_that_of_the_field_alone(tmp_path: Path) -> None:
    path = write_photograph(tmp_path / "eye.jpg", (204, 102, 51), side=400)

    found = measure(path)

    assert (found.red, found.green, found.blue) == pytest.approx((0.8, 0.4, 0.2), abs=0.02)
    lightness = 0.299 * 0.8 + 0.587 * 0.4 + 0.114 * 0.2
    assert found.brightness == pytest.approx(lightness, abs=0.01)
    assert found.contrast < 0.05
    assert found.sharpness < 1


def test_measure__geometry_is_that_of_the_disc(tmp_path: Path) -> None:
    found = measure(write_photograph(tmp_path / "eye.jpg", (204, 102, 51), side=400))

    assert found.field_share == pytest.approx(np.pi / 4, abs=0.02)
    assert found.field_radius == pytest.approx(0.5, abs=0.01)
    assert (found.field_x, found.field_y) == pytest.approx((0, 0), abs=0.01)
    assert found.field_aspect == pytest.approx(1, abs=0.02)
    assert (found.width, found.height) == (400, 400)


def test_measure__sees_where_a_field_is_off_the_middle_and_cut_off(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:300, :400]
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[(rows - 150) ** 2 + (columns - 280) ** 2 < 150**2] = (200, 100, 50)
    Image.fromarray(pixels).save(tmp_path / "eye.png")

    found = measure(tmp_path / "eye.png")

    assert found.field_x > 0.15
    assert found.field_y == pytest.approx(0, abs=0.01)
    assert found.field_edges >= 1
    assert found.field_aspect < 1
    assert (found.width, found.height) == (400, 300)


def test_measure__finer_detail_is_sharper(tmp_path: Path) -> None:
    fine, coarse = blurred(tmp_path / "fine.png", 4), blurred(tmp_path / "coarse.png", 60)

    assert measure(fine).sharpness > measure(coarse).sharpness + 0.5


def test_measure__a_photograph_without_border_is_all_field(tmp_path: Path) -> None:
    found = measure(blurred(tmp_path / "whole.png", 40))

    assert (found.field_share, found.field_edges) == (1.0, 4.0)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_measure__estimates_the_quality_of_a_jpeg(tmp_path: Path, quality: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "eye.jpg", quality=quality)

    found = measure(tmp_path / "eye.jpg")

    assert found.jpeg_quality == quality
    assert 10**found.file_size == pytest.approx((tmp_path / "eye.jpg").stat().st_size)


def test_measure__width_and_height_are_those_of_the_upright_photograph(tmp_path: Path) -> None:
    image = Image.new("RGB", (120, 80), (120, 60, 30))
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)

    found = measure(tmp_path / "turned.jpg")

    assert (found.width, found.height) == (80, 120)


def test_measure__of_other_formats_has_no_quality(tmp_path: Path) -> None:
    row = as_row(measure(blurred(tmp_path / "eye.png", 40)))

    assert np.isnan(row.pop("jpeg_quality"))
    assert np.isfinite(list(row.values())).all()


def test_measure__refuses_what_is_no_photograph(tmp_path: Path) -> None:
    (tmp_path / "eye.jpg").write_text("nothing")

    with pytest.raises(ImageError):
        measure(tmp_path / "eye.jpg")
