"""The wiring: what a job has stored is seen, and jobs ask for exactly what was chosen."""

from dataclasses import replace
from pathlib import Path

import pytest

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import WeightsError
from fundus_core.io.images import read_image
from fundus_core.io.sealed import write_sealed
from fundus_core.io.weights import file_sha256
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import STAMP
from fundus_core.preprocessing import prepare
from fundus_core.ui import picture_caches, wiring
from tests.pages import evaluated, opened


@pytest.fixture
def dataset_name(workspace: Path, tmp_path: Path) -> str:
    """The one data set in the workspace."""
    return opened.open_photographs(workspace, tmp_path / "photographs")


def test_workspace__another_that_the_environment_names_is_seen(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = wiring.workspace()
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "another"))

    assert before.root == workspace.resolve()
    assert wiring.workspace().root == (tmp_path / "another").resolve()


def test_workspace__is_looked_at_closely_only_where_its_stamp_is_another(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    find = wiring.find_workspace

    def found() -> Workspace:
        looked.append(workspace)
        return find()

    monkeypatch.setattr(wiring, "find_workspace", found)
    wiring.workspace()  # stamps an empty one
    wiring.workspace()
    looked.clear()

    for _ in range(3):
        wiring.workspace()
    assert looked == []

    write_sealed(workspace / STAMP, {"kept_by": "another version"})
    wiring.workspace()
    assert len(looked) == 1


def test_datasets__one_that_was_opened_meanwhile_is_seen(workspace: Path, tmp_path: Path) -> None:
    before = wiring.datasets()

    name = opened.open_photographs(workspace, tmp_path / "photographs")

    assert before == ()
    assert [summary.id for summary in wiring.datasets()] == [name]


def test_embeddings_list__a_shard_that_was_added_meanwhile_is_seen(
    workspace: Path, dataset_name: str
) -> None:
    ids = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, ids[:4])
    before = [summary.n_stored for summary in wiring.embeddings_list(dataset_name)]

    opened.store_embeddings(workspace, ids[4:])

    assert before == [4]
    assert [summary.n_stored for summary in wiring.embeddings_list(dataset_name)] == [8]


def test_embeddings__what_was_read_is_not_read_again(workspace: Path, dataset_name: str) -> None:
    fingerprint = opened.store_embeddings(workspace, opened.image_ids(workspace, dataset_name))

    first = wiring.embeddings(dataset_name, fingerprint)

    assert wiring.embeddings(dataset_name, fingerprint) is first


def test_projection__an_instant_map_is_computed_others_are_left_to_a_job(
    workspace: Path, dataset_name: str
) -> None:
    fingerprint = opened.store_embeddings(workspace, opened.image_ids(workspace, dataset_name))

    pca = wiring.projection(dataset_name, fingerprint, "pca")

    assert pca is not None
    assert pca.points.shape == (8, 2)
    assert wiring.projection(dataset_name, fingerprint, "umap") is None


def test_projection__too_many_photographs_are_left_to_a_job(
    workspace: Path, dataset_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = opened.store_embeddings(workspace, opened.image_ids(workspace, dataset_name))
    monkeypatch.setattr(wiring, "INSTANT_POINTS", 7)

    assert wiring.projection(dataset_name, fingerprint, "pca") is None


def test_prepared__is_what_the_extraction_shows_a_network(
    dataset_name: str, tmp_path: Path
) -> None:
    path, recipe = tmp_path / "photographs" / "photo3.png", PreprocessRecipe(clahe=True)

    shown = picture_caches.prepared("", str(path), recipe, 64)

    assert (shown == prepare(read_image(path, min_side=128), 64, recipe).pixels).all()


def test_neighbours__the_group_of_a_photograph_comes_first(
    workspace: Path, dataset_name: str
) -> None:
    ids = opened.image_ids(workspace, dataset_name)
    fingerprint = opened.store_embeddings(workspace, ids)

    found = wiring.neighbours(dataset_name, fingerprint, ids[0])

    assert found is not None
    assert {near.image_id for near in found[:3]} == set(ids[1:4])


def test_neighbours__a_photograph_without_embedding_has_none(
    workspace: Path, dataset_name: str
) -> None:
    ids = opened.image_ids(workspace, dataset_name)
    fingerprint = opened.store_embeddings(workspace, ids[:5])

    assert wiring.neighbours(dataset_name, fingerprint, ids[7]) is None


def test_embedding_arguments__name_everything_that_determines_the_embeddings(
    workspace: Path,
) -> None:
    weights = workspace / "weights" / "mine.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    recipe = replace(
        evaluated.recipe("resnet18", "mine"),
        weights_sha256=file_sha256(weights),
        preprocessing=PreprocessRecipe(crop=False, ben_graham=True, decoder="exact"),
    )

    options = wiring.embedding_arguments(recipe)

    named = dict(zip(options[::2], options[1::2], strict=False))
    assert named["--weights"] == str(weights)
    assert named["--image-size"] == "64"
    assert named["--precision"] == "fp32"
    assert named["--decoder"] == "exact"
    assert options[-2:] == ["--no-crop", "--ben-graham"]


def test_embedding_arguments__other_weights_of_the_same_name_are_refused(workspace: Path) -> None:
    weights = workspace / "weights" / "mine.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"other weights")
    recipe = replace(evaluated.recipe("resnet18", "mine"), weights_sha256="0" * 64)

    with pytest.raises(WeightsError, match="mine"):
        wiring.embedding_arguments(recipe)


def test_submit__a_job_works_in_this_workspace_on_the_right_queue(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], str]] = []

    class Jobs:
        def submit(self, argv: list[str], *, title: str, device: str) -> None:
            asked.append((argv, device))

    monkeypatch.setattr(wiring, "jobs", Jobs)
    monkeypatch.setenv("FUNDUS_DEVICE", "cuda:1")

    wiring.submit(["embed", "photographs"], "Embeddings")
    wiring.submit(["project", "photographs"], "Map")

    (embed, embed_device), (project, project_device) = asked
    assert embed[-3:] == ["--workspace", str(workspace), "--json"]
    assert project[-2:] == ["--workspace", str(workspace)]
    assert (embed_device, project_device) == ("cuda:1", "cpu")
