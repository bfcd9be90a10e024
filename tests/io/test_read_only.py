"""Read-only mode: whatever would change the workspace is refused where it is written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.files import write_json
from fundus_core.io.findings import read_findings
from fundus_core.io.manifest import DataSource
from fundus_core.io.read_only import VARIABLE, ReadOnlyError, is_read_only, require_writable
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.project import project_embeddings
from fundus_core.workflows.models.zero_shot import save_findings
from tests.fakes import write_dataset
from tests.faults.disks import only_to_be_read
from tests.pages import evaluated, opened


def save_a_run(place: Workspace) -> None:
    evaluated.store(place.root, "new", evaluated.predictions("new", evaluated.GOOD))


def save_embeddings(place: Workspace) -> None:
    opened.store_embeddings(place.root, ["a", "b"])


def save_a_map(place: Workspace) -> None:
    from fundus_core.domain.embeddings import Embeddings

    vectors = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    project_embeddings(place, Embeddings(vectors, tuple("abcdefgh"), "f", ()), method="pca")


def keep_descriptions(place: Workspace) -> None:
    save_findings(place, read_findings())


def open_photographs(place: Workspace) -> None:
    folder = place.root.parent / "photographs"
    open_dataset(place, DataSource(write_dataset(folder, n_patients=2)))


WRITES: dict[str, Callable[[Workspace], object]] = {
    "a file": lambda place: write_json(place.root / "file.json", {}),
    "an artifact": lambda place: ArtifactStore(place.runs).put("x", {}, lambda folder: None),
    "deleting an artifact": lambda place: ArtifactStore(place.runs).remove("kept"),
    "a run": save_a_run,
    "embeddings": save_embeddings,
    "a map": save_a_map,
    "descriptions": keep_descriptions,
    "a data set": open_photographs,
    "a job": lambda place: JobStore(place.jobs).submit(["runs"], title="Runs"),
    "ending a job": lambda place: JobStore(place.jobs).cancel("20260101-000000-abcd"),
    "forgetting a job": lambda place: JobStore(place.jobs).remove("20260101-000000-abcd"),
}


@pytest.fixture
def place(workspace: Path) -> Workspace:
    """A workspace that holds one run."""
    found = Workspace(workspace)
    evaluated.store(workspace, "kept", evaluated.predictions("kept", evaluated.GOOD))
    return found


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_read_only__refuses_each_way_to_write_and_changes_nothing(
    write: Callable[[Workspace], object], place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(place.root)
    monkeypatch.setenv(VARIABLE, "1")

    with pytest.raises(ReadOnlyError, match="shared for looking only"):
        write(place)

    assert files(place.root) == before


def test_read_only__what_is_stored_can_be_read(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    assert ArtifactStore(place.runs).get("kept") is not None
    assert EmbeddingStore(place.embeddings, evaluated.recipe()).count(["a"]) == 0
    JobStore(place.jobs).reconcile()  # a page does so wherever jobs are shown


def test_read_only__a_data_set_that_is_known_can_be_opened_and_stays_where_it_is(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = DataSource(write_dataset(place.root.parent / "photographs", n_patients=2))
    open_dataset(place, source)
    before = files(place.root)
    monkeypatch.setenv(VARIABLE, "1")

    assert len(open_dataset(place, source)) == 4
    assert files(place.root) == before


def test_read_only__a_folder_of_the_workspace_that_is_a_link_is_of_the_workspace(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (place.root / "metrics").symlink_to(tmp_path / "disk")
    monkeypatch.setenv(VARIABLE, "1")

    with pytest.raises(ReadOnlyError):
        write_json(place.root / "metrics" / "one.json", {})

    assert list((tmp_path / "disk").iterdir()) == []


def test_read_only__other_places_can_be_written(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    write_json(tmp_path / "elsewhere.json", {})

    assert (tmp_path / "elsewhere.json").is_file()


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("yes", True), ("", False), ("0", False), ("No", False)]
)
def test_is_read_only__by_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv(VARIABLE, value)

    assert is_read_only() is expected


def test_require_writable__does_nothing_otherwise(place: Workspace) -> None:
    require_writable()
    require_writable(place.root)


def test_read_only__the_workspace_stays_the_same_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    place = find_workspace()
    monkeypatch.setenv(VARIABLE, "1")

    monkeypatch.chdir(tmp_path / "there")

    with pytest.raises(ReadOnlyError):
        write_json(place.root / "runs" / "file.json", {})
    assert not place.runs.exists()


def test_read_only__every_workspace_that_was_opened_is_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [find_workspace(tmp_path / name) for name in "abab"]
    monkeypatch.setenv(VARIABLE, "1")

    for place in places:
        with pytest.raises(ReadOnlyError):
            require_writable(place.root / "runs")
    require_writable(tmp_path / "c")


def test_read_only__of_several_workspaces_the_one_that_may_not_be_written_is_named(
    tmp_path: Path,
) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    with only_to_be_read(shared):
        for root in (shared, own):
            find_workspace(root)

        require_writable()
        require_writable(own / "runs")
        with pytest.raises(ReadOnlyError, match=f"{shared} may not be written"):
            require_writable(shared / "runs")


def test_a_place_in_a_circle_of_links_is_asked_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = find_workspace(tmp_path / "workspace")
    monkeypatch.setenv(VARIABLE, "1")
    for folder in (tmp_path, place.root):
        (folder / "circle").symlink_to("circle")

    require_writable(tmp_path / "circle" / "x")
    with pytest.raises(ReadOnlyError):
        require_writable(place.root / "circle" / "x")
