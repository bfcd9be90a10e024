"""Writing files so that a crash, a full disk or a second writer never leaves a torn one."""

import contextlib
import ctypes
import errno
import json
import math
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from fundus_core.errors import StoreError
from fundus_core.io.damage import changed_at
from fundus_core.io.read_only import is_read_only, require_writable
from fundus_core.io.refused_writing import FORBIDDEN, full_disk_explained, nearest
from fundus_core.io.streams import is_stream, pass_on

_READ_BYTES = 1 << 20
_SECONDS_BETWEEN_SIGNS = 5.0
_TICK_NS = 1_000_000
_LONGEST_KEPT = 200
"""Bytes of a name that its temporary one keeps: most file systems take names of 255."""


def checksum(path: Path) -> str:
    """Returns the XXH3 (128 bit) of a file's bytes: notices a flipped bit, not an attacker."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def renew(path: Path, among: Iterable[Path]) -> None:
    """Makes a file the newest of several by its time, where anything may be changed.

    The clock alone would not: it may have been set back since the others were written, and what is
    written within one of its ticks has one time. Whoever only looks calls this too: it is no error
    that the order stays as it was, or that another process removed it.
    """
    if is_read_only():
        return
    latest = max((changed_at(other) for other in among), default=0)
    now = max(time.time_ns(), latest + _TICK_NS)
    try:
        try:
            os.utime(path, ns=(now, now))
        except PermissionError:
            path.touch()  # a file of another user takes no time but the clock's
    except OSError as error:
        if error.errno not in {*FORBIDDEN, errno.ENOENT}:
            raise


def temporary_name(path: Path) -> Path:
    """Returns an unused name beside `path` that readers ignore; it ends as the path does.

    Of a name so long that this one would be too long, the beginning is left out.
    """
    encoded = os.fsencode(path.name)
    kept = encoded[-_LONGEST_KEPT:].decode(errors="ignore")
    name = path.name if len(encoded) <= _LONGEST_KEPT else kept
    return path.with_name(f".tmp-{os.getpid()}-{secrets.token_hex(4)}-{name}")


def scratch_array(folder: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Returns an array of bytes that lies on disk for as long as this process uses it.

    All its space is taken beforehand: a memory map on a full disk would end the process by a signal
    that Python cannot catch. Its file has no name once it is mapped, where the system allows that,
    so that it is gone with the process, however that ends.

    Args:
        folder: Is there; on the disk that has the space.
        shape: Of the array, in bytes.

    Raises:
        StoreError: If there is not enough space; none is taken then.
    """
    n_bytes = math.prod(shape)
    path = temporary_name(folder / "scratch.npy")
    try:
        with full_disk_explained(path, n_bytes):
            if n_bytes > shutil.disk_usage(path.parent).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
            with path.open("r+b") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        if os.name == "nt":  # no file is removed there while it is open: `leftovers` finds it
            return array
    except StoreError:
        path.unlink(missing_ok=True)  # what was taken until the disk was full
        raise
    path.unlink()
    return array


