"""What is marked: channels as a command line names them, and files of any depth."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_core.errors import DataError
from fundus_core.io.masks import read_mask
from fundus_core.segmentation.channels import (
    ARTERY,
    VEIN,
    VESSEL,
    Channel,
    at_photographs_size,
    channels_text,
    parse_channels,
)


def test_a_crossing_is_artery_and_vein() -> None:
    mask = np.array([[0, 1, 2, 3]], np.uint16)

    assert ARTERY.of(mask).tolist() == [[False, True, False, True]]
    assert VEIN.of(mask).tolist() == [[False, False, True, True]]
    assert VESSEL.of(mask).tolist() == [[False, True, True, True]]


def test_smoothed_edges_of_a_white_mask_count_from_half_on() -> None:
    mask = np.array([[0, 60, 127, 128, 255]], np.uint16)

    assert VESSEL.of(mask).tolist() == [[False, False, False, True, True]]


def test_parse_channels__reads_back_what_is_written() -> None:
    channels = (Channel("disc", 16), Channel("cup", 32), Channel("rest"))

    assert parse_channels(channels_text(channels)) == channels


@pytest.mark.parametrize(
    "text",
    ["", "vessel=0", "vessel=x", "=3", "a,a", "a=70000", ",".join(f"c{n}" for n in range(16))],
)
def test_parse_channels__refuses_what_is_none(text: str) -> None:
    with pytest.raises(DataError, match="channel"):
        parse_channels(text)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB"])
def test_read_mask__of_any_depth(tmp_path: Path, mode: str) -> None:
    values = np.array([[0, 255], [255, 0]], np.uint8)
    image = Image.fromarray(values.astype(np.uint16)) if mode == "I;16" else Image.fromarray(values)
    image = image if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "mask.png")

    assert VESSEL.of(read_mask(tmp_path / "mask.png")).tolist() == [[False, True], [True, False]]


def test_read_mask__refuses_colours_and_missing_files(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "red.png")

    with pytest.raises(DataError, match="one channel"):
        read_mask(tmp_path / "red.png")
    with pytest.raises(DataError, match="cannot be read"):
        read_mask(tmp_path / "absent.png")


def test_at_photographs_size__takes_the_nearest_pixel() -> None:
    mask = np.array([[1, 2], [3, 4]], np.uint16)

    large = at_photographs_size(mask, (4, 4), name="m")

    assert large.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_at_photographs_size__refuses_a_mask_of_other_proportions() -> None:
    with pytest.raises(DataError, match="do not show the same"):
        at_photographs_size(np.zeros((10, 20), np.uint16), (10, 10), name="m")
