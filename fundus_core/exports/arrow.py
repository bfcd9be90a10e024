"""Exports as Parquet: one file for pandas, DuckDB, R; and one for Embedding Atlas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.exports.content import Content
from fundus_core.io.files import write_atomically
from fundus_core.similarity import directions, nearest_rows

NEIGHBOURS = 10
NOTE = b"fundus_explorer"
"""Key of the schema's metadata under which stands how the file was made, as JSON."""


def write_parquet(content: Content, path: Path) -> dict[str, str]:
    """Writes the table with a column `vector` and columns `METHOD_x`, `METHOD_y` per map.

    Returns:
        Columns of the table that bear another name in the file -> that name.
    """
    import pyarrow as pa

    own = {"vector": _lists(content.vectors)}
    for method, points in content.maps.items():
        own |= {f"{method}_{name}": pa.array(points[:, k]) for k, name in enumerate("xy")}
    return _write(own, content, path)


def write_atlas(
    content: Content, path: Path, *, picture: Callable[[str], bytes] | None = None
) -> dict[str, str]:
    """Writes a table for Embedding Atlas: the first map, neighbours and, if asked, pictures.

    It opens by `embedding-atlas FILE --x projection_x --y projection_y --neighbors neighbors`.

    Args:
        content: With at least one map.
        path: A Parquet file.
        picture: Returns the bytes of a small picture of a photograph, given its path.

    Returns:
        Columns of the table that bear another name in the file -> that name.
    """
    import pyarrow as pa

    points = next(iter(content.maps.values()))
    own = {f"projection_{name}": pa.array(points[:, k]) for k, name in enumerate("xy")}
    own["neighbors"] = _neighbours(content)
    if picture is not None:
        images = [{"bytes": picture(one), "path": None} for one in content.table["path"]]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        own["image"] = pa.array(images, kind)
    return _write(own, content, path)


def _lists(vectors: NDArray[np.float32]) -> Any:
    """Returns vectors (N, D) as a column of lists, each of D numbers."""
    import pyarrow as pa

    values = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])


def _neighbours(content: Content) -> Any:
    """Returns each photograph's nearest others: rows and cosine distances."""
    import pyarrow as pa

    count = min(NEIGHBOURS, len(content.table) - 1)
    rows = nearest_rows(content.vectors, count=count)
    cosines = _cosines(content.vectors, rows)
    return pa.array(
        [
            {"ids": ids.tolist(), "distances": (1 - near).tolist()}
            for ids, near in zip(rows, cosines, strict=True)
        ]
    )


def _cosines(vectors: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float32]:
    """Returns how alike each photograph is to some others (N, K), as `nearest_rows` sees it."""
    unit = directions(vectors)
    columns = [(unit * unit[rows[:, k]]).sum(axis=1) for k in range(rows.shape[1])]
    found: NDArray[np.float32] = np.clip(np.stack(columns, axis=1), -1.0, 1.0)
    return found


def _write(own: dict[str, Any], content: Content, path: Path) -> dict[str, str]:
    """Writes the table with columns of the file's own behind it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    named, renamed = content.named(own)
    table = pa.Table.from_pandas(named, preserve_index=False)
    for name, values in own.items():
        table = table.append_column(name, values)
    note = json.dumps(content.noted(renamed), ensure_ascii=False).encode()
    noted = table.replace_schema_metadata({**(table.schema.metadata or {}), NOTE: note})
    write_atomically(path, lambda file: pq.write_table(noted, file))
    return renamed
