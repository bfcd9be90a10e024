"""Photographs that somebody or something damaged: cut, flipped, blown up, mislabelled."""

import os
import random
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from tests.hostile.cases import NOT_THERE, OPENED, Case, made, of_bytes
from tests.hostile.pictures import (
    HEIGHT,
    WIDTH,
    encode,
    make_png,
    make_tiff,
    picture,
    png_bomb,
    png_chunk,
    sound_or_refused,
)

CUT_AT = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
"""Shares of a file's bytes that are left of it."""

FLIPPED_BITS = (1, 8, 64, 400)
PLANTED = "PLANTED^PATRICIA"
"""A name inside metadata that must be found nowhere afterwards."""

_REFUSED = ("truncated", "unreadable")
_ANY = (OPENED, "truncated", "unreadable", "too_large", "too_small", "blank")


def picture_cases() -> list[Case]:
    """Returns every hostile photograph; the names are those of files in one folder."""
    return [
        *sound_or_refused(),
        *_cut(),
        *_flipped(),
        *_bombs(),
        *_strange_metadata(),
        *_strange_pixels(),
        *_other_files(),
        *_names(),
        *_not_plain_files(),
    ]


def _formats(seed: int) -> dict[str, bytes]:
    """Returns a picture in every format; another one for every seed."""
    rng = np.random.default_rng(seed)
    noisy = picture() // 2 + rng.integers(0, 100, (HEIGHT, WIDTH, 3), np.uint8)
    rgb = Image.fromarray(noisy)
    return {
        "jpg": encode(rgb, "JPEG", quality=92),
        "jpeg": encode(rgb, "JPEG", quality=92, progressive=True),
        "png": encode(rgb, "PNG"),
        "tif": encode(rgb, "TIFF"),
        "tiff": encode(rgb, "TIFF", compression="tiff_deflate"),
        "bmp": encode(rgb, "BMP"),
        "webp": encode(rgb, "WEBP", quality=90),
        "gif": encode(rgb, "GIF"),
        "ppm": encode(rgb, "PPM"),
    }


def _cut() -> Iterator[Case]:
    for suffix, data in _formats(1).items():
        for share in CUT_AT:
            yield of_bytes(f"cut {share:.0%}.{suffix}", data[: int(share * len(data))], *_REFUSED)


def _flipped() -> Iterator[Case]:
    """Bits that flipped: no format but PNG notices each of them, so only a verdict is asked for."""
    for number, n_bits in enumerate(FLIPPED_BITS):
        for suffix, data in _formats(10 + number).items():
            turned = bytearray(data)
            rng = random.Random(number)
            for _ in range(n_bits):
                turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
            yield of_bytes(f"{n_bits} bits.{suffix}", bytes(turned), *_ANY)


def _bombs() -> Iterator[Case]:
    yield made("bomb 400 Mpx.png", lambda: png_bomb(20_000, 20_000), "too_large")
    yield made("bomb under the limit.png", lambda: png_bomb(9_900, 9_900), "too_large")
    yield made("bomb 25 Mpx.png", lambda: png_bomb(5_000, 5_000), "too_large")
    yield made("bomb 16 bits.png", lambda: _flat_png(9_000, 16, 2), "too_large")
    yield made("bomb alpha.png", lambda: _flat_png(9_000, 8, 6), "too_large")
    yield made("bomb.tiff", _tiff_bomb, "too_large")
    yield made("bomb frame.gif", _gif_bomb, "too_large", "unreadable", "truncated")
    yield made("bomb.webp", _webp_bomb, "too_large", "unreadable")
    yield made("bomb lossless.webp", _lossless_webp_bomb, "too_large", "unreadable")
    yield made("bomb.jpg", lambda: _resized_jpeg(65_500, 65_500), "too_large")
    yield made("bomb under the limit.jpg", lambda: _resized_jpeg(9_900, 9_900), "too_large")
    yield made("scans without end.jpg", _many_scans, "unreadable")
    yield made("20,000 pages.tif", _many_pages, "unreadable")
    yield made("10,000 frames.gif", _many_frames, "unreadable")
    yield made("text bomb.png", lambda: _png_with(b"zTXt", b"k\0\0", 200 << 20), *_ANY)
    yield made("profile bomb.png", lambda: _png_with(b"iCCP", b"k\0\0", 200 << 20), *_ANY)
    yield made("many texts.png", _many_texts, *_ANY)
    yield made("pages in a circle.tif", _pages_in_a_circle, *_ANY)
    yield made("tag of four billion.tif", lambda: _tiff_tag(270, 2, 0xFFFFFFFF), *_ANY)
    yield made("strips of four billion.tif", lambda: _tiff_tag(273, 4, 0xFFFFFFF0), *_REFUSED)
    yield made("tiles of nothing.tif", lambda: _tiff_tag(322, 4, 1), *_ANY)


