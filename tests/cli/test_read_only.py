"""`fundus app --read-only`: the server is told, and nothing is begun."""

from pathlib import Path
from typing import Any

import pytest

from fundus_core.cli import manage
from fundus_core.io.read_only import VARIABLE
from fundus_core.workflows.weights import fetch as fetching
from tests.cli.conftest import Fundus
from tests.pages import evaluated


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Environments of the servers that would have been started."""
    started: list[dict[str, Any]] = []

    def become(program: str, command: list[str], environment: dict[str, str]) -> None:
        started.append(environment)

    monkeypatch.setattr(manage.os, "execve", become)
    monkeypatch.setattr(manage, "require_free_port", lambda address, port: None)
    monkeypatch.chdir(Path.cwd())  # the server would have run elsewhere
    return started


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace that is there, with nothing in it."""
    found = tmp_path / "workspace"
    found.mkdir()
    return found


def test_app__read_only_tells_the_server_and_begins_no_demo(
    fundus: Fundus, served: list[dict[str, Any]], place: Path
) -> None:
    fundus("app", "--read-only", "--no-browser")

    (environment,) = served
    assert environment[VARIABLE] == "1"
    assert not (place / "jobs").exists()


def test_app__the_variable_alone_is_enough(
    fundus: Fundus, served: list[dict[str, Any]], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    fundus("app", "--no-browser")

    assert served[0][VARIABLE] == "1"
    assert not (place / "jobs").exists()


def test_app__otherwise_it_may_write(fundus: Fundus, served: list[dict[str, Any]]) -> None:
    fundus("app", "--no-browser", "--no-demo")

    assert VARIABLE not in served[0]


def test_commands__a_workspace_named_by_an_option_is_not_written_either(
    fundus: Fundus, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    other = tmp_path / "other"
    other.mkdir()

    outcome = fundus("check", data, "--workspace", other)

    assert outcome.exit_code == 2
    assert "for looking only" in outcome.stderr
    assert list(other.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [("runs",), ("doctor",), ("bundle", "open", "x.zip"), ("app", "--read-only", "--no-browser")],
    ids=" ".join,
)
def test_commands__make_no_workspace_that_is_not_there(
    fundus: Fundus,
    served: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    if "--read-only" not in command:
        monkeypatch.setenv(VARIABLE, "1")

    outcome = fundus(*command)

    assert outcome.exit_code == 2
    assert f"There is no workspace {tmp_path / 'workspace'}, and read-only" in outcome.stderr
    assert served == []
    assert not (tmp_path / "workspace").exists()


def test_metrics__are_told_and_not_kept(
    fundus: Fundus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated.store(place, "kept", evaluated.predictions("kept", evaluated.GOOD))
    monkeypatch.setenv(VARIABLE, "1")

    outcome = fundus("metrics", "kept", "--resamples", 100)

    assert outcome.exit_code == 0, outcome.stderr
    assert "kept: 12 photographs" in outcome.stdout
    assert not (place / "metrics").exists()


def test_backbones_fetch__begins_no_download(
    fundus: Fundus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(fetching, "download", lambda address, *_, **__: asked.append(address))
    monkeypatch.setenv(VARIABLE, "1")

    outcome = fundus("backbones", "fetch", "resnet18")

    assert outcome.exit_code == 2
    assert "shared for looking only" in outcome.stderr
    assert asked == []
    assert not (place / "weights").exists()


def test_commands__refuse_to_write_in_one_sentence(
    fundus: Fundus, data: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    outcome = fundus("check", data)

    assert outcome.exit_code == 2
    assert "shared for looking only" in outcome.stderr
