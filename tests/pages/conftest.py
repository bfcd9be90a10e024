"""What several page tests share."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from fundus_core.ui import wiring
from tests.pages import opened


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
