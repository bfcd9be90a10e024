"""Reads data sets of Hugging Face on disk: Parquet shards, or what `save_to_disk` wrote.

Both are Arrow tables whose photographs are a column of bytes and whose schema says, in JSON, what
each column is; so Arrow alone reads them, and nothing is downloaded.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError
from fundus_core.imports.records import ImportedPhotograph, Outcome, RefusedPhotograph
from fundus_core.io.bounded import require_plain_file
from fundus_core.io.image_headers import MAX_BYTES
from fundus_core.io.images import SUPPORTED_SUFFIXES
from fundus_core.io.photo_files import links_out
from fundus_core.io.typed_paths import followed

_SUFFIXES = (".parquet", ".arrow")
_ROWS_AT_ONCE = 64
_SPLITS = {"train": "train", "test": "test", "validation": "val", "valid": "val", "val": "val"}
_SIGNATURES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"BM": ".bmp",
    b"GIF8": ".gif",
    b"RIFF": ".webp",
}


@dataclass(frozen=True, slots=True)
class Features:
    """What the columns of a data set are."""

    image: str
    """The column of photographs."""

    classes: Mapping[str, Sequence[str]]
    """Column of whole numbers -> the names they stand for."""

    plain: tuple[str, ...]
    """Columns of text and numbers, taken over as they are."""


def is_hugging_face(folder: Path) -> bool:
    """Says whether a folder, or a file, holds a table with a column of photographs."""
    files = _files(folder)
    return bool(files) and _features(_schema(files[0])) is not None


def count_rows(folder: Path) -> int:
    """Returns the number of rows of all shards.

    Raises:
        DataError: If a shard cannot be read.
    """
    return sum(_n_rows(path) for path in _files(folder))


def hugging_face_photographs(folder: Path) -> Iterator[Outcome]:
    """Yields the photographs of a data set, one outcome per row.

    Args:
        folder: Holds the shards, at any depth; or one of them.

    Raises:
        DataError: If a shard cannot be read, or holds no photographs.
    """
    root = folder if folder.is_dir() else folder.parent
    for path in _files(folder):
        features = _features(_schema(path))
        if features is None:
            raise DataError(
                f"{path.name} holds no column of photographs.",
                hint="Give the folder of one data set, with all its shards alike.",
            )
        name, split = path.relative_to(root).as_posix(), _split(path.relative_to(root))
        for number, row in enumerate(_rows(path)):
            yield _photograph(row, features, root, f"{name}, row {number}", split)


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder] if folder.suffix in _SUFFIXES else []
    found = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    outside = {*links_out(found)}
    named = (path for path in found if not path.name.startswith((".", "cache-")))
    return [path for path in named if path not in outside]


def _schema(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        require_plain_file(path, sys.maxsize)
        if path.suffix == ".parquet":
            return pq.read_schema(path)
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_stream(source).schema
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _broken(path, error) from error


def _n_rows(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        require_plain_file(path, sys.maxsize)
        if path.suffix == ".parquet":
            return int(pq.read_metadata(path).num_rows)
        with pa.memory_map(str(path)) as source:
            return sum(batch.num_rows for batch in pa.ipc.open_stream(source))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path.name} cannot be read as an Arrow table: {error}",
        hint="Download or save the data set again.",
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yields rows, few at a time in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as table:
                for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
                    yield from batch.to_pylist()
            return
        with pa.memory_map(str(path)) as source:
            for batch in pa.ipc.open_stream(source):
                for first in range(0, batch.num_rows, _ROWS_AT_ONCE):
                    yield from batch.slice(first, _ROWS_AT_ONCE).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _broken(path, error) from error


def _features(schema: Any) -> Features | None:
    """Returns what the columns are; None if none of them holds photographs."""
    import pyarrow as pa

    described = _described(schema)
    image = next((name for name in schema.names if _is_image(schema, name, described)), None)
    if image is None:
        return None
    classes = {
        name: [str(label) for label in described[name]["names"]]
        for name in schema.names
        if described.get(name, {}).get("_type") == "ClassLabel"
    }
    types = pa.types
    simple = (types.is_integer, types.is_floating, types.is_boolean, types.is_string)
    plain = tuple(
        name
        for name in schema.names
        if name not in classes and any(is_it(schema.field(name).type) for is_it in simple)
    )
    return Features(image, classes, plain)


def _described(schema: Any) -> dict[str, Any]:
    """Returns what the schema's own note says of each column; nothing where it is missing."""
    note = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(note)["info"]["features"] if note else {}
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: one for name, one in features.items() if isinstance(one, dict)}


def _is_image(schema: Any, name: str, described: Mapping[str, Any]) -> bool:
    import pyarrow as pa

    kind = schema.field(name).type
    if not pa.types.is_struct(kind):
        return False
    holds_bytes = {"bytes", "path"} <= {kind.field(i).name for i in range(kind.num_fields)}
    return holds_bytes and described.get(name, {}).get("_type", "Image") == "Image"


def _split(path: Path) -> str:
    """Returns the split that a shard's name, or its folder's, tells; empty where none does."""
    for part in (path.name, *reversed(path.parent.parts)):
        word = part.lower().split("-")[0].split(".")[0]
        if word in _SPLITS:
            return _SPLITS[word]
    return ""


def _photograph(
    row: Mapping[str, Any], features: Features, root: Path, name: str, split: str
) -> Outcome:
    cell = row[features.image]
    data = cell["bytes"] if cell else None
    if data is None and cell and cell["path"]:
        data = _bytes_of(root, str(cell["path"]))
    if data is None:
        return RefusedPhotograph(name, "It has no photograph.")
    suffix = next((end for start, end in _SIGNATURES.items() if data.startswith(start)), "")
    if suffix not in SUPPORTED_SUFFIXES:
        return RefusedPhotograph(name, "Its bytes are no photograph of a known format.")
    for column, names in features.classes.items():
        if not _is_class(row[column], names):
            known = f"there are names for 0 to {len(names) - 1}"
            return RefusedPhotograph(name, f"Its {column} is {row[column]}, and {known}.")
    about = {column: _as_text(row[column]) for column in features.plain}
    about |= {column: _class_name(row[column], names) for column, names in features.classes.items()}
    about.setdefault("split", split)
    return ImportedPhotograph(data, suffix, {key: value for key, value in about.items() if value})


def _bytes_of(root: Path, named: str) -> bytes | None:
    """Returns the content of a file that a row names, if it lies below the data set's folder."""
    try:
        path = followed(root / named)
    except DataError:
        return None
    inside = path.is_relative_to(root.resolve()) and path.is_file()
    return path.read_bytes() if inside and path.stat().st_size <= MAX_BYTES else None


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _is_class(value: Any, names: Sequence[str]) -> bool:
    """Says whether a number stands for a name, or for no label: -1, or nothing."""
    return value is None or (isinstance(value, int) and -1 <= value < len(names))


def _class_name(value: int | None, names: Sequence[str]) -> str:
    """Returns the name that a number stands for; blank where it stands for no label."""
    return "" if value is None or value < 0 else names[value]