def _strange_metadata() -> Iterator[Case]:
    rgb = Image.fromarray(picture())
    options = {"quality": 97, "subsampling": 0}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = Image.Exif()
    named[0x013B], named[0x010E] = PLANTED, f"{PLANTED} 1950-12-24"
    named[0x8825] = {1: "N", 2: (48.0, 51.0, 0.0)}
    yield _shown("profile.jpg", encode(rgb, "JPEG", icc_profile=profile, **options))
    yield _shown("broken profile.jpg", encode(rgb, "JPEG", icc_profile=b"\xff" * 300, **options))
    yield _shown("profile.png", encode(rgb, "PNG", icc_profile=profile))
    yield _shown("named.jpg", encode(rgb, "JPEG", exif=named, comment=PLANTED.encode(), **options))
    yield _shown("xmp.jpg", encode(rgb, "JPEG", xmp=b"<x/>" * 9000, **options))
    for value in (0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = value
        yield _shown(f"turned by {value}.jpg", encode(rgb, "JPEG", exif=exif, **options))
    for value in range(1, 9):
        yield _shown(f"thumbnail {value}.jpg", _with_thumbnail(value))
    yield _shown("segments.jpg", _with_segments(3000))


def _strange_pixels() -> Iterator[Case]:
    rgb = Image.fromarray(picture())
    nan = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    deep = np.full((HEIGHT, WIDTH), 2**31 - 1, np.int32)
    other = rgb.transpose(Image.Transpose.ROTATE_180)
    yield of_bytes("nan.tif", encode(Image.fromarray(nan), "TIFF"), "unreadable")
    yield of_bytes("infinite.tif", encode(Image.fromarray(nan / 0), "TIFF"), "unreadable")
    yield of_bytes("32 bits.tif", encode(Image.fromarray(deep), "TIFF"), "unreadable")
    yield of_bytes("lab.tif", encode(rgb.convert("LAB"), "TIFF"), OPENED, "unreadable")
    yield of_bytes("black or white.png", encode(rgb.convert("1"), "PNG"), OPENED)
    yield of_bytes(
        "moving.png", encode(rgb, "PNG", save_all=True, append_images=[other]), "unreadable"
    )
    yield of_bytes("zero.png", make_png(0, 0, 8, 2, b""), *_REFUSED, "too_small")
    yield of_bytes("zero.gif", b"GIF89a\0\0\0\0\0\0\0;", *_REFUSED, "too_small")
    yield of_bytes("zero.ppm", b"P6 0 0 255\n", *_REFUSED, "too_small")
    yield of_bytes("negative.ppm", b"P6 -100 100 255\n" + bytes(30000), *_REFUSED, "too_small")
    yield of_bytes("huge number.ppm", b"P6 " + b"9" * 4000 + b" 100 255\n", *_REFUSED, "too_large")
    yield of_bytes("endless comment.ppm", b"P6 #" + b"x" * 500_000, *_REFUSED)
    yield of_bytes("no maximum.ppm", b"P6 100 100 0\n" + bytes(30000), *_REFUSED)
    yield of_bytes("one bit of a palette.png", _short_palette(), *_ANY)
    yield of_bytes("wrong sum.png", _wrong_sum(), "unreadable", "truncated")
    yield of_bytes("no pixels.png", make_png(WIDTH, HEIGHT, 8, 2, b""), *_REFUSED)
    yield of_bytes(
        "few pixels.png", make_png(WIDTH, HEIGHT, 8, 2, zlib.compress(b"\0" * 99)), *_REFUSED
    )
    yield of_bytes("12 bits.jpg", _changed_frame(0, 12), *_REFUSED)
    yield of_bytes("no components.jpg", _changed_frame(5, 0), *_REFUSED)
    yield of_bytes("marker only.jpg", b"\xff\xd8\xff\xd9", *_REFUSED)


def _other_files() -> Iterator[Case]:
    """Files of other programs under the name of a photograph, some of which would run them."""
    drawing = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg/>'
    others = {
        "drawing.jpg": drawing,
        "page.jpg": b"<html><script>alert(1)</script>",
        "print.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nquit\n",
        "paper.jpg": b"%PDF-1.7\n1 0 obj<</OpenAction 2 0 R>>endobj",
        "program.jpg": b"\x7fELF\x02\x01\x01" + bytes(400),
        "windows program.jpg": b"MZ\x90\0" + bytes(400),
        "script.jpg": b"#!/bin/sh\ntouch marker\n",
        "pickle.jpg": b"\x80\x04\x95\x10\0\0\0cos\nsystem\n.",
        "archive.jpg": b"PK\x05\x06" + bytes(18),
        "metafile.jpg": b"\xd7\xcd\xc6\x9a" + bytes(200),
        "jpeg2000.jpg": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
        "photoshop.jpg": b"8BPS\0\1" + bytes(100),
        "zeros.jpg": bytes(100_000),
        "icon.jpg": b"\0\0\1\0\1\0" + bytes(60),
        "camera.jpg": b"FUJIFILMCCD-RAW " + bytes(100),
    }
    for name, data in others.items():
        yield of_bytes(name, data, "unreadable")
    yield of_bytes("page behind its picture.jpg", _formats(50)["jpg"] + b"<script>", OPENED)
    yield of_bytes("not supported.dcm", b"\0" * 128 + b"DICM", "unreadable")
    yield of_bytes("not supported.svg", drawing, "unreadable")
    yield of_bytes(".hidden.jpg", _formats(51)["jpg"], NOT_THERE)
    yield of_bytes("notes.txt", b"=1+1", NOT_THERE)


def _names() -> Iterator[Case]:
    """Names that mean something to a shell, a page, a spreadsheet, a terminal or Windows."""
    names = (
        "-rf.jpg", "$(touch marker).jpg", "`touch marker`.jpg", "; touch marker ;.jpg", "a\nb.jpg",
        "a\tb.jpg", "a\x1b[2Jb.jpg", "a\x07b.jpg", "\u202egpj.jpg", "a\u2066b\u2069.jpg",
        "<img src=x onerror=alert(1)>.jpg", "![x](http:host).jpg", "=cmd|' !A1.jpg", "@SUM(1).jpg",
        "%2e%2e%2fetc.jpg", "x\\..\\..\\y.jpg", "C:\\x.jpg", "CON.jpg", "a .jpg", "a..jpg",
        "\u00e9 as one.jpg", "e\u0301 as two.jpg", "\U0001f441.jpg", "\ufeffmark.jpg",
        "'quoted'.jpg",
        '"double".jpg', "a,b;c.jpg", "${HOME}.jpg", "{{7*7}}.jpg", f"{'long' * 60}.jpg",
    )  # fmt: skip
    for number, name in enumerate(names):
        yield of_bytes(name, _formats(100 + number)["jpg"], OPENED)
    undecodable = os.fsdecode(b"caf\xe9 \xff.jpg")
    yield of_bytes(undecodable, _formats(99)["jpg"], OPENED, "unreadable")


def _not_plain_files() -> Iterator[Case]:
    """What a name on disk may be besides a file; links out of the folder are followed as given."""
    refused = frozenset({"unreadable", "missing"})
    yield Case("pipe.jpg", os.mkfifo, refused)
    yield Case("socket.jpg", _socket, refused)
    yield Case("endless.jpg", _link("/dev/zero"), refused)
    yield Case("random.jpg", _link("/dev/urandom"), refused)
    yield Case("memory.jpg", _link("/proc/self/mem"), refused)
    yield Case("environment.jpg", _link("/proc/self/environ"), refused)
    yield Case("passwords.jpg", _link("/etc/passwd"), refused)
    yield Case("nowhere.jpg", _link("/nonexistent/a.jpg"), refused)
    yield Case("itself.jpg", lambda path: path.symlink_to(path), refused)
    yield Case("folder named.png", Path.mkdir, refused)
    yield Case("up", _link(".."), frozenset({NOT_THERE}))
    yield Case("here", _link("."), frozenset({NOT_THERE}))


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _socket(path: Path) -> None:
    """Leaves a socket's name; a relative one, since such names are short."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def _shown(name: str, data: bytes) -> Case:
    return of_bytes(name, data, OPENED, shows="picture")


def _flat_png(side: int, bits: int, colour: int) -> bytes:
    """Returns a square PNG of zeros in few bytes."""
    row = b"\0" * (1 + side * bits * {2: 3, 6: 4}[colour] // 8)
    return make_png(side, side, bits, colour, _squeezed(row, side))


def _squeezed(row: bytes, n_rows: int) -> bytes:
    compressor = zlib.compressobj(9)
    body = b"".join(compressor.compress(row) for _ in range(n_rows))
    return body + compressor.flush()


def _tiff_bomb() -> bytes:
    """Returns 81 megapixels of zeros, deflated, in one strip."""
    side = 9_000
    body = _squeezed(b"\0" * side * 3, side)
    return make_tiff(side, side, 8, body, compression=8, n_bytes=len(body))


def _gif_bomb() -> bytes:
    """Returns a small screen with a large frame."""
    screen = struct.pack("<HHBBB", WIDTH, HEIGHT, 0x80, 0, 0) + bytes(6)
    frame = struct.pack("<HHHHB", 0, 0, 30_000, 30_000, 0)
    return b"GIF89a" + screen + b"," + frame + b"\x02\x02\x44\x01\0;"


def _webp_bomb() -> bytes:
    """Returns the header of an extended WebP of 16,384 x 16,384 pixels with nothing in it."""
    size = (16_383).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size + size
    picture_data = b"VP8L" + struct.pack("<I", 10) + _lossless_header(16_383) + bytes(5)
    return (
        b"RIFF" + struct.pack("<I", 4 + len(chunk + picture_data)) + b"WEBP" + chunk + picture_data
    )


def _lossless_webp_bomb() -> bytes:
    body = _lossless_header(16_383) + bytes(27)
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _lossless_header(side: int) -> bytes:
    return b"\x2f" + struct.pack("<I", side | side << 14)


def _resized_jpeg(width: int, height: int) -> bytes:
    """Returns a small JPEG that claims to be a large one."""
    data = bytearray(_formats(60)["jpg"])
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _many_scans() -> bytes:
    """Returns a progressive JPEG whose last scan is repeated: each costs time over all pixels."""
    data = encode(Image.fromarray(picture()).resize((2000, 2000)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * 2000 + b"\xff\xd9"


def _many_pages() -> bytes:
    """Returns a TIFF of 20,000 directories that share one picture."""
    first = make_tiff(WIDTH, HEIGHT, 8, bytes(WIDTH * HEIGHT * 3))
    start = struct.unpack_from("<I", first, 4)[0]
    n_tags = struct.unpack_from("<H", first, start)[0]
    directory = first[start : start + 2 + 12 * n_tags]
    data = bytearray(first)
    struct.pack_into("<I", data, start + len(directory), len(first))
    for number in range(20_000):
        following = len(first) + (number + 1) * (len(directory) + 4)
        data += directory + struct.pack("<I", following if number < 19_999 else 0)
    return bytes(data)


def _pages_in_a_circle() -> bytes:
    data = bytearray(make_tiff(WIDTH, HEIGHT, 8, picture().tobytes()))
    start = struct.unpack_from("<I", data, 4)[0]
    n_tags = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * n_tags, start)
    return bytes(data)


def _tiff_tag(tag: int, kind: int, count: int) -> bytes:
    """Returns a TIFF one tag of which claims very many values."""
    return make_tiff(WIDTH, HEIGHT, 8, bytes(WIDTH * HEIGHT * 3), more=[(tag, kind, count, 8)])


def _many_frames() -> bytes:
    frame = Image.new("P", (WIDTH, HEIGHT))
    data = encode(frame, "GIF")
    start = data.index(b",")
    return data[:start] + data[start:-1] * 10_000 + b";"


def _png_with(kind: bytes, head: bytes, n_bytes: int) -> bytes:
    """Returns a PNG with a chunk of text that unpacks to very much."""
    data = _formats(61 if kind == b"zTXt" else 62)["png"]
    chunk = png_chunk(kind, head + _squeezed(bytes(1 << 20), n_bytes >> 20))
    return data[:33] + chunk + data[33:]


def _many_texts() -> bytes:
    data = _formats(63)["png"]
    chunk = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000), 9))
    return data[:33] + chunk * 300 + data[33:]


def _with_thumbnail(orientation: int) -> bytes:
    """Returns an upright photograph whose EXIF holds a thumbnail and how that is to be turned."""
    from tests.hostile.pictures import STORED_BY

    small = encode(Image.new("RGB", (40, 30), "red"), "JPEG")
    stored = Image.fromarray(picture())
    if orientation in STORED_BY:
        stored = stored.transpose(Image.Transpose(STORED_BY[orientation]))
    tags = [(0x0112, 3, 1, orientation)]
    second = [(0x0103, 3, 1, 6), (0x0201, 4, 1, 80), (0x0202, 4, 1, len(small))]
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8)
    exif += struct.pack("<H", 1) + struct.pack("<HHII", *tags[0]) + struct.pack("<I", 26)
    exif += struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *tag) for tag in second)
    exif = (exif + bytes(4)).ljust(86, b"\0") + small
    return encode(stored, "JPEG", quality=96, subsampling=0, exif=exif)


def _with_segments(count: int) -> bytes:
    data = encode(Image.fromarray(picture()), "JPEG", quality=95, subsampling=0)
    return data[:2] + b"\xff\xe9\x00\x10made by nobody" * count + data[2:]


def _short_palette() -> bytes:
    """Returns a PNG whose pixels name colours that its palette does not have."""
    body = zlib.compress((b"\0" + b"\xff" * WIDTH) * HEIGHT)
    return make_png(WIDTH, HEIGHT, 8, 3, body, palette=b"\1\2\3")


def _wrong_sum() -> bytes:
    data = bytearray(_formats(64)["png"])
    data[29] ^= 0xFF
    return bytes(data)


def _changed_frame(offset: int, value: int) -> bytes:
    """Returns a JPEG one byte of whose frame header was changed."""
    data = bytearray(_formats(65 + offset)["jpg"])
    start = data.index(b"\xff\xc0") + 4
    data[start + offset] = value
    return bytes(data)


def damaged_formats() -> list[bytes]:
    """Returns a small picture in every format, for mutations."""
    return list(_formats(0).values())
