"""What damaged and hostile checkpoints make readers raise, and what is refused before they read."""

import struct
import zipfile
from pathlib import Path

from fundus_core.errors import WeightsError

UNREADABLE = (
    RuntimeError,
    ValueError,
    OSError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
)
"""The unpickler for plain tensors trusts what it reads, and stumbles in any of these ways."""

_MOST_TIMES, _SMALL = 4, 64 << 20


def require_no_bomb(path: Path) -> None:
    """Refuses an archive that unpacks to far more than its size; PyTorch does not compress.

    Raises:
        WeightsError: If it does.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except UNREADABLE:
        return
    if unpacked > _SMALL and unpacked > _MOST_TIMES * path.stat().st_size:
        raise WeightsError(
            f"{path.name} has {path.stat().st_size:,} bytes and would unpack to {unpacked:,}; no "
            "checkpoint is packed so densely.",
            hint="Download the file again from where it is published.",
        )
