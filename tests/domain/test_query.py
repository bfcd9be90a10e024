"""The language of queries: what it finds, what stays undecided, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.query import DEEPEST, LONGEST, ask
from fundus_core.domain.query_tokens import QueryError

TABLE = pd.DataFrame(
    {
        "patient_id": ["P1", "P1", "P2", "P3", "P4"],
        "eye": ["OD", "OS", "OD", None, "OS"],
        "age": ["71", "71", "48", None, "n/a"],
        "site": ["North", "North", "South", "south-east", "South"],
        "taken": ["2023-11-02", "2023-11-02", "2024-01-31", "2024-02-01", None],
        "field shape": ["round", "square", "round", "round", "square"],
        "dr": ["0", "1", "1", "0", "1"],
    },
    dtype=object,
)


def found(expression: str) -> list[int]:
    """Returns the rows in which an expression holds."""
    return np.flatnonzero(ask(expression, TABLE).rows).tolist()


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("age > 60", [0, 1]),
        ("age >= 48 and age < 71", [2]),
        ("age != 71", [2]),
        ('age == "71"', [0, 1]),
        ("dr == 1", [1, 2, 4]),
        ("dr = 1.0", [1, 2, 4]),
        ('site == "South"', [2, 4]),
        ('site <> "South"', [0, 1, 3]),
        ("site contains 'SOUTH'", [2, 3, 4]),
        ("site not contains 'south'", [0, 1]),
        ('eye in ("OD", "OS") and dr in (1)', [1, 2, 4]),
        ('eye not in ("OD")', [1, 4]),
        ("eye is missing", [3]),
        ("EYE IS NOT MISSING AND NOT dr == 1", [0]),
        ("`field shape` == 'square'", [1, 4]),
        ('taken > "2023-12-31"', [2, 3]),
        ('dr == 0 or eye == "OD" and age < 50', [0, 2, 3]),
        ('(dr == 0 or eye == "OD") and age < 50', [2]),
    ],
)
def test_ask__finds_the_rows_that_were_counted_by_hand(expression: str, rows: list[int]) -> None:
    assert found(expression) == rows


def test_ask__a_blank_matches_neither_a_comparison_nor_its_negation() -> None:
    said, denied = ask('eye == "OD"', TABLE), ask('not eye == "OD"', TABLE)

    assert np.flatnonzero(said.rows | denied.rows).tolist() == [0, 1, 2, 4]
    assert said.n_undecided == denied.n_undecided == 1


def test_ask__a_blank_decides_nothing_where_the_other_half_decides() -> None:
    answer = ask('eye == "OD" or dr == 0', TABLE)

    assert answer.rows[3]
    assert answer.n_undecided == 0


def test_ask__values_that_are_no_numbers_are_undecided_and_said() -> None:
    answer = ask("age > 0", TABLE)

    assert answer.n_undecided == 2
    assert answer.remarks == ('1 row has no number in age, such as "n/a"; undecided there.',)


def test_ask__a_value_that_no_row_has_is_said_with_the_nearest() -> None:
    answer = ask('site == "north"', TABLE)

    assert not answer.rows.any()
    assert answer.remarks == ('No row has the value "north" in site; did you mean "North"?',)
    assert "it has OD, OS" in ask('eye == "both"', TABLE).remarks[0]


def test_ask__names_its_columns_once_in_their_order() -> None:
    assert ask("dr == 1 and AGE > 3 or dr == 0", TABLE).columns == ("dr", "age")


def test_ask__an_unknown_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(QueryError, match="no column “sites”; did you mean “site”") as raised:
        ask('sites == "A"', TABLE)

    assert "patient_id, eye, age, site" in raised.value.hint


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "no expression"),
        ("age >", "Expected a number, or text between quotes, but found the end"),
        ("site == North", "“North” at character 9 stands where a value belongs"),
        ("age 60", "Expected a comparison of age, such as == or contains, but found “60”"),
        ("(age > 60", 'Expected "\\)", but found the end'),
        ("age > 60 site", 'Expected "and", "or" or the end, but found “site” at character 10'),
        ("age > 60 & dr == 1", "“&” at character 10 has no meaning"),
        ("eye is OD", 'Expected "missing"'),
        ("60 < age", "Expected the name of a column"),
        ('site == "North', "at character 9 has no meaning"),
        ("site > 3", "site holds text \\(North, South, south-east\\)"),
        ('dr > "x"', 'dr holds numbers, which cannot be compared with the text "x"'),
        ("age > 1e", "at character 7 has no meaning"),
        ("__import__('os')", "no column “__import__”"),
        ("age.__class__ == 1", "“.” at character 4 has no meaning"),
    ],
)
def test_ask__what_cannot_be_read_is_refused_with_its_place(expression: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as raised:
        ask(expression, TABLE)

    assert raised.value.hint


@pytest.mark.parametrize(
    "expression", ["(" * (DEEPEST + 1), "not " * (DEEPEST + 1) + "dr == 1", "d" * (LONGEST + 1)]
)
def test_ask__what_is_too_deep_or_too_long_is_refused(expression: str) -> None:
    with pytest.raises(QueryError):
        ask(expression, TABLE)


def test_ask__an_empty_table_has_no_rows() -> None:
    assert ask("dr == 1", TABLE.iloc[:0]).rows.tolist() == []
