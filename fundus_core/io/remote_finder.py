"""Finds the photographs of a table that are in an object store."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xxhash

from fundus_core.io.photo_files import FileStatus, is_photograph_name
from fundus_core.io.remote import address_of, is_remote, store_of

_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated")
"""What stores say of a file that changes with its content, the most telling first."""


@dataclass(frozen=True)
class RemoteFinder:
    """Finds the photographs that a table means, in the folder of a store.

    A value is an address, or the place below the folder. The folder is listed once: to ask for each
    of a million files would take hours.
    """

    folder: str
    """An address."""

    def find(self, value: str) -> Path | None:
        """Returns the file that a value of the path column means, or None."""
        place = self._place(value)
        return Path(place) if self._known(place) is not None else None

    def why_missing(self, value: str) -> str:
        """Returns a sentence on why `find` found nothing."""
        return f"There is no {self._place(value)}."

    def status(self, path: Path) -> FileStatus:
        """Returns what tells whether a file has changed."""
        address = address_of(path)
        about = self._known(address) or {}
        version = next((about[key] for key in _VERSIONS if about.get(key) is not None), "")
        changed = xxhash.xxh3_64_intdigest(str(version).encode()) >> 1  # fits 64 bits with a sign
        return FileStatus(int(about.get("size") or 0), changed, (address,))

    def _place(self, value: str) -> str:
        cleaned = value.strip()
        return address_of(cleaned) if is_remote(cleaned) else f"{self.folder}/{cleaned}"

    def _known(self, address: str) -> dict[str, Any] | None:
        """Returns what the store says of a file; None if it is not there."""
        if not is_photograph_name(address):
            return None
        store, place = store_of(address)
        if address.startswith(f"{self.folder}/"):
            return self._listed.get(place)
        return store.info(place) if store.exists(place) else None

    @cached_property
    def _listed(self) -> dict[str, dict[str, Any]]:
        store, place = store_of(self.folder)
        listed: dict[str, dict[str, Any]] = store.find(place, detail=True)
        return listed
