"""Writing files so that a crash, a full disk or a second writer never leaves a torn one."""

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from fundus_core.errors import StoreError
from fundus_core.io.read_only import require_writable

_READ_BYTES = 1 << 20


def checksum(path: Path) -> str:
    """Returns the XXH3 (128 bit) of a file's bytes: notices a flipped bit, not an attacker."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def temporary_name(path: Path) -> Path:
    """Returns an unused name beside `path` that readers ignore."""
    return path.with_name(f".tmp-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")


@contextlib.contextmanager
def full_disk_explained(path: Path, n_bytes: int) -> Iterator[None]:
    """Turns "no space left" into a sentence that says how much was needed.

    Raises:
        StoreError: If the disk or the quota is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise StoreError(
            f"No space left for {n_bytes:,} bytes in {path.parent}.",
            hint="Free some space or choose another --workspace; what was stored before is intact.",
        ) from error


def write_atomically(path: Path, write: Callable[[BinaryIO], object], *, n_bytes: int = 0) -> None:
    """Writes a file under a temporary name, syncs it to disk and renames it into place.

    Args:
        path: Where the file is to appear; its folder is made if needed.
        write: Called with the open file.
        n_bytes: Space to reserve first. A memory map on a full disk would otherwise end the
            process by a signal that Python cannot catch.

    Raises:
        StoreError: If the disk is full; whatever stood at `path` before still does.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    require_writable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with full_disk_explained(path, n_bytes), temporary.open("wb") as file:
            if n_bytes and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically, keys in the order given."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> Any | None:
    """Returns the content of a JSON file, or None where it is missing or torn."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Writes an array as `.npy` atomically, with its space reserved first."""
    contiguous = np.ascontiguousarray(array)
    header_bytes = 128
    write_atomically(
        path,
        lambda file: np.save(file, contiguous, allow_pickle=False),
        n_bytes=contiguous.nbytes + header_bytes,
    )


def sync_folder(folder: Path) -> None:
    """Makes a rename inside the folder survive a power cut, where the system allows it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
