"""Read-only mode: everything can be looked at, and nothing in the workspace changes.

It is a property of the process, set by an environment variable or by a workspace that the system
lets nobody here write to (a read-only mount, another user's folder), so that whatever is called,
from wherever, meets it at the place where files are written. What lies outside the workspace, such
as a temporary folder or a file that a command is told to write, is not protected.
"""

import os
from pathlib import Path

from fundus_core.errors import FundusError
from fundus_core.io.workspace import workspace_folder

VARIABLE = "FUNDUS_READ_ONLY"

WHY = (
    "This workspace is shared for looking only: nothing is started, saved, uploaded or deleted "
    "here."
)
"""The one sentence that pages say where something is disabled, when it was asked for."""

_OFF = {"", "0", "false", "no", "off"}


class ReadOnlyError(FundusError):
    """Something would have changed the workspace in read-only mode."""

    def __init__(self) -> None:
        """Says why, and how to get a dashboard that may write."""
        super().__init__(
            why_read_only(),
            hint=f"Start it without --read-only, and without {VARIABLE}, to work in the workspace."
            if _is_asked_for()
            else "Name another workspace by --workspace, mend the permissions of this one, or only "
            "look: `fundus app --read-only`.",
        )


def is_read_only() -> bool:
    """Says whether this process may only read the workspace; it is asked each time."""
    return _is_asked_for() or not _may_be_written()


def why_read_only() -> str:
    """Returns the sentence that says why nothing can be changed."""
    if _is_asked_for():
        return WHY
    return (
        f"This workspace can only be looked at: {workspace_folder().absolute()} may not be written "
        "to by this program. Nothing is started, saved or deleted here."
    )


def require_writable(path: Path | None = None) -> None:
    """Refuses what would change the workspace in read-only mode.

    Args:
        path: What is to be written or deleted; None for something that changes the workspace in any
            case, such as starting a job.

    Raises:
        ReadOnlyError: If nothing may change there.
    """
    if is_read_only() and (path is None or _is_inside(path)):
        raise ReadOnlyError


def _is_asked_for() -> bool:
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def _may_be_written() -> bool:
    """Says whether the system lets this process write into the workspace, if it is there yet."""
    root = workspace_folder()
    return not root.is_dir() or os.access(root, os.W_OK)


def _is_inside(path: Path) -> bool:
    """Says whether a path leads into the workspace, or begins in it: a folder may be a link."""
    root = workspace_folder()
    begins_inside = path.absolute().is_relative_to(root.absolute())
    return begins_inside or path.resolve().is_relative_to(root.resolve())
