"""Photographs and tables in an object store, named by addresses such as s3://bucket/table.parquet.

They are read by fsspec, whose package for the store (s3fs, gcsfs, adlfs) the user installs. A
`Path` folds two slashes into one: `Path("s3://b/x")` reads "s3:/b/x", and still names the address.
"""

import re
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError
from fundus_core.io.typed_paths import followed, typed_path

PROTOCOLS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "hdfs", "file", "memory")
"""Stores that may be named. Not the web: a server would fetch whatever somebody types."""

_ADDRESS = re.compile(rf"({'|'.join(PROTOCOLS)}):/+(?=[^/])")


def is_remote(path: Path | str) -> bool:
    """Says whether a path is an address in a store.

    Examples:
        >>> is_remote("s3://bucket/a.jpg"), is_remote(Path("s3://bucket/a.jpg"))
        (True, True)
        >>> is_remote("/data/a.jpg"), is_remote("https://example.org/a.jpg")
        (False, False)
    """
    return _ADDRESS.match(str(path)) is not None


def address_of(path: Path | str) -> str:
    """Returns the address that a path names, with both slashes.

    Examples:
        >>> address_of(Path("s3://bucket/a.jpg")), address_of("file:///data/a.jpg")
        ('s3://bucket/a.jpg', 'file:///data/a.jpg')
    """
    protocol, _, rest = str(path).partition(":")
    rooted = "/" if protocol == "file" else ""
    return f"{protocol}://{rooted}{rest.lstrip('/')}"


def absolute(path: Path) -> Path:
    """Returns a path from the root of its disk on, links followed; an address as it is.

    Raises:
        DataError: If it is no path, or its links lead in a circle.
    """
    return path if is_remote(path) else followed(typed_path(path))


def read_bytes(path: Path | str, most_bytes: int) -> bytes:
    """Returns what is at an address, at most one byte more than `most_bytes`.

    Raises:
        OSError: If it is not there or not to be had.
        DataError: If the store's package is not installed.
    """
    store, place = store_of(address_of(path))
    content: bytes = store.cat_file(place, start=0, end=most_bytes + 1)
    return content


def store_of(address: str) -> tuple[Any, str]:
    """Returns the store of an address and the place in it."""
    import fsspec  # type: ignore[import-untyped]

    try:
        store, place = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise DataError(
            f"{address} cannot be read: {error}",
            hint="Install fsspec's package for this store: s3fs, gcsfs or adlfs.",
        ) from error
    return store, place
