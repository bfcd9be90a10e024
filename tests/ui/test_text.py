"""Texts: data never becomes markup, and numbers keep the digits that mean something."""

from io import BytesIO

import pandas as pd
import pytest

from fundus_core.ui import text

BEACONS = (
    "![x](http://host/leak)",
    "[click](http://host)",
    "<img src=http://host>",
    "`code` ![x](http://host)",
    ":red[alarm]",
    "$\\href{http://host}{x}$",
)


@pytest.mark.parametrize("label", BEACONS)
def test_escaped__no_mark_of_markdown_is_left_bare(label: str) -> None:
    shown = text.escaped(label)

    for mark in "![](<>`$:":
        assert shown.count(mark) == shown.count("\\" + mark)


def test_escaped__a_label_stays_on_its_line() -> None:
    assert text.escaped("two\n\n# lines") == "two \\# lines"


@pytest.mark.parametrize("label", BEACONS)
def test_code__a_label_cannot_end_the_code_it_is_in(label: str) -> None:
    shown = text.code(label)

    assert (shown[0], shown[-1]) == ("`", "`")
    assert "`" not in shown[1:-1]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@cmd", "\tx", "\rx"])
def test_csv__no_cell_of_text_begins_like_a_formula(cell: str) -> None:
    written = pd.read_csv(BytesIO(text.csv(pd.DataFrame({"label": [cell]}))), dtype=str)

    assert written["label"][0].lstrip().startswith("'")


def test_csv__the_table_given_stays_as_it_is() -> None:
    table = pd.DataFrame({"label": ["=1"]})

    text.csv(table)

    assert list(table["label"]) == ["=1"]
