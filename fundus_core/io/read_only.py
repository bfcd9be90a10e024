"""Read-only mode: everything can be looked at, and nothing in the workspace changes.

It is a property of the process, set by an environment variable, so that whatever is called, from
wherever, meets it at the place where files are written. What lies outside the workspace, such as a
temporary folder or a file that a command is told to write, is not protected.
"""

import os
from pathlib import Path

from fundus_core.errors import FundusError
from fundus_core.io.workspace import DEFAULT_FOLDER, ENVIRONMENT_VARIABLE

VARIABLE = "FUNDUS_READ_ONLY"

WHY = (
    "This dashboard is shared for looking only: nothing is started, saved, uploaded or deleted "
    "here."
)
"""The one sentence that pages say where something is disabled."""

_OFF = {"", "0", "false", "no", "off"}


class ReadOnlyError(FundusError):
    """Something would have changed the workspace in read-only mode."""

    def __init__(self) -> None:
        """Says why, and how to get a dashboard that may write."""
        super().__init__(
            WHY,
            hint=f"Start it without --read-only, and without {VARIABLE}, to work in the workspace.",
        )


def is_read_only() -> bool:
    """Says whether this process may only read the workspace; the environment is asked each time."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


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


def _is_inside(path: Path) -> bool:
    """Says whether a path leads into the workspace, or begins in it: a folder may be a link."""
    root = Path(os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_FOLDER).expanduser()
    begins_inside = path.absolute().is_relative_to(root.absolute())
    return begins_inside or path.resolve().is_relative_to(root.resolve())
