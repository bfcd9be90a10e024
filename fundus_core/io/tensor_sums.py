"""A checksum inside files of tensors, which notice a cut end but no flipped bit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xxhash

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUM, _FORMAT = "xxh3_128", "format"

FORMAT = "2"
"""Of files of tensors; format 1 had neither this number nor a checksum."""


def with_sum(about: Mapping[str, str], arrays: "Mapping[str, NDArray[Any]]") -> dict[str, str]:
    """Returns the metadata to write: what was given, and the checksum of it and of the arrays."""
    whole = {**about, _FORMAT: FORMAT}
    return {**whole, _SUM: _sum(whole, arrays)}


def is_whole(about: Mapping[str, str], arrays: "Mapping[str, NDArray[Any]]") -> bool:
    """Says whether metadata and arrays are as they were written; of format 1, nobody knows: yes."""
    if _FORMAT not in about and _SUM not in about:
        return True
    whole = {name: value for name, value in about.items() if name != _SUM}
    return _FORMAT in about and about.get(_SUM) == _sum(whole, arrays)


def _sum(about: Mapping[str, str], arrays: "Mapping[str, NDArray[Any]]") -> str:
    digest = xxhash.xxh3_128()
    for name in sorted(about):
        digest.update(f"{name}\0{about[name]}\0".encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}\0{array.dtype}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
