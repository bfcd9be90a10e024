"""What limits the figures of a study: the cautions of its runs, and which rows each is of."""

from collections.abc import Collection, Iterator

import pandas as pd

from fundus_core.checks import Caution
from fundus_core.plots.study_names import named, setting_text, values_of, varied
from fundus_core.studies.run import Study
from fundus_core.workflows.models.runs import list_runs

TAUGHT = "FD022"
"""Of a row whose photographs taught its model: it is no external test."""

_MOST_TEXTS = 3
"""Texts of one code that are told where they differ from row to row."""

_MOST_NAMED = 3
"""Rows that are named of those with the same text."""


def has_code(codes: str, code: str) -> bool:
    """Says whether a code is among those in the column `cautions` of a table of results.

    Examples:
        >>> has_code("FD007, FD022", "FD022"), has_code("", "FD022")
        (True, False)
    """
    return code in codes.split(", ")


def study_cautions(study: Study, table: pd.DataFrame) -> tuple[Caution, ...]:
    """Returns the cautions of the rows of a table, each text once, in the order of their codes.

    A text that is not of all rows with a result begins with those that it is of. Where a code has
    another text for almost every row, some are told and the others are counted.

    Args:
        study: Opened.
        table: Rows of its results, from `study_table`.
    """
    done = table[table["run_id"] != ""].reset_index(drop=True)
    runs = {run.id: run for run in list_runs(study.files.workspace)}
    found: dict[str, dict[str, list[int]]] = {}
    for place, run_id in enumerate(done["run_id"]):
        for caution in dict.fromkeys(runs[run_id].cautions if run_id in runs else ()):
            found.setdefault(caution.code, {}).setdefault(caution.text, []).append(place)
    return tuple(one for code in sorted(found) for one in _of_code(code, found[code], done))


def _of_code(code: str, texts: dict[str, list[int]], done: pd.DataFrame) -> Iterator[Caution]:
    """Yields the cautions of one code, by the rows that have each text."""
    told = list(texts.items())
    for text, places in told[:_MOST_TEXTS]:
        yield Caution(code, f"{_whose(places, done)}{text}")
    if further := {place for _, places in told[_MOST_TEXTS:] for place in places}:
        row = _rows(len(further)).lower()
        text = (
            f"{len(further):,} further {row}: the same with other figures; each run tells its own."
        )
        yield Caution(code, text)


def _whose(places: Collection[int], done: pd.DataFrame) -> str:
    """Returns which rows a text is of, as the beginning of a sentence; nothing if of all."""
    if len(places) == len(done):
        return ""
    rows, apart = done.iloc[list(places)], varied(done)
    for column in apart:
        values = values_of(rows, column)
        if len(values) == 1 and done[column].eq(values[0]).sum() == len(places):
            return f"{_rows(len(places))} {setting_text(column, values[0])}: "
    names = [named({column: row[column] for column in apart}) for _, row in rows.iterrows()]
    more = len(names) - _MOST_NAMED
    further = f" and {more:,} more row{'s' if more > 1 else ''}" if more > 0 else ""
    return f"{_rows(len(names))} {'; '.join(names[:_MOST_NAMED])}{further}: "


def _rows(number: int) -> str:
    return "Row" if number == 1 else "Rows"
