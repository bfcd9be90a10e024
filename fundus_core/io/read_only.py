"""Read-only mode: everything can be looked at, and nothing in the workspace changes.

It is a property of the process, set by an environment variable or by a workspace that the system
lets nobody here write to (a read-only mount, another user's folder), so that whatever is called,
from wherever, meets it at the place where files are written. What lies outside the workspace, such
as a temporary folder or a file that a command is told to write, is not protected.
"""

import os
from pathlib import Path

from fundus_core.errors import FundusError, StoreError
from fundus_core.io.typed_paths import real_path
from fundus_core.io.workspace import is_gone, workspace_folder, workspace_folders

VARIABLE = "FUNDUS_READ_ONLY"

WHY = (
    "This workspace is shared for looking only: nothing is started, saved, uploaded or deleted "
    "here."
)
"""The one sentence that pages say where something is disabled, when it was asked for."""

_OFF = {"", "0", "false", "no", "off"}


class ReadOnlyError(FundusError):
    """Something would have changed the workspace in read-only mode."""

    def __init__(self, root: Path | None = None) -> None:
        """Says why, and how to get a dashboard that may write.

        Args:
            root: The workspace that would have been changed; None for the one last found.
        """
        super().__init__(
            why_read_only(root),
            hint=f"Start it without --read-only, and without {VARIABLE}, to work in the workspace."
            if is_asked_for()
            else "Name another workspace by --workspace, mend the permissions of this one, or only "
            "look: `fundus app --read-only`.",
        )


def is_asked_for() -> bool:
    """Says whether the variable asks for it, whatever the system allows; it is asked each time."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def is_read_only() -> bool:
    """Says whether this process may only read its workspace; it is asked each time.

    Of several workspaces, the one last found is meant.
    """
    return _is_protected(workspace_folder())


def why_read_only(root: Path | None = None) -> str:
    """Returns the sentence that says why nothing can be changed.

    Args:
        root: Of which workspace; None for the one last found.
    """
    if is_asked_for():
        return WHY
    place = (root or workspace_folder()).absolute()
    return (
        f"This workspace can only be looked at: {place} may not be written to "
        "by this program. Nothing is started, saved or deleted here."
    )


def require_writable(path: Path | None = None) -> None:
    """Refuses what would change the workspace in read-only mode, or bring back one that is gone.

    Args:
        path: What is to be written or deleted, in whichever workspace of this process; None for
            something that changes the one last found in any case, such as starting a job.

    Raises:
        ReadOnlyError: If nothing may change there.
        StoreError: If the workspace was deleted or moved since it was found.
    """
    for root in workspace_folders() if path is not None else (workspace_folder(),):
        if _is_protected(root) and (path is None or _is_inside(path, root)):
            raise ReadOnlyError(root)
        if path is not None and is_gone(root) and _is_inside(path, root):
            raise StoreError(
                f"{path} is not stored: the workspace {root} was deleted or moved meanwhile.",
                hint="Give the command again; name one that was moved (--workspace).",
            )


def _is_protected(root: Path) -> bool:
    """Says whether a workspace must not be changed, or the system does not let this process."""
    return is_asked_for() or (root.is_dir() and not os.access(root, os.W_OK))


def _is_inside(path: Path, root: Path) -> bool:
    """Says whether a path leads into a workspace, or begins in it: a folder may be a link."""
    begins_inside = path.absolute().is_relative_to(root.absolute())
    return begins_inside or real_path(path).is_relative_to(real_path(root))
