"""Likeness: to a photograph from elsewhere, and under two backbones at once."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import ImageError
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.manifest import DataSource
from fundus_core.io.read_only import ReadOnlyError
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.similar import (
    forget_example,
    keep_example,
    known_similar,
    neighbourhoods,
    similar_to_file,
)
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from tests.fakes import tiny_recipe, write_photograph


def on_a_circle(degrees: dict[str, float]) -> Embeddings:
    """Returns photographs at angles, with one opposite each so that their mean is the origin."""
    both = degrees | {f"-{name}": angle + 180 for name, angle in degrees.items()}
    radians = np.radians(list(both.values()))
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    return Embeddings(vectors, tuple(both), "circle")


def test_similar_to_file__the_same_colour_comes_first(tmp_path: Path) -> None:
    for name, colour in (("red", (200, 40, 30)), ("blue", (30, 40, 200)), ("green", (30, 180, 40))):
        write_photograph(tmp_path / "data" / f"{name}.png", colour)
    example = write_photograph(tmp_path / "elsewhere.png", (40, 50, 190))
    place = Workspace(tmp_path / "workspace")
    dataset = open_dataset(place, DataSource(tmp_path / "data"))

    found = similar_to_file(place, dataset, BackboneChoice("mean_colour"), example, count=2)

    paths = dict(zip(dataset.image_ids, dataset.table["path"], strict=True))
    assert [Path(paths[name]).stem for name in found.cosines] == ["blue", "green"]
    assert found.n_images == 3
    assert found.image_id not in dataset.image_ids


def test_similar_to_file__a_photograph_of_the_data_set_is_not_its_own_neighbour(
    tmp_path: Path,
) -> None:
    for number in range(3):
        write_photograph(tmp_path / "data" / f"{number}.png", (60 * number + 20, 40, 30))
    place = Workspace(tmp_path / "workspace")
    dataset = open_dataset(place, DataSource(tmp_path / "data"))

    found = similar_to_file(
        place, dataset, BackboneChoice("mean_colour"), tmp_path / "data" / "0.png"
    )

    assert len(found.cosines) == 2
    assert found.image_id not in found.cosines


def test_known_similar__ranks_without_a_network_or_says_that_it_cannot(tmp_path: Path) -> None:
    place, recipe = Workspace(tmp_path), tiny_recipe()
    store = EmbeddingStore(place.embeddings, recipe)
    embeddings = on_a_circle({"a": 0, "b": 40, "c": 80})
    with store.lock():
        store.add(np.array([[0.5, 0.5]], np.float32), ["example"], {})

    found = known_similar(place, recipe, embeddings, "example")

    assert found is not None
    assert list(found)[:3] == ["b", "c", "a"]
    assert found["b"] == pytest.approx(np.cos(np.radians(5)), abs=1e-6)
    assert known_similar(place, recipe, embeddings, "never seen") is None


def test_keep_example__is_stored_by_its_content(tmp_path: Path) -> None:
    content = write_photograph(tmp_path / "photo.png", (90, 60, 30)).read_bytes()

    image_id, path = keep_example(Workspace(tmp_path), content, "../../My photo.PNG")

    assert path == tmp_path / "examples" / f"{image_id}.png"
    assert path.read_bytes() == content


def test_keep_example__what_is_no_photograph_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        keep_example(Workspace(tmp_path), b"#!/bin/sh", "photo.png")

    assert list((tmp_path / "examples").iterdir()) == []


def test_forget_example__leaves_nothing_of_it_and_all_of_the_others(tmp_path: Path) -> None:
    for name, colour in (("red", (200, 40, 30)), ("blue", (30, 40, 200)), ("green", (30, 180, 40))):
        write_photograph(tmp_path / "data" / f"{name}.png", colour)
    place = Workspace(tmp_path / "workspace")
    dataset = open_dataset(place, DataSource(tmp_path / "data"))
    content = write_photograph(tmp_path / "mine.png", (40, 50, 190)).read_bytes()
    image_id, path = keep_example(place, content, "mine.png")
    other, _ = keep_example(place, (tmp_path / "data" / "red.png").read_bytes(), "red.png")
    place.thumbnails.mkdir()
    (place.thumbnails / f"{image_id}-192.jpg").touch()  # of an earlier version
    similar_to_file(place, dataset, BackboneChoice("mean_colour"), path)
    stored = [file for file in place.root.rglob("*") if file.is_file()]
    computed = [file for file in stored if image_id.encode() in file.read_bytes()]

    forget_example(place, image_id)

    left = [file for file in place.root.rglob("*") if file.is_file()]
    assert len(computed) >= 2  # its vector and its square, as those who keep them name it
    assert not [file for file in left if image_id in str(file)]
    assert not [file for file in left if image_id.encode() in file.read_bytes()]
    assert set(left) == {file for file in stored if image_id not in str(file)}
    assert (place.root / "examples" / f"{other}.png") in left
    forget_example(place, image_id)  # again: nothing is there


@pytest.mark.parametrize("step", ["_next_number", "_write_recipe", "known", "read"])
def test_forget_example__nothing_comes_back_from_a_job_that_looks_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Forgotten at each step of the job, as from another tab."""
    write_photograph(tmp_path / "data" / "red.png", (200, 40, 30))
    place = Workspace(tmp_path / "workspace")
    dataset = open_dataset(place, DataSource(tmp_path / "data"))
    content = write_photograph(tmp_path / "mine.png", (40, 50, 190)).read_bytes()
    image_id, path = keep_example(place, content, "mine.png")
    usual = getattr(EmbeddingStore, step)

    def forgotten_first(store: EmbeddingStore, *args: object, **named: object) -> object:
        if path.exists():
            forget_example(place, image_id)
        return usual(store, *args, **named)

    monkeypatch.setattr(EmbeddingStore, step, forgotten_first)

    with pytest.raises(ImageError, match="was deleted from the workspace while a backbone looked"):
        similar_to_file(place, dataset, BackboneChoice("mean_colour"), path)

    assert not list((place.root / "examples").iterdir())


