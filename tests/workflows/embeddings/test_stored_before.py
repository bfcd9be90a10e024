"""Embeddings and maps of versions whose recipes did not say how a photograph becomes square."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from fundus_core.cli import main
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError
from fundus_core.io.files import read_json, write_json
from fundus_core.io.left_out import left_out
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import list_datasets, open_dataset, stored_dataset
from fundus_core.workflows.data.doctor import diagnose
from fundus_core.workflows.embeddings import embed as embedding
from fundus_core.workflows.embeddings import project
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.embeddings.project import project_embeddings, stored_projection
from fundus_core.workflows.embeddings.stored import list_embeddings, load_embeddings
from fundus_core.workflows.reports.bundle import BundleOptions, export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.fakes import write_dataset

TINY = BackboneChoice("timm:test_resnet", "scratch", 32, precision="fp32")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(place: Workspace, tmp_path: Path) -> FundusDataset:
    return open_dataset(place, DataSource(write_dataset(tmp_path / "data", 3, 72)))


def rewritten(place: Workspace, fingerprint: str, **changed: object) -> str:
    """Moves embeddings to where a recipe leads whose preprocessing says something else.

    None leaves it out; `schema` is the recipe's own.
    """
    folder = place.embeddings / fingerprint
    values = read_json(folder / "recipe.json")
    values["schema"] = changed.pop("schema", values["schema"])
    given = values["preprocessing"] | changed
    values["preprocessing"] = {name: value for name, value in given.items() if value is not None}
    name = fingerprint_of(values)
    write_json(folder / "recipe.json", values)
    for path in folder.glob("[0-9]*.json"):  # neither a recipe nor a seal then
        kept = {"image_ids", "checksum", "skipped"}
        write_json(path, {key: value for key, value in read_json(path).items() if key in kept})
    folder.rename(place.embeddings / name)
    return name


def test_list_embeddings__holds_those_of_recipes_without_a_fit(
    place: Workspace, dataset: FundusDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = embed(place, dataset, TINY)
    rewritten(place, before.fingerprint, fit=None)
    monkeypatch.delattr(embedding, "embed_photographs")

    (listed,) = list_embeddings(place, dataset)
    again = embed(place, dataset, TINY)

    assert (listed.complete, listed.fingerprint) == (True, before.fingerprint)
    assert again.image_ids == before.image_ids
    for found in (again, load_embeddings(place, dataset, listed.fingerprint)):
        assert np.array_equal(found.vectors, before.vectors)
    assert left_out(place.root, "embeddings") == ()


def test_list_embeddings__names_once_what_was_stored_by_both_versions(
    place: Workspace, dataset: FundusDataset
) -> None:
    first = embed(place, dataset, TINY).fingerprint
    shutil.copytree(place.embeddings / first, place.root / "kept")
    rewritten(place, first, fit=None)
    (place.root / "kept").rename(place.embeddings / first)

    assert [one.n_stored for one in list_embeddings(place, dataset)] == [len(dataset)]


@pytest.mark.parametrize("fit", ["corner", "squash"])
def test_embed__in_another_fit_takes_nothing_of_recipes_without_one(
    place: Workspace, dataset: FundusDataset, fit: str
) -> None:
    before = embed(place, dataset, TINY)
    rewritten(place, before.fingerprint, fit=None)
    shutil.move(place.embeddings, place.root / "aside")
    embed(place, dataset, TINY)
    rewritten(place, before.fingerprint, fit=fit)
    shutil.copytree(place.root / "aside", place.embeddings, dirs_exist_ok=True)

    listed = {one.recipe.preprocessing.fit: one.n_stored for one in list_embeddings(place, dataset)}

    assert listed == {"pad": len(dataset)} | {fit: len(dataset)}


def test_project__a_map_of_embeddings_of_an_earlier_version_is_found(
    place: Workspace, dataset: FundusDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = embed(place, dataset, TINY)
    (older,) = embeddings.older_fingerprints
    (listed,) = list_embeddings(place, dataset)
    rewritten(place, embeddings.fingerprint, fit=None)
    of_then = type(embeddings)(embeddings.vectors, embeddings.image_ids, older)
    before = project_embeddings(place, of_then, method="pca")
    monkeypatch.delattr(project, "project")

    found = project_embeddings(
        place, load_embeddings(place, dataset, listed.fingerprint), method="pca"
    )

    assert np.array_equal(found.points, before.points)


def test_bundle__takes_a_map_of_an_earlier_version_along(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    embeddings = embed(place, dataset, TINY)
    key = rewritten(place, embeddings.fingerprint, fit=None)
    of_then = replace(embeddings, fingerprint=key, older_fingerprints=())
    before = project_embeddings(place, of_then, method="pca")
    (name,) = (one.id for one in list_datasets(place))

    export_bundle(place, name, tmp_path / "all.zip", BundleOptions(embeddings=True))
    there = Workspace(tmp_path / "there")
    opened = open_bundle(there, tmp_path / "all.zip")

    found = stored_dataset(there, opened.dataset_id)
    (listed,) = list_embeddings(there, found)
    vectors = load_embeddings(there, found, listed.fingerprint)
    after = stored_projection(there, vectors, method="pca")
    assert after is not None
    assert np.array_equal(after.points, before.points)


@pytest.mark.parametrize("changed", [{"fit": "fold"}, {"colour": "green"}, {"schema": 2}])
def test_recipes_that_nobody_understands__are_named_with_what_to_do(
    place: Workspace, dataset: FundusDataset, tmp_path: Path, changed: dict[str, object]
) -> None:
    name = rewritten(place, embed(place, dataset, TINY).fingerprint, **changed)
    asked = ["embed", str(tmp_path / "data"), "--backbone", "mean_colour"]

    with pytest.raises(DataError) as refused:
        load_embeddings(place, dataset, "0" * 32)
    said = CliRunner().invoke(main.app, [*asked, "--workspace", str(place.root)])
    checks = {one.name: one for one in diagnose(place)}

    words = f"words that this version does not know: embeddings/{name}."
    assert list_embeddings(place, dataset) == ()
    assert words in refused.value.hint
    assert words in said.stderr
    assert checks["other versions"].state == "caution"
    assert words in checks["other versions"].text
    assert "repeat the command that made it" in checks["other versions"].next_step
