"""Lists what a folder or a table says of its photographs, before any of them is looked at."""

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from fundus_core.domain.dataset import RESERVED_COLUMNS, RejectedRow
from fundus_core.domain.visible import require_text, visible
from fundus_core.errors import DataError, EmptyTableError, TargetError
from fundus_core.io.class_folders import read_class_folders
from fundus_core.io.columns import (
    ColumnMapping,
    normalise_eye,
    normalise_patient,
    normalise_split,
    recognise,
)
from fundus_core.io.data_roots import require_no_roots, require_within_roots
from fundus_core.io.folder_tables import (
    USUAL_TABLES,
    UnusedTable,
    of_other_format,
    tables_in,
    tables_left_out,
    why_unused,
)
from fundus_core.io.photo_files import Finder, PhotographFinder, is_photograph_name
from fundus_core.io.remote import address_of, is_remote, read_bytes
from fundus_core.io.remote_finder import RemoteFinder
from fundus_core.io.tables import MOST_BYTES, TABLE_SUFFIXES, read_table
from fundus_core.io.targets import named_columns, normalise_labels
from fundus_core.io.typed_paths import followed, typed_path

_LONGEST_LABEL = 1_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where photographs and what is known of them come from, and how to read it."""

    path: Path
    """A folder, a table, or one photograph."""

    table: Path | None = None
    """A table that names photographs in the folder `path`."""

    columns: ColumnMapping = field(default_factory=ColumnMapping)
    """Which column means what, where the usual names do not tell."""

    classes: tuple[str, ...] = ()
    """Labels of the target that are accepted, in order; empty: all. Of two, the second is the
    positive one."""

    def __post_init__(self) -> None:
        """Refuses a path and labels that cannot be written down.

        Raises:
            DataError: With the path.
            ParameterError: With the first of the labels.
        """
        _require_text(self.path)
        for label in self.classes:
            require_text("label", label, _LONGEST_LABEL)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source says before any photograph is looked at."""

    name: str
    source: str
    rows: pd.DataFrame
    """One row per photograph, strings and None, index 0..N-1. The columns `path` (as it was
    given), `patient_id`, `eye` and `split` first, then all others."""

    target: str | None
    """The columns of `rows` that the user named as the target, joined by commas."""

    finder: Finder
    rejected: tuple[RejectedRow, ...] = ()
    """Files that are in no row, and tables and folders of masks that were left out."""


def list_photographs(source: DataSource) -> Listing:
    """Returns the rows of a source of whichever kind.

    Raises:
        DataError: If there is nothing to read, or it is not clear which table or column to use.
        TargetError: If the named target is not there.
    """
    if is_remote(source.path):
        require_no_roots(str(source.path))
        return _listed_remote(source)
    path = typed_path(source.path).absolute()
    _require_text(path)
    require_within_roots(path)
    followed(path)  # refuses links in a circle, and names that are too long
    if path.is_dir():
        return _listed_folder(path, source)
    if not path.exists():
        raise DataError(f"There is nothing at {path}.", hint="Check the path.")
    if source.table is not None:
        raise DataError(
            f"A table was given, but {path.name} is not a folder.",
            hint="Give the folder of the photographs, and the table beside it.",
        )
    if path.suffix.lower() in TABLE_SUFFIXES:
        generic = path.stem.lower() in USUAL_TABLES
        name = path.parent.name if generic else path.stem
        return _listed_table(path, PhotographFinder((path.parent,)), source.columns, visible(name))
    if is_photograph_name(path.name):
        rows = pd.DataFrame({"path": [str(path)]}, dtype=object)
        arranged, _ = _arranged(rows, ColumnMapping(path="path"))
        return Listing(
            visible(path.stem), str(path), arranged, None, PhotographFinder((path.parent,))
        )
    raise DataError(
        f"{path.name} is neither a folder, nor a table, nor a photograph.",
        hint=f"Give a folder, a photograph, or a table ({', '.join(TABLE_SUFFIXES)}).",
    )


def _require_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"The name of {visible(str(path))} is not text in UTF-8.", hint="Rename the folder."
        ) from error


def _listed_folder(folder: Path, source: DataSource) -> Listing:
    """Returns the rows of a folder: those of its table if there is one, else its photographs."""
    name = visible(folder.resolve().name)
    if source.table is not None:
        table = typed_path(source.table).absolute()
        require_within_roots(table)
        followed(table)
        return _listed_table(table, PhotographFinder((folder, table.parent)), source.columns, name)
    finder, usable, unused = PhotographFinder((folder,)), dict[str, Listing](), []
    for path in tables_in(folder):
        found = _tried_table(path, finder, source.columns, name)
        if isinstance(found, Listing):
            usable[visible(path.name)] = found
        else:
            unused.append(found)
    if len(usable) > 1:
        raise DataError(
            f"{folder} holds several tables of photographs: {', '.join(usable)}.",
            hint="Say which one to use (--table).",
        )
    others = tables_left_out(unused, is_another_used=bool(usable))
    if usable:
        return replace(next(iter(usable.values())), rejected=others)
    try:
        listed = _listed_class_folders(folder, source.columns)
    except (DataError, TargetError) as error:
        if unused:  # what is missing was sought in the table first
            raise unused[0].refusal() from error
        raise
    return replace(listed, rejected=(*others, *listed.rejected))


