"""Photographs with masks as squares: exact coverage, fields, small marks, broken files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import DataError
from fundus_core.geometry import Geometry
from fundus_core.segmentation.channels import VESSEL
from fundus_core.segmentation.data import (
    FIELD_BIT,
    MaskedPhotograph,
    coverage,
    field_of,
    read_examples,
)
from tests.segmentation.drawn import SIDE, disc, drawing, write_drawings

EXACT = PreprocessRecipe(decoder="exact")


def geometry(height: int, width: int, frame: tuple[float, float, float], side: int) -> Geometry:
    """A square of `frame` = left, top, extent in a photograph."""
    left, top, extent = frame
    return Geometry(height, width, left, top, (extent, extent), (0, 0, width, height), side)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 5), st.integers(3, 9), st.floats(-2, 3), st.floats(4, 14))
def test_coverage__is_the_area_of_the_mask_in_each_pixel(
    seed: int, side: int, start: float, extent: float
) -> None:
    mask = np.random.default_rng(seed).random((8, 10)) < 0.5
    square = geometry(8, 10, (start, start - 0.5, extent), side)

    found = coverage(mask, square)

    cell = extent / side
    for row in range(side):
        for column in range(side):
            area = 0.0
            for y in range(8):
                for x in range(10):
                    top, left = start - 0.5 + row * cell, start + column * cell
                    down = min(y + 1, top + cell) - max(y, top)
                    across = min(x + 1, left + cell) - max(x, left)
                    area += mask[y, x] * max(0.0, down) * max(0.0, across)
            assert found[row, column] == pytest.approx(area / cell**2, abs=1e-5)


def test_coverage__in_parts_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(0).random((90, 130)) < 0.3
    geometry = Geometry(90, 130, 11.5, -3.25, (88.5, 95.25), (0, 0, 90, 130), 32)
    whole = coverage(mask, geometry)

    monkeypatch.setattr("fundus_core.segmentation.data._COLUMNS", 7)

    assert (coverage(mask, geometry) == whole).all()


def test_coverage__of_a_mask_at_another_size_than_the_photograph() -> None:
    square = geometry(8, 8, (0, 0, 8), 4)
    half = np.zeros((16, 16), bool)
    half[:, :8] = True

    assert coverage(half, square).tolist() == [[1, 1, 0, 0]] * 4


def test_field_of__is_found_in_the_photograph_where_no_file_says() -> None:
    photograph, _ = drawing(0, 300)
    everything = np.full((40, 40, 3), 120, np.uint8)

    found = field_of(photograph)

    assert (found & disc(300)).sum() / (found | disc(300)).sum() > 0.97
    assert field_of(everything).all()


def test_read_examples__mask_and_photograph_fall_on_one_another(tmp_path: Path) -> None:
    write_drawings(tmp_path, 1)
    photograph = MaskedPhotograph(
        "a",
        tmp_path / "images" / "p0_0.png",
        tmp_path / "masks" / "p0_0.png",
        tmp_path / "fov" / "p0_0.png",
    )

    found = read_examples([photograph], (VESSEL,), 64, EXACT, folder=tmp_path / "work")

    marked, field = (found.masks[0] & 1) > 0, (found.masks[0] & FIELD_BIT) > 0
    green = found.pixels[0, 1].astype(float)
    assert found.pixels.shape == (1, 3, 64, 64)
    assert green[marked].mean() < 40 < 75 < green[field & ~marked].mean()
    assert field.mean() == pytest.approx(np.pi / 4, abs=0.02)


def test_read_examples__keeps_small_marks_if_asked(tmp_path: Path) -> None:
    from PIL import Image

    write_drawings(tmp_path, 1)
    dot = np.zeros((SIDE, SIDE), np.uint8)
    dot[40, 40] = 255
    Image.fromarray(dot).save(tmp_path / "dot.png")
    photograph = MaskedPhotograph("a", tmp_path / "images" / "p0_0.png", tmp_path / "dot.png")

    lost, kept = (
        read_examples(
            [photograph], (VESSEL,), 32, EXACT, folder=tmp_path / str(small), keep_small=small
        )
        for small in (False, True)
    )

    assert not (lost.masks & 1).any()
    assert 1 <= (kept.masks & 1).sum() <= 4


def test_read_examples__a_broken_photograph_is_counted(tmp_path: Path) -> None:
    write_drawings(tmp_path, 1)
    (tmp_path / "images" / "p0_1.png").write_bytes(b"no picture")
    both = [
        MaskedPhotograph(name, tmp_path / "images" / f"{name}.png", tmp_path / "masks" / "p0_0.png")
        for name in ("p0_0", "p0_1")
    ]

    found = read_examples(both, (VESSEL,), 32, EXACT, folder=tmp_path / "work")

    assert found.image_ids == ("p0_0",)
    assert [row.reason for row in found.skipped] == ["unreadable"]
    with pytest.raises(DataError, match="None of the 1"):
        read_examples(both[1:], (VESSEL,), 32, EXACT, folder=tmp_path / "none")
