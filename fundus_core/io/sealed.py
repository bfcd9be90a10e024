"""JSON that notices when it was changed: a format number and a checksum among its own keys.

Neither a flipped bit nor an edit by hand makes JSON unreadable, and a figure in it would then be
believed. What is sealed is taken as a whole or not at all.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xxhash

from fundus_core.errors import StoreError
from fundus_core.io.files import read_json, write_json

FORMAT = 2
"""Of what is written into the workspace. Format 1 had neither this number nor a checksum."""

_FORMAT, _SUM = "format", "sum"


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a JSON object with its format and its checksum, its own keys in front.

    Examples:
        >>> unsealed(sealed({"auc": 0.9})) == {"auc": 0.9}
        True
        >>> unsealed({**sealed({"auc": 0.9}), "auc": 0.99}) is None
        True
    """
    whole = {**value, _FORMAT: FORMAT}
    return {**whole, _SUM: _sum(whole)}


def unsealed(value: object, path: Path | None = None) -> dict[str, Any] | None:
    """Returns what was sealed, without the seal; None if it is no object, or was changed.

    An object of format 1, which has no seal, is returned as it is. Of a newer format the number
    alone is looked at: how its checksum is made is not known here.

    Args:
        value: What `read_json` gave.
        path: Named when the format is too new.

    Raises:
        StoreError: If a newer version of the program wrote it.
    """
    if not isinstance(value, dict):
        return None
    if _FORMAT not in value and _SUM not in value:
        return value
    whole = {key: each for key, each in value.items() if key != _SUM}
    number = value.get(_FORMAT)
    if isinstance(number, int) and number > FORMAT:
        require_known(number, path)
    if _FORMAT not in value or value.get(_SUM) != _sum(whole):
        return None
    require_known(whole.pop(_FORMAT), path)
    return whole


def is_sealed(value: object) -> bool:
    """Says whether an object carries a seal, intact or not; one of format 1 does not."""
    return isinstance(value, dict) and (_FORMAT in value or _SUM in value)


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a sealed object atomically.

    Raises:
        StoreError: If the place cannot be written.
    """
    write_json(path, sealed(value))


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Returns the object in a file; None where it is missing, torn or was changed.

    Raises:
        StoreError: If a newer version of the program wrote it.
    """
    return unsealed(read_json(path), path)


def require_known(number: object, path: Path | None) -> None:
    """Refuses a format that this version does not know.

    Raises:
        StoreError: If it is newer.
    """
    if isinstance(number, int) and number <= FORMAT:
        return
    place = f"{path}" if path else "This file"
    raise StoreError(
        f"{place} was written by a newer version of Fundus Explorer (format {number}; this one "
        f"knows formats up to {FORMAT}).",
        hint="Update Fundus Explorer, or name another folder (--workspace). If no newer version "
        "ever worked there, the file is damaged: move it elsewhere.",
    )


def _sum(value: Mapping[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return xxhash.xxh3_128_hexdigest(canonical.encode())
