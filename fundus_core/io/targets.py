"""Tells which columns of a table can be predicted, and which class of two is the positive one."""

import re
from collections.abc import Sequence

import pandas as pd

from fundus_core.domain.dataset import (
    NEVER_TARGETS,
    RESERVED_COLUMNS,
    Target,
    Task,
    require_each_once,
)
from fundus_core.errors import TargetError
from fundus_core.io.columns import ColumnMapping, find_column
from fundus_core.io.hiding import hides_ids

MAX_CLASSES = 100
"""Most classes a target may have that the user names."""

_MAX_INFERRED_CLASSES = 20
_LONGEST_LABEL = 60
_LARGEST_GRADE = 100
"""Whole numbers beyond this measure something instead of grading it."""

_MOST_GRADES = 10
"""Of a numbered scale without a likely name: 0, 1, 2, ... or 1, 2, 3, ... without gaps."""

_MOST_CODES = 5
"""Columns such as age or year with more numbers than this measure; with fewer they encode."""

_LIKELY = re.compile(
    r"(label|target|class|diagnos|grade|disease|categor|abnormal|normal|level|finding|stage|"
    r"severity|outcome|patholog|referable|retinopathy|glaucoma|cataract|edema|oedema|hypertens|"
    r"myopi)|^(dr|dme|amd|armd|rop|y)(_|$)|_any$"
)
_METADATA = re.compile(
    r"(^|_)(age|sex|gender|race|ethnicity|camera|device|source|site|cent(er|re)|hospital|clinic|"
    r"country|licen[cs]e|date|time|year|quality|width|height|size|resolution|orig|px|mask|fov|"
    r"comments?|notes?|version|fold|operator|synthetic|eye|folder)(_|$|\d)"
)
_IDENTIFIER = re.compile(
    r"(^|_)(id|ids|uuid|guid|hash|md5|sha256|index|idx|group|number|no|mrn|surname|"
    r"(first|last|given|family|full|patient)_?name|initials|born|birth|birthday|dob)$"
)

_COUNT = re.compile(r"(^|_)(counts?|num|total)(_|$)|^n_")
_OF_THE_PICTURE = re.compile(r"(^|_)(visit|session|encounter|dust|lash(es)?|shape)(_|$)")
"""What a photograph is, when it was taken and what spoils it: nothing a model is to learn."""

_NEGATIVE_WORDS = {
    "normal",
    "healthy",
    "no",
    "none",
    "neg",
    "negative",
    "control",
    "controls",
    "absent",
    "absence",
    "false",
    "n",
    "benign",
    "unaffected",
    "clear",
    "nodr",
    "noamd",
    "nodme",
    "0",
}
_NEGATION = re.compile(r"^(no|non|not|without) |^(non)(?=[a-z])")


def infer_targets(
    table: pd.DataFrame,
    columns: ColumnMapping = ColumnMapping(),  # noqa: B008 (frozen)
    classes: Sequence[str] = (),
) -> tuple[Target, ...]:
    """Returns what can be predicted from the columns of a table.

    The target that the user named comes first. Then follow columns with 2 to 20 recurring values
    that are neither identifiers, measurements, counts nor free text, nor tell the visit or what
    spoils the picture. Those with names such as label, grade or disease come first, those such as
    age, sex or camera last, otherwise in the order of the table. More than two numbers are taken
    for a scale if they begin at 0 or 1 and have no gaps, or if the name says so.

    Classes that are numbers are in numerical order, others in alphabetical. Of two classes the
    second is the positive one; a word of negation (normal, healthy, no dr, control, ...) comes
    first, whatever the alphabet says.

    Args:
        table: Strings and None, after `normalise_labels`; reserved columns are passed over.
        columns: `target` names columns that are targets in any case, joined by commas.
        classes: Classes of the named target (else of the first found) in the wanted order; others
            do not count.

    Raises:
        TargetError: If the named target is not there, has one class only, or more than 100, or says
            whose photograph each one is.
    """
    named = named_columns(table, columns.target)
    targets = [_required(table, name) for name in named]
    found = [_inferred(table, str(name)) for name in table.columns if name not in named]
    targets += sorted((target for target in found if target is not None), key=_rank)
    if classes and targets:
        targets[0] = _restricted(targets[0], classes)
    return tuple(targets)


