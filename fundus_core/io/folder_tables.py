"""Says which tables in a folder are a data set's own, and what becomes of those that are not used.

A table that cannot be used is never passed over in favour of the names of folders where it may be
the data set's own: the patients and the split that it holds would be lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.visible import visible
from fundus_core.errors import DataError, TargetError
from fundus_core.io.columns import ColumnMapping, recognise, seems_of_photographs
from fundus_core.io.data_roots import is_within_roots
from fundus_core.io.photo_files import Finder
from fundus_core.io.tables import TABLE_SUFFIXES

USUAL_TABLES = {"labels", "manifest", "data", "dataset", "metadata", "table", "index", "images"}
"""Names of tables that say less than the name of the folder they are in."""

_OTHER_FORMATS = (".xlsx", ".xlsm", ".xls", ".ods", ".csv.gz", ".tsv.gz", ".csv.zip")
"""Ends of the names of tables that are not read."""

_NOT_OURS = (".", "~$")
"""Beginnings of the names of hidden files, and of those that spreadsheets leave while open."""

Unused = Literal["unreadable", "empty", "other format", "here", "elsewhere", "something else"]
"""Why a table is not used. The last three can be read: `here` names photographs of the folder, but
lacks a column that was asked for; `elsewhere` names some that are not there, or patients; the last
neither."""

_DETAILS: dict[Unused, str] = {
    "other format": "Tables of this format are not read; save it as CSV if it belongs to the "
    "photographs.",
    "here": "It lacks a column that was named, and another table of the folder has it.",
    "elsewhere": "It names no photograph of this folder.",
    "something else": "It names no photographs.",
}
_BELOW = "Tables further down are not read; if it belongs to the photographs, name it (--table)."


@dataclass(frozen=True, slots=True)
class UnusedTable:
    """A table in a folder that the photographs are not read from."""

    path: Path
    error: DataError | TargetError
    """What using it ends in."""

    why: Unused

    @property
    def is_usual(self) -> bool:
        """True for a name that tables of data sets have, letter case aside."""
        return self.path.name.partition(".")[0].lower() in USUAL_TABLES

    def may_be_its_own(self, *, is_another_used: bool) -> bool:
        """Says whether it may be the table of the data set, so that it cannot be left out.

        Args:
            is_another_used: Whether another table of the folder names its photographs.
        """
        if self.why == "unreadable":
            return True
        if self.why in ("empty", "elsewhere"):
            return self.is_usual or not is_another_used
        if self.why == "something else":
            return self.is_usual and not is_another_used
        return not is_another_used

    def refusal(self) -> DataError | TargetError:
        """Returns its error with the ways out of it."""
        return type(self.error)(
            self.error.message,
            hint=f"{self.error.hint} To use the folder without its table, move that away; to use "
            "another table, name it (--table).",
        )


def tables_in(folder: Path) -> list[Path]:
    """Returns the tables that lie right in a folder, also of formats that are not read."""
    suffixes = (*TABLE_SUFFIXES, *_OTHER_FORMATS)
    return [
        path
        for path in sorted(folder.iterdir())
        if path.name.lower().endswith(suffixes) and not path.name.startswith(_NOT_OURS)
    ]


def of_other_format(path: Path) -> UnusedTable | None:
    """Returns a table whose format is not read; None for the others."""
    if path.suffix.lower() in TABLE_SUFFIXES:
        return None
    error = DataError(
        f"{visible(path.name)} is a table of a format that is not read.",
        hint=f"Save it as one of: {', '.join(TABLE_SUFFIXES)}.",
    )
    return UnusedTable(path, error, "other format")


def why_unused(rows: pd.DataFrame, finder: Finder) -> Unused:
    """Returns what a table that can be read is, whichever columns were asked for.

    Args:
        rows: Strings and None.
        finder: Of photographs of the folder.
    """
    try:
        recognise(
            rows, ColumnMapping(), is_file=lambda value: finder.find(value) is not None, name=""
        )
    except DataError:
        return "elsewhere" if seems_of_photographs(rows) else "something else"
    return "here"


def tables_left_out(
    unused: Sequence[UnusedTable], *, is_another_used: bool
) -> tuple[RejectedRow, ...]:
    """Returns the tables that are left out, for the list of what was given and is not used.

    An empty one beside the table that is used holds nothing, and is not listed.

    Args:
        unused: All tables of a folder but the one that is used.
        is_another_used: Whether there is such a one.

    Raises:
        DataError: If one of them may be the data set's own, whose error it is; those of usual names
            come first.
        TargetError: As before, if it lacks the target that was named.
    """
    for table in sorted(unused, key=lambda table: not table.is_usual):
        if table.may_be_its_own(is_another_used=is_another_used):
            raise table.refusal() from table.error
    return tuple(
        RejectedRow(visible(str(table.path)), "other_table", _DETAILS[table.why])
        for table in unused
        if table.why in _DETAILS
    )


def tables_left_out_below(folder: Path, files: Sequence[Path]) -> tuple[RejectedRow, ...]:
    """Returns the tables among files that lie deeper than right in a folder, all left out."""
    suffixes = (*TABLE_SUFFIXES, *_OTHER_FORMATS)
    return tuple(
        RejectedRow(visible(str(path)), "other_table", _BELOW)
        for path in files
        if path.parent != folder
        and path.name.lower().endswith(suffixes)
        and not path.name.startswith(_NOT_OURS)
        and is_within_roots(path)  # of others, not even that they are there is told
    )
