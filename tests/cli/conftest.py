"""Runs the command line inside the test's process."""

import contextlib
import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Probed:
    """24 photographs of 12 patients, and a workspace with a probe on them."""

    data: Path
    """Shared by tests: they only read it."""

    workspace: Path
    run_id: str

    def copied(self, workspace: Path) -> "Probed":
        """Copies the workspace, for a test that may change it."""
        shutil.copytree(self.workspace, workspace, dirs_exist_ok=True)
        return replace(self, workspace=workspace)


def probe_once(folder: Path, *options: object) -> Probed:
    """Fits a probe by `fundus probe`."""
    data, workspace, said = write_dataset(folder / "data"), folder / "workspace", io.StringIO()
    argv = ["fundus", "probe", data, *options, "--target", "dr", "--workspace", workspace, "--json"]
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.suppress(SystemExit),
    ):
        patch.setattr(sys, "argv", list(map(str, argv)))
        main()
    return Probed(data, workspace, json.loads(said.getvalue())["run_id"])


@pytest.fixture(scope="session")
def _probed_once(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    options = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", 64)
    return probe_once(tmp_path_factory.mktemp("probed"), *options)


@pytest.fixture
def probed(_probed_once: Probed, tmp_path: Path) -> Probed:
    """A probe on the embeddings of a tiny network, in the workspace of `fundus`."""
    return _probed_once.copied(tmp_path / "workspace")
