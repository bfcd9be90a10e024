"""Bundles that somebody tampered with, and archives that are none."""

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from tests.hostile.cases import OPENED, Case, made, of_bytes

DATASET = "planted-0a1b2c"
_ID = "ab" * 16
_REFUSED = "DataError"

BAD_NAMES = (
    "../escaped.json", "runs/../../escaped.json", "/tmp/escaped.json", "C:\\escaped.json",
    "C:/escaped.json", "\\\\host\\share\\escaped.json", "..\\escaped.json", "runs/a/../../x.json",
    "runs/a/run.json\0.exe", "runs/a/run.json/", "runs//run.json", "./runs/a/run.json",
    "runs/\u00e9/run.json", "runs/e\u0301/run.json", "runs/a/run.py", "runs/a/run.pkl",
    "runs/a/.hidden.json", "weights/x.safetensors", "runs/" + "a" * 300 + "/run.json",
    "runs/a/b/c/run.json", "runs/a/RUN.JSON", "datasets/x/dataset.json", "runs/\u202e/run.json",
    "%2e%2e/escaped.json", "runs/a/run.json ", "CON", "nul/run.json", "~/escaped.json",
)  # fmt: skip


def archive_cases() -> list[Case]:
    """Returns files that are handed over as bundles."""
    return [*_sound(), *_named(), *_kinds(), *_sizes(), *_damaged(), *_contents(), *_no_archives()]


def bundle(changes: dict[str, bytes] | None = None, **about: object) -> bytes:
    """Returns a sound bundle of two photographs; files may be added or replaced, None removes."""
    files = {**files_of_bundle(), **(changes or {})}
    listed = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    contents = {
        "format": "fundus-bundle",
        "version": 1,
        "dataset_id": DATASET,
        "about": {"name": "planted", "synthetic": False},
        "left_out": [],
        "patient_ids": "replaced",
        "files": listed,
        **about,
    }
    return zipped({"bundle.json": json.dumps(contents).encode(), **files})


