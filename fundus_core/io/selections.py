"""Sets of photographs on disk: each under a key of what it holds, some of them under a name.

    selections/DATASET/sets/KEY.json     image ids, and where they came from
    selections/DATASET/names/SLUG.json   a name and the key of its set

A set is never changed, so that an address with its key shows the same photographs to everybody,
in every tab, whatever is selected or saved in between. Sets without a name are forgotten when
newer ones come; those with a name stay.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError
from fundus_core.io.damage import changed_at, remember_damage
from fundus_core.io.files import locked, renew, write_atomically
from fundus_core.io.read_only import require_writable
from fundus_core.io.sealed import read_sealed, sealed, write_sealed
from fundus_core.io.workspace import Workspace

FOLDER = "selections"
KEY_LENGTH = 10
MOST_UNNAMED = 50
"""Sets without a name that a data set keeps."""

_KEY = re.compile(rf"[0-9a-f]{{{KEY_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class StoredSelection:
    """A set of photographs as it was stored."""

    key: str
    """Of what it holds: ten hexadecimal digits."""

    image_ids: tuple[str, ...]
    """In the order of the data set when they were selected, each once."""

    origin: str
    """Where they came from, in a few words; empty where it was not said."""


@dataclass(frozen=True, slots=True)
class NamedSelection:
    """A line of the list of saved selections."""

    name: str
    key: str
    n_images: int
    """Photographs when it was saved."""

    saved_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a name."""

    named: NamedSelection
    replaced: NamedSelection | None
    """The selection of other photographs that had the name before."""


def key_of(image_ids: Sequence[str]) -> str:
    """Returns the key of a set of photographs, whatever their order; empty for none.

    Examples:
        >>> key_of(["b", "a"]) == key_of(["a", "b"])
        True
    """
    if not image_ids:
        return ""
    return sha256("\n".join(sorted(image_ids)).encode()).hexdigest()[:KEY_LENGTH]


def read_set(path: Path) -> StoredSelection | None:
    """Returns the set in a file; None where there is none, or it is not what its name says."""
    stored = read_sealed(path) or {}
    ids = stored.get("image_ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        return None
    if key_of(ids) != path.stem:
        return None  # changed by hand, or by a flipped bit
    return StoredSelection(path.stem, tuple(ids), str(stored.get("origin", "")))


class SelectionFiles:
    """The stored sets of one data set."""

    def __init__(self, workspace: Workspace, dataset_id: str) -> None:
        """Opens them; nothing is written yet."""
        self.folder = workspace.root / FOLDER / _safe(dataset_id)

    @property
    def names(self) -> Path:
        """The folder that changes when a name is given or taken."""
        return self.folder / "names"

    def keep(self, image_ids: Sequence[str], origin: str = "") -> str:
        """Stores a set, if it is not there, and returns its key; forgets the oldest unnamed ones.

        Raises:
            StoreError: If the disk is full.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        key = key_of(image_ids)
        if not key:
            return ""
        path = self._set(key)
        is_new = self.read(key) is None
        if is_new:
            value = sealed({"origin": origin, "image_ids": list(image_ids)})
            write_atomically(path, lambda file: file.write(_compact(value)))
        renew(path, self._sets())
        if is_new:
            self._forget_oldest()
        return key

    def read(self, key: str) -> StoredSelection | None:
        """Returns a set; None where there is none under this key, or its file is damaged."""
        return read_set(self._set(key)) if _KEY.fullmatch(key) else None

    def name(self, name: str, key: str, n_images: int, *, replacing: str | None = "") -> Saved:
        """Gives a stored set a name; another set that had it becomes unnamed.

        Nobody else names a set of this data set between the look at what is there and the writing.

        Args:
            name: Of any characters.
            key: Of the set.
            n_images: Photographs in it.
            replacing: Key of the set that is known to have the name, and may lose it; empty where
                none is known to; None for whatever has it.

        Raises:
            DataError: If the name is that of another set.
            StoreError: If the disk is full.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        path = self._name(name)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        named = NamedSelection(name, key, n_images, now)
        value = {"name": name, "key": key, "n_images": n_images, "saved_at": now}
        with self._locked():
            there = _named(read_sealed(path))
            if there is not None and there.key == key:
                there = None
            if there is not None and replacing not in {there.key, None}:
                raise _taken(there)
            write_sealed(path, value)
        return Saved(named, there)

    def named(self) -> tuple[NamedSelection, ...]:
        """Returns the saved selections in the order of their names."""
        found = []
        for path in self.names.glob("[!.]*.json"):
            changed = changed_at(path)
            one = _named(read_sealed(path))
            if one is None:
                remember_damage(path, path, changed)
            else:
                found.append(one)
        return tuple(sorted(found, key=lambda one: one.name.casefold()))

    def forget(self, name: str, key: str | None = None) -> None:
        """Takes a name away; its set is forgotten when newer ones come.

        Args:
            name: Of a saved selection.
            key: Of the set that is known to have the name; None for whatever has it.

        Raises:
            DataError: If another set has the name by now.
            StoreError: If the place may not be written to.
            ReadOnlyError: If the workspace is only to be looked at.
        """
        path = self._name(name)
        with self._locked():
            there = _named(read_sealed(path))
            if there is not None and key not in {there.key, None}:
                raise _replaced(there)
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the names of the data set, against other processes and threads too."""
        require_writable(self.folder)
        with locked(self.folder / ".names.lock"):
            yield

    def _sets(self) -> Iterator[Path]:
        return (self.folder / "sets").glob("[!.]*.json")

    def _set(self, key: str) -> Path:
        return self.folder / "sets" / f"{key}.json"

    def _name(self, name: str) -> Path:
        return self.names / f"{_safe(name)}.json"

    def _forget_oldest(self) -> None:
        kept = {one.key for one in self.named()}
        unnamed = [path for path in self._sets() if path.stem not in kept]
        newest_first = sorted(unnamed, key=changed_at, reverse=True)
        for path in newest_first[MOST_UNNAMED:]:  # others may forget them at the same time
            path.unlink(missing_ok=True)


def _photographs(there: NamedSelection) -> str:
    return f"{there.n_images:,} {'photograph' if there.n_images == 1 else 'photographs'}"


def _replaced(there: NamedSelection) -> DataError:
    return DataError(
        f"{there.name!r} is another selection by now, of {_photographs(there)}, saved "
        f"{there.saved_at}; it was not deleted.",
        hint="Look at what it holds; delete it if you still want to.",
    )


def _taken(there: NamedSelection) -> DataError:
    return DataError(
        f"{there.name!r} is a selection of {_photographs(there)} that was saved before; "
        "nothing was changed.",
        hint="Choose another name, or give this one away (“Replace it” on the page, --replace on "
        "the command line).",
    )


def _named(stored: Any) -> NamedSelection | None:
    """Returns what a file of a name says; None where it is damaged."""
    if not isinstance(stored, dict):
        return None
    try:
        name, key = str(stored["name"]), str(stored["key"])
        return NamedSelection(name, key, int(stored["n_images"]), str(stored["saved_at"]))
    except (KeyError, TypeError, ValueError):
        return None


def _safe(name: str) -> str:
    """Returns a file's name for any text: what can be read of it, and a hash that tells it apart.

    Examples:
        >>> _safe("../Haze & glare")[:11]
        'haze-glare-'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{slug}-{sha256(name.encode()).hexdigest()[:8]}".lstrip("-")


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
