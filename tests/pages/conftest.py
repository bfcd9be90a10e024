"""What several page tests share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.elements.lib import options_selector_utils
from streamlit.elements.widgets import multiselect, radio, select_slider, selectbox

from fundus_core.ui import wiring
from tests.pages import opened


@pytest.fixture(autouse=True)
def entries_of_menus_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends a page in an error where two entries of a menu are called the same.

    Streamlit takes the last of them, whichever was picked.
    """
    mappings = options_selector_utils.create_mappings

    def checked(
        options: Sequence[Any], format_func: Callable[[Any], str] = str
    ) -> tuple[list[str], dict[str, int]]:
        labels, numbers = mappings(options, format_func)
        assert len(numbers) == len(labels), f"two entries are called the same: {labels}"
        return labels, numbers

    for widget in (multiselect, radio, select_slider, selectbox):
        monkeypatch.setattr(widget, "create_mappings", checked)


@pytest.fixture
def dataset_name(workspace: Path, tmp_path: Path) -> str:
    """The one data set in the workspace."""
    return opened.open_photographs(workspace, tmp_path / "photographs")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that the page hands over to be run."""
    lines: list[list[str]] = []
    monkeypatch.setattr(wiring, "submit", lambda argv, title: lines.append(list(argv)))
    monkeypatch.setattr(wiring, "jobs", lambda: SimpleNamespace(list=lambda: ()))
    return lines
