"""In which format a workspace is kept: a small file at its root.

Format 1 had no such file, and no checksums over what is said of a result; it is read as it is, and
`fundus doctor --repair` brings it to the present one. A newer format than ours is refused before
anything is read.
"""

import contextlib
from pathlib import Path

from fundus_core.errors import StoreError
from fundus_core.io.read_only import is_read_only
from fundus_core.io.sealed import FORMAT, read_sealed, write_sealed

STAMP = "workspace.json"


def require_readable(root: Path) -> None:
    """Refuses a workspace that a newer version of the program keeps; stamps an empty one.

    Raises:
        StoreError: If its format is newer than this program.
    """
    if read_sealed(root / STAMP) is not None or is_read_only() or any(root.iterdir()):
        return
    with contextlib.suppress(StoreError):  # the first result that cannot be stored says so
        write_stamp(root)


def format_of(root: Path) -> int:
    """Returns the format of a workspace; 1 where nothing tells."""
    return 1 if read_sealed(root / STAMP) is None else FORMAT


def write_stamp(root: Path) -> None:
    """Says that the workspace is in the present format."""
    write_sealed(root / STAMP, {"kept_by": "Fundus Explorer"})
