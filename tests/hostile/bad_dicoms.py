"""DICOM files as they should not be; each names a patient in every element that may."""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, RLELossless

from tests.hostile.cases import OPENED, Case, made
from tests.hostile.pictures import encode, png_bomb
from tests.imports.dicom_files import PLANTED, dataset, picture

_REFUSED = "DataError"
DEFLATED = "1.2.840.10008.1.2.1.99"


def dicom_cases() -> list[Case]:
    """Returns hostile DICOM files."""
    return [*_readable(), *_refused(), *_lying(), *_damaged(), *_not_plain_files()]


def _readable() -> Iterator[Case]:
    whole = picture()
    grey = whole[..., 0]
    deep = grey.astype(np.uint16) * 257
    yield _case("rgb", lambda: dataset(whole), OPENED)
    yield _case("grey", lambda: dataset(grey), OPENED)
    yield _case("inverted", lambda: dataset(grey, PhotometricInterpretation="MONOCHROME1"), OPENED)
    yield _case("deep", lambda: dataset(deep), OPENED)
    yield _case("twelve bits", lambda: dataset(deep // 16, BitsStored=12, HighBit=11), OPENED)
    yield _case("signed", lambda: dataset(grey, PixelRepresentation=1), OPENED)
    yield _case("names everywhere", _named_everywhere, OPENED)
    yield _case("formula", lambda: dataset(whole, ManufacturerModelName="=cmd|' /C x'!A0"), OPENED)
    yield _case("page", lambda: dataset(whole, ManufacturerModelName="<script>"), OPENED)
    yield _case("no patient", lambda: dataset(whole, PatientID=None), OPENED)
    yield _case("odd age", lambda: dataset(whole, PatientAge="9999"), OPENED)


def _refused() -> Iterator[Case]:
    whole = picture()
    frames = np.stack([whole, whole])
    yield _case("burned in", lambda: dataset(whole, BurnedInAnnotation="YES"), _REFUSED)
    yield _case("no pixels", lambda: dataset(whole, PixelData=None), _REFUSED)
    yield _case("no rows", lambda: dataset(whole, Rows=None), _REFUSED)
    yield _case("zero rows", lambda: dataset(whole, Rows=0), _REFUSED)
    yield _case("frames", lambda: _frames(frames), _REFUSED)
    yield _case("huge", lambda: dataset(whole, Rows=60_000, Columns=60_000), _REFUSED)
    yield _case("four colours", lambda: dataset(whole, SamplesPerPixel=4), _REFUSED)
    yield _case(
        "unknown colours", lambda: dataset(whole, PhotometricInterpretation="X"), _REFUSED, OPENED
    )
    yield _case("no colours", lambda: dataset(whole, PhotometricInterpretation=None), _REFUSED)
    yield _case(
        "no palette",
        lambda: dataset(whole[..., 0], PhotometricInterpretation="PALETTE COLOR"),
        _REFUSED,
    )


def _lying() -> Iterator[Case]:
    whole = picture()
    yield _case("short", lambda: dataset(whole, PixelData=b"\0" * 100), _REFUSED)
    yield _case("long", lambda: dataset(whole, PixelData=bytes(200_000)), OPENED, _REFUSED)
    yield _case("few bits", lambda: dataset(whole, BitsStored=1), OPENED, _REFUSED)
    yield _case(
        "more bits stored", lambda: dataset(whole, BitsStored=16, HighBit=15), OPENED, _REFUSED
    )
    yield _case("jpeg is a png", lambda: _jpeg(png_bomb(9_900, 9_900)), _REFUSED)
    yield _case("jpeg is large", lambda: _jpeg(encode(_even(4000), "JPEG")), _REFUSED)
    yield _case("jpeg is text", lambda: _jpeg(b"text" * 10), _REFUSED)
    yield _case("jpeg 2000 is text", lambda: _compressed(b"text" * 10, JPEG2000), _REFUSED)
    yield _case("runs without end", lambda: _compressed(_runs(), RLELossless), _REFUSED)
    yield _case("unknown syntax", lambda: _compressed(b"x" * 40, "1.2.3.4"), _REFUSED)
    yield made("deflated bomb.dcm", _deflated_bomb, _REFUSED)
    yield made("nested.dcm", _deep, OPENED, _REFUSED)


def _damaged() -> Iterator[Case]:
    sound = _written(dataset(picture()))
    for share in (0.005, 0.01, 0.03, 0.5, 0.99):
        cut = sound[: max(132, int(share * len(sound)))]
        yield made(f"cut {share:.1%}.dcm", lambda cut=cut: cut, _REFUSED)
    for place in range(140, 900, 40):
        turned = bytearray(sound)
        turned[place] ^= 0x55
        yield made(f"flipped {place}.dcm", lambda turned=turned: bytes(turned), OPENED, _REFUSED)
    yield made("header only.dcm", lambda: bytes(128) + b"DICM", _REFUSED)
    endless = (
        bytes(128)
        + b"DICM"
        + b"\x02\0\0\0UL\x04\0\xff\xff\xff\xff"
        + b"\x08\0\x05\0UN\0\0\xff\xff\xff\xf0"
    )
    yield made("endless element.dcm", lambda: endless, _REFUSED)
    yield made("noise.dcm", lambda: bytes(128) + b"DICM" + bytes(range(256)) * 20, _REFUSED)


def _not_plain_files() -> Iterator[Case]:
    for name, target in (
        ("endless", "/dev/zero"),
        ("nowhere", "/nonexistent"),
        ("users", "/etc/passwd"),
    ):
        yield Case(f"{name}.dcm", _link(target), frozenset({_REFUSED}))
    yield Case("pipe.dcm", os.mkfifo, frozenset({_REFUSED}))
    yield Case("itself.dcm", lambda path: path.symlink_to(path), frozenset({_REFUSED}))


def _case(name: str, make: Callable[[], FileDataset], *expected: str) -> Case:
    return made(f"{name}.dcm", lambda: _written(make()), *expected)


def _written(found: FileDataset) -> bytes:
    file = io.BytesIO()
    found.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _named_everywhere() -> FileDataset:
    """Returns a photograph that names its patient in nested, private and free elements."""
    found = dataset(picture(), ImageComments=f"{PLANTED[0]} {PLANTED[1]}")
    found.OtherPatientIDs = PLANTED[1]
    found.StudyDescription = found.SeriesDescription = found.AccessionNumber = PLANTED[1]
    found.InstitutionName, found.OperatorsName = f"House of {PLANTED[0]}", PLANTED[0]
    inner = Dataset()
    inner.PatientName, inner.PatientID = PLANTED[0], PLANTED[1]
    found.OtherPatientIDsSequence = Sequence([inner])
    found.IssuerOfPatientID = PLANTED[1]
    return found


def _frames(pixels: Any) -> FileDataset:
    found = dataset(pixels[0], NumberOfFrames=len(pixels))
    found.PixelData = pixels.tobytes()
    return found


def _compressed(data: bytes, syntax: str) -> FileDataset:
    found = dataset(picture())
    found.file_meta.TransferSyntaxUID = syntax
    found.PixelData = encapsulate([data])
    found["PixelData"].is_undefined_length = True
    return found


def _jpeg(data: bytes) -> FileDataset:
    return _compressed(data, JPEGBaseline8Bit)


def _even(side: int) -> Image.Image:
    return Image.new("RGB", (side, side))


def _coloured(interpretation: str | None) -> Callable[[], FileDataset]:
    return lambda: dataset(picture(), PhotometricInterpretation=interpretation)


def _runs() -> bytes:
    """Returns run lengths that unpack to far more than the picture."""
    return struct.pack("<16I", 3, 64, 64, 64, *[0] * 12) + b"\x81\xff" * 200_000


def _deflated_bomb() -> bytes:
    """Returns a file of one megabyte whose elements unpack to a gigabyte."""
    sound = _written(dataset(picture(), PixelData=b"\0\0"))
    syntax = b"1.2.840.10008.1.2.1\0"
    place = sound.index(syntax)
    head = sound[: place - 8] + b"\x02\0\x10\0UI" + struct.pack("<H", 22) + DEFLATED.encode()
    rest = sound[place + len(syntax) :]
    length = struct.unpack_from("<I", head, 140)[0]
    head = head[:140] + struct.pack("<I", length + 2) + head[144:]
    start = 144 + length + 2
    meta, body = (head + rest)[:start], (head + rest)[start:]
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(body) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(1000))
    return meta + packed + packer.flush()


def _deep() -> bytes:
    """Returns a photograph with sequences inside sequences, a thousand deep."""
    sound = _written(dataset(picture()))
    opened = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    place = sound.index(b"\x08\0\x60\0CS")
    return sound[:place] + opened * 1500 + closed * 1500 + sound[place:]


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)
