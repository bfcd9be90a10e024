"""A workspace that lies where a command is given, but was begun by somebody else, is said to be."""

import os
from pathlib import Path

import pytest

from fundus_core.cli import manage
from fundus_core.io.sealed import write_sealed
from fundus_core.io.workspace import ENVIRONMENT_VARIABLE
from fundus_core.io.workspace_format import STAMP
from tests.cli.conftest import Fundus

STAMPS = {
    "it was begun elsewhere": {"kept_by": "Fundus Explorer", "begun_by": "0123456789abcdef"},
    "nothing says that it was begun here": {"kept_by": "Fundus Explorer"},
}


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fundus: Fundus) -> Path:
    """The current folder, with a workspace that nobody names."""
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "workspace"


def test_command__of_a_workspace_begun_here_says_nothing(fundus: Fundus, sent: Path) -> None:
    assert fundus("runs").stderr == ""
    assert fundus("runs").stderr == ""
    assert (sent / STAMP).is_file()


@pytest.mark.parametrize("why", STAMPS)
def test_command__of_a_workspace_begun_elsewhere_says_so_in_one_line(
    fundus: Fundus, sent: Path, why: str
) -> None:
    fundus("runs")
    write_sealed(sent / STAMP, STAMPS[why])

    listed, failed = fundus("runs", "--json"), fundus("predict", "no_such_run", "data")

    assert listed.json == []
    for outcome in (listed, failed):
        assert f"What is stored in {sent} counts as computed here, though {why}" in outcome.stderr
        assert outcome.stderr.count("counts as computed") == 1
    assert listed.stderr.count("\n") == 1


def test_command__that_names_a_workspace_begun_elsewhere_says_nothing(
    fundus: Fundus, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fundus("runs")
    write_sealed(sent / STAMP, STAMPS["it was begun elsewhere"])

    assert fundus("runs", "--workspace", sent).stderr == ""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(sent))
    assert fundus("runs").stderr == ""


def test_app__says_it_before_it_becomes_the_server(
    fundus: Fundus, sent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fundus("runs")
    write_sealed(sent / STAMP, STAMPS["it was begun elsewhere"])
    said: list[str] = []
    monkeypatch.setattr(os, "execve", lambda *_: said.append(capsys.readouterr().err))
    monkeypatch.setattr(manage, "require_free_port", lambda address, port: None)

    fundus("app", "--no-demo")

    assert ["begun elsewhere" in one for one in said] == [True]


@pytest.mark.parametrize("why", STAMPS)
def test_doctor__says_it_and_notes_on_request_that_it_is_ones_own(
    fundus: Fundus, sent: Path, why: str
) -> None:
    fundus("runs")
    write_sealed(sent / STAMP, STAMPS[why])

    def format_check(*options: str) -> tuple[str, str]:
        checks = fundus("doctor", "--json", *options).json["checks"]
        found = next(check for check in checks if check["name"] == "format")
        return found["state"], found["text"]

    state, text = format_check()
    assert state == "caution"
    assert why in text
    assert format_check("--repair")[0] == "mended"
    assert format_check()[0] == "in order"
    assert fundus("runs").stderr == ""
