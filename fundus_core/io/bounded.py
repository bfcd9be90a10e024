"""Reading files that somebody else made: only plain ones, and never more than was agreed."""

import os
import stat
from pathlib import Path
from typing import Any


def require_plain_file(path: Path, most_bytes: int) -> os.stat_result:
    """Returns the status of a file, links followed, that can be read to its end.

    A pipe would be waited for, and a device has no end.

    Raises:
        ValueError: If it is not a plain file, or has more bytes; the text ends a sentence.
        OSError: If it is not there.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
        raise ValueError(f"it is {kind}.")
    if status.st_size > most_bytes:
        raise ValueError(f"it has {status.st_size:,} bytes; at most {most_bytes:,} are read.")
    return status


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Returns the content of a plain file.

    Raises:
        ValueError: If it is not a plain file, or has more bytes, whatever its status says.
        OSError: If it cannot be read.
    """
    n_bytes = require_plain_file(path, most_bytes).st_size
    with path.open("rb") as file:
        data = file.read(n_bytes + 1)  # to ask for all that is agreed would take memory for it
        if len(data) > n_bytes:
            data += file.read(most_bytes + 1 - len(data))
    if len(data) > most_bytes:
        raise ValueError(f"it has more than {most_bytes:,} bytes.")
    return data


def open_parquet(path: Path, *, most_bytes: int, most_cells: int) -> Any:
    """Returns an opened `pyarrow.parquet.ParquetFile` that unpacks to a sensible size.

    A file of a few kilobytes may claim billions of rows: nothing of it is read before its own
    summary was looked at. Columns of text come as dictionaries, so that what a column repeats is in
    memory once.

    Raises:
        ValueError: If it is no Parquet file, or too large in bytes or cells.
        OSError: If it cannot be read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    require_plain_file(path, most_bytes)
    try:
        file = parquet.ParquetFile(path)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    about = file.metadata
    n_cells = about.num_rows * about.num_columns
    if n_cells > most_cells:
        raise ValueError(f"it has {n_cells:,} cells; at most {most_cells:,} are read.")
    n_bytes = sum(about.row_group(one).total_byte_size for one in range(about.num_row_groups))
    if n_bytes > most_bytes:
        raise ValueError(f"it unpacks to {n_bytes:,} bytes; at most {most_bytes:,} are read.")
    words = [one.name for one in file.schema_arrow if _is_text(one.type)]
    return parquet.ParquetFile(path, read_dictionary=words)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))
