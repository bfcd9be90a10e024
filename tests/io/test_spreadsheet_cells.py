"""Cells that leave for a spreadsheet come back as they were, and none of them is a formula."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundus_core.io.spreadsheet_cells import guarded, unguarded
from fundus_core.io.tables import read_table
from fundus_core.tables import About, as_csv, safe_csv

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "'=", "''=", "'", "")
texts = st.builds("".join, st.tuples(st.sampled_from(STARTS), st.text(max_size=12)))
FORMULAS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1+cmd",
    "-2+3",
    "\t=1",
    "\r=1",
    " =1",
    "\uff1d1",
)


@given(texts)
def test_guarded__comes_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(texts)
def test_guarded__is_never_a_formula(text: str) -> None:
    first = guarded(text).lstrip(" ")[:1]

    number = text[1:2].isdigit() and text[:1] in "+-"
    assert number or first not in {"=", "+", "-", "@", "\t", "\r", "\uff1d"}


@pytest.mark.parametrize("formula", FORMULAS)
def test_safe_csv__guards_cells_and_names_of_columns(formula: str) -> None:
    text = safe_csv(pd.DataFrame({formula: [formula, "plain"], "score": [-0.5, 1.0]}))

    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][0] == rows[1][0] == f"'{formula}".replace("\r", "\n")
    assert rows[1][1] == "-0.5"


@pytest.mark.parametrize("number", ["-0.5", "+3", "12 %", "-0.1 (-0.2 to 0.1)", "0.9", "-1"])
def test_guarded__leaves_numbers_alone(number: str) -> None:
    assert guarded(number) == number


def test_as_csv__guards_what_a_caption_holds() -> None:
    text = as_csv(pd.DataFrame({"AUC": [0.9]}), About("Map of x,=1+1;@y", "None."))

    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    assert ";'@y" in text


@given(st.lists(texts.map(str.strip).filter(bool), min_size=1, max_size=5, unique=True))
def test_read_table__restores_what_safe_csv_wrote(labels: list[str]) -> None:
    import tempfile

    labels = [label for label in labels if label.replace("\0", "").strip() == label] or ["a"]
    table = pd.DataFrame({"path": [f"{n}.png" for n in range(len(labels))], "label": labels})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        path.write_bytes(safe_csv(table).encode("utf-8", "ignore"))

        again = read_table(path)

    lines = [label.replace("\r\n", "\n").replace("\r", "\n") for label in labels]
    expected = [label.encode("utf-8", "ignore").decode() for label in lines]
    assert list(again["label"]) == expected
