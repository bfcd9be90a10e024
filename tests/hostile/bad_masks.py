"""Masks and fields of view: every kind of file that must be read, and those that pretend to be."""

import os
import random
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.hostile.cases import OPENED, Case, made, of_bytes
from tests.hostile.damaged_pictures import picture_cases
from tests.hostile.pictures import HEIGHT, WIDTH, encode, make_png, make_tiff, png_bomb

REFUSED, REFUSED_IN_PART = "DataError", "DataError in part"
"""Refused by all readers of masks; or by some, since not all compare the proportions."""

_NEVER_OPENED = {"truncated", "unreadable", "too_large", "missing"}
_CUT_AT = (0.02, 0.25, 0.5, 0.9)
_ANY = (OPENED, REFUSED, REFUSED_IN_PART)
_DRAWN = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 160 120\n%%EndComments\n"


def marked() -> NDArray[np.bool_]:
    """Returns what every sound mask marks, shape (HEIGHT, WIDTH)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(((x - 50) ** 2 + (y - 70) ** 2 < 900) | (x - y == 20))


def mask_cases() -> list[Case]:
    """Returns every hostile mask; the names are those of files in one folder."""
    photographs = (case for case in picture_cases() if case.expected <= _NEVER_OPENED)
    refused = frozenset({REFUSED, REFUSED_IN_PART})
    return [
        *(of_bytes(name, data, OPENED, shows="marks") for name, data in sound_masks().items()),
        *_refused(),
        *_bombs(),
        *_cut(),
        *_flipped(),
        *(Case(f"as photograph {one.name}", one.make, refused) for one in photographs),
    ]


def sound_masks() -> dict[str, bytes]:
    """Returns a mask in every format, mode and depth that data sets come in."""
    white = Image.fromarray(marked().astype(np.uint8) * 255)
    ones = Image.fromarray(marked().astype(np.uint8))
    deep = Image.fromarray(marked().astype(np.uint16) * 40_000)
    palette = ones.copy()
    palette.putpalette([0, 0, 0, 200, 30, 30])
    large = white.resize((8 * WIDTH, 8 * HEIGHT), Image.Resampling.NEAREST)
    grey_and_clear = Image.merge("LA", [white, white])
    return {
        "black or white.png": encode(white.convert("1"), "PNG"),
        "white.png": encode(white, "PNG"),
        "ones.png": encode(ones, "PNG"),
        "palette.png": encode(palette, "PNG"),
        "palette clear.png": encode(palette, "PNG", transparency=0),
        "deep.png": encode(deep, "PNG"),
        "colours.png": encode(white.convert("RGB"), "PNG"),
        "colours clear.png": encode(white.convert("RGBA"), "PNG"),
        "grey clear.png": encode(grey_and_clear, "PNG"),
        "large.png": encode(large.convert("1"), "PNG"),
        "fax.tif": encode(white.convert("1"), "TIFF", compression="group4"),
        "packed.tif": encode(white.convert("1"), "TIFF", compression="packbits"),
        "white.tif": encode(white, "TIFF", compression="tiff_lzw"),
        "palette.tif": encode(palette, "TIFF"),
        "deep.tif": encode(deep, "TIFF", compression="tiff_deflate"),
        "whole.tif": encode(Image.fromarray(np.asarray(ones).astype(np.int32)), "TIFF"),
        "colours.tif": encode(white.convert("RGB"), "TIFF"),
        "black or white.bmp": encode(white.convert("1"), "BMP"),
        "white.bmp": encode(white, "BMP"),
        "palette.bmp": encode(palette, "BMP"),
        "white.gif": encode(white, "GIF"),
        "palette.gif": encode(palette, "GIF"),
        "grey.ppm": encode(white, "PPM"),
        "colours.ppm": encode(white.convert("RGB"), "PPM"),
        "black or white.pbm": encode(white.convert("1"), "PPM"),
        "white.webp": encode(white, "WEBP", lossless=True),
        "white.jpg": encode(white, "JPEG", quality=100),
        "bitmap in truth.png": encode(white.convert("L"), "BMP") + b"\0",
        "picture in truth.eps": encode(ones, "PNG", compress_level=1),
        "fov \u773c e\u0301.png": encode(white, "PNG", compress_level=2),
    }


def _refused() -> Iterator[Case]:
    """Files of other programs, and pictures whose values say nothing."""
    white = Image.fromarray(marked().astype(np.uint8) * 255)
    cmyk = Image.merge("CMYK", [Image.new("L", white.size)] * 3 + [white])
    turned = white.transpose(Image.Transpose.ROTATE_180)
    several = {"save_all": True, "append_images": [turned]}
    whole = np.asarray(white).astype(np.int32)
    values = np.where(marked(), np.nan, 0).astype(np.float32)
    header = b"SIMPLE  =                    T".ljust(80)
    header += b"BITPIX  =                    8".ljust(80)
    header += b"NAXIS   =                    2".ljust(80)
    header += f"NAXIS1  = {WIDTH:20}".encode().ljust(80)
    header += f"NAXIS2  = {HEIGHT:20}".encode().ljust(80)
    drawn = encode(white, "EPS")
    photoshop = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 1, HEIGHT, WIDTH, 8, 1)
    files = {
        "loop.png": f"{_DRAWN}{{}} loop\n%%EOF\n".encode(),
        "loop.eps": f"{_DRAWN}% \n{{}} loop\n%%EOF\n".encode(),
        "drawn.png": f"{_DRAWN}0 setgray 10 10 50 50 rectfill showpage\n%%EOF\n".encode(),
        "drawn.eps": drawn,
        "drawn with preview.png": b"\xc5\xd0\xd3\xc6"
        + struct.pack("<IIIIIIH", 32, len(drawn), 0, 0, 0, 0, 0xFFFF)
        + bytes(2)
        + drawn,
        "photoshop.png": photoshop + bytes(12) + b"\0\0" + bytes(HEIGHT * WIDTH),
        "telescope.png": (header + b"END".ljust(80)).ljust(2880) + bytes(2880 * 7),
        "packed telescope.fits": (header + b"ZCMPTYPE= 'GZIP_1  '".ljust(80)).ljust(2880) * 2,
        "metafile.png": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hHI", 0, 0, 160, 120, 72, 0),
        "enhanced.png": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(60),
        "targa.png": encode(white, "TGA"),
        "brush.png": encode(white, "PCX"),
        "silicon.png": encode(white, "SGI"),
        "icon.png": encode(white, "ICO"),
        "apple.png": b"icns" + struct.pack(">I", 8),
        "jpeg2000.png": encode(white, "JPEG2000"),
        "blocks.png": b"DDS " + bytes(124),
        "array.png": b"\x93NUMPY\1\0" + bytes(200),
        "bitmap text.png": b"#define m_width 8\n#define m_height 8\nstatic char m_bits[] = {0};",
        "spider.png": encode(Image.fromarray(values), "SPIDER"),
        "plain numbers.png": b"P1 2 2 0 1 1 0",
        "float map.png": b"Pf\n2 2\n-1\n" + bytes(16),
        "paper.png": b"%PDF-1.7\n",
        "not numbers.tif": encode(Image.fromarray(values), "TIFF"),
        "without end.tif": encode(Image.fromarray(values + np.float32(np.inf)), "TIFF"),
        "halves.tif": encode(Image.fromarray(marked().astype(np.float32) / 2), "TIFF"),
        "below zero.tif": encode(Image.fromarray(-whole), "TIFF"),
        "above 16 bits.tif": encode(Image.fromarray(whole * 300), "TIFF"),
        "inks.tif": encode(cmyk, "TIFF"),
        "inks.jpg": encode(cmyk, "JPEG"),
        "lightness.tif": encode(white.convert("RGB").convert("LAB"), "TIFF"),
        "red.png": encode(Image.merge("RGB", [white, *[Image.new("L", white.size)] * 2]), "PNG"),
        "moving.gif": encode(white, "GIF", **several),
        "moving.png": encode(white, "PNG", **several),
        "moving.webp": encode(white, "WEBP", **several),
        "pages.tif": encode(white, "TIFF", **several),
        "none.png": make_png(0, 0, 8, 0, b""),
        "narrow.png": encode(white.resize((WIDTH, 1)), "PNG"),
    }
    for name, data in files.items():
        cropped = name == "narrow.png"
        yield of_bytes(name, data, REFUSED_IN_PART if cropped else REFUSED)
    yield Case("pipe.png", os.mkfifo, frozenset({REFUSED}))
    yield Case("circle.png", lambda path: path.symlink_to(path.name), frozenset({REFUSED}))


def _bombs() -> Iterator[Case]:
    """Few bytes that claim many pixels; what a camera could have is opened, however even it is."""
    yield made("bomb.png", lambda: png_bomb(20_000, 20_000), REFUSED)
    yield made("bomb of compression.png", lambda: png_bomb(11_200, 8_400), REFUSED)
    yield made("bomb.bmp", lambda: _bitmap_header(2**31 - 1, 2**31 - 1), REFUSED)
    yield made("bomb fax.tif", lambda: _fax(40_000, 30_000), REFUSED)
    yield made("bomb of fax.tif", lambda: _fax(11_200, 8_400), REFUSED)
    yield made("bomb header.png", lambda: make_png(2**31 - 1, 2**31 - 1, 1, 0, b""), REFUSED)
    yield made("bomb header.tif", _tiff_header, REFUSED)
    yield made("bomb header.pbm", lambda: b"P4 99999999 99999999\n" + bytes(100), REFUSED)
    yield made("empty and large.png", lambda: png_bomb(8_000, 6_000), OPENED)
    yield made("full and large.png", _full, OPENED)


def _tiff_header() -> bytes:
    return make_tiff(2**32 - 1, 2**32 - 1, 8, bytes(100), n_bytes=100)


def _full() -> bytes:
    return encode(Image.new("L", (8_000, 6_000), 255), "PNG")


def _fax(width: int, height: int) -> bytes:
    """Returns a white page, of which each row takes one bit."""
    return encode(Image.new("1", (width, height), 1), "TIFF", compression="group4")


def _bitmap_header(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 1, 0, 0, 2835, 2835, 2, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 100, 0, 0, 62) + header + bytes(108)


def _cut() -> Iterator[Case]:
    rng = np.random.default_rng(1)
    noise = Image.fromarray((rng.random((HEIGHT, WIDTH)) < 0.5).astype(np.uint8) * 255)
    whole = {
        "png": encode(noise.convert("1"), "PNG"),
        "tif": encode(noise.convert("1"), "TIFF", compression="group4"),
        "tiff": encode(noise, "TIFF", compression="tiff_lzw"),
        "bmp": encode(noise, "BMP"),
        "gif": encode(noise, "GIF"),
        "pbm": encode(noise.convert("1"), "PPM"),
        "jpg": encode(noise, "JPEG"),
        "webp": encode(noise, "WEBP", lossless=True),
    }
    for suffix, data in whole.items():
        for share in _CUT_AT:
            yield of_bytes(f"cut {share:.0%}.{suffix}", data[: int(share * len(data))], REFUSED)


def _flipped() -> Iterator[Case]:
    """Bits that flipped: not every format notices, so only a verdict is asked for."""
    for number, (name, data) in enumerate(sound_masks().items()):
        turned = bytearray(data)
        rng = random.Random(number)
        for _ in range(8):
            turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
        yield of_bytes(f"8 bits {name}", bytes(turned), *_ANY)
