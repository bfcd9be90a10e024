"""Reads CSV, TSV and Parquet files as tables of text, exactly as they were written."""

import csv
import errno
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.errors import DataError, EmptyTableError
from fundus_core.io.bounded import open_parquet, read_bounded
from fundus_core.io.refused_reading import ASK_ITS_OWNER
from fundus_core.io.spreadsheet_cells import unguarded

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
"""Suffixes, in lower case, of the files taken for tables."""

MOST_BYTES, MOST_CELLS, MOST_COLUMNS, MOST_CHARACTERS = 128 << 20, 10_000_000, 2_000, 100_000
"""Of a table, and of one of its cells: 200,000 photographs with fifty columns have as many."""

MOST_PARQUET_BYTES, MOST_PARQUET_CELLS = 2 << 30, 40_000_000
"""Of Parquet, whose cells are not taken one by one: five million photographs with eight columns."""

_SAVE_IT = "Save it as CSV (UTF-8) or Parquet with one header row."

_ROW_NUMBERS = re.compile(r"__index_level_\d+__")
"""What pandas calls the numbers of rows, where they have no name."""

_DELIMITERS = (",", ";", "\t", "|")

_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def read_table(path: Path) -> pd.DataFrame:
    """Reads a table as text: "007" keeps its zeros, "NA" is a word, and only blank is missing.

    An apostrophe before what a spreadsheet would run, as our own exports write it, is taken off.
    Delimiter (comma, semicolon, tab or bar) and encoding (UTF-8, UTF-16, Windows-1252) are found
    out. Names that occur twice get a number; columns without name and content are left out, as are
    rows without content.

    Returns:
        Columns of strings and None, stripped of surrounding blanks; index 0 to N-1.

    Raises:
        EmptyTableError: If it has no rows.
        DataError: If the file is missing, may not be read, is no table, too large, or has a row
            longer than its header.
    """
    try:
        if path.suffix.lower() == ".parquet":
            header, table = _read_parquet(path)
        else:
            header, rows = _read_delimited(path)
            table = pd.DataFrame(rows, columns=_distinct(header), dtype=object)
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        is_closed = isinstance(error, PermissionError)
        raise DataError(
            f"{path.name} cannot be read as a table: {_said(error)}",
            hint=ASK_ITS_OWNER if is_closed else _SAVE_IT,
        ) from error
    if table.empty:
        raise EmptyTableError(
            f"{path.name} has no rows below its header.",
            hint="Give a table with a row per photograph.",
        )
    return table.loc[:, [bool(name) or table[name].notna().any() for name in header]]


def _said(error: Exception) -> str:
    """Returns what an error says, in one line without the file's path."""
    if isinstance(error, PermissionError):
        return f"{os.strerror(errno.EACCES)}."  # Arrow's words hold the path
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return " ".join(str(error).split())[:300]


def _read_parquet(path: Path) -> tuple[list[str], pd.DataFrame]:
    """Returns the header and the content of a Parquet file, as text under distinct names."""
    import pyarrow as pa

    most = {"most_bytes": MOST_PARQUET_BYTES, "most_cells": MOST_PARQUET_CELLS}
    try:
        with open_parquet(path, **most) as file:
            _require_few_columns(len(file.schema_arrow.names))
            table = file.read()
            columns = [
                (str(name), _texts(table.column(number)))
                for number, name in enumerate(table.column_names)
                if not _ROW_NUMBERS.fullmatch(name)
            ]
    except (pa.ArrowException, LookupError, TypeError, NotImplementedError) as error:
        raise ValueError(f"it is damaged ({error}).") from error
    header = [name for name, _ in columns]
    series = {
        distinct: pd.Series(texts, dtype=object, copy=False)
        for distinct, (_, texts) in zip(_distinct(header), columns, strict=True)
    }
    return header, pd.DataFrame(series, copy=False)


def _texts(column: Any) -> NDArray[Any]:
    """Returns the values of a typed column as they would stand in a CSV file.

    Each distinct value is turned into text once, however often it occurs.
    """
    parts = [_chunk_texts(chunk) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=object)


def _chunk_texts(chunk: Any) -> NDArray[Any]:
    import pyarrow as pa

    nested = pa.types.is_nested(chunk.type)
    if not nested and not pa.types.is_dictionary(chunk.type):
        chunk = chunk.dictionary_encode()
    words = _words(chunk if nested else chunk.dictionary)
    longest = max((len(one) for one in words if one is not None), default=0)
    if longest > MOST_CHARACTERS:
        raise ValueError(
            f"a cell has {longest:,} characters; at most {MOST_CHARACTERS:,} are read."
        )
    texts = np.array([*words, None], dtype=object)
    if nested:
        return texts[:-1]
    codes = chunk.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    found: NDArray[Any] = texts[codes]
    return found


def _words(values: Any) -> list[str | None]:
    """Returns distinct values of a typed column as text."""
    import pyarrow as pa

    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        strings = values.to_numpy(zero_copy_only=False)  # of millions, the shorter way counts
        return [None if value is None else value.strip() or None for value in strings]
    return [_as_text(value) for value in values.to_pylist()]


def _as_text(value: object) -> str | None:
    """Returns a value of a typed column as it would stand in a CSV file; whole numbers as such."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else str(float(value))
    return str(value).strip() or None


def _read_delimited(path: Path) -> tuple[list[str], list[list[str | None]]]:
    """Returns the header and the rows of a delimited text file."""
    text = _decoded(read_bounded(path, MOST_BYTES))
    first_line = text.partition("\n")[0]
    found = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first_line), strict=True)
    header = [unguarded(name.strip()) for name in next(found, [])]
    if not header:
        raise EmptyTableError(f"{path.name} cannot be read as a table: it is empty.", hint=_SAVE_IT)
    _require_few_columns(len(header))
    rows = []
    for number, cells in enumerate(found, start=1):
        row = [unguarded(cell.strip()) or None for cell in cells]
        if any(row[len(header) :]):
            raise ValueError(
                f"row {number} has {len(row)} cells and the header {len(header)}; "
                "a cell that holds the delimiter must be quoted."
            )
        if any(row):
            rows.append((row + [None] * len(header))[: len(header)])
        if number * len(header) > MOST_CELLS:
            raise ValueError(f"it has more than {MOST_CELLS:,} cells.")
    return header, rows


def _require_few_columns(count: int) -> None:
    if count > MOST_COLUMNS:
        raise ValueError(f"it has {count:,} columns; at most {MOST_COLUMNS:,} are read.")


def _decoded(data: bytes) -> str:
    """Returns the text of a file in whichever of the usual encodings it is."""
    if b"\0" in data[:4096] and data[:2] not in _BYTE_ORDER_MARKS:
        raise ValueError("it is not a text file.")
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _delimiter(header: str) -> str:
    """Returns the delimiter that occurs most often in the header, outside of quotes."""
    unquoted = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


def _distinct(names: Iterable[str]) -> list[str]:
    """Returns the names with a number added to those that occurred before."""
    distinct: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for name in names:
        candidate = name
        while candidate in distinct:
            numbers[name] = numbers.get(name, 1) + 1
            candidate = f"{name}_{numbers[name]}"
        distinct[candidate] = None
    return list(distinct)
