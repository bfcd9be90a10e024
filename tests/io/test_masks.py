"""Masks keep the values they are stored with; what has none is refused."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_core.errors import DataError
from fundus_core.io.masks import read_mask
from tests.hostile.pictures import make_png, png_chunk

VALUES = np.array([[0, 1, 2, 3], [7, 16, 48, 128], [200, 254, 255, 0]], np.uint8)
AS_THEY_ARE = {"webp": {"lossless": True}, "gif": {"optimize": False}}
"""Otherwise the values are written anew, or other ones."""

DEEP = VALUES.astype(np.uint16) * 257


def _palette() -> Image.Image:
    """Returns the values as numbers of colours, none of which is grey."""
    image = Image.fromarray(VALUES)
    image.putpalette([part for n in range(256) for part in (n, 255 - n, 7 * n % 256)])
    return image


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif", "pgm", "webp"])
@pytest.mark.parametrize("kind", ["grey", "palette", "colours"])
def test_read_mask__eight_bits_are_kept(tmp_path: Path, suffix: str, kind: str) -> None:
    if (kind == "palette" and suffix in ("pgm", "webp")) or (kind, suffix) == ("colours", "gif"):
        pytest.skip("the format has none")
    image = _palette() if kind == "palette" else Image.fromarray(VALUES)
    image = image.convert("RGB") if kind == "colours" else image
    image.save(tmp_path / f"mask.{suffix}", **AS_THEY_ARE.get(suffix, {}))

    found = read_mask(tmp_path / f"mask.{suffix}")

    assert found.dtype == np.uint16
    assert found.tolist() == VALUES.tolist()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
def test_read_mask__sixteen_bits_of_a_tiff_are_kept(tmp_path: Path, compression: str) -> None:
    Image.fromarray(DEEP).save(tmp_path / "mask.tif", compression=compression)

    assert read_mask(tmp_path / "mask.tif").tolist() == DEEP.tolist()


def test_read_mask__sixteen_bits_are_kept_whatever_comes_first(tmp_path: Path) -> None:
    Image.fromarray(DEEP).save(tmp_path / "mask.png")
    swapped = Image.frombytes("I;16B", (4, 3), DEEP.astype(">u2").tobytes())
    swapped.save(tmp_path / "mask.tif")

    assert read_mask(tmp_path / "mask.png").tolist() == DEEP.tolist()
    assert read_mask(tmp_path / "mask.tif").tolist() == DEEP.tolist()


@pytest.mark.parametrize("name", ["mask.png", "mask.tif", "mask.bmp", "mask.gif", "mask.pbm"])
def test_read_mask__black_or_white_is_zero_or_not(tmp_path: Path, name: str) -> None:
    Image.fromarray(VALUES > 100).save(tmp_path / name)

    assert (read_mask(tmp_path / name) > 0).tolist() == (VALUES > 100).tolist()


def test_read_mask__whole_numbers_of_32_bits_are_kept_if_they_fit(tmp_path: Path) -> None:
    for name, factor in (("fits.tif", 257), ("above.tif", 258), ("below.tif", -1)):
        Image.fromarray(VALUES.astype(np.int32) * factor).save(tmp_path / name)

    assert read_mask(tmp_path / "fits.tif").tolist() == DEEP.tolist()
    for name in ("above.tif", "below.tif"):
        with pytest.raises(DataError, match="from 0 to 65535"):
            read_mask(tmp_path / name)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_read_mask__what_is_transparent_is_not_marked(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(VALUES).convert(mode)
    image.putalpha(Image.fromarray(np.where(VALUES > 100, 0, 9).astype(np.uint8)))
    image.save(tmp_path / "mask.png")

    assert read_mask(tmp_path / "mask.png").tolist() == np.where(VALUES > 100, 0, VALUES).tolist()


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr", "F"])
def test_read_mask__refuses_what_says_no_number(tmp_path: Path, mode: str) -> None:
    Image.fromarray(VALUES).convert("RGB" if mode == "LAB" else "L").convert(mode).save(
        tmp_path / "mask.tif"
    )

    with pytest.raises(DataError, match="one channel of whole numbers") as refused:
        read_mask(tmp_path / "mask.tif")
    assert "mask.tif" in refused.value.message
    assert "greyscale PNG" in refused.value.hint


def test_read_mask__a_mask_of_a_large_photograph_may_take_few_bytes(tmp_path: Path) -> None:
    Image.new("1", (7_000, 7_000)).save(tmp_path / "empty.png")

    assert (tmp_path / "empty.png").stat().st_size < 10_000
    assert not read_mask(tmp_path / "empty.png").any()


def test_read_mask__more_than_any_camera_has_may_not(tmp_path: Path) -> None:
    Image.new("1", (7_200, 7_200)).save(tmp_path / "empty.png")

    with pytest.raises(DataError, match="no mask has more than 150 pixels per byte"):
        read_mask(tmp_path / "empty.png")


def test_read_mask__names_the_file_and_the_next_step(tmp_path: Path) -> None:
    file = BytesIO()
    Image.fromarray(VALUES).save(file, "PNG")
    (tmp_path / "cut.png").write_bytes(file.getvalue()[:50])
    broken = make_png(4, 3, 8, 0, b"no zlib").replace(b"IEND", b"IEND" + png_chunk(b"x", b""))
    (tmp_path / "broken.png").write_bytes(broken)
    (tmp_path / "folder.png").mkdir()

    for name in ("cut.png", "broken.png", "folder.png", "absent.png", "a\0b.png", "x" * 999):
        with pytest.raises(DataError, match=r"The mask .* cannot be read") as refused:
            read_mask(tmp_path / name, hint="Do this.")
        assert refused.value.hint == "Do this."
        assert refused.value.message.isprintable()
