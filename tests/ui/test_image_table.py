"""Rows of photographs: what is not selected is grey, and words say the same."""

import pandas as pd
import pytest
from pandas.io.formats.style import Styler

from fundus_core.ui.components import image_table
from fundus_core.ui.components.image_table import SELECTED, greyed

ROWS = pd.DataFrame({"Photograph": ["a", "b", "c"], "Score": [0.1, 0.5, 0.9]})
IDS = ("h0", "d1", "d2")


def test_greyed__rows_that_are_not_selected_are_grey_and_the_others_named() -> None:
    marked = greyed(ROWS, IDS, {"d1"})

    assert isinstance(marked, Styler)
    assert list(marked.data[SELECTED]) == ["", "selected", ""]
    marked._compute()
    grey_rows = {row for (row, _), style in marked.ctx.items() if style}
    assert grey_rows == {0, 2}


def test_greyed__without_a_selection_rows_are_as_they_are() -> None:
    assert greyed(ROWS, IDS, frozenset()) is ROWS


def test_greyed__of_more_cells_than_can_be_styled_words_alone_say_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_table, "MOST_STYLED", 5)

    marked = greyed(ROWS, IDS, {"d1"})

    assert isinstance(marked, pd.DataFrame)
    assert list(marked[SELECTED]) == ["", "selected", ""]
