"""Runs the command line inside the test's process."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fundus_core.cli.main import main
from tests.fakes import write_dataset


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.stdout)


Fundus = Callable[..., Outcome]


@pytest.fixture
def fundus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Fundus:
    """Runs `fundus ARGS` in a workspace of its own."""
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv("FUNDUS_WEIGHTS", raising=False)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["fundus", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of 24 photographs of 12 patients, with a table."""
    return write_dataset(tmp_path / "data")
