"""In which format a workspace is kept: a small file at its root.

Format 1 had no such file, and no checksums over what is said of a result; it is read as it is, and
`fundus doctor --repair` brings it to the present one. A newer format than ours is refused before
anything is read.
"""

import contextlib
from os.path import lexists
from pathlib import Path

from fundus_core.errors import StoreError
from fundus_core.io.bounded import read_bounded
from fundus_core.io.read_only import is_read_only
from fundus_core.io.sealed import FORMAT, read_sealed, write_sealed
from fundus_core.io.this_user import mark_of_this_user

STAMP = "workspace.json"
_BEGUN_BY = "begun_by"

_KEPT_BY = "Fundus Explorer"
_LONGEST_STAMP = 10_000
"""Bytes."""

FOLDERS = (
    "datasets",
    "demo",
    "embeddings",
    "jobs",
    "look_alikes",
    "metrics",
    "precision",
    "projections",
    "runs",
    "selections",
    "smoke",
    "squares",
    "studies",
    "thumbnails",
    "training",
    "weights",
)
"""Some of what a workspace holds; one that was worked in has at least one of them."""


_PUT_THERE = ("demo", "weights")
"""Of these: what may be filled before the first command, with photographs and with weights."""

_TAUGHT = "taught"
"""In the folder of weights: who taught them, which only the program stores."""


def require_readable(root: Path) -> None:
    """Refuses a workspace that a newer version of the program keeps; stamps a new one.

    New is one in which nothing was stored yet, so nothing by an older version either: it holds
    demo photographs, weights and empty folders of a workspace at most. A folder with anything else
    in it is left as it is: somebody may have named it by mistake.

    Raises:
        StoreError: If its format is newer than this program.
    """
    if read_sealed(root / STAMP) is not None or is_read_only() or not _is_new(root):
        return
    with contextlib.suppress(StoreError):  # the first result that cannot be stored says so
        write_stamp(root)


def _is_new(root: Path) -> bool:
    """Says whether nothing was stored here yet, and nothing lies here that is not a workspace's."""
    return all(_holds_nothing_stored(path) for path in root.iterdir())


def _holds_nothing_stored(path: Path) -> bool:
    """Says whether an entry of a workspace is one that is there before anything is stored."""
    if path.name.startswith("."):
        return True
    if path.name not in FOLDERS or not path.is_dir():
        return False
    try:
        held = [entry.name for entry in path.iterdir()]
    except PermissionError:  # who knows: it is said where it is needed
        return False
    return _TAUGHT not in held if path.name in _PUT_THERE else not held


def format_of(root: Path) -> int:
    """Returns the format of a workspace; 1 where nothing tells."""
    return 1 if read_sealed(root / STAMP) is None else FORMAT


def in_the_way(root: Path) -> tuple[str, ...]:
    """Returns what lies where a workspace has a folder, or its stamp, and is none."""
    folders = [name for name in FOLDERS if lexists(root / name) and not (root / name).is_dir()]
    return (*folders, *([STAMP] if (root / STAMP).is_dir() else ()))


def is_foreign(root: Path) -> bool:
    """Says whether a folder holds things, and none of them is of a workspace."""
    is_ours = (root / STAMP).is_file() or any((root / name).is_dir() for name in FOLDERS)
    return not is_ours and any(not path.name.startswith(".") for path in root.iterdir())


def is_stamped(folder: Path) -> bool:
    """Says whether a folder is a workspace by its stamp, of whatever format.

    Other programs have files of this name, too.
    """
    try:
        return _KEPT_BY.encode() in read_bounded(folder / STAMP, _LONGEST_STAMP)
    except (OSError, ValueError):
        return False


def begun_elsewhere(root: Path) -> str:
    """Returns a sentence on what a workspace holds that this user here did not begin, else "".

    Of one that an earlier version began nobody knows who did.

    Raises:
        StoreError: If its format is newer than this program.
    """
    stamp = read_sealed(root / STAMP)
    begun_by = None if stamp is None else stamp.get(_BEGUN_BY)
    if begun_by == mark_of_this_user() or (stamp is None and _is_new(root)):
        return ""
    why = "nothing says that it was begun here" if begun_by is None else "it was begun elsewhere"
    return f"What is stored in {root} counts as computed here, though {why}."


TO_OWN = "If it is yours, `fundus doctor --repair` notes that; else name another (--workspace)."
"""What to do about a workspace that was begun elsewhere."""


def write_stamp(root: Path) -> None:
    """Says that the workspace is in the present format, and this user's."""
    write_sealed(root / STAMP, {"kept_by": _KEPT_BY, _BEGUN_BY: mark_of_this_user()})