def named_columns(table: pd.DataFrame, target: str | None) -> tuple[str, ...]:
    """Returns the columns of a named target: one, or several that are joined by commas.

    Raises:
        TargetError: If one of them is not in the table, or there more than once.
    """
    if target is None:
        return ()
    available = list(table.columns)
    whole = find_column(available, target)
    if whole is not None:
        return (whole,)
    parts = [part.strip() for part in target.split(",")]
    found = [find_column(available, part) for part in parts]
    for part, column in zip(parts, found, strict=True):
        if column is None:
            raise TargetError(
                f"The table has no column {part!r}; it has: {', '.join(available)}.",
                hint="Name one of them as the target.",
            )
    columns = tuple(column for column in found if column is not None)
    require_each_once(columns)
    return columns


def normalise_labels(values: pd.Series) -> pd.Series:
    """Writes whole numbers without ".0", and true and false as 1 and 0, in columns of only such.

    Examples:
        >>> normalise_labels(pd.Series(["1.0", None, "2.0"], dtype=object)).tolist()
        ['1', None, '2']
        >>> normalise_labels(pd.Series(["True", "false"], dtype=object)).tolist()
        ['1', '0']
        >>> normalise_labels(pd.Series(["1.0", "2.5"], dtype=object)).tolist()
        ['1.0', '2.5']
    """
    known = {str(value) for value in values.dropna()}
    if known and {value.lower() for value in known} <= {"true", "false"}:
        written = {value: str(int(value.lower() == "true")) for value in known}
    elif all(re.fullmatch(r"[+-]?(0|[1-9]\d*)(\.0*)?", value) for value in known):
        written = {value: _whole(value) for value in known}
    else:
        return values
    return pd.Series([written.get(value) for value in values], index=values.index, dtype=object)


def _whole(value: str) -> str:
    """Returns a whole number without sign or point; as text, since it may have any length."""
    digits = value.partition(".")[0].removeprefix("+")
    return "0" if digits == "-0" else digits


def _inferred(table: pd.DataFrame, name: str) -> Target | None:
    """Returns the target that a column makes, or None if it does not look like one."""
    words = _words(name)
    if name in RESERVED_COLUMNS or _IDENTIFIER.search(words):
        return None
    counts = table[name].value_counts()
    if not 2 <= len(counts) <= _MAX_INFERRED_CLASSES:
        return None
    if _COUNT.search(words) or _OF_THE_PICTURE.search(words):
        return None
    if max(map(len, counts.index)) > _LONGEST_LABEL or _only_measures(words, list(counts.index)):
        return None
    if counts.sum() < 2 * len(counts) and not _LIKELY.search(words):
        return None
    if _stands_for_patients(table, name, len(counts)):
        return None
    return _target(name, list(counts.index))


def _stands_for_patients(table: pd.DataFrame, name: str, n_values: int) -> bool:
    """Says whether every patient has a value of his own in a column, as names are."""
    if n_values <= 2 or "patient_id" not in table:
        return False
    pairs = table[["patient_id", name]].dropna().drop_duplicates()
    return n_values == len(pairs) == pairs["patient_id"].nunique()


