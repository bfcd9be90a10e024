"""Help beside terms: every page has its words, and all of them come from the one glossary."""

import ast
from pathlib import Path

import pytest

from fundus_core.ui.glossary import WORDS_OF, column_help, help_for, meaning_of, words_of

APP = Path(__file__).parents[2] / "app.py"


def titles() -> list[str]:
    """Returns the names of the menu's pages."""
    calls = [node for node in ast.walk(ast.parse(APP.read_text("utf-8"))) if _is_page(node)]
    return [ast.literal_eval(call.args[1]) for call in calls]  # type: ignore[attr-defined]


def _is_page(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_page"


def test_words_of__every_page_of_the_menu_has_some() -> None:
    assert set(WORDS_OF) == set(titles())


@pytest.mark.parametrize("page", WORDS_OF)
def test_words_of__all_are_in_the_glossary(page: str) -> None:
    words = words_of(page)

    assert len(words) == len(WORDS_OF[page]) > 2
    assert all(words.values())


def test_words_of__a_page_that_is_not_in_the_menu_has_none() -> None:
    assert not words_of("Elsewhere")


def test_column_help__understands_plurals_and_brackets() -> None:
    found = column_help(["Patients", "AUC (95 % CI)", "Seconds"])

    assert found["Patients"]["help"] == help_for("patient")
    assert found["AUC (95 % CI)"]["help"] == help_for("AUC")
    assert "Seconds" not in found


def test_meaning_of__the_short_name_of_a_long_entry_is_found() -> None:
    assert meaning_of("CKA") == meaning_of("CKA (centred kernel alignment)") is not None
    assert meaning_of("Expected calibration error") == help_for("calibration error")
