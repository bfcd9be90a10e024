"""Help beside terms: every page has its words, and all of them come from the one glossary."""

import ast
import re
from pathlib import Path
from typing import TypeGuard

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


COMMAND_LINE_ONLY = {
    "scale/cluster.py",
    "studies/replace.py",
    "workflows/data/doctor.py",
    "workflows/reports/rerun.py",
    "workflows/weights/convert.py",
}
"""What no page and no job of one reaches."""


def hints_of(path: Path) -> list[str]:
    """Returns what a module gives as the next step, with `X` for what is put in later."""
    words = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if is_hint(node)]
    parts = [
        one.value.values if isinstance(one.value, ast.JoinedStr) else [one.value] for one in words
    ]
    return ["".join(map(_written, hint)) for hint in parts]


def is_hint(node: ast.AST) -> TypeGuard[ast.keyword]:
    return isinstance(node, ast.keyword) and node.arg == "hint"


def _written(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "X"


def test_hints__name_options_of_the_command_line_only_besides_words_for_pages() -> None:
    core = APP.parent / "fundus_core"
    reached = [
        path
        for path in core.rglob("*.py")
        if "cli" not in path.parts and path.relative_to(core).as_posix() not in COMMAND_LINE_ONLY
    ]
    hints = [hint for path in reached for hint in hints_of(path)]
    besides = [re.sub(r"`[^`]*`|\([^)]*\)", "", hint) for hint in hints]  # as code, in brackets

    assert len(hints) > 200
    assert not [hint for hint in besides if re.search(r"--[a-z]", hint)]
