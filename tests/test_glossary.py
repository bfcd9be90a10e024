"""One glossary: what pages say beside a term is what the document says."""

from pathlib import Path

import pytest

from fundus_core.ui.glossary import SOURCE, help_for, terms

DOCUMENT = Path(__file__).parents[1] / "docs" / "glossary.md"


def test_the_document_is_the_source() -> None:
    assert DOCUMENT.read_bytes() == SOURCE.read_bytes(), f"copy one over the other: {SOURCE}"


def test_help_for__finds_a_term_in_any_case() -> None:
    assert help_for("auc") == help_for("AUC") == "area under the ROC curve"
    assert help_for("Brier score").startswith("mean squared distance")


def test_help_for__words_that_share_a_row_share_its_meaning() -> None:
    assert help_for("continuity").startswith("whether photographs together on a map")
    assert help_for("eye") == help_for("laterality")
    assert help_for("sensitivity") == help_for("operating point")


def test_help_for__a_term_that_nobody_explained_is_a_defect() -> None:
    with pytest.raises(KeyError):
        help_for("goodness")


def test_terms__are_plain_words_without_marks() -> None:
    found = terms()

    assert len(found) > 80
    assert "Word" not in found
    marks = ("**", "`", "\\")
    assert not [word for word, said in found.items() if any(one in word + said for one in marks)]
    assert all(found.values())