def _required(table: pd.DataFrame, name: str) -> Target:
    """Returns the target that the user named, or says why it cannot be one."""
    if name in NEVER_TARGETS:
        says = "whose photograph each one is" if "patient" in name else "which photograph it is"
        raise TargetError(
            f"The column {name!r} says {says}, so it cannot be a target.",
            hint="Choose a column that says something of the eyes, such as a diagnosis.",
        )
    classes = list(table[name].dropna().unique())
    if len(classes) < 2:
        n_given = int(table[name].notna().sum())
        value = "the same" if hides_ids() else repr(next(iter(classes), None))
        only, blanks = f"is {value} in every row" if classes else "is empty", ""
        if 0 < n_given < len(table):
            only += f" that has a value ({n_given:,} of {len(table):,})"
            blanks = ", or write the other class where it is blank"
        raise TargetError(
            f"The target {name!r} {only}; there must be at least two classes.",
            hint=f"Choose another column, or add photographs of another class{blanks}.",
        )
    if len(classes) > MAX_CLASSES:
        raise TargetError(
            f"The target {name!r} has {len(classes)} classes; at most {MAX_CLASSES} are allowed.",
            hint="Choose a column of classes; numbers must be put into classes first.",
        )
    return _target(name, classes)


def _restricted(target: Target, classes: Sequence[str]) -> Target:
    """Returns a target with the wanted classes in the wanted order, as far as they occur."""
    occurring = tuple(dict.fromkeys(name for name in classes if name in target.classes))
    if len(occurring) < 2:
        known = "" if hides_ids() else f"; its classes are {', '.join(target.classes)}"
        raise TargetError(
            f"Of the classes {', '.join(classes)}, the target {target.name!r} has "
            f"{len(occurring)}{known}.",
            hint="Give at least two classes that occur.",
        )
    task = target.task if len(occurring) > 2 else "binary"
    return Target(target.name, task, occurring, target.columns)


def _target(name: str, classes: Sequence[str]) -> Target:
    """Returns a target with its classes in order."""
    if _are_numbers(classes):
        ordered = sorted(classes, key=lambda value: (float(value), value))
    else:
        ordered = sorted(classes, key=lambda value: (value.lower(), value))
    if len(ordered) == 2 and _is_negative(ordered[1]) and not _is_negative(ordered[0]):
        ordered.reverse()
    task: Task = "binary" if len(ordered) == 2 else "multiclass"
    return Target(name, task, tuple(ordered), (name,))


def _rank(target: Target) -> int:
    """Returns how early a target is offered: likely, neutral, last."""
    words = _words(target.name)
    if _METADATA.search(words):
        return 2
    return 0 if _LIKELY.search(words) else 1


def _is_negative(name: str) -> bool:
    """Says whether a class is the absence of something."""
    words = _words(name).replace("_", " ")
    return words in _NEGATIVE_WORDS or _NEGATION.search(words) is not None


def _only_measures(words: str, values: Sequence[str]) -> bool:
    """Says whether a column holds numbers that are no classes, by their values and its name."""
    if not _are_numbers(values):
        return False
    if _METADATA.search(words) and len(values) > _MOST_CODES:
        return True
    is_scale = len(values) == 2 or _is_scale(values) or _LIKELY.search(words) is not None
    return _is_measurement(values) or not is_scale


def _is_measurement(values: Sequence[str]) -> bool:
    """Says whether values are numbers that are not whole, or too large to grade anything."""
    return _are_numbers(values) and any(
        not float(value).is_integer() or abs(float(value)) > _LARGEST_GRADE for value in values
    )


def _is_scale(values: Sequence[str]) -> bool:
    """Says whether numbers are all those from 0 or 1 to at most ten of them."""
    numbers = sorted(float(value) for value in values)
    scales = [[float(first + step) for step in range(len(numbers))] for first in (0, 1)]
    return len(numbers) <= _MOST_GRADES and numbers in scales


def _are_numbers(values: Sequence[str]) -> bool:
    """Says whether every value writes a number."""
    return all(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", value) for value in values)


def _words(name: str) -> str:
    """Returns a name in lower case with underscores between its words.

    Examples:
        >>> _words("Retinopathy grade"), _words("drGrade"), _words("No-DR")
        ('retinopathy_grade', 'dr_grade', 'no_dr')
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[\W_]+", "_", parted).strip("_").lower()
