"""`fundus doctor` and `fundus repoint`: what they print, and how they end."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fundus_core.cli import doctor
from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.repoint import repoint
from tests.fakes import write_dataset

EXIT_NOT_IN_ORDER = 3


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with one data set."""
    found = Workspace(tmp_path / "workspace")
    open_dataset(found, DataSource(write_dataset(tmp_path / "data", 3, side=72)))
    return found


def run(place: Workspace, command: str, *arguments: object) -> Result:
    app = typer.Typer()
    app.command("doctor")(doctor.doctor)
    app.command("repoint")(doctor.repoint)
    given = [command, *map(str, arguments), "--workspace", str(place.root)]
    return CliRunner().invoke(app, given, catch_exceptions=False)


def test_doctor__names_every_check_and_ends_well_where_all_is_in_order(place: Workspace) -> None:
    result = run(place, "doctor", "--json")

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["in_order"] is True
    assert [check["name"] for check in found["checks"]] == [
        "versions",
        "device",
        "disk",
        "weights",
        "stored results",
        "format",
        "half-written files",
        "photographs",
        "jobs",
    ]
    assert all(check["text"] for check in found["checks"])


def test_doctor__ends_with_3_and_the_next_step_where_something_is_not_in_order(
    place: Workspace,
) -> None:
    (next(place.datasets.glob("[!.]*")) / "table.parquet").write_bytes(b"gone")

    result = run(place, "doctor")

    assert result.exit_code == EXIT_NOT_IN_ORDER
    assert "stored results: not in order" in result.stdout
    assert "-> " in result.stdout


def test_doctor__weights_that_are_not_those_of_their_card_are_named(place: Workspace) -> None:
    place.weights.mkdir()
    (place.weights / "mine.safetensors").write_bytes(b"other")
    (place.weights / "mine.json").write_text('{"sha256": "0123"}', encoding="utf-8")

    result = run(place, "doctor")

    assert result.exit_code == EXIT_NOT_IN_ORDER
    assert "mine.safetensors was changed" in result.stdout


def test_repoint__by_a_name_is_told_the_ids(place: Workspace, tmp_path: Path) -> None:
    source = DataSource(write_dataset(tmp_path / "photographs", n_patients=2))
    open_dataset(place, source)

    with pytest.raises(DataError, match="has the id 'photographs'") as raised:
        repoint(place, "photographs", tmp_path)

    assert dataset_id(source) in raised.value.hint


def test_repoint__says_where_the_photographs_are_now(place: Workspace, tmp_path: Path) -> None:
    name = dataset_id(DataSource(tmp_path / "data"))
    (tmp_path / "data").rename(tmp_path / "new")

    result = run(place, "repoint", name, tmp_path / "new")

    assert result.exit_code == 0
    assert "all 6 photographs are at" in result.stdout
    assert run(place, "doctor").exit_code == 0
