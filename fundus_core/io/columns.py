"""Tells which column of a table holds the path, the patient, the eye and the split."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fundus_core.domain.dataset import OWN_PATIENT
from fundus_core.errors import DataError
from fundus_core.io.hiding import hides_ids
from fundus_core.io.photo_files import is_photograph_name

_PATH_NAMES = (
    "path",
    "imagepath",
    "image",
    "img",
    "imgpath",
    "filepath",
    "filename",
    "file",
    "imagefile",
    "imagefilename",
    "imagename",
    "imgname",
    "photograph",
    "photo",
    "picture",
    "fundus",
    "fundusimage",
    "imageid",
    "imgid",
    "idcode",
    "fname",
    "name",
    "id",
)
_TELLING_PATH_NAMES = {*_PATH_NAMES} - {"file", "filename", "fname", "name", "id"}
"""Those that are of photographs whatever is in the column."""

_PATIENT_NAMES = (
    "patientid",
    "patient",
    "patientno",
    "patientnumber",
    "patientcode",
    "patientkey",
    "pid",
    "mrn",
    "subjectid",
    "subject",
    "participantid",
    "participant",
    "personid",
    "person",
    "caseid",
    "case",
)
_EYE_NAMES = ("eye", "laterality", "side", "eyeside", "eyelaterality", "whicheye", "lr", "odos")
_SPLIT_NAMES = ("split", "partition", "subset", "set", "datasplit", "datasetsplit", "usage")

_EYES = {
    **dict.fromkeys(("od", "r", "re", "right", "righteye", "oculusdexter", "odright"), "OD"),
    **dict.fromkeys(("os", "l", "le", "left", "lefteye", "oculussinister", "osleft"), "OS"),
}
_SPLITS = {
    **dict.fromkeys(("train", "training", "trainset", "trainingset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validationset", "dev", "tune"), "val"),
    **dict.fromkeys(("test", "testing", "testset", "testingset", "holdout"), "test"),
}
_FLAGS = {"0", "1", "yes", "no", "true", "false"}

_SURE = 0.5
"""Share of values that are files from which on a column is taken without looking at others."""

_N_TRIED = 40
"""Values of a column that are looked for on disk before it is taken for the path column."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column means what; None where the usual names tell."""

    path: str | None = None
    """Where the photograph is."""

    patient: str | None = None
    """Whose it is."""

    eye: str | None = None
    """Left or right."""

    split: str | None = None
    """The official division into train, val and test."""

    target: str | None = None
    """What is to be predicted; several 0/1 columns are joined by commas."""


def recognise(
    table: pd.DataFrame, mapping: ColumnMapping, *, is_file: Callable[[str], bool], name: str
) -> ColumnMapping:
    """Completes a mapping by the names of the columns and by what is in them.

    Case, spaces and punctuation of names do not matter. The path column is the one of a usual name
    whose values are files, else any other whose values are.

    Args:
        table: Strings and None.
        mapping: What the user said; wins over names.
        is_file: Tells whether a value means a file that is there.
        name: What to call the table in messages.

    Returns:
        Exact column names. `path` is set; `target` is as it was given.

    Raises:
        DataError: If a column that the user named is not there, no column holds paths, or the first
            row is no header.
    """
    _require_header(table, is_file, name)
    path = _named(table, mapping.path, name, "path") or _path_column(table, is_file, name)
    others = [column for column in table.columns if column != path]
    patient = _named(table, mapping.patient, name, "patient")
    eye = _named(table, mapping.eye, name, "eye")
    split = _named(table, mapping.split, name, "split")
    return replace(
        mapping,
        path=path,
        patient=patient or _first(table, others, _PATIENT_NAMES, _could_be_patients),
        eye=eye or _first(table, others, _EYE_NAMES, _could_be_eyes),
        split=split or _first(table, others, _SPLIT_NAMES, _could_be_splits),
    )


def seems_of_photographs(table: pd.DataFrame) -> bool:
    """Says whether a table looks like one of photographs, wherever those are.

    It does if a column has a name that tells, or holds names of photographs, or if one is of
    patients, eyes or the split.
    """
    named = list(map(str, table.columns))
    return bool(
        _first(table, named, _PATIENT_NAMES, _could_be_patients)
        or _first(table, named, _EYE_NAMES, _could_be_eyes)
        or _first(table, named, _SPLIT_NAMES, _could_be_splits)
    ) or any(
        _simplified(str(name)) in _TELLING_PATH_NAMES
        or any(map(is_photograph_name, table[name].dropna().iloc[:_N_TRIED]))
        for name in table.columns
    )


def normalise_patient(value: str | None) -> str | None:
    """Returns a patient's id; one that begins as `OWN_PATIENT` does gets a blank before the colon.

    Examples:
        >>> [normalise_patient(value) for value in ("P1", "image:P1", None)]
        ['P1', 'image :P1', None]
    """
    if value is None or not value.startswith(OWN_PATIENT):
        return value
    return f"{OWN_PATIENT[:-1]} :{value.removeprefix(OWN_PATIENT)}"


def normalise_eye(value: str | None) -> str | None:
    """Returns OD or OS for the usual ways to write right and left; other values as they are.

    Examples:
        >>> [normalise_eye(value) for value in ("Left", "R", "od", "both", None)]
        ['OS', 'OD', 'OD', 'both', None]
    """
    return None if value is None else _EYES.get(_simplified(value), value)


def normalise_split(value: str | None) -> str | None:
    """Returns train, val or test for the usual ways to write them; other values as they are.

    Examples:
        >>> [normalise_split(value) for value in ("Training", "valid", "TEST", "fold 3")]
        ['train', 'val', 'test', 'fold 3']
    """
    return None if value is None else _SPLITS.get(_simplified(value), value)


