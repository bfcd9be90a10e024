"""Finds photographs on disk: all in a folder, or the ones a table names in its own way."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import pandas as pd

from fundus_core.io.data_roots import are_named, is_within_roots, leads_out
from fundus_core.io.images import SUPPORTED_SUFFIXES
from fundus_core.io.workspace_format import is_stamped

_LARGEST_TREE = 200_000
"""Files beyond which a folder is no data set, and names are not searched for in it."""

_NO_PHOTOGRAPHS = (
    "mask",
    "fov",
    "av",
    "annot",
    "segment",
    "groundtruth",
    "ground_truth",
    "manual",
    "vessel",
)
"""Beginnings of the names of folders whose pictures are named like photographs, but are none."""


def walk_files(folder: Path) -> Iterator[Path]:
    """Yields all files below a folder, and folders named like photographs, in order of their names.

    Hidden files and folders are left out, and workspaces; links to folders are followed, each
    folder once. A link to a folder that may not be read from is yielded as one to nothing is: as a
    file.
    """
    visited: set[str] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        visited.add(os.path.realpath(here))
        outside = {name for name in folders if _is_link_out(Path(here, name))}
        wanted = (name for name in folders if name not in outside)
        folders[:] = sorted(name for name in wanted if _is_wanted(Path(here, name), visited))
        named_like_files = [name for name in folders if is_photograph_name(name)]
        for name in sorted([*files, *outside, *named_like_files]):
            if not name.startswith("."):
                yield Path(here, name)


def _is_link_out(path: Path) -> bool:
    return path.is_symlink() and not is_within_roots(path)


def links_out(files: Iterable[Path]) -> list[Path]:
    """Returns the links among files that lead out of the folders that may be read from."""
    return [path for path in files if are_named() and _is_link_out(path)]


def _is_wanted(folder: Path, visited: set[str]) -> bool:
    """Says whether to look into a folder: what is in a workspace is no part of the data around."""
    hidden = folder.name.startswith((".", "__MACOSX"))
    return not (hidden or os.path.realpath(folder) in visited or is_stamped(folder))


PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".gif", ".bmp", ".jpg")
"""Of masks, which are found by them."""


def names_pictures(column: "pd.Series[Any]") -> bool:
    """Says whether the cells of a column are names of pictures, by the first that is not empty."""
    cells = column.dropna()
    first = cells.iloc[0] if len(cells) else None
    return isinstance(first, str) and first.lower().endswith(PICTURE_SUFFIXES)


def root_of(source: str) -> Path:
    """Returns the folder that cells of a table are relative to; `source` is the table, or it."""
    place = Path(source)
    return place if place.is_dir() else place.parent


def is_mask_folder(name: str) -> bool:
    """Says whether a folder's name is one of pictures that mark things in photographs."""
    return name.lower().startswith(_NO_PHOTOGRAPHS)


