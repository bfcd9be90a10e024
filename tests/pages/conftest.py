"""What several page tests share."""

from types import SimpleNamespace

import pytest

from fundus_core.ui import wiring


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that the page hands over to be run."""
    lines: list[list[str]] = []
    monkeypatch.setattr(wiring, "submit", lambda argv, title: lines.append(list(argv)))
    monkeypatch.setattr(wiring, "jobs", lambda: SimpleNamespace(list=lambda: ()))
    return lines