def _tried_table(
    path: Path, finder: Finder, mapping: ColumnMapping, name: str
) -> Listing | UnusedTable:
    """Returns the rows of a table in a folder, or why it is not to be used."""
    if (other := of_other_format(path)) is not None:
        return other
    require_within_roots(path)
    try:
        rows = read_table(path)
    except EmptyTableError as error:
        return UnusedTable(path, error, "empty")
    except DataError as error:
        return UnusedTable(path, error, "unreadable")
    try:
        return _listed_rows(rows, path, finder, mapping, name)
    except (DataError, TargetError) as error:
        return UnusedTable(path, error, why_unused(rows, finder))


def _listed_table(
    path: Path, finder: Finder, mapping: ColumnMapping, name: str, source: str = ""
) -> Listing:
    """Returns the rows of a table."""
    return _listed_rows(read_table(path), path, finder, mapping, name, source)


def _listed_rows(
    rows: pd.DataFrame,
    path: Path,
    finder: Finder,
    mapping: ColumnMapping,
    name: str,
    source: str = "",
) -> Listing:
    """Returns what a table says whose rows were read."""
    columns = recognise(
        rows, mapping, is_file=lambda value: finder.find(value) is not None, name=path.name
    )
    arranged, target = _arranged(rows, columns)
    return Listing(name, source or str(path), arranged, target, finder)


def _listed_remote(source: DataSource) -> Listing:
    """Returns the rows of a table in a store, or of one that names photographs in a store.

    Raises:
        DataError: If there is no table, or it cannot be had.
    """
    require_within_roots(source.path)
    table = source.table or source.path
    if table.suffix.lower() not in TABLE_SUFFIXES:
        raise DataError(
            f"{address_of(source.path)} is no table ({', '.join(TABLE_SUFFIXES)}).",
            hint="Name a table of the photographs in the store, or the folder that its paths begin "
            "at and the table beside it (--table).",
        )
    folder = source.path if source.table else source.path.parent
    finder, name = RemoteFinder(address_of(folder)), visible(table.stem)
    if not is_remote(table):
        table = typed_path(table).absolute()
        require_within_roots(table)
        return _listed_table(table, finder, source.columns, name)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place, table.name)
        try:
            copy.write_bytes(read_bytes(table, MOST_BYTES))
        except OSError as error:
            raise DataError(
                f"{address_of(table)} cannot be read: {error}",
                hint="Check the address, and that this machine may read from the store.",
            ) from error
        return _listed_table(copy, finder, source.columns, name, address_of(table))


def _listed_class_folders(folder: Path, mapping: ColumnMapping) -> Listing:
    """Returns a row per photograph below a folder, whose own table there is none of."""
    rows, rejected = read_class_folders(folder)
    if len(rows) == 0:
        foreign = sum(row.reason == "unreadable" for row in rejected)
        others = f", only {foreign} pictures of other formats" if foreign else ""
        raise DataError(
            f"There are no photographs in {folder}{others}.",
            hint="Give a folder of JPEG, PNG, TIFF, BMP or WebP files, or a table of their paths.",
        )
    columns = recognise(
        rows, mapping, is_file=lambda value: (folder / value).exists(), name=f"The folder {folder}"
    )
    finder = PhotographFinder((folder,))
    arranged, target = _arranged(rows, columns)
    return Listing(visible(folder.resolve().name), str(folder), arranged, target, finder, rejected)


def _arranged(rows: pd.DataFrame, columns: ColumnMapping) -> tuple[pd.DataFrame, str | None]:
    """Returns the rows under the names that data sets use, and the target under its new name.

    The path column is kept under its own name too if it holds names of photographs, not of files.
    """
    roles = {"path": columns.path, "patient_id": columns.patient, "eye": columns.eye}
    roles["split"] = columns.split
    renamed = {theirs: ours for ours, theirs in roles.items() if theirs is not None}
    blank = pd.Series([None] * len(rows), dtype=object)
    arranged = {ours: blank if theirs is None else rows[theirs] for ours, theirs in roles.items()}
    for name in ("patient_id", "eye", "split"):
        arranged[name] = _visible(arranged[name])
    patients = map(normalise_patient, arranged["patient_id"])
    arranged["patient_id"] = pd.Series(patients, dtype=object)
    arranged["eye"] = pd.Series(map(normalise_eye, arranged["eye"]), dtype=object)
    arranged["split"] = pd.Series(map(normalise_split, arranged["split"]), dtype=object)
    holds_files = any(map(is_photograph_name, arranged["path"].dropna()))
    given = list(map(str, rows.columns))
    for theirs in given:
        if theirs not in renamed or (theirs == columns.path and not holds_files):
            shown = visible(theirs)
            plain = shown == theirs and theirs not in RESERVED_COLUMNS
            ours = theirs if plain else _free_name(shown, {*arranged, *given} - {theirs})
            arranged[ours] = normalise_labels(_visible(rows[theirs]))
            renamed.setdefault(theirs, ours)
    target = ",".join(renamed[name] for name in named_columns(rows, columns.target))
    return pd.DataFrame(arranged), target or None


def _visible(values: pd.Series) -> pd.Series:
    """Returns a column in which characters that cannot be seen are written out."""
    return pd.Series([one if one is None else visible(one) for one in values], dtype=object)


def _free_name(name: str, taken: set[str]) -> str:
    """Returns the name, with `_given` behind it if it is taken or data sets use it otherwise."""
    free = f"{name}_given" if name in RESERVED_COLUMNS else name
    while free in taken:
        free = f"{free}_given"
    return free