def is_split_name(value: str) -> bool:
    """Says whether a word means train, val or test."""
    return _simplified(value) in _SPLITS


def split_words() -> tuple[str, ...]:
    """Returns the words that mean train, val or test, letter case and punctuation aside."""
    return tuple(_SPLITS)


def find_column(columns: Sequence[str], wanted: str) -> str | None:
    """Returns the column of that name, or the only one that differs in case and punctuation."""
    if wanted in columns:
        return wanted
    similar = [column for column in columns if _simplified(column) == _simplified(wanted)]
    return similar[0] if len(similar) == 1 else None


def _named(table: pd.DataFrame, wanted: str | None, name: str, role: str) -> str | None:
    """Returns the exact name of a column that the user named."""
    if wanted is None:
        return None
    column = find_column(list(table.columns), wanted)
    if column is None:
        raise DataError(
            f"{name} has no column {wanted!r}; it has: {_listed(table)}.",
            hint=f"Name one of them as --{role}-column.",
        )
    return column


def _listed(table: pd.DataFrame) -> str:
    """Returns the names of columns; while names are hidden, only where the first row has such."""
    columns = list(map(str, table.columns))
    usual = {*_PATH_NAMES, *_PATIENT_NAMES, *_EYE_NAMES, *_SPLIT_NAMES}
    if hides_ids() and usual.isdisjoint(map(_simplified, columns)):
        return f"{len(columns)} columns, none by a usual name"
    return ", ".join(columns)


def _require_header(table: pd.DataFrame, is_file: Callable[[str], bool], name: str) -> None:
    """Refuses a table whose first row is one of photographs: it would be lost as names."""
    for column in map(str, table.columns):
        cells = table[column]
        is_like_them = _is_as_its_cells(column, cells) and is_file(column)
        if is_like_them and _share_of_files(cells, is_file) >= _SURE:
            said = "" if hides_ids() else f", {column!r},"
            raise DataError(
                f"The first row of {name} is no header: a photograph is named in it{said} and its "
                "other cells would be taken for names of columns.",
                hint="Put a row of names first, such as image,patient_id,label.",
            )


def _is_as_its_cells(column: str, cells: pd.Series) -> bool:
    """Says whether a column is called as photographs in it are, with or without ending.

    A column `mask` of files such as `mask.png` is none.
    """
    if is_photograph_name(column):
        return True
    is_usual = _simplified(column) in _PATH_NAMES
    return not is_usual and not any(map(is_photograph_name, cells.dropna().iloc[:_N_TRIED]))


def _path_column(table: pd.DataFrame, is_file: Callable[[str], bool], name: str) -> str:
    """Returns the column whose values are files."""
    columns = list(map(str, table.columns))
    usual = [column for known in _PATH_NAMES for column in columns if _simplified(column) == known]
    others = [column for column in columns if column not in usual]
    shares: dict[str, float] = {}
    for column in (*usual, *others):
        shares[column] = _share_of_files(table[column], is_file)
        if shares[column] >= _SURE:
            return column
    best = max(usual, key=lambda column: shares[column], default=None)
    if best is not None and shares[best] > 0:
        return best
    raise _no_paths(table, usual, name)


def _no_paths(table: pd.DataFrame, usual: Sequence[str], name: str) -> DataError:
    """Returns the error for a table none of whose columns names files that are there."""
    if usual:
        values = table[usual[0]].dropna()
        is_shown = len(values) > 0 and not hides_ids()  # a file may be called by its patient
        example = f", such as {values.iloc[0]!r}" if is_shown else ""
        return DataError(
            f"None of the files that column {usual[0]!r} of {name} names was found{example}.",
            hint="Give the folder they are in as the data and the table beside it (--table), "
            "or name another column (--path-column; path among columns in Python).",
        )
    return DataError(
        f"{name} has no column of photographs; it has: {_listed(table)}.",
        hint="Name the column (--path-column; path among columns in Python), and check that the "
        "first row holds the names.",
    )


def _share_of_files(values: pd.Series, is_file: Callable[[str], bool]) -> float:
    """Returns the share of some values, spread over the column, that are files."""
    known = values.dropna()
    tried = known.iloc[:: max(1, len(known) // _N_TRIED)]
    return sum(map(is_file, tried)) / len(tried) if len(tried) else 0.0


def _first(
    table: pd.DataFrame,
    columns: Sequence[str],
    names: Sequence[str],
    could_be: Callable[[str, set[str]], bool],
) -> str | None:
    """Returns the first column of a usual name whose values do not contradict it."""
    for wanted in names:
        for column in columns:
            if _simplified(column) == wanted and could_be(wanted, set(table[column].dropna())):
                return column
    return None


def _could_be_patients(name: str, values: set[str]) -> bool:
    """Says no to "patient: yes or no"; names such as patient_id leave no doubt."""
    flags = bool(values) and {value.lower() for value in values} <= _FLAGS
    return name.endswith(("id", "no", "number")) or not flags


def _could_be_eyes(name: str, values: set[str]) -> bool:
    """Says yes if every value means left or right."""
    return all(_simplified(value) in _EYES for value in values)


def _could_be_splits(name: str, values: set[str]) -> bool:
    """Says yes for "split" and "partition", else if every value means train, val or test."""
    return name in ("split", "partition") or all(map(is_split_name, values))


def _simplified(text: str) -> str:
    """Returns the letters and digits of a text in lower case."""
    return re.sub(r"[\W_]+", "", text.lower())