def is_photograph_name(name: str) -> bool:
    """Says whether a file name has the suffix of a photograph."""
    return name.lower().endswith(SUPPORTED_SUFFIXES)


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What tells whether a file has changed, and whether two names mean one file."""

    size: int
    """Bytes."""

    mtime_ns: int
    """Nanoseconds of the last change; of a file in a store, a number that changes with it."""

    identity: tuple[int | str, ...]
    """The same for all names of a file."""


class Finder(Protocol):
    """Finds the files that the path column of a table means."""

    def find(self, value: str) -> Path | None:
        """Returns the file that a value of the path column means, or None."""

    def why_missing(self, value: str) -> str:
        """Returns a sentence on why `find` found nothing."""

    def status(self, path: Path) -> FileStatus:
        """Returns what tells whether a file that was found has changed.

        Raises:
            OSError: If it cannot be told.
        """


NOT_TOLD = (
    "There is no such file, or it lies outside the folders that photographs may be read from."
)
"""Of a name that leads out of the data roots: not even what exists there is told."""


class PhotographFinder:
    """Finds the files that the path column of a table means.

    A value may be absolute, relative to one of the folders, or a bare name with or without suffix
    that occurs once below them. A path written on another computer is found by its end, of which
    the file's name and its folder's must agree.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Stores where to look, the most likely folder first."""
        self._folders = tuple(dict.fromkeys(folders))
        self._index: dict[str, list[Path]] | None = None

    def find(self, value: str) -> Path | None:
        """Returns the file that a value of the path column means, or None.

        What lies outside the folders that may be read from is not looked for: an absolute path
        there is taken for one of another computer, whatever is there.
        """
        for folder in self._folders:  # nearly all values are found here, at a third of the cost
            if leads_out(folder, value):
                continue
            if os.path.isfile(place := os.path.join(folder, value)):  # noqa: PTH113, PTH118
                return Path(place)
        cleaned = _cleaned(value)
        for folder in self._folders:
            for name in dict.fromkeys((value, cleaned)):  # a backslash may belong to the name
                if not leads_out(folder, name) and _is_there(folder / name):
                    return folder / name
        similar = self._similar(cleaned)
        return similar[0] if len(similar) == 1 and not self._is_outside(value) else None

    def _is_outside(self, value: str) -> bool:
        """Says whether a value leads, from each of the folders, to where nothing may be read."""
        is_absolute = Path(value).is_absolute()
        return not is_absolute and all(leads_out(folder, value) for folder in self._folders)

    def status(self, path: Path) -> FileStatus:
        """Returns what tells whether a file has changed.

        Raises:
            OSError: If it cannot be opened.
        """
        found = path.stat()
        return FileStatus(found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino))

    def why_missing(self, value: str) -> str:
        """Returns a sentence on why `find` found nothing."""
        similar = self._similar(_cleaned(value))
        if len(similar) > 1 and not self._is_outside(value):
            return f"{len(similar)} files could be meant: {similar[0]}, {similar[1]}."
        names = {value, _cleaned(value)}
        if any(leads_out(folder, name) for folder in self._folders for name in names):
            return NOT_TOLD
        where = " or ".join(str(folder) for folder in self._folders)
        return f"There is no such file in {where}."

    def _similar(self, value: str) -> list[Path]:
        """Returns the files whose paths agree best with the end of the value."""
        wanted = PurePosixPath(value.lower())
        has_suffix = is_photograph_name(wanted.name)
        files = self._indexed().get(wanted.name if has_suffix else f"{wanted.name}.", [])
        needed = min(2, len(wanted.parts))
        agreements = {path: _common_tail(wanted, path) for path in files}
        best = max(agreements.values(), default=0)
        return [path for path, n_parts in agreements.items() if n_parts == best >= needed]

    def _indexed(self) -> dict[str, list[Path]]:
        """Returns the photographs below the folders by name, and by stem with a dot behind it."""
        if self._index is None:
            self._index = defaultdict(list)
            for path in self._photographs():
                self._index[path.name.lower()].append(path)
                if path.parent in self._folders or not is_mask_folder(path.parent.name):
                    self._index[f"{path.stem.lower()}."].append(path)
        return self._index

    def _photographs(self) -> list[Path]:
        """Returns all photographs below the folders, or none if those are no data sets."""
        found: dict[Path, None] = {}
        for folder in self._folders:
            for n_files, path in enumerate(walk_files(folder)):
                if n_files == _LARGEST_TREE:
                    return []
                if is_photograph_name(path.name) and not links_out([path]):
                    found[path] = None
        return list(found)


def _cleaned(value: str) -> str:
    """Returns a path with forward slashes."""
    return value.strip().replace("\\", "/")


def _is_there(path: Path) -> bool:
    """Says whether a photograph could be read from here; a broken link can not, but is meant."""
    try:
        return path.is_file() or (is_photograph_name(path.name) and os.path.lexists(path))
    except (OSError, ValueError):
        return False


def _common_tail(wanted: PurePosixPath, path: Path) -> int:
    """Counts the parts from the end in which two paths agree, leaving suffixes aside."""
    theirs = [*wanted.parts[:-1], wanted.stem if is_photograph_name(wanted.name) else wanted.name]
    ours = [*(part.lower() for part in path.parts[:-1]), path.stem.lower()]
    agreeing = 0
    for one, other in zip(reversed(theirs), reversed(ours), strict=False):
        if one != other:
            break
        agreeing += 1
    return agreeing
