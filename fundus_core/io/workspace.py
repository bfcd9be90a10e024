"""The one folder under which everything lives that the program writes."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fundus_core.errors import DataError, StoreError
from fundus_core.io.typed_paths import followed, typed_path

ENVIRONMENT_VARIABLE = "FUNDUS_WORKSPACE"
DEFAULT_FOLDER = "workspace"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where data sets, embeddings, maps, runs, jobs and weights are kept."""

    root: Path
    """Absolute; made on first use."""

    weights_in: Path | None = None
    """The user's folder of weights, if it is not in this one."""

    @property
    def demo(self) -> Path:
        """The embedded demo photographs."""
        return self.root / "demo"

    @property
    def phantoms(self) -> Path:
        """Synthetic photographs to learn from, in a folder per way of drawing."""
        return self.root / "phantoms"

    @property
    def datasets(self) -> Path:
        """Tables of opened data sets."""
        return self.root / "datasets"

    @property
    def scans(self) -> Path:
        """What was found when each file was last read."""
        return self.root / "scans.parquet"

    @property
    def damaged(self) -> Path:
        """What cannot be used and was moved aside."""
        return self.root / "damaged"

    @property
    def thumbnails(self) -> Path:
        """Small pictures for galleries, by image id."""
        return self.root / "thumbnails"

    @property
    def squares(self) -> Path:
        """Photographs as networks are shown them, in a folder per recipe and side."""
        return self.root / "squares"

    @property
    def embeddings(self) -> Path:
        """Vectors, in a folder per recipe."""
        return self.root / "embeddings"

    @property
    def projections(self) -> Path:
        """Maps, in a folder per recipe."""
        return self.root / "projections"

    @property
    def runs(self) -> Path:
        """Evaluated models, in a folder per run."""
        return self.root / "runs"

    @property
    def metrics(self) -> Path:
        """Metrics of runs with their intervals, in a folder per recipe."""
        return self.root / "metrics"

    @property
    def look_alikes(self) -> Path:
        """Which photographs of a data set show the same, in a folder per set of photographs."""
        return self.root / "look_alikes"

    @property
    def training(self) -> Path:
        """What unfinished trainings have done so far, in a folder per recipe."""
        return self.root / "training"

    @property
    def studies(self) -> Path:
        """Which cells of studies were run, and what came of them."""
        return self.root / "studies"

    @property
    def smoke(self) -> "Workspace":
        """Where tiny versions of studies are tried, so that no list shows their runs."""
        return Workspace(self.root / "smoke", weights_in=self.weights)

    @property
    def precision(self) -> Path:
        """What was measured of bf16, in a file per network and device."""
        return self.root / "precision"

    @property
    def jobs(self) -> Path:
        """What runs and ran, in a folder per job."""
        return self.root / "jobs"

    @property
    def weights(self) -> Path:
        """Where the user puts weight files."""
        return self.weights_in or self.root / "weights"


_told_by: dict[Path, Path] = {}
"""Workspace that was found -> what is there as long as it is: its stamp, else the folder itself."""

_unnamed: list[Path] = []
"""The workspace that a process last found where it began, not one that anybody named."""

_found: list[Path] = []
"""The folders that this process has found or was told to find, the latest last; absolute."""


def workspace_folder() -> Path:
    """Returns this process's workspace: the last of `workspace_folders`."""
    return workspace_folders()[-1]


def workspace_folders() -> tuple[Path, ...]:
    """Returns every workspace that was found, the latest last, else what `find_workspace` would.

    What is allowed inside a workspace, or forbidden, is asked of all of these, wherever the process
    is by now and whatever the environment says: a notebook may have several open.
    """
    if _found:
        return tuple(_found)
    try:
        return (typed_path(_asked_for(None)),)
    except DataError:  # ~ of another, which `find_workspace` refuses
        return (_asked_for(None),)


def unmade_workspace(folder: Path | None = None) -> Workspace:
    """Returns the workspace that `find_workspace` would return, without making or reading it.

    Raises:
        StoreError: If it can be nowhere.
    """
    with _cannot_be_made(folder):
        root = followed(typed_path(_asked_for(folder)))
    if folder is not None:
        _remember(root)
    return Workspace(root)


def find_workspace(folder: Path | None = None, *, make: bool = True) -> Workspace:
    """Returns the workspace at `folder`, else where `FUNDUS_WORKSPACE` says, else `./workspace`.

    Args:
        folder: The one that was named, if any.
        make: Whether one that is not there is made; in read-only mode none is.

    Raises:
        StoreError: If the place exists and is not a folder, or cannot be made, or is not there in
            read-only mode, or a newer version of the program keeps it.
    """
    with _cannot_be_made(folder):
        root = followed(typed_path(_asked_for(folder)))
        from fundus_core.io.read_only import is_asked_for  # both need this module's names
        from fundus_core.io.workspace_format import STAMP, require_readable

        if not root.exists() and (is_asked_for() or not make):
            raise StoreError(
                f"There is no workspace {root}, and read-only mode makes none.",
                hint=f"Name one that is there (--workspace or {ENVIRONMENT_VARIABLE}), or start "
                "once without read-only mode.",
            )
        root.mkdir(parents=True, exist_ok=True)
    _remember(root)

    try:
        require_readable(root)
    except PermissionError as error:
        raise StoreError(
            f"The workspace {root} may not be read: {error.strerror}.",
            hint=f"Mend its permissions, or name another (--workspace or {ENVIRONMENT_VARIABLE}).",
        ) from error
    is_named = folder is not None or bool(os.environ.get(ENVIRONMENT_VARIABLE))
    _unnamed[:] = [] if is_named else [root]
    stamp = root / STAMP
    _told_by[root] = stamp if stamp.is_file() else root
    return Workspace(root)


def is_gone(root: Path) -> bool:
    """Says whether a workspace was deleted or moved since this process last found it.

    One whose stamp is gone was, even if another folder has its place.
    """
    try:
        if root in _told_by:
            _told_by[root].lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # a disk that does not answer; whoever writes says so
        return False
    return False


def unnamed_workspace() -> Path | None:
    """Returns the workspace that was last found, if it is ./workspace because nobody named one."""
    return _unnamed[0] if _unnamed else None


def _remember(root: Path) -> None:
    _found[:] = [*(one for one in _found if one != root), root]


def _asked_for(folder: Path | None) -> Path:
    return folder or Path(os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_FOLDER)


@contextlib.contextmanager
def _cannot_be_made(folder: Path | None) -> Iterator[None]:
    """Says why a workspace can be nowhere."""
    try:
        yield
    except (OSError, DataError) as error:  # the latter: links in a circle, ~ of nobody
        from fundus_core.io.refused_reading import require_current_folder

        if isinstance(error, FileNotFoundError) and error.filename is None:
            require_current_folder()
        reason = error.strerror if isinstance(error, OSError) else error.message.rstrip(".")
        raise StoreError(
            f"The workspace {_asked_for(folder)} cannot be made: {reason}.",
            hint=f"Name a folder you may write to (--workspace or {ENVIRONMENT_VARIABLE}).",
        ) from error
