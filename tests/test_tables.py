"""Tables as files keep their numbers, and carry what limits them."""

from io import StringIO

import pandas as pd
import pytest

from fundus_core.caution_codes import CAUTIONS
from fundus_core.checks import Caution
from fundus_core.tables import About, as_csv, as_latex, safe_csv

ABOUT = About(
    "AUC of two models on 12 photographs.",
    "Obuchowski's form of DeLong's test.",
    (Caution("FD003", "None of the 12 names its patient."),),
)

TABLE = pd.DataFrame({"Model": ["a_b & 50 %", '=cmd, "x"'], "AUC": [0.123456789012345, 1.0]})


def test_as_csv__numbers_and_names_come_back_exactly() -> None:
    table = TABLE.assign(Model=["a_b & 50 %", 'x, "y"'])

    read = pd.read_csv(StringIO(as_csv(table, ABOUT)), comment="#")

    pd.testing.assert_frame_equal(read, table, check_exact=True)


def test_as_csv__what_begins_like_a_formula_is_shown_and_not_run() -> None:
    read = pd.read_csv(StringIO(as_csv(TABLE, ABOUT)), comment="#")

    assert read["Model"].tolist() == ["a_b & 50 %", '\'=cmd, "x"']


def test_as_csv__says_above_the_table_what_it_is_and_what_limits_it() -> None:
    head = [line for line in as_csv(TABLE, ABOUT).splitlines() if line.startswith("# ")]

    assert head[0] == "# AUC of two models on 12 photographs."
    assert head[1] == "# Obuchowski's form of DeLong's test."
    assert head[2] == f"# FD003: None of the 12 names its patient. {CAUTIONS['FD003']}"


def test_as_latex__names_are_text_and_numbers_have_three_decimals() -> None:
    text = as_latex(TABLE, ABOUT, label="auc")

    assert r"a\_b \& 50 \% & 0.123 \\" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"\label{tab:auc}" in text
    assert "FD003: None of the 12" in text


def test_as_latex__missing_numbers_are_dashes_and_negative_ones_have_a_minus() -> None:
    table = pd.DataFrame({"difference": [-0.5, float("nan")], "n": [3, 4]})

    text = as_latex(table, ABOUT)

    assert r"$-$0.500 & 3 \\" in text
    assert r"-- & 4 \\" in text


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-2+3+cmd|' /C calc'!A0", "@cmd", "\tx", "\rx"])
def test_safe_csv__no_cell_of_text_begins_like_a_formula(cell: str) -> None:
    written = pd.read_csv(StringIO(safe_csv(pd.DataFrame({"label": [cell]}))), dtype=str)

    assert written["label"][0].lstrip().startswith("'")


@pytest.mark.parametrize("cell", ["-0.5", "+0.031 (-0.010 to +0.072)", "-12 %"])
def test_safe_csv__a_number_as_text_stays_as_it_is(cell: str) -> None:
    written = pd.read_csv(StringIO(safe_csv(pd.DataFrame({"difference": [cell]}))), dtype=str)

    assert written["difference"][0] == cell


def test_safe_csv__the_table_given_stays_as_it_is() -> None:
    table = pd.DataFrame({"label": ["=1"]})

    safe_csv(table)

    assert list(table["label"]) == ["=1"]
