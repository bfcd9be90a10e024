"""A workspace that is deleted, copied, older or newer: opened, mended or refused, in words."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.errors import StoreError
from fundus_core.io.manifest import DataSource
from fundus_core.io.sealed import FORMAT
from fundus_core.io.store import MANIFEST, ArtifactStore
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.io.workspace_format import STAMP, format_of
from fundus_core.jobs.folder import JobFolder, make_folder
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.checkup import Check
from fundus_core.workflows.data.datasets import list_datasets, open_dataset
from fundus_core.workflows.data.doctor import diagnose
from fundus_core.workflows.data.integrity import examine
from fundus_core.workflows.models.runs import list_runs
from tests.conftest import ROOT
from tests.fakes import write_dataset
from tests.faults.sealing import by_hand, of_format
from tests.pages import evaluated


@pytest.fixture
def place(workspace: Path) -> Workspace:
    """A workspace with a data set and a run."""
    open_dataset(
        Workspace(workspace), DataSource(write_dataset(workspace.parent / "data", 3, side=72))
    )
    evaluated.store(workspace, "kept", evaluated.predictions("kept", evaluated.GOOD))
    return Workspace(workspace)


def checks(place: Workspace, *, repair: bool = False) -> dict[str, Check]:
    return {check.name: check for check in diagnose(place, repair=repair)}


def as_of_format_1(place: Workspace) -> None:
    """Takes away what format 1 did not have."""
    for path in place.root.rglob("*.json"):
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict) and value.pop("format", None):
            del value["sum"]
            path.write_text(json.dumps(value), encoding="utf-8")
    (place.root / STAMP).unlink(missing_ok=True)


def test_workspace__one_that_is_deleted_while_photographs_are_read_is_not_made_anew(
    tmp_path: Path,
) -> None:
    place = find_workspace(tmp_path / "workspace")
    source = DataSource(write_dataset(tmp_path / "data", 3, side=72))

    with pytest.raises(StoreError, match="was deleted or moved meanwhile") as refused:
        open_dataset(place, source, progress=lambda *_: shutil.rmtree(place.root, True))

    assert str(place.root) in refused.value.message
    assert not place.root.exists()
    open_dataset(find_workspace(place.root), source)
    assert len(list_datasets(place)) == 1


@pytest.mark.parametrize("first", ["", STAMP, "notes.txt"])
def test_workspace__nothing_is_stored_where_one_was_moved_away(tmp_path: Path, first: str) -> None:
    (tmp_path / "workspace").mkdir()
    if first:
        (tmp_path / "workspace" / first).write_text("kept by an older version")
    place = find_workspace(tmp_path / "workspace")
    ArtifactStore(place.runs).put("one", {}, lambda _: None)
    place.root.rename(tmp_path / "moved")
    if first != "notes.txt":  # which has no stamp: who makes the folder anew makes a workspace
        place.root.mkdir()

    with pytest.raises(StoreError, match="was deleted or moved meanwhile"):
        ArtifactStore(place.runs).put("two", {}, lambda _: None)

    assert not place.runs.exists()
    (tmp_path / "another").mkdir()
    ArtifactStore(tmp_path / "another").put("two", {}, lambda _: None)


def test_find_workspace__an_empty_one_is_stamped(tmp_path: Path) -> None:
    found = find_workspace(tmp_path / "new")

    assert format_of(found.root) == FORMAT


@pytest.mark.parametrize(
    "held",
    ["demo/images/a.png", "weights/mine.safetensors", "weights/", "runs/", ".gitkeep"],
)
def test_find_workspace__one_in_which_nothing_was_stored_is_stamped(
    tmp_path: Path, held: str
) -> None:
    path = tmp_path / held
    (path if held.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
    if not held.endswith("/"):
        path.touch()

    find_workspace(tmp_path)

    assert (tmp_path / STAMP).is_file()
    assert checks(Workspace(tmp_path))["format"].state == "in order"


@pytest.mark.parametrize(
    "held", ["weights/taught/a.parquet", "runs/a/artifact.json", "photos/a.png", "a.png", "weights"]
)
def test_find_workspace__a_foreign_or_used_folder_is_not_stamped(tmp_path: Path, held: str) -> None:
    (tmp_path / held).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / held).touch()

    find_workspace(tmp_path)

    assert not (tmp_path / STAMP).exists()


def test_old_workspace__is_read_as_it_is_and_brought_up_to_date(place: Workspace) -> None:
    runs = list_runs(place)
    as_of_format_1(place)

    assert list_runs(find_workspace(place.root)) == runs
    before = checks(place)
    after = checks(place, repair=True)

    assert before["format"].state == before["stored results"].state == "caution"
    assert "without a checksum" in before["stored results"].text
    assert after["stored results"].state == "mended"
    assert format_of(place.root) == FORMAT
    assert examine(place).unsealed == ()
    assert list_runs(place) == runs


@pytest.mark.parametrize("written", [of_format, by_hand])
def test_newer_workspace__is_refused_before_anything_is_read(
    place: Workspace, written: Callable[..., str]
) -> None:
    (place.root / STAMP).write_text(written({}, FORMAT + 1), encoding="utf-8")

    with pytest.raises(StoreError, match="newer version of Fundus Explorer") as refused:
        find_workspace(place.root)

    assert "Update" in refused.value.hint


@pytest.mark.parametrize("written", [of_format, by_hand])
def test_newer_result__is_refused_and_not_replaced(
    place: Workspace, written: Callable[..., str]
) -> None:
    manifest = place.runs / "kept" / MANIFEST
    value = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(written(value, FORMAT + 1), encoding="utf-8")
    newer = manifest.read_bytes()

    for read in (ArtifactStore(place.runs).describe, lambda: ArtifactStore(place.runs).get("kept")):
        with pytest.raises(StoreError, match="newer version"):
            read()

    assert checks(place, repair=True)["stored results"].state == "not in order"
    assert manifest.read_bytes() == newer


@pytest.mark.parametrize("number", ["3", None, 2.5, -1, True, [3]])
def test_a_format_that_is_no_number__is_damage(place: Workspace, number: Any) -> None:
    manifest = place.runs / "kept" / MANIFEST
    value = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(by_hand(value, number), encoding="utf-8")

    assert ArtifactStore(place.runs).get("kept") is None


def test_doctor__a_damaged_result_is_named_moved_aside_and_the_rest_stays(
    place: Workspace,
) -> None:
    evaluated.store(place.root, "hurt", evaluated.predictions("hurt", evaluated.GOOD))
    (place.runs / "hurt" / "predictions.parquet").write_bytes(b"gone")

    before = checks(place)["stored results"]
    after = checks(place, repair=True)["stored results"]

    assert before.state == "not in order"
    assert "runs/hurt" in before.text
    assert "--repair" in before.next_step
    assert after.state == "mended"
    assert (
        place.root / "damaged" / "runs" / "hurt" / "predictions.parquet"
    ).read_bytes() == b"gone"
    assert checks(place)["stored results"].state == "in order"
    assert [run.id for run in list_runs(place)] == ["kept"]


def test_doctor__photographs_that_are_gone_or_changed_are_counted(place: Workspace) -> None:
    images = place.root.parent / "data" / "images"
    first, second, *_ = sorted(images.iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes() + b"more")

    found = checks(place)["photographs"]

    assert found.state == "not in order"
    assert "1 of the 6 photographs" in found.text
    assert "are others than when it was opened" in found.text
    assert "fundus repoint" in found.next_step


def test_doctor__a_data_set_inside_a_moved_workspace_is_found_by_itself(
    workspace: Path, tmp_path: Path
) -> None:
    data = write_dataset(workspace / "imported", 3, side=72)
    open_dataset(Workspace(workspace), DataSource(data))
    moved = Workspace(Path(shutil.move(workspace, tmp_path / "moved")))

    before = checks(moved)["photographs"]
    after = checks(moved, repair=True)["photographs"]

    assert before.state == "not in order"
    assert after.state == "mended"
    assert checks(moved)["photographs"].state == "in order"


def test_doctor__half_written_files_of_the_dead_are_removed_and_of_the_living_are_not(
    place: Workspace,
) -> None:
    import os

    dead = place.runs / ".tmp-4194304999-0a0b0c0d-x"
    dead.mkdir()
    living = place.runs / f".tmp-{os.getpid()}-0a0b0c0d-y"
    living.mkdir()

    before = checks(place)["half-written files"]
    after = checks(place, repair=True)["half-written files"]

    assert (before.state, after.state) == ("caution", "mended")
    assert not dead.exists()
    assert living.exists()


@pytest.mark.parametrize("page", ["about/jobs", "data/overview", "evaluate/roc", "embed/extract"])
def test_deleted_workspace__a_page_goes_on_empty(place: Workspace, page: str) -> None:
    app = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=60).run()
    assert not app.exception
    shutil.rmtree(place.root)

    again = app.run()

    assert not again.exception
    assert list_datasets(find_workspace()) == ()


@pytest.mark.parametrize("damage", ["{}", "[]", "", '{"state": 5}', '{"id": 1, "argv": null}'])
@pytest.mark.parametrize("file", ["job", "runner", "command", "progress", "outcome", "result"])
def test_job_edited_by_hand__is_shown_and_does_not_take_the_others_with_it(
    place: Workspace, file: str, damage: str
) -> None:
    store = JobStore(place.jobs)
    folder = make_folder(place.jobs, ["runs"], title="Good", device="cpu", command=["true"])
    hurt = make_folder(place.jobs, ["runs"], title="Hurt", device="cpu", command=["true"])
    (hurt.path / f"{file}.json").write_text(damage, encoding="utf-8")

    shown = {job.id for job in store.list()}
    store.reconcile()
    store.result(hurt.path.name)

    assert shown == {folder.path.name, hurt.path.name}


def test_clock_set_back__a_job_that_lost_its_runner_is_not_taken_to_be_starting(
    place: Workspace,
) -> None:
    folder = make_folder(place.jobs, ["runs"], title="Old", device="cpu", command=["true"])
    written = json.loads((folder.path / "job.json").read_text(encoding="utf-8"))
    written["created_at"] = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
    (folder.path / "job.json").write_text(json.dumps(written), encoding="utf-8")

    assert JobFolder(folder.path).read().state == "interrupted"
