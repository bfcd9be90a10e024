"""Reads CSV, TSV and Parquet files as tables of text, exactly as they were written."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from fundus_core.errors import DataError

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
"""Suffixes, in lower case, of the files taken for tables."""

_DELIMITERS = (",", ";", "\t", "|")

_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def read_table(path: Path) -> pd.DataFrame:
    """Reads a table as text: "007" keeps its zeros, "NA" is a word, and only blank is missing.

    Delimiter (comma, semicolon, tab or bar) and encoding (UTF-8, UTF-16, Windows-1252) are found
    out. Names that occur twice get a number; columns without name and content are left out, as are
    rows without content.

    Returns:
        Columns of strings and None, stripped of surrounding blanks; index 0 to N-1.

    Raises:
        DataError: If the file is missing, no table, empty, or has a row longer than its header.
    """
    try:
        if path.suffix.lower() == ".parquet":
            header, rows = _read_parquet(path)
        else:
            header, rows = _read_delimited(path)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path.name} cannot be read as a table: {error}",
            hint="Save it as CSV (UTF-8) or Parquet with one header row.",
        ) from error
    if not rows:
        raise DataError(
            f"{path.name} has no rows below its header.",
            hint="Give a table with a row per photograph.",
        )
    table = pd.DataFrame(rows, columns=_distinct(header), dtype=object)
    return table.loc[:, [bool(name) or table[name].notna().any() for name in header]]


def _read_parquet(path: Path) -> tuple[list[str], list[list[str | None]]]:
    """Returns the header and the rows of a Parquet file, as text."""
    table = pd.read_parquet(path)
    columns = [[_as_text(value) for value in table[name]] for name in table.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return [str(name) for name in table.columns], rows


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
    text = _decoded(path.read_bytes())
    first_line = text.partition("\n")[0]
    lines = enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first_line)))
    header = [name.strip() for name in next(lines, (0, []))[1]]
    if not header:
        raise ValueError("it is empty.")
    rows = []
    for number, cells in lines:
        row = [cell.strip() or None for cell in cells]
        if any(row[len(header) :]):
            raise ValueError(
                f"row {number} has {len(row)} cells and the header {len(header)}; "
                "a cell that holds the delimiter must be quoted."
            )
        if any(row):
            rows.append((row + [None] * len(header))[: len(header)])
    return header, rows


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
    distinct: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in distinct:
            number += 1
            candidate = f"{name}_{number}"
        distinct.append(candidate)
    return distinct
