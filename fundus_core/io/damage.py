"""What was found damaged or unknown when it was read, so that pages can name what they leave out.

Reading compares checksums anyway; to compare all of them only for a list would take minutes. So
each process remembers what it met, until the file that commits it is gone or was written anew.
"""

import os
from pathlib import Path

_FOUND: dict[Path, tuple[Path, int]] = {}
"""What is damaged -> the file that commits it, and when that was written, in nanoseconds."""

_UNREAD: dict[Path, tuple[Path, int]] = {}
"""Likewise what is whole, and says what this version does not know."""


def remember_damage(what: Path, commit: Path, changed: int) -> None:
    """Remembers that something stored cannot be used.

    Args:
        what: The folder of a result, or the record of a shard.
        commit: The file that makes it count; whoever stores it anew writes it.
        changed: From `changed_at(commit)`, asked for before anything was read: what was replaced
            while it was read is not damaged.
    """
    _FOUND[what] = (commit, changed)


def remember_unread(what: Path, commit: Path, changed: int) -> None:
    """Remembers that something stored is whole, and says what this version does not know.

    Args:
        what: The folder of a result.
        commit: As for `remember_damage`.
        changed: As for `remember_damage`.
    """
    _UNREAD[what] = (commit, changed)


def known_damage(root: Path) -> tuple[str, ...]:
    """Returns what under a folder is known to be damaged and still is, relative to the folder."""
    return _still(_FOUND, root)


def known_unread(root: Path) -> tuple[str, ...]:
    """Returns what under a folder is whole and was not understood, relative to the folder."""
    return _still(_UNREAD, root)


def _still(found: dict[Path, tuple[Path, int]], root: Path) -> tuple[str, ...]:
    """Returns what of it is under a folder, and forgets what is gone or was written anew."""
    for what, (commit, changed) in list(found.items()):
        is_there = os.path.exists(what)  # noqa: PTH110 - Path's raises in folders of other users
        if not is_there or changed_at(commit) != changed:
            found.pop(what, None)
    inside = [what for what in list(found) if what.is_relative_to(root)]
    return tuple(sorted(what.relative_to(root).as_posix() for what in inside))


def changed_at(commit: Path) -> int:
    """Returns when a file was changed, in nanoseconds; 0 where there is none."""
    try:
        return commit.stat().st_mtime_ns
    except OSError:
        return 0
