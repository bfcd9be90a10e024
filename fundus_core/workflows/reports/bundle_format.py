"""What a bundle looks like inside, and what is refused of one that comes from elsewhere."""

import hashlib
import json
import lzma
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError
from fundus_core.io.refused_writing import full_disk_explained

FORMAT, VERSION = "fundus-bundle", 1

CONTENTS = "bundle.json"
"""Names every other file with its size and its SHA-256."""

TABLE, ABOUT = "dataset/table.parquet", "dataset/dataset.json"

MOST_FILES, MOST_BYTES, MOST_OF_CONTENTS = 50_000, 8 << 30, 64 << 20
"""Of a whole bundle once it is unpacked, and of its list of contents."""

_ALLOWED = re.compile(
    r"bundle\.json|dataset/(table\.parquet|dataset\.json)|"
    r"(runs|embeddings|projections|shortcuts|trust)/[A-Za-z0-9][A-Za-z0-9_-]{0,150}/"
    r"[a-z][a-z_]{0,40}\.(json|parquet|npy|safetensors)"
)
IMAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,150}")
"""What ids of photographs and of data sets may be: they become names of files."""

_END = b"PK\x05\x06"
_BLOCK = 1 << 20

_MOST_TIMES, _SMALL = 200, 1 << 20
"""How often a file may hold its compressed bytes, once it is not small: results never do."""

_MOST_OF_DIRECTORY = 64 << 20
"""Bytes of the archive's own list of entries, which is read at once."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,  # an encrypted entry, an unknown compression, or JSON too deep
)
"""All that damaged archives make `zipfile` raise."""

_HINT = "Ask for the file again, as `fundus bundle export` wrote it."


@dataclass(frozen=True, slots=True)
class Contents:
    """The list of contents of a bundle."""

    dataset_id: str
    about: dict[str, Any]
    """Of the data set: its name, its numbers."""

    left_out: tuple[str, ...]
    """Columns that stayed behind."""

    patient_ids: str
    """`replaced` or `kept`."""

    files: dict[str, dict[str, Any]]
    """Name -> `bytes` and `sha256`."""


def unpack(bundle: Path, folder: Path) -> Contents:
    """Unpacks a bundle into an empty folder after checking every name, size and hash.

    Raises:
        DataError: If anything is not as it must be; the folder then holds nothing of use.
        StoreError: If the disk is full, or the folder may not be written to.
    """
    try:
        _require_short_directory(bundle)
        with zipfile.ZipFile(bundle) as archive:
            entries = _checked(archive, bundle.name)
            contents = _contents(archive, bundle.name)
            if set(contents.files) != set(entries) - {CONTENTS}:
                raise _damaged(bundle.name, "its files are not those of its list of contents")
            for name, about in contents.files.items():
                _copy(archive, entries[name], about, folder / name, bundle.name)
    except _BROKEN as error:
        raise _damaged(bundle.name, f"it cannot be unpacked ({error})") from error
    return contents


def _require_short_directory(bundle: Path) -> None:
    """Raises if the archive's list of entries is too long to be read; nothing is read of it."""
    most = len(_END) + 18 + 0xFFFF
    with bundle.open("rb") as file:
        n_bytes = file.seek(0, 2)
        file.seek(max(0, n_bytes - most))
        tail = file.read(most)
    place = tail.rfind(_END)
    if place >= 0 and len(tail) >= place + 16:
        (length,) = struct.unpack_from("<I", tail, place + 12)
        if length > _MOST_OF_DIRECTORY:
            raise _damaged(bundle.name, f"it holds more than {MOST_FILES:,} files")


def _checked(archive: zipfile.ZipFile, bundle: str) -> dict[str, zipfile.ZipInfo]:
    """Returns name -> entry, having refused what could do harm or is too much."""
    entries = archive.infolist()
    if len(entries) > MOST_FILES or sum(one.file_size for one in entries) > MOST_BYTES:
        raise _damaged(bundle, f"it holds more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB")
    for one in entries:
        kind = stat.S_IFMT(one.external_attr >> 16)
        if not _ALLOWED.fullmatch(one.filename) or kind not in {0, stat.S_IFREG}:
            raise _damaged(bundle, f"it holds {one.filename!r}, which no bundle does")
        if one.file_size > max(_SMALL, _MOST_TIMES * one.compress_size):
            raise _damaged(
                bundle,
                f"{one.filename} would unpack to {one.file_size:,} bytes, more than "
                f"{_MOST_TIMES} times what it takes",
            )
    found = {one.filename: one for one in entries}
    if len(found) != len(entries):
        raise _damaged(bundle, "it holds a file twice")
    return found


def _contents(archive: zipfile.ZipFile, bundle: str) -> Contents:
    try:
        with archive.open(CONTENTS) as file:
            about = json.loads(file.read(MOST_OF_CONTENTS))
        if about["format"] != FORMAT or about["version"] != VERSION:
            raise DataError(
                f"{bundle} is a bundle of version {about['version']!r}; this program reads "
                f"{VERSION}.",
                hint="Open it with the version of the program that made it.",
            )
        return Contents(
            str(about["dataset_id"]),
            dict(about["about"]),
            tuple(map(str, about["left_out"])),
            str(about["patient_ids"]),
            {str(name): dict(one) for name, one in about["files"].items()},
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(bundle, f"it has no list of contents ({error})") from error


def _copy(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    about: dict[str, Any],
    target: Path,
    bundle: str,
) -> None:
    """Copies one file, never more bytes than were announced."""
    announced = about.get("bytes")
    if not isinstance(announced, int) or announced != entry.file_size:
        raise _damaged(bundle, f"{entry.filename} is not as long as its list says")
    with full_disk_explained(target, announced):
        _write(archive, entry, about, target, bundle)


def _write(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    about: dict[str, Any],
    target: Path,
    bundle: str,
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), int(about["bytes"])
    with archive.open(entry) as source, target.open("wb") as file:
        while block := source.read(min(_BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                raise _damaged(bundle, f"{entry.filename} is longer than it says")
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != about.get("sha256"):
        raise _damaged(bundle, f"{entry.filename} was changed on its way")


def _damaged(bundle: str, what: str) -> DataError:
    return DataError(f"{bundle} is no bundle that can be opened: {what}.", hint=_HINT)
