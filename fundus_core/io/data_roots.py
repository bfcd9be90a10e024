"""Folders that photographs and tables may be read from, where somebody has named them.

On a shared server, whoever can reach the dashboard can name a path to it. Every path is compared
after its links were followed, at the place where files are found, so that it makes no difference
whether it was typed, stood in an address, in a table or in a study, or is a link inside a folder.
"""

import os
from pathlib import Path

from fundus_core.errors import DataError
from fundus_core.io.typed_paths import followed, listed_paths
from fundus_core.io.workspace import workspace_folders

VARIABLE = "FUNDUS_DATA_ROOTS"
"""Folders separated like `PATH`; unset: any folder that the process may read."""


def data_roots() -> tuple[Path, ...]:
    """Returns the folders, links resolved; none where nobody named any, or only separators.

    Raises:
        DataError: If the variable names what is no path.
    """
    return tuple(map(followed, listed_paths(VARIABLE)))


def are_named() -> bool:
    """Says whether somebody wanted a limit, even if no folder came of it (`:`)."""
    return bool(os.environ.get(VARIABLE, ""))


def is_within_roots(path: Path) -> bool:
    """Says whether a file may be read; what lies in a workspace of this process always may.

    Raises:
        DataError: As `data_roots`.
    """
    if not are_named():
        return True
    own = [root.resolve() for root in workspace_folders()]
    try:
        place = path.resolve()
    except (OSError, RuntimeError, ValueError):
        return False
    return any(place.is_relative_to(root) for root in (*data_roots(), *own))


def file_within(folder: Path, name: str) -> Path | None:
    """Returns the file that a table names, relative to a folder or not.

    None where there is none or it may not be read: which of the two is not told.
    """
    path = folder / name
    is_there = not leads_out(folder, name) and os.path.isfile(path)  # noqa: PTH113
    return path if is_there else None


def leads_out(folder: Path, name: str) -> bool:
    """Says whether a name, relative to a folder or not, is one outside of what may be read.

    It is asked before anything is looked for, so that the answer is the same whether something is
    there: also of a name that leads out of the folders and back.

    Raises:
        DataError: As `data_roots`.
    """
    if not are_named():
        return False
    parts = Path(name).parts
    ups = [number for number, part in enumerate(parts, start=1) if part == ".."]
    ways = (*(folder.joinpath(*parts[:number]) for number in ups), folder / name)
    return not all(map(is_within_roots, ways))


def require_within_roots(path: Path) -> None:
    """Refuses a path that leads out of the folders that may be read.

    Raises:
        DataError: If it does; whether anything is there is not told.
    """
    if not is_within_roots(path):
        raise _outside(str(path))


def require_no_roots(address: str) -> None:
    """Refuses what lies on another machine where folders of this one are named.

    Raises:
        DataError: If they are.
    """
    if are_named():
        raise _outside(address)


def _outside(place: str) -> DataError:
    below = " or ".join(map(str, data_roots())) or "the workspace"
    return DataError(
        f"{place} lies outside the folders that data sets may be opened from.",
        hint=f"Choose a path below {below}; {VARIABLE} names them.",
    )