def test_forget_example__deletes_what_is_written_while_it_deletes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    content = write_photograph(tmp_path / "mine.png", (40, 50, 190)).read_bytes()
    image_id, path = keep_example(place, content, "mine.png")
    computed = place.root / "examples" / f"{image_id}.computed"
    usual = shutil.rmtree
    there_too = []

    def meanwhile(folder: Path) -> None:
        there_too.append(path.exists())
        usual(folder)
        if len(there_too) == 1:
            (computed / "embeddings").mkdir(parents=True)
            raise FileNotFoundError

    computed.mkdir()
    monkeypatch.setattr(shutil, "rmtree", meanwhile)

    forget_example(place, image_id)

    assert not computed.exists()
    assert there_too == [False, False]  # the photograph goes first, for jobs to see


def test_forget_example__refuses_where_nothing_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_photograph(tmp_path / "photo.png", (90, 60, 30)).read_bytes()
    place = find_workspace(tmp_path / "workspace")
    image_id, path = keep_example(place, content, "photo.png")
    monkeypatch.setenv("FUNDUS_READ_ONLY", "1")

    with pytest.raises(ReadOnlyError):
        forget_example(place, image_id)

    assert path.is_file()


def test_neighbourhoods__tell_here_from_there_and_both() -> None:
    here = on_a_circle({"x": 0, "a": 10, "b": 20, "c": 60})
    there = on_a_circle({"x": 0, "c": 10, "b": 20, "a": 60})

    found = neighbourhoods(here, there, "x", k=2)

    assert found is not None
    assert (found.both, found.only_first, found.only_second) == (("b",), ("a",), ("c",))
    assert list(found.first) == ["a", "b"]


def test_neighbourhoods__look_only_among_what_both_have_embedded() -> None:
    here = on_a_circle({"x": 0, "a": 10, "b": 20, "only here": 1})
    there = on_a_circle({"b": 20, "a": 10, "x": 0})

    found = neighbourhoods(here, there, "x", k=1)

    assert found is not None
    assert found.n_compared == 6
    assert found.both == ("a",)
    assert neighbourhoods(here, there, "only here", k=1) is None


def test_neighbourhoods__of_too_few_others_all_are_neighbours() -> None:
    here = on_a_circle({"x": 0, "a": 10})

    found = neighbourhoods(here, here, "x", k=9)

    assert found is not None
    assert (found.k, len(found.both)) == (3, 3)
