"""Small JSON files that several processes write and read at the same time.

Unlike `fundus_core.io.files` without sync to disk and without NumPy: progress is written several
times a second, and the runner that writes here should start fast and stay small.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundus_core.io.refused_writing import full_disk_explained


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a file under a temporary name and renames it: readers see the old one or the new.

    Raises:
        StoreError: If the disk is full, or the place may not be written to.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    with full_disk_explained(path.parent, 0):  # named is the folder of all jobs
        try:
            temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):  # the first error is the one to be told
                temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """Returns the object in a JSON file; None where the file is missing or holds none."""
    try:
        if not path.is_file():  # a pipe would be waited for without end
            return None
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
