"""Squares: what a training reads, with masks that lose no lesion."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph
from fundus_core.errors import DataError
from fundus_core.finetune.squares import bits_in_square, read_squares
from fundus_core.io.images import scan_image
from fundus_core.io.read_only import ReadOnlyError
from fundus_core.io.square_store import SquareStore
from fundus_core.preprocessing import prepare
from tests.fakes import write_photograph

RECIPE = PreprocessRecipe()


def write_mask(path: Path, mask: np.ndarray) -> Path:
    """Writes a 16-bit mask."""
    Image.fromarray(mask.astype(np.uint16)).save(path)
    return path


def test_read_squares__photographs_in_order_and_unreadable_ones_named(tmp_path: Path) -> None:
    red = write_photograph(tmp_path / "red.jpg", (200, 20, 20))
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"no picture")
    blue = write_photograph(tmp_path / "blue.jpg", (20, 20, 200))
    photographs = [Photograph("r", red), Photograph("t", torn), Photograph("b", blue)]

    squares = read_squares(photographs, 32, RECIPE, folder=tmp_path / "arrays")

    assert squares.image_ids == ("r", "b")
    assert squares.pixels.shape == (2, 3, 32, 32)
    assert squares.pixels[0, 0, 16, 16] > 150 > squares.pixels[1, 0, 16, 16]
    assert [Path(row.path).name for row in squares.skipped] == ["torn.jpg"]


def test_read_squares__nothing_readable_is_refused(tmp_path: Path) -> None:
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"no picture")

    with pytest.raises(DataError, match="None of the 1 photographs"):
        read_squares([Photograph("t", torn)], 32, RECIPE, folder=tmp_path / "arrays")


def test_read_squares__mask_lies_where_the_photograph_shows_the_lesion(tmp_path: Path) -> None:
    path = tmp_path / "eye.png"
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[10:110, 30:130] = (120, 60, 30)  # a square field of view off the centre
    pixels[20:24, 100:104] = (255, 255, 0)
    Image.fromarray(pixels).save(path)
    mask = np.zeros((120, 160), np.uint16)
    mask[20:24, 100:104] = 512
    masks = {"eye": write_mask(tmp_path / "mask.png", mask)}

    squares = read_squares(
        [Photograph("eye", path)], 50, RECIPE, folder=tmp_path / "arrays", masks=masks
    )

    assert squares.masks is not None
    lesion = squares.masks[0] == 512
    assert lesion.sum() == 4
    assert squares.pixels[0, 1][lesion].min() > 180


def test_read_squares__mask_that_is_a_colour_picture_is_refused(tmp_path: Path) -> None:
    path = write_photograph(tmp_path / "eye.png", (90, 60, 30))

    with pytest.raises(DataError, match="one channel"):
        read_squares(
            [Photograph("eye", path)], 32, RECIPE, folder=tmp_path / "a", masks={"eye": path}
        )


def test_bits_in_square__a_lesion_of_one_pixel_survives_a_reduction_and_bits_add_up() -> None:
    prepared = prepare(np.full((512, 512, 3), 90, np.uint8), 32, RECIPE)
    mask = np.zeros((512, 512), np.uint16)
    mask[100, 300] = 1
    mask[101, 301] = 32768

    square = bits_in_square(mask, prepared.geometry)

    assert square[6, 18] == 32769
    assert np.count_nonzero(square) == 1


def test_bits_in_square__in_parts_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(np.full((130, 170, 3), 90, np.uint8), 32, RECIPE)
    mask = np.random.default_rng(0).integers(0, 1 << 16, (130, 170)).astype(np.uint16)
    mask[mask < 60_000] = 0
    whole = bits_in_square(mask, prepared.geometry)

    monkeypatch.setattr("fundus_core.finetune.squares._ROWS", 7)

    assert whole.any()
    assert (bits_in_square(mask, prepared.geometry) == whole).all()


def test_read_squares__kept_squares_are_not_decoded_again(tmp_path: Path) -> None:
    kept = SquareStore(tmp_path / "kept", RECIPE, 32)
    kept.keep({"1" * 32: np.full((3, 32, 32), 7, np.uint8)})
    gone = Photograph("1" * 32, tmp_path / "gone.png")
    eye = Photograph("eye", write_photograph(tmp_path / "eye.png", (200, 20, 20)))

    squares = read_squares([gone, eye], 32, RECIPE, folder=tmp_path / "arrays", kept=kept)

    assert squares.image_ids == ("1" * 32, "eye")
    assert (squares.pixels[0] == 7).all()
    assert squares.pixels[1, 0].max() > 150


def test_read_squares__with_a_mask_the_photograph_is_read(tmp_path: Path) -> None:
    scanned = scan_image(write_photograph(tmp_path / "eye.png", (200, 20, 20))).image_id
    kept = SquareStore(tmp_path / "kept", RECIPE, 32)
    kept.keep({scanned: np.full((3, 32, 32), 7, np.uint8)})
    mask = write_mask(tmp_path / "mask.png", np.ones((96, 96)))

    squares = read_squares(
        [Photograph(scanned, tmp_path / "eye.png")],
        32,
        RECIPE,
        folder=tmp_path / "arrays",
        masks={scanned: mask},
        kept=kept,
    )

    assert squares.pixels[0, 0].max() > 150
    assert squares.masks is not None
    assert squares.masks[0, 16, 16] == 1


def test_read_squares__in_a_workspace_for_looking_only_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("FUNDUS_READ_ONLY", "1")
    photograph = write_photograph(tmp_path / "eye.png", (200, 20, 20))

    with pytest.raises(ReadOnlyError):
        read_squares(
            [Photograph("eye", photograph)], 32, RECIPE, folder=tmp_path / "workspace" / "training"
        )

    assert not (tmp_path / "workspace").exists()