def zipped(files: dict[str, bytes]) -> bytes:
    """Returns a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(_entry(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """Returns an entry that keeps the name it is given, also one that zipfile would mend."""
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    return entry


def files_of_bundle() -> dict[str, bytes]:
    """Returns the files of a sound bundle without runs."""
    table = pd.DataFrame(
        {
            "image_id": [_ID, "cd" * 16],
            "patient_id": ["p0001", "p0002"],
            "eye": ["OD", "OS"],
            "split": [None, None],
            "label": ["a", "b"],
        }
    )
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    target = {"name": "label", "task": "binary", "classes": ["a", "b"], "columns": ["label"]}
    about = {"targets": [target], "rejected": []}
    return {
        "dataset/table.parquet": file.getvalue(),
        "dataset/dataset.json": json.dumps(about).encode(),
    }


def _sound() -> Iterator[Case]:
    yield of_bytes("sound.zip", bundle(), OPENED)


def _named() -> Iterator[Case]:
    for number, name in enumerate(BAD_NAMES):
        yield of_bytes(f"name {number}.zip", bundle({name: b"{}"}), _REFUSED)
        unlisted = io.BytesIO(bundle())
        with zipfile.ZipFile(unlisted, "a") as archive:
            archive.writestr(_entry(name), b"{}")
        yield of_bytes(f"unlisted name {number}.zip", unlisted.getvalue(), _REFUSED)


def _kinds() -> Iterator[Case]:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK):
        entry = _entry("runs/a/run.json")
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
        out = io.BytesIO(bundle())
        with zipfile.ZipFile(out, "a") as archive:
            archive.writestr(entry, b"/etc/passwd")
        yield of_bytes(f"kind {kind}.zip", out.getvalue(), _REFUSED)
    twice = io.BytesIO(bundle())
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr(_entry("dataset/table.parquet"), b"other")
    yield of_bytes("twice.zip", twice.getvalue(), _REFUSED)


def _sizes() -> Iterator[Case]:
    zeros = "embeddings/a/vectors.npy"
    yield made("bomb.zip", lambda: bundle({zeros: bytes(64 << 20)}), _REFUSED)
    yield made("bomb of 1 GiB.zip", lambda: bundle({zeros: bytes(1 << 30)}), _REFUSED, slow=True)
    yield made("nested.zip", _nested, _REFUSED)
    yield made("announced small.zip", _announced_small, _REFUSED)
    yield made("announced large.zip", _announced_large, _REFUSED)
    yield made("60,000 entries.zip", lambda: _many(60_000), _REFUSED)
    yield made("100,000 entries.zip", lambda: _many(100_000), _REFUSED, slow=True)
    yield made("long list.zip", lambda: zipped({"bundle.json": b" " * (70 << 20)}), _REFUSED)
    yield made("deep list.zip", lambda: zipped({"bundle.json": b"[" * 100_000}), _REFUSED)
    yield made("overlapping.zip", _overlapping, _REFUSED)
    deep = b'{"targets":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    yield made("deep about.zip", lambda: bundle({"dataset/dataset.json": deep}), _REFUSED)


def _damaged() -> Iterator[Case]:
    sound = bundle()
    for share in (0.05, 0.3, 0.6, 0.9, 0.99):
        yield of_bytes(f"cut {share:.0%}.zip", sound[: int(share * len(sound))], _REFUSED)
    for number in range(24):
        turned = bytearray(sound)
        turned[number * len(sound) // 24] ^= 0x55
        yield of_bytes(f"flipped {number}.zip", bytes(turned), _REFUSED, OPENED)
    for method in (1, 6, 9, 12, 14, 93, 99):
        yield of_bytes(f"method {method}.zip", _with_method(sound, method), _REFUSED)
    yield of_bytes("locked.zip", _with_flag(sound, 1), _REFUSED)
    yield of_bytes("in front.zip", b"MZ" + bytes(3000) + sound, OPENED, _REFUSED)


def _contents() -> Iterator[Case]:
    table, about, run = "dataset/table.parquet", "dataset/dataset.json", "runs/a/run.json"
    recipe, ids = "embeddings/a/recipe.json", "embeddings/a/image_ids.json"
    bad: dict[str, dict[str, bytes]] = {
        "no table": {table: b""},
        "table of text": {table: b"image_id,label\n"},
        "table cut": {table: files_of_bundle()[table][:-20]},
        "table of pickles": {table: b"\x80\x04cos\nsystem\n."},
        "about a list": {about: b"[]"},
        "about nothing": {about: b"null"},
        "about not text": {about: b"\xff\xfe\x00"},
        "about not finite": {about: b'{"targets": NaN, "rejected": Infinity}'},
        "run without words": {run: b"{}"},
        "run of another": {run: b'{"id": "b", "dataset_id": "x"}'},
        "run a number": {run: b"7"},
        "recipe missing": {ids: b"[]"},
        "recipe of nothing": {recipe: b"{}", ids: b"[]", "embeddings/a/vectors.npy": b""},
        "vectors that lie": {recipe: b"{}", ids: b"[]", "embeddings/a/vectors.npy": _lying_npy()},
        "vectors of objects": {"embeddings/a/vectors.npy": _object_npy()},
    }
    for name, changes in bad.items():
        yield of_bytes(f"{name}.zip", bundle(changes), _REFUSED)
    yield of_bytes("newer.zip", bundle(version=2), _REFUSED)
    yield of_bytes("other format.zip", bundle(format="x"), _REFUSED)
    for number, name in enumerate(("../x", "", "a/b", "/tmp/x", "a\0b", "..", "x" * 400, 7, None)):
        yield of_bytes(f"data set {number}.zip", bundle(dataset_id=name), _REFUSED, OPENED)
    yield of_bytes("about wrong.zip", bundle(about=5), _REFUSED)
    yield of_bytes("negative.zip", bundle(files={table: {"bytes": -1, "sha256": ""}}), _REFUSED)


def _no_archives() -> Iterator[Case]:
    yield of_bytes("empty.zip", b"", _REFUSED)
    yield of_bytes("text.zip", b"This is no archive.", _REFUSED)
    yield of_bytes("tape.zip", b"ustar" + bytes(1000), _REFUSED)
    yield of_bytes("end only.zip", b"PK\x05\x06" + bytes(18), _REFUSED)
    lying = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 2**32 - 2, 0, 0)
    yield of_bytes("lying end.zip", lying, _REFUSED)
    yield Case("folder.zip", Path.mkdir, frozenset({_REFUSED}))
    yield Case("endless.zip", _link("/dev/zero"), frozenset({_REFUSED}))
    yield Case("nowhere.zip", _link("/nonexistent.zip"), frozenset({_REFUSED}))


def _nested() -> bytes:
    inner = zipped({"a": bytes(1 << 20)})
    for _ in range(4):
        inner = zipped({f"{number}.zip": inner for number in range(8)})
    return bundle({"runs/a/more.json": inner, "runs/a/inner.zip": inner})


def _announced_small() -> bytes:
    """Returns a bundle one entry of which unpacks to more than its header says."""
    files = {"runs/a/run.json": bytes(4 << 20)}
    data = bytearray(bundle(files))
    size = struct.pack("<I", 4 << 20)
    while (place := data.find(size)) >= 0:
        data[place : place + 4] = struct.pack("<I", 10)
    return bytes(data)


def _announced_large() -> bytes:
    return bundle(files={"dataset/table.parquet": {"bytes": 1 << 62, "sha256": "0" * 64}})


def _many(count: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(count):
            archive.writestr(f"runs/r{number}/run.json", b"")
    return out.getvalue()


def _overlapping() -> bytes:
    """Returns an archive whose entries share one compressed block, so that it unpacks to more."""
    data = bundle({f"runs/r{number}/run.json": bytes(1 << 20) for number in range(2)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first = archive.getinfo("runs/r0/run.json").header_offset
        second = archive.getinfo("runs/r1/run.json").header_offset
    changed = bytearray(data)
    place = changed.rindex(struct.pack("<I", second))
    struct.pack_into("<I", changed, place, first)
    return bytes(changed)


def _with_method(data: bytes, method: int) -> bytes:
    """Returns an archive whose entries claim another way of compression."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = changed.find(mark)
        while place >= 0:
            struct.pack_into("<H", changed, place + offset, method)
            place = changed.find(mark, place + 4)
    return bytes(changed)


def _with_flag(data: bytes, flag: int) -> bytes:
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(mark)
        while place >= 0:
            changed[place + offset] |= flag
            place = changed.find(mark, place + 4)
    return bytes(changed)


def _lying_npy() -> bytes:
    """Returns an array that claims a terabyte and holds nothing."""
    file = io.BytesIO()
    shape = (1 << 20, 1 << 18)
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def _object_npy() -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    return file.getvalue() + b"\x80\x04cos\nsystem\n."


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)
