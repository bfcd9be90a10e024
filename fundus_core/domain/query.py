"""A small language that asks a table for rows: `age > 60 and site == "A"`.

It compares columns with values and does nothing else: no arithmetic, no functions, no attributes,
so that an expression from an address or a form can do no harm.

    expression  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | "(" expression ")" | comparison
    comparison  = column ( "==" | "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
                | column [ "not" ] "contains" text
                | column [ "not" ] "in" "(" value { "," value } ")"
                | column "is" [ "not" ] "missing"
    column      = a name, or any text between backticks
    value       = a number, or text between quotes

A blank is neither equal nor unequal to anything (Kleene's three values, 1938): its row matches
neither a comparison nor the negation of it, and is counted as undecided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.query_columns import (
    Operator,
    Truth,
    against_number,
    against_text,
    column_named,
    containing,
    missing,
    remark_on_numbers,
    remark_on_value,
)
from fundus_core.domain.query_tokens import EXAMPLE, QueryError, Token, tokens_of

LONGEST = 2000
"""Characters of an expression."""

DEEPEST = 40
"""Parentheses and negations within one another."""

_OPERATORS: dict[str, Operator] = {
    "==": "==",
    "=": "==",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """Which rows of a table an expression asks for."""

    expression: str
    """As it was given, without blanks around it."""

    rows: NDArray[np.bool_]
    """Shape (N,); True where the expression holds."""

    n_undecided: int
    """Rows in which a blank leaves open whether it holds; they are not among `rows`."""

    columns: tuple[str, ...]
    """Columns it names, in their order, each once."""

    remarks: tuple[str, ...]
    """What the reader may not expect, such as a value that no row has."""


def ask(expression: str, table: pd.DataFrame) -> QueryAnswer:
    """Returns which rows of a table an expression asks for.

    Args:
        expression: In the language that this module describes.
        table: N rows; values may be numbers or their text, blanks are None or NaN.

    Raises:
        QueryError: If it cannot be read, names a column that is not there, or compares text with
            a number.

    Examples:
        >>> table = pd.DataFrame({"age": ["71", "48", None], "site": ["A", "A", "B"]})
        >>> ask('age > 60 and site == "A"', table).rows.tolist()
        [True, False, False]
        >>> ask("age > 60", table).n_undecided
        1
    """
    text = expression.strip()
    if not text:
        raise QueryError("There is no expression to look for.", hint=EXAMPLE)
    if len(text) > LONGEST:
        raise QueryError(
            f"The expression has {len(text):,} characters; {LONGEST:,} are the most.",
            hint="Look for a part of it, and go on from that selection.",
        )
    reading = _Reading(tokens_of(text), table)
    found = reading.whole()
    undecided = int((~found.holds & ~found.fails).sum())
    remarks = tuple(dict.fromkeys(filter(None, reading.remarks)))
    return QueryAnswer(text, found.holds, undecided, tuple(dict.fromkeys(reading.columns)), remarks)


class _Reading:
    """Reads tokens from left to right, and the table as it goes."""

    def __init__(self, tokens: Sequence[Token], table: pd.DataFrame) -> None:
        self._tokens = tokens
        self._table = table
        self._at = 0
        self._depth = 0
        self.columns: list[str] = []
        self.remarks: list[str] = []

    def whole(self) -> Truth:
        """Reads all tokens."""
        found = self._either()
        if self._next.kind != "end":
            raise self._unexpected('"and", "or" or the end')
        return found

    def _either(self) -> Truth:
        found = self._both()
        while self._takes("word", "or"):
            found = found | self._both()
        return found

    def _both(self) -> Truth:
        found = self._negated()
        while self._takes("word", "and"):
            found = found & self._negated()
        return found

    def _negated(self) -> Truth:
        if self._takes("word", "not"):
            return self._deeper(lambda: ~self._negated())
        if self._takes("sign", "("):
            return self._deeper(self._bracketed)
        return self._comparison()

    def _bracketed(self) -> Truth:
        found = self._either()
        if not self._takes("sign", ")"):
            raise self._unexpected('")"')
        return found

    def _deeper(self, read: Callable[[], Truth]) -> Truth:
        self._depth += 1
        if self._depth > DEEPEST:
            raise QueryError(
                f"More than {DEEPEST} parentheses and negations lie within one another.",
                hint="Write the expression flatter.",
            )
        found = read()
        self._depth -= 1
        return found

    def _comparison(self) -> Truth:
        column = self._column()
        if self._takes("word", "is"):
            negated = self._takes("word", "not")
            if not self._takes("word", "missing"):
                raise self._unexpected('"missing"')
            return self._negation(missing(self._table, column), negated)
        negated = self._takes("word", "not")
        if self._takes("word", "contains"):
            return self._negation(containing(self._table, column, self._value().content), negated)
        if self._takes("word", "in"):
            return self._negation(self._among(column), negated)
        token = self._next
        if negated or token.kind != "sign" or token.content not in _OPERATORS:
            raise self._unexpected(f"a comparison of {column}, such as == or contains")
        self._at += 1
        return self._compared(column, _OPERATORS[token.content], self._value())

    def _negation(self, found: Truth, negated: bool) -> Truth:
        return ~found if negated else found

    def _among(self, column: str) -> Truth:
        if not self._takes("sign", "("):
            raise self._unexpected('"("')
        found = self._compared(column, "==", self._value())
        while self._takes("sign", ","):
            found = found | self._compared(column, "==", self._value())
        if not self._takes("sign", ")"):
            raise self._unexpected('"," or ")"')
        return found

    def _compared(self, column: str, operator: Operator, value: Token) -> Truth:
        if value.kind == "number":
            found = against_number(self._table, column, operator, float(value.content))
            self.remarks.append(remark_on_numbers(self._table, column))
            return found
        if operator in {"==", "!="}:
            self.remarks.append(remark_on_value(self._table, column, value.content))
        return against_text(self._table, column, operator, value.content)

    def _column(self) -> str:
        token = self._next
        if token.kind not in {"name", "column"}:
            raise self._unexpected("the name of a column")
        self._at += 1
        name = column_named(token.content, self._table)
        self.columns.append(name)
        return name

    def _value(self) -> Token:
        token = self._next
        if token.kind in {"name", "word"}:
            raise QueryError(
                f"{token} stands where a value belongs.",
                hint=f'Put text between quotes: "{token.content}".',
            )
        if token.kind not in {"number", "text"}:
            raise self._unexpected("a number, or text between quotes")
        self._at += 1
        return token

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _takes(self, kind: str, content: str) -> bool:
        """Steps over a token if it is the given one, and says whether it was."""
        taken = (self._next.kind, self._next.content) == (kind, content)
        self._at += taken
        return taken

    def _unexpected(self, wanted: str) -> QueryError:
        return QueryError(f"Expected {wanted}, but found {self._next}.", hint=EXAMPLE)
