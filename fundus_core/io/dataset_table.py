"""The table of an opened data set on disk: millions of rows are back in seconds.

Columns that repeat a few words are stored as numbers and a list of the words, so that only ids and
paths cost a Python string per row.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.io.files import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_WORDS = 1_000
"""A column with more distinct values is stored as it is."""


def write_dataset_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a table of strings and None as Parquet.

    Raises:
        StoreError: If the disk is full.
    """
    import pyarrow as pa
    from pyarrow import parquet

    columns = {str(name): _arrow(table[name]) for name in table.columns}
    # Ids do not compress, and what does is short: decompression would be most of the reading.
    write_atomically(
        path,
        lambda file: parquet.write_table(
            pa.table(columns),
            file,
            compression="none",
            use_dictionary=[n for n, c in columns.items() if pa.types.is_dictionary(c.type)],
        ),
    )


def read_dataset_table(path: Path) -> pd.DataFrame:
    """Returns a table that `write_dataset_table` wrote, or an earlier version of the program.

    Returns:
        Columns of strings and None as objects; index 0 to N-1.
    """
    from pyarrow import parquet

    table = parquet.read_table(path, memory_map=True)
    columns = {name: _series(table.column(name)) for name in table.column_names}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def _arrow(column: pd.Series) -> "pa.Array":
    import pyarrow as pa

    array = pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return array
    head = array[: 20 * _MOST_WORDS]
    if len(head.unique()) > _MOST_WORDS:
        return array
    coded = array.dictionary_encode()
    return coded if len(coded.dictionary) <= _MOST_WORDS else array


def _series(column: "pa.ChunkedArray") -> pd.Series:
    """Returns a column as Python strings and None; of other types as pandas would."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return pd.Series(np.full(len(column), None, dtype=object), dtype=object)
    if pa.types.is_dictionary(column.type):
        parts = [_words(chunk) for chunk in column.chunks]
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        parts = [chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    else:
        return pd.Series(column.to_pandas())
    values = np.concatenate(parts) if parts else np.zeros(0, dtype=object)
    return pd.Series(values, dtype=object, copy=False)


def _words(chunk: "pa.DictionaryArray") -> NDArray[Any]:
    """Returns a column of numbers as the words they stand for, each of them one object."""
    words = np.array([*chunk.dictionary.to_pylist(), None], dtype=object)
    codes = chunk.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    found: NDArray[Any] = words[codes]
    return found
