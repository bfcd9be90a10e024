"""Squares on disk: photographs as networks are shown them, so that the next one decodes nothing.

A square depends on the content of the photograph, on the recipe that makes it and on its side; no
network changes it. What is kept are its very pixels, so that a vector computed from it is the one
computed from the file. Each shard is two files, written like those of `embedding_store`, and each
square has a checksum of its own, which is compared whenever it is read.

Squares can always be made again. They therefore get only room that is to spare (`room_for`), the
recipe that was used least recently makes way first, and a full disk ends the keeping, not the work.
Squares are read into memory and not mapped: a disk that fails then is an error that can be met.
"""

import contextlib
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from fundus_core.domain.recipe import PreprocessRecipe, fingerprint_of
from fundus_core.errors import StoreError
from fundus_core.io.event_log import note
from fundus_core.io.files import write_atomically
from fundus_core.io.images import is_content_id
from fundus_core.io.read_only import ReadOnlyError, is_read_only
from fundus_core.io.sealed import read_sealed, write_sealed

VARIABLE = "FUNDUS_KEEP_SQUARES_GB"
"""Environment variable: how many gigabytes (1e9 bytes) the squares of a workspace may take; 0 keeps
none."""

SHARE_OF_DISK = 0.05
"""What they may take where nothing was said: this share of the space that is free without them."""

_VERSION = 1
"""Of how a square comes about: raised when `prepare` or a decoder makes other pixels."""