def require_place(path: Path, *, is_folder: bool = False) -> None:
    """Refuses a place that could not be written to, before anything is computed for it.

    Args:
        path: The file to be written, or the folder; what it lies in is made then, if needed.
        is_folder: Whether it is a folder.

    Raises:
        StoreError: If something else lies there, or nothing can be written there.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    require_writable(path)
    place = nearest(path if is_folder else path.parent)
    try:
        is_there, is_other = path.exists(), path.is_dir() != is_folder
        if is_stream(path) and not is_folder:
            return
        if not (is_there and is_other):
            trial = temporary_name(place / "trial")
            trial.touch()
            trial.unlink()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {place}: {os.strerror(error.errno or errno.EIO)}.",
            hint="Name another place, one that you may write to.",
        ) from error
    if is_there and is_other:
        there, wanted = ("file", "folder") if is_folder else ("folder", "file")
        raise StoreError(
            f"{path} is a {there}, and a {wanted} is to be written.",
            hint="Choose another name, or move this one away.",
        )


@contextlib.contextmanager
def appearing(path: Path, *, n_bytes: int = 0) -> Iterator[Path]:
    """Gives a temporary name to write to, and renames it into place where nothing went wrong.

    Whoever writes syncs the file.

    Args:
        path: Where the file is to appear; its folder is made if needed. To a pipe or a device, such
            as /dev/stdout, the finished file is passed on.
        n_bytes: How much it needs, for the sentence about a full disk.

    Raises:
        StoreError: If the disk is full; whatever stood at `path` before still does.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    require_writable(path)
    if is_stream(path):
        with tempfile.TemporaryDirectory(prefix="fundus-") as folder:
            yield Path(folder) / path.name
            with full_disk_explained(path, n_bytes):
                pass_on(Path(folder) / path.name, path)
        return
    temporary = temporary_name(path)
    with full_disk_explained(path, n_bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with full_disk_explained(path, n_bytes):
            temporary.replace(path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Waits until no other process or thread holds a lock file; its folder is made if needed.

    Raises:
        StoreError: If the disk is full, or the place may not be written to.
    """
    with full_disk_explained(lock, 0):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock)
        held.acquire()
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def in_turn(lock: Path, tell: Callable[[], None]) -> Iterator[None]:
    """Holds a lock file; while another process or thread does, `tell` is called every few seconds.

    The system frees it if the holder dies.

    Raises:
        StoreError: If the disk is full, or the place may not be written to.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    require_writable(lock)
    held, seconds = FileLock(lock), 0.0
    with full_disk_explained(lock, 0):
        lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            with full_disk_explained(lock, 0):
                held.acquire(timeout=seconds)
            break
        except Timeout:
            tell()
            seconds = _SECONDS_BETWEEN_SIGNS
    try:
        yield
    finally:
        held.release()


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
    with (
        appearing(path, n_bytes=n_bytes) as temporary,
        full_disk_explained(path, n_bytes),
        temporary.open("wb") as file,
    ):
        if n_bytes and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        write(file)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically, keys in the order given."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> Any | None:
    """Returns the content of a JSON file, or None where it is missing or torn.

    Numbers that are not finite are none that the program writes.
    """
    try:
        if not path.is_file():  # a pipe would be waited for without end
            return None
        text = path.read_text(encoding="utf-8")
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (OSError, ValueError, RecursionError):
        return None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite")
    return value


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Writes an array as `.npy` atomically, with its space reserved first."""
    contiguous = np.ascontiguousarray(array)
    header_bytes = 128
    write_atomically(
        path,
        lambda file: np.save(file, contiguous, allow_pickle=False),
        n_bytes=contiguous.nbytes + header_bytes,
    )


def sync_file(path: Path) -> None:
    """Makes the content of a file that a library wrote survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(made: Path, place: Path) -> Path | None:
    """Moves a finished folder to its place, in one step where the system knows how.

    Args:
        made: The folder; it lies beside the place.
        place: Where readers look for it.

    Returns:
        What stood there before, under a name that readers ignore; None if nothing did.
    """
    if not place.exists():
        made.rename(place)
        return None
    if _exchanged(made, place):
        return made
    retired = temporary_name(place)
    place.rename(retired)
    made.rename(place)
    return retired


def _exchanged(first: Path, second: Path) -> bool:
    """Exchanges two folders, so that no reader ever finds neither; False where it cannot be."""
    library = ctypes.CDLL(None, use_errno=True)
    for name, arguments in _EXCHANGES.items():
        function = getattr(library, name, None)
        if function is not None:
            here, there = os.fsencode(first), os.fsencode(second)
            return bool(function(*arguments(here, there)) == 0)
    return False


_EXCHANGES: dict[str, Callable[[bytes, bytes], tuple[Any, ...]]] = {
    "renameat2": lambda a, b: (_HERE, ctypes.c_char_p(a), _HERE, ctypes.c_char_p(b), 2),  # Linux
    "renamex_np": lambda a, b: (ctypes.c_char_p(a), ctypes.c_char_p(b), 2),  # macOS
}
_HERE = -100  # AT_FDCWD: a path that is not absolute begins in the current folder


def sync_folder(folder: Path) -> None:
    """Makes a rename inside the folder survive a power cut, where the system allows it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
