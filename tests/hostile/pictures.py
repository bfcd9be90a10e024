"""Photographs as they come: every kind of file that must be read, and the plainly broken ones."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from fundus_core.domain.dataset import RejectReason
from tests.hostile.cases import OPENED, Case, of_bytes

HEIGHT, WIDTH = 120, 160
"""Size of every sound picture, when upright."""

STORED_BY = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""EXIF orientation and the `Image.Transpose` that stores an upright picture under it."""

DAMAGED_EXIF = b"Exif\0\0II*\0abc"


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One file of the corpus and what must become of it."""

    path: Path

    reason: RejectReason | None
    """Why it must be refused; None when it must be read."""

    grey: bool = False
    """True when only the lightness of `picture()` can be expected, in all three channels."""


def picture() -> NDArray[np.uint8]:
    """Returns a smooth, asymmetric retina-like disc on black, shape (HEIGHT, WIDTH, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    inside = (y - HEIGHT / 2) ** 2 + (x - WIDTH / 2) ** 2 < (0.48 * HEIGHT) ** 2
    red = 120 + 80 * x / WIDTH
    green = 60 + 60 * y / HEIGHT
    blue = 30 + 20 * x / WIDTH
    return (np.stack([red, green, blue], axis=2) * inside[..., np.newaxis]).astype(np.uint8)


def make_hostile_corpus(folder: Path) -> list[HostileFile]:
    """Writes about fifty files into `folder`; no two sound ones have the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = {**_sound_pictures(), **_deep_pictures(), **_rotated_pictures()}
    grey = {name for name in sound if name.startswith("grey")}
    files = [HostileFile(_write(folder, n, data), None, n in grey) for n, data in sound.items()]
    for reason, broken in _broken_pictures().items():
        files += [HostileFile(_write(folder, name, data), reason) for name, data in broken.items()]
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    files.append(HostileFile(folder / "folder.jpg", "unreadable"))
    files.append(HostileFile(folder / "dangling.jpg", "missing"))
    return files


def sound_or_refused() -> Iterator[Case]:
    """Yields the same files as cases."""
    for name, data in {**_sound_pictures(), **_deep_pictures(), **_rotated_pictures()}.items():
        yield of_bytes(name, data, OPENED, shows="grey" if name.startswith("grey") else "picture")
    for reason, broken in _broken_pictures().items():
        for name, data in broken.items():
            yield of_bytes(name, data, reason)


@cache
def png_bomb(width: int, height: int) -> bytes:
    """Returns a sound black-and-white PNG of that size: 30,000 x 30,000 take 110 kB."""
    row = b"\0" * (1 + (width + 7) // 8)
    compressor = zlib.compressobj(9)
    body = b"".join(compressor.compress(row * 1000) for _ in range(height // 1000))
    body += compressor.compress(row * (height % 1000)) + compressor.flush()
    return make_png(width, height, 1, 0, body)


def make_png(
    width: int, height: int, bits: int, colour: int, body: bytes, *, palette: bytes = b""
) -> bytes:
    """Returns a PNG of a body that is compressed already."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
    if palette:
        chunks.insert(1, (b"PLTE", palette))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Returns the image as the bytes of a file."""
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _sound_pictures() -> dict[str, bytes]:
    """Returns 8-bit files of every mode and format that must be read."""
    rgb = Image.fromarray(picture())
    cmyk = Image.merge("CMYK", [*(band.point(lambda v: 255 - v) for band in rgb.split()), _flat(0)])
    alpha = _flat(255)
    palette = rgb.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    jpeg = encode(rgb, "JPEG", quality=97, subsampling=0)
    return {
        "plain.jpg": jpeg,
        "progressive.JPEG": encode(rgb, "JPEG", quality=97, subsampling=0, progressive=True),
        "trailing bytes.jpg": jpeg + b"\0" * 5000,
        "stray bytes.jpg": jpeg[:-2] + b"\x12\x34\x56" + jpeg[-2:],
        "damaged exif.jpg": encode(rgb, "JPEG", quality=98, subsampling=0, exif=DAMAGED_EXIF),
        "\u00f8je \u773c e\u0301.jpg": encode(rgb, "JPEG", quality=99, subsampling=0),
        "cmyk.jpg": encode(cmyk, "JPEG", quality=97, subsampling=0),
        "cmyk not inverted.jpg": _without_adobe_marker(
            encode(ImageChops.invert(cmyk), "JPEG", quality=97, subsampling=0)
        ),
        "cmyk.tif": encode(cmyk, "TIFF"),
        "ycbcr.tif": encode(rgb.convert("YCbCr"), "TIFF"),
        "lzw.tif": encode(rgb, "TIFF", compression="tiff_lzw"),
        "with preview.tif": encode(
            rgb, "TIFF", save_all=True, append_images=[rgb.resize((40, 30))]
        ),
        "plain.png": encode(rgb, "PNG"),
        "png in truth.jpg": encode(rgb, "PNG", compress_level=1),
        "rgba.png": encode(Image.merge("RGBA", [*rgb.split(), alpha]), "PNG"),
        "hidden colour.png": encode(_with_hidden_colour(rgb), "PNG"),
        "palette.png": encode(palette, "PNG"),
        "palette transparent.png": encode(palette, "PNG", transparency=bytes([255] * 256)),
        "grey.png": encode(rgb.convert("L"), "PNG"),
        "grey alpha.png": encode(Image.merge("LA", [rgb.convert("L"), alpha]), "PNG"),
        "grey.jpg": encode(rgb.convert("L"), "JPEG", quality=97),
        "plain.bmp": encode(rgb, "BMP"),
        "plain.webp": encode(rgb, "WEBP", lossless=True),
        "plain.gif": encode(palette, "GIF"),
        "plain.ppm": encode(rgb, "PPM"),
    }


def _deep_pictures() -> dict[str, bytes]:
    """Returns files of 16 bits per channel, whose values are 257 times those of 8 bits."""
    deep = picture().astype(np.uint16) * 257
    grey = np.asarray(Image.fromarray(picture()).convert("L")).astype(np.uint16) * 257
    deep_grey = Image.fromarray(grey)
    big_endian_grey = Image.frombytes("I;16B", deep_grey.size, grey.astype(">u2").tobytes())
    return {
        "rgb16.png": _png16(deep),
        "rgb16.tif": _tiff16(deep),
        "grey16.png": encode(deep_grey, "PNG"),
        "grey16.tif": encode(deep_grey, "TIFF"),
        "grey16 lzw.tif": encode(deep_grey, "TIFF", compression="tiff_lzw"),
        "grey16 big endian.tif": encode(big_endian_grey, "TIFF"),
    }


def _rotated_pictures() -> dict[str, bytes]:
    """Returns files that are stored turned or mirrored, with the EXIF orientation that says so."""
    files = {}
    for orientation, stored_by in STORED_BY.items():
        stored = Image.fromarray(picture()).transpose(Image.Transpose(stored_by))
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"orientation {orientation}"
        files[f"{name}.jpg"] = encode(stored, "JPEG", quality=97, subsampling=0, exif=exif)
        files[f"{name}.png"] = encode(stored, "PNG", exif=exif)
        files[f"{name}.tif"] = encode(stored, "TIFF", tiffinfo={274: orientation})
        files[f"{name}.webp"] = encode(stored, "WEBP", lossless=True, exif=exif)
    return files


def _broken_pictures() -> dict[RejectReason, dict[str, bytes]]:
    """Returns files that must be refused, by reason."""
    rgb = Image.fromarray(picture())
    jpeg, png = encode(rgb, "JPEG", quality=96), encode(rgb, "PNG", compress_level=2)
    tiff = encode(rgb, "TIFF", compression="tiff_lzw")
    other = rgb.transpose(Image.Transpose.ROTATE_180)
    unseen = Image.merge("RGBA", [*rgb.split(), _flat(0)])
    return {
        "truncated": {
            "half.jpg": jpeg[: len(jpeg) // 2],
            "half progressive.jpg": encode(rgb, "JPEG", progressive=True)[:1500],
            "without last bytes.jpg": jpeg[:-12],
            "cut and closed again.jpg": jpeg[: len(jpeg) // 2] + b"\xff\xd9",
            "half.png": png[: len(png) // 2],
            "half.tif": tiff[: len(tiff) // 2],
            "half, tags first.tif": make_tiff(WIDTH, HEIGHT, 8, b"\0" * 20000),
            "half.bmp": encode(rgb, "BMP")[:20000],
        },
        "unreadable": {
            "empty.jpg": b"",
            "text.jpg": b"This is not a photograph.",
            "page.png": b"<!doctype html><title>404</title>",
            "drawing.svg.png": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
            "noise.jpg": b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4,
            "start only.png": b"\x89PNG\r\n\x1a\n",
            "floats.tif": encode(Image.fromarray(np.ones((HEIGHT, WIDTH), np.float32)), "TIFF"),
            "pages.tif": encode(rgb, "TIFF", save_all=True, append_images=[other]),
            "animation.gif": encode(rgb, "GIF", save_all=True, append_images=[other]),
            "animation.webp": encode(rgb, "WEBP", save_all=True, append_images=[other]),
            "unseen.png": encode(unseen, "PNG"),
        },
        "too_large": {
            "bomb.png": png_bomb(30_000, 30_000),
            "bomb.bmp": _bmp_header(30_000, 30_000),
            "bomb.tif": _tiff_header(30_000, 30_000),
            "bomb.gif": _gif_header(30_000, 30_000),
            "bomb.ppm": b"P6 30000 30000 255\n",
            "just above the limit.png": png_bomb(10_001, 10_000),
        },
        "blank": {
            "black.jpg": encode(_flat(0), "JPEG"),
            "white.png": encode(_flat(255), "PNG"),
            "one red.tif": encode(Image.new("RGB", rgb.size, (180, 40, 20)), "TIFF"),
            "noise in the dark.png": encode(Image.fromarray(_noise(15)), "PNG"),
        },
        "too_small": {
            "tiny.png": encode(rgb.resize((32, 24)), "PNG"),
            "narrow.jpg": encode(rgb.resize((160, 63)), "JPEG"),
        },
    }


def _flat(value: int) -> Image.Image:
    """Returns a grey picture of one value."""
    return Image.new("L", (WIDTH, HEIGHT), value)


def _noise(levels: int) -> NDArray[np.uint8]:
    """Returns noise (H, W, 3) whose values differ by at most so many."""
    return np.random.default_rng(0).integers(0, levels, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def _without_adobe_marker(jpeg: bytes) -> bytes:
    """Returns a JPEG without the segment that says that its CMYK values are inverted."""
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


def _with_hidden_colour(rgb: Image.Image) -> Image.Image:
    """Returns the picture with its black border stored as transparent red."""
    pixels = np.asarray(rgb)
    border = (pixels == 0).all(axis=2)
    hidden = np.where(border[..., np.newaxis], np.uint8([255, 0, 0]), pixels)
    alpha = np.where(border, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([hidden, alpha]))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Returns one chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png16(pixels: NDArray[np.uint16]) -> bytes:
    """Returns a PNG of 16 bits per channel, which Pillow cannot write."""
    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    body = zlib.compress(np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes())
    return make_png(width, height, 16, 2, body)


def make_tiff(
    width: int,
    height: int,
    bits: int,
    body: bytes,
    *,
    compression: int = 1,
    n_bytes: int | None = None,
    more: Sequence[tuple[int, int, int, int]] = (),
) -> bytes:
    """Returns a little-endian RGB TIFF of one strip with `bits` per channel; tags may be added."""
    length = width * height * bits * 3 // 8 if n_bytes is None else n_bytes
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8), (259, 3, 1, compression)]
    tags += [(262, 3, 1, 2), (273, 4, 1, 250), (277, 3, 1, 3), (278, 4, 1, height)]
    tags += [(279, 4, 1, length)]
    replaced = {tag[0] for tag in more}
    tags = sorted([*(tag for tag in tags if tag[0] not in replaced), *more])
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags)
    head = b"II*\0" + struct.pack("<I", 16) + struct.pack("<HHHH", bits, bits, bits, 0) + directory
    return (head + b"\0" * 4).ljust(250, b"\0") + body


def _tiff16(pixels: NDArray[np.uint16]) -> bytes:
    """Returns an RGB TIFF of 16 bits per channel, which Pillow cannot write."""
    height, width = pixels.shape[:2]
    return make_tiff(width, height, 16, pixels.astype("<u2").tobytes())


def _tiff_header(width: int, height: int) -> bytes:
    """Returns a TIFF that claims a size and holds next to nothing."""
    return make_tiff(width, height, 8, b"\0" * 100)


def _bmp_header(width: int, height: int) -> bytes:
    """Returns a BMP that claims a size and holds next to nothing."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 100, 0, 0, 54) + header + b"\0" * 100


def _gif_header(width: int, height: int) -> bytes:
    """Returns a GIF that claims a size and holds next to nothing."""
    screen = struct.pack("<HHBBB", width, height, 0, 0, 0)
    frame = struct.pack("<HHHHB", 0, 0, width, height, 0)
    return b"GIF89a" + screen + b"," + frame + b"\x08\x01\0\0;"


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Writes one file and returns its path."""
    path = folder / name
    path.write_bytes(data)
    return path