_SHARDS = "[0-9a-f]*.json"
_BYTES_PER_GB = 1e9


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a square lies."""

    array: Path
    first_byte: int
    checksum: str


class SquareStore:
    """The squares of one recipe and side; several threads and processes may use it at once."""

    def __init__(self, root: Path, recipe: PreprocessRecipe, side: int) -> None:
        """Lists what is kept under `root`, and notes that this recipe was used.

        Raises:
            StoreError: If `FUNDUS_KEEP_SQUARES_GB` is no number of gigabytes.
        """
        room_for(root)
        self._about = {"version": _VERSION, "preprocessing": recipe.to_dict(), "side": side}
        self._root, self._side = root, side
        self.folder = root / fingerprint_of(self._about)
        self._places: dict[str, list[_Place]] = {}
        self._is_full = False
        if not is_read_only():
            with contextlib.suppress(OSError):
                os.utime(self.folder)
        for commit in sorted(self.folder.glob(_SHARDS)):
            for image_id, place in _squares_of(commit):
                self._places.setdefault(image_id, []).append(place)

    def get(self, image_id: str) -> NDArray[np.uint8] | None:
        """Returns a square of shape (3, S, S), RGB; None where it is not kept, or was damaged."""
        for place in self._places.get(image_id, ()):
            square = _read(place, self._side)
            if square is not None:
                return square
        if self._places.pop(image_id, None):
            note("damaged square left out", store="squares")
        return None

    def keep(self, squares: Mapping[str, NDArray[np.uint8]]) -> None:
        """Keeps squares that are not kept yet, as long as there is room.

        Args:
            squares: Image id -> square of shape (3, S, S). What has an id that is not that of a
                content (see `is_content_id`) is left out: another photograph may have it tomorrow.
        """
        fresh = {
            image_id: square
            for image_id, square in squares.items()
            if image_id not in self._places and is_content_id(image_id)
        }
        if not fresh or self._is_full:
            return
        try:
            self._is_full = not self._make_room(len(fresh) * _bytes_of(self._side))
            if not self._is_full:
                self._write(fresh)
        except (StoreError, ReadOnlyError, OSError):
            self._is_full = True
        if self._is_full:
            note("no room to keep squares", store="squares", n=len(fresh))

    def _write(self, squares: Mapping[str, NDArray[np.uint8]]) -> None:
        """Commits one shard, under a name of its own, so that nobody need be waited for."""
        array = self.folder / f"{secrets.token_hex(8)}.npy"
        shape = (len(squares), 3, self._side, self._side)

        def write(file: BinaryIO) -> None:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            for square in squares.values():
                file.write(np.ascontiguousarray(square).data)

        commit = array.with_suffix(".json")
        try:
            write_atomically(array, write, n_bytes=math.prod(shape))
            sums = {image_id: _sum(square) for image_id, square in squares.items()}
            write_sealed(commit, {**self._about, "squares": sums})
        except (StoreError, OSError):
            with contextlib.suppress(OSError):
                array.unlink(missing_ok=True)
            raise
        self._places.update({image_id: [place] for image_id, place in _squares_of(commit)})

    def _make_room(self, n_bytes: int) -> bool:
        """Removes squares of other recipes until more fit; says whether they do.

        Nothing is removed in vain: where this recipe alone takes too much, the others stay.
        """
        room = room_for(self._root) - n_bytes
        sizes = {folder: _size(folder) for folder in _folders(self._root)}
        if sizes.get(self.folder, 0) > room:
            return False
        for folder in sorted(sizes, key=_last_used):
            if sum(sizes.values()) <= room:
                break
            if folder != self.folder:
                shutil.rmtree(folder, ignore_errors=True)
                sizes[folder] = _size(folder)
        return sum(sizes.values()) <= room


def room_for(root: Path) -> int:
    """Returns how many bytes all squares under `root` may take.

    Raises:
        StoreError: If `FUNDUS_KEEP_SQUARES_GB` is no number of gigabytes.
    """
    asked = os.environ.get(VARIABLE, "").strip()
    if not asked:
        existing = next(folder for folder in (root, *root.parents) if folder.is_dir())
        taken = sum(_size(folder) for folder in _folders(root))
        return int(SHARE_OF_DISK * (shutil.disk_usage(existing).free + taken))
    try:
        gigabytes = float(asked)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise StoreError(
            f"{VARIABLE} is {asked!r}; a number of gigabytes was expected, 0 or more.",
            hint=f"Set {VARIABLE}=10 for 10 GB, 0 to keep none, or unset it.",
        )
    return int(gigabytes * _BYTES_PER_GB)


def damaged_squares(folder: Path) -> tuple[Path, ...]:
    """Returns the shards of a folder in which a square cannot be used, by what commits each."""
    return tuple(commit for commit in sorted(folder.glob(_SHARDS)) if not _is_whole(commit))


def _is_whole(commit: Path) -> bool:
    places = [place for _, place in _squares_of(commit)]
    side = (read_sealed(commit) or {}).get("side", 0)
    return bool(places) and all(_read(place, side) is not None for place in places)


def _squares_of(commit: Path) -> Iterator[tuple[str, _Place]]:
    """Yields image ids and places of a shard; nothing where it is torn or was changed."""
    about, array = read_sealed(commit), commit.with_suffix(".npy")
    if about is None or not isinstance(about.get("squares"), dict):
        return
    sums: dict[str, Any] = about["squares"]
    n_bytes = _bytes_of(about["side"])
    with contextlib.suppress(OSError):
        header = array.stat().st_size - n_bytes * len(sums)
        for row, (image_id, checksum) in enumerate(sums.items()):
            yield image_id, _Place(array, header + row * n_bytes, checksum)


def _read(place: _Place, side: int) -> NDArray[np.uint8] | None:
    """Returns the square at a place, or None where other bytes lie."""
    try:
        flat = np.fromfile(place.array, np.uint8, _bytes_of(side), offset=place.first_byte)
    except (OSError, ValueError):  # removed; or cut, and begins before the file
        return None
    whole = flat.size == _bytes_of(side) and _sum(flat) == place.checksum
    return flat.reshape(3, side, side) if whole else None


def _sum(square: NDArray[np.uint8]) -> str:
    return xxhash.xxh3_64_hexdigest(np.ascontiguousarray(square).data)


def _bytes_of(side: int) -> int:
    return 3 * side * side


def _folders(root: Path) -> tuple[Path, ...]:
    return tuple(path for path in root.glob("[!.]*") if path.is_dir())


def _size(folder: Path) -> int:
    """Returns the bytes of the files in a folder; of one that is being removed, those left."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                total += entry.stat().st_size
    return total


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
