"""`fundus doctor` and `fundus repoint`: what they print, and how they end."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from fundus_core.cli import doctor
from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import (
    dataset_id,
    list_datasets,
    open_dataset,
    stored_dataset,
)
from fundus_core.workflows.data.repoint import repoint
from fundus_core.workflows.data.selections import load_selection, save_selection
from fundus_core.workflows.reports.bundle import export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from fundus_core.workflows.weights.teacher_tables import (
    TEACHERS,
    store_teachers,
    table_of_teachers,
    teachers_of,
)
from tests.fakes import tiny_dataset, write_dataset

EXIT_NOT_IN_ORDER = 3


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with one data set."""
    found = Workspace(tmp_path / "workspace")
    open_dataset(found, DataSource(write_dataset(tmp_path / "data", 3, side=72)))
    return found


def test_doctor__leaves_a_saved_selection_alone(place: Workspace) -> None:
    (name,) = (one.id for one in list_datasets(place))
    dataset = stored_dataset(place, name)
    save_selection(place, name, "mine", list(dataset.image_ids))

    assert run(place, "doctor").exit_code == 0
    assert run(place, "doctor", "--repair").exit_code == 0

    assert load_selection(place, name, "mine", dataset).image_ids == dataset.image_ids


@pytest.mark.parametrize("inside", ["smoke", "rerun/one", "examples/one.computed"])
def test_doctor__looks_into_the_workspaces_of_a_workspace(place: Workspace, inside: str) -> None:
    nested = place.root / inside / "runs"
    ArtifactStore(nested).put("one", {}, lambda folder: (folder / "a").write_bytes(b"whole"))
    (nested / "one" / "a").write_bytes(b"flipped")

    found = run(place, "doctor")
    mended = run(place, "doctor", "--repair")

    assert found.exit_code == EXIT_NOT_IN_ORDER
    assert f"1 damaged ({inside}/runs/one)" in found.stdout
    assert mended.exit_code == 0
    assert (place.damaged / inside / "runs" / "one" / "a").is_file()


def opened_as_a_bundle(place: Workspace, folder: Path) -> tuple[Workspace, str]:
    """Returns another workspace and the id of the data set there, which came in a bundle."""
    (name,) = (one.id for one in list_datasets(place))
    export_bundle(place, name, folder / "bundle.zip")
    elsewhere = Workspace(folder / "elsewhere")
    return elsewhere, open_bundle(elsewhere, folder / "bundle.zip").dataset_id


def test_doctor__a_data_set_of_a_bundle_lacks_no_photographs(
    place: Workspace, tmp_path: Path
) -> None:
    elsewhere, theirs = opened_as_a_bundle(place, tmp_path)

    found, mended = run(elsewhere, "doctor"), run(elsewhere, "doctor", "--repair")

    assert found.exit_code == mended.exit_code == 0
    said = "in order. The photographs of 0 data sets are there. 1 more came in a bundle, without"
    assert said in found.stdout
    assert said in mended.stdout
    assert not elsewhere.damaged.exists()
    assert [one.id for one in list_datasets(elsewhere)] == [theirs]


def test_doctor__photographs_that_a_bundle_was_pointed_to_are_looked_for(
    place: Workspace, tmp_path: Path
) -> None:
    elsewhere, theirs = opened_as_a_bundle(place, tmp_path)
    repoint(elsewhere, theirs, tmp_path / "data")
    there = run(elsewhere, "doctor")
    (tmp_path / "data").rename(tmp_path / "away")

    gone = run(elsewhere, "doctor")

    assert "The photographs of 1 data sets are there." in there.stdout
    assert gone.exit_code == EXIT_NOT_IN_ORDER
    assert f"6 of the 6 photographs of {theirs} are not where they were." in gone.stdout


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


def stored_teachers(place: Workspace) -> Path:
    """Stores weights, their card, and the table of who taught them; returns the table."""
    dataset = tiny_dataset(4)
    place.weights.mkdir()
    (place.weights / "mine.safetensors").write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    teachers = table_of_teachers(dataset, dataset.image_ids, np.ones(8, bool))
    n_teachers = store_teachers(place, sha256, teachers)
    card = {"sha256": sha256, "n_teachers": n_teachers}
    (place.weights / "mine.json").write_text(json.dumps(card), encoding="utf-8")
    return place.weights / TEACHERS / f"{sha256}.parquet"


def test_doctor__a_damaged_table_of_who_taught_weights_is_named_and_moved_aside(
    place: Workspace,
) -> None:
    table = stored_teachers(place)
    name = f"weights/{TEACHERS}/{table.name}"
    sound = run(place, "doctor")
    content = bytearray(table.read_bytes())
    content[40] ^= 4
    table.write_bytes(content)

    result, mended = run(place, "doctor"), run(place, "doctor", "--repair")
    after = run(place, "doctor")

    assert sound.exit_code == 0
    assert "weights: in order" in sound.stdout
    assert result.exit_code == EXIT_NOT_IN_ORDER
    assert f"1 damaged ({name})" in result.stdout
    assert "Who taught mine.safetensors is not known" in result.stdout
    assert mended.exit_code == 0
    assert "Who taught some weights is no longer known" in mended.stdout
    assert "computed again" not in mended.stdout
    assert (place.root / "damaged" / name).read_bytes() == content
    assert "weights: caution." in after.stdout
    assert "Who taught mine.safetensors is not known" in after.stdout


def test_doctor__weights_of_which_the_table_was_moved_aside_stay_of_unknown_teachers(
    place: Workspace,
) -> None:
    table = stored_teachers(place)
    (place.weights / "mine.json").write_text(json.dumps({"sha256": table.stem}), encoding="utf-8")
    table.write_bytes(b"no table")

    run(place, "doctor", "--repair")
    after = run(place, "doctor")

    assert "Who taught mine.safetensors is not known" in after.stdout


def test_doctor__weights_of_which_the_table_is_gone_are_named(place: Workspace) -> None:
    shutil.rmtree(stored_teachers(place).parent)

    result = run(place, "doctor")

    assert "weights: caution." in result.stdout
    assert "Who taught mine.safetensors is not known" in result.stdout
    assert "repeat the `fundus pretrain`" in result.stdout


def test_doctor__gives_a_checksum_to_a_table_of_an_older_version(place: Workspace) -> None:
    table = stored_teachers(place)
    teachers = teachers_of(place, table.stem)
    assert teachers is not None
    teachers.to_parquet(table, index=False)

    before, mended = run(place, "doctor"), run(place, "doctor", "--repair")
    after = run(place, "doctor")

    assert "stored results: caution" in before.stdout
    assert "1 given a checksum" in mended.stdout
    assert "stored results: in order" in after.stdout
    again = teachers_of(place, table.stem)
    assert again is not None
    assert again.equals(teachers)


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


def test_repoint__remembers_where_that_is_from_any_folder(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = dataset_id(DataSource(tmp_path / "data"))
    (tmp_path / "data").rename(tmp_path / "new")
    monkeypatch.chdir(tmp_path)

    run(place, "repoint", name, "new")

    assert stored_dataset(place, name).source == str(tmp_path / "new" / "labels.csv")
    (summary,) = list_datasets(place)
    assert summary.source.path == tmp_path / "new"
