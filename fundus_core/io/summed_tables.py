"""Parquet tables that notice when they were changed: a checksum of their values in the metadata.

Parquet's own checksums cover pages, not what describes them; a flipped bit may change a value.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from fundus_core.io.files import write_atomically

_SUM, _VERSION = "xxh3_128", "version"
_OF_PANDAS = "pandas"
"""In the metadata of tables that were written before they had a checksum."""


@dataclass(frozen=True, slots=True)
class SummedTable:
    """A table as it was written."""

    columns: dict[str, list[Any]]
    version: str
    """Of its content; empty where it has no checksum."""

    is_summed: bool
    """Whether it has a checksum, which then is right; without one nobody knows."""


def write_summed(path: Path, columns: Mapping[str, list[Any]], version: str) -> None:
    """Writes a table with the checksum of its values, atomically.

    Args:
        path: The Parquet file.
        columns: Name -> values that JSON knows.
        version: Of its content, for the reader.
    """
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(dict(columns))
    whole = table.replace_schema_metadata({_VERSION: version, _SUM: _sum(columns)})
    write_atomically(path, lambda file: parquet.write_table(whole, file))


def read_summed(path: Path, names: Sequence[str]) -> SummedTable:
    """Reads a table that `write_summed` wrote, or pandas before tables had a checksum.

    Args:
        path: The Parquet file.
        names: The columns it must have.

    Raises:
        ValueError: If it cannot be read, or was changed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        if not path.is_file():  # a pipe would be waited for without end
            raise ValueError("it is no file")
        table = parquet.read_table(path)
        about = {
            key.decode(): value.decode(errors="replace")
            for key, value in (table.schema.metadata or {}).items()
        }
        columns = {name: table.column(name).to_pylist() for name in names}
    except (OSError, ValueError, TypeError, KeyError, OverflowError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if _SUM not in about and _VERSION not in about and _OF_PANDAS in about:
        return SummedTable(columns, "", is_summed=False)
    if _VERSION not in about or about.get(_SUM) != _sum(columns):
        raise ValueError(f"{path} was changed since it was written")
    return SummedTable(columns, about[_VERSION], is_summed=True)


def _sum(columns: Mapping[str, list[Any]]) -> str:
    try:
        text = json.dumps(list(columns.values()))
    except TypeError as error:  # a flipped bit may have made dates of numbers
        raise ValueError("values that no such table has") from error
    return xxhash.xxh3_128_hexdigest(text.encode())
