"""Paths that somebody typed, or wrote into a file or a variable: what is none is said in words."""

import errno
import os
from pathlib import Path

from fundus_core.domain.visible import visible
from fundus_core.errors import DataError


def typed_path(text: str | Path, folder: Path | None = None) -> Path:
    """Returns the path that somebody typed, ~ as their own home; the disk is not asked.

    Where the home of another user is, as of ~root, is nobody's to read out of a message.

    Args:
        text: What was typed.
        folder: Where a path begins that is not absolute; by default left as it is.

    Raises:
        DataError: If nothing is typed, as a variable gives that is not set: that would be taken for
            the current folder. If it begins at another's home (~root), or holds what no name can.
    """
    if not str(text).strip():
        raise DataError("The path is empty.", hint="Name a folder or a file (. for this folder).")
    if not _can_be_a_name(str(text)):
        raise _no_name(text)
    path = _from_own_home(Path(text))
    return path if folder is None else folder / path


def followed(path: Path) -> Path:
    """Returns where a path leads, links followed: absolute. Nothing needs to be there.

    The answer tells what is on the disk: where only some folders may be read, ask for that first.

    Raises:
        DataError: If its links lead in a circle, a name is too long, or it holds what no name can.
    """
    try:
        resolved = path.resolve()
        problem = _problem(resolved)
    except ValueError as error:
        raise _no_name(path) from error
    except RuntimeError as error:  # of Python 3.11 and 3.12, for links in a circle
        raise _in_a_circle(path) from error
    if problem == errno.ELOOP:
        raise _in_a_circle(path)
    if problem == errno.ENAMETOOLONG:
        raise DataError(
            f"{path} is too long for the name of a file or a folder.", hint="Check the path."
        )
    return resolved


def real_path(path: Path) -> Path:
    """Returns where a path leads; unlike `followed`, also of links in a circle: one of them."""
    return Path(os.path.realpath(path))


def listed_paths(variable: str, *, separator: str | None = os.pathsep) -> tuple[Path, ...]:
    """Returns the paths in a variable of the environment; none if it is not set.

    Args:
        variable: Its name.
        separator: What stands between two paths, as in `PATH`; None for blanks. What is empty
            between two is left out.

    Raises:
        DataError: If one is no path, see `typed_path`; names the variable.
    """
    parts = os.environ.get(variable, "").split(separator)
    try:
        return tuple(typed_path(part) for part in parts if part)
    except DataError as error:
        raise DataError(
            f"The variable {variable} cannot be used: {error.message}", hint=f"Correct {variable}."
        ) from error


def file_at(text: str) -> Path | None:
    """Returns the file that a text names by its path; None for what is no file, or no path."""
    try:
        path = typed_path(text)
    except DataError:
        return None
    return path if os.path.isfile(path) else None  # noqa: PTH113 - Path's raises for long names


def _problem(path: Path) -> int | None:
    """Returns what the system says of a path, as an error number; None if it is there."""
    try:
        path.stat()
    except OSError as error:
        return error.errno
    return None


def _from_own_home(path: Path) -> Path:
    """Returns a path with ~ as the home folder; the same words for every other user, or nobody."""
    begins = path.parts[0] if path.parts else ""
    if not begins.startswith("~"):
        return path
    try:
        if begins == "~":
            return path.expanduser()
        known = "~ stands for your own home folder alone (~/x)"
    except RuntimeError:
        known = "this machine knows no home folder of yours"
    raise DataError(f"{path} is no path: {known}.", hint="Give the full path, beginning with /.")


def _can_be_a_name(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a character, as a study file can write it
        return False


def _in_a_circle(path: Path) -> DataError:
    return DataError(
        f"{path} leads nowhere: its links lead in a circle.",
        hint="Mend the link, or name another place.",
    )


def _no_name(text: str | Path) -> DataError:
    return DataError(
        f"{visible(str(text))} is no path: it holds a character that no file's name can have.",
        hint="Name it without.",
    )
