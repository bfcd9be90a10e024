"""Who is at work on which machine, as a mark that names neither."""

import hashlib
import os
import sys
import uuid
from pathlib import Path

from fundus_core.io.bounded import read_bounded

_MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_LONGEST_ID = 1_000
"""Bytes."""

_RANDOM = 1 << 40
"""Bit of a hardware address that was drawn at random: the machine has none that can be read."""


def mark_of_this_user() -> str:
    """Returns 16 hex digits of a hash of machine and user: the same for all of a user's processes.

    On a machine that has no id, as in many containers, it tells users apart alone. It is no secret
    and proves nothing: who knows both can make it.
    """
    user = os.getuid() if hasattr(os, "getuid") else Path.home()
    told = f"Fundus Explorer workspace\n{_machine()}\n{user}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _machine() -> str:
    if sys.platform == "linux":
        for path in map(Path, _MACHINE_IDS):
            try:
                if found := read_bounded(path, _LONGEST_ID).decode().strip():
                    return found
            except (OSError, ValueError):
                continue
        return ""
    address = uuid.getnode()
    return "" if address & _RANDOM else str(address)
