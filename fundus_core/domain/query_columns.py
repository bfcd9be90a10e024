"""What comparisons find in a column: true, false, or undecided where the value is blank."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.query_tokens import QueryError

Operator = Literal["==", "!=", "<", "<=", ">", ">="]

_MOST_NAMED = 12
"""Columns or values that a sentence lists."""

_COMPARE: dict[Operator, Callable[[NDArray[np.float64], float], NDArray[np.bool_]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of N rows; in those that neither array names it is open."""

    holds: NDArray[np.bool_]
    """Shape (N,)."""

    fails: NDArray[np.bool_]
    """Shape (N,)."""

    def __and__(self, other: "Truth") -> "Truth":
        """Returns where both hold."""
        return Truth(self.holds & other.holds, self.fails | other.fails)

    def __or__(self, other: "Truth") -> "Truth":
        """Returns where one of them holds."""
        return Truth(self.holds | other.holds, self.fails & other.fails)

    def __invert__(self) -> "Truth":
        """Returns where it fails; what is open stays open."""
        return Truth(self.fails, self.holds)


def column_named(name: str, table: pd.DataFrame) -> str:
    """Returns the column of a name; capitals do not matter where only one column fits.

    Raises:
        QueryError: If there is none, with the names that there are.
    """
    names = [str(column) for column in table.columns]
    if name in names:
        return name
    alike = [column for column in names if column.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    near = difflib.get_close_matches(name, names, n=1)
    raise QueryError(
        f"There is no column “{name}”" + (f"; did you mean “{near[0]}”?" if near else "."),
        hint=f"The columns are {listed(names)}.",
    )


def against_number(table: pd.DataFrame, column: str, operator: Operator, value: float) -> Truth:
    """Compares a column with a number; values that are no numbers stay undecided.

    Raises:
        QueryError: If none of the column's values is a number.
    """
    numbers = _numbers(table[column])
    given = np.isfinite(numbers)
    if not given.any() and table[column].notna().any():
        raise QueryError(
            f"{column} holds text ({listed(values_of(table, column))}), which cannot be compared "
            f"with the number {value:g}.",
            hint=f'Put the value between quotes: {column} == "{value:g}".',
        )
    with np.errstate(invalid="ignore"):
        holds = _COMPARE[operator](numbers, value) & given
    return Truth(holds, given & ~holds)


def against_text(table: pd.DataFrame, column: str, operator: Operator, value: str) -> Truth:
    """Compares a column with text, letter by letter; dates of the form 2024-01-31 are in order.

    Raises:
        QueryError: If it is asked which of numbers and text is larger.
    """
    if operator in {"==", "!="}:
        same = one_of(table, column, [value])
        return same if operator == "==" else ~same
    numbers = np.isfinite(_numbers(table[column]))
    if numbers.any() and numbers.sum() == table[column].notna().sum():
        raise QueryError(
            f'{column} holds numbers, which cannot be compared with the text "{value}".',
            hint=f"Write the number without quotes, as in {column} {operator} 60.",
        )
    given = table[column].notna().to_numpy(bool)
    texts = table[column].where(table[column].notna(), "").map(str).to_numpy(object)
    order = np.array([(text > value) - (text < value) for text in texts], np.float64)
    holds = _COMPARE[operator](order, 0.0) & given
    return Truth(holds, given & ~holds)


def one_of(table: pd.DataFrame, column: str, values: Sequence[str]) -> Truth:
    """Says where a column has one of some values, capitals and all."""
    given = table[column].notna().to_numpy(bool)
    holds = table[column].map(str).isin(list(values)).to_numpy(bool) & given
    return Truth(holds, given & ~holds)


def containing(table: pd.DataFrame, column: str, part: str) -> Truth:
    """Says where a column has a part, whatever its capitals."""
    given = table[column].notna().to_numpy(bool)
    wanted = part.casefold()
    holds = given & np.array([wanted in str(text).casefold() for text in table[column]], bool)
    return Truth(holds, given & ~holds)


def missing(table: pd.DataFrame, column: str) -> Truth:
    """Says where a column has no value; this is never open."""
    blank = table[column].isna().to_numpy(bool)
    return Truth(blank, ~blank)


def values_of(table: pd.DataFrame, column: str) -> list[str]:
    """Returns the different values of a column as text, in their order."""
    return sorted({str(value) for value in table[column].dropna().unique()})


def remark_on_value(table: pd.DataFrame, column: str, value: str) -> str:
    """Returns a sentence on a value that no row has; empty where one has it."""
    values = values_of(table, column)
    if value in values or not values:
        return ""
    alike = [one for one in values if one.casefold() == value.casefold()]
    near = alike or difflib.get_close_matches(value, values, n=1)
    guess = f'did you mean "{near[0]}"?' if near else f"it has {listed(values)}."
    return f'No row has the value "{value}" in {column}; {guess}'


def remark_on_numbers(table: pd.DataFrame, column: str) -> str:
    """Returns a sentence on given values that are no numbers; empty where all are."""
    given = table[column].notna().to_numpy(bool)
    odd = table[column][given & ~np.isfinite(_numbers(table[column]))]
    if not len(odd):
        return ""
    rows = "1 row has" if len(odd) == 1 else f"{len(odd):,} rows have"
    return f'{rows} no number in {column}, such as "{odd.iloc[0]}"; undecided there.'


def listed(names: Sequence[str]) -> str:
    """Returns names for a sentence: the first dozen, and how many there are more.

    Examples:
        >>> listed(["age", "site"])
        'age, site'
    """
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _numbers(values: pd.Series) -> NDArray[np.float64]:
    """Returns values as numbers, NaN for all that is none."""
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
