"""Small JSON files that several processes write and read at the same time.

Unlike `fundus_core.io.files` without sync to disk and without NumPy: progress is written several
times a second, and the runner that writes here should start fast and stay small.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a file under a temporary name and renames it: readers see the old one or the new."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        temporary.replace(path)
    finally:
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
