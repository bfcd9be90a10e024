"""Where weights are looked for, and what is said where they are not."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from fundus_core.backbones.base import BackboneSpec, Source
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import DataError, WeightsError
from fundus_core.io.weights import (
    file_names,
    file_sha256,
    find_weights,
    local_weights,
    name_when_converted,
    require_allowed,
    weights_state,
    where_weights_go,
)
from fundus_core.io.workspace import Workspace
from fundus_core.studies.cells import backbone_of
from fundus_core.studies.grid import Cell

HUB = BackboneSpec(
    id="tiny",
    title="Tiny",
    architecture="test_resnet",
    embed_dim=8,
    weights_files=("tiny.v1.safetensors", "tiny.v1.pth"),
    source=Source(repository="someone/tiny", file="model.safetensors"),
)
BY_HAND = replace(HUB, source=Source(page="https://example.org/drive"), weights_files=("t.pth",))
NONE = BackboneSpec(id="none", title="None", architecture="colour", embed_dim=3)


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the model hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with an empty weights folder."""
    place = Workspace(tmp_path / "workspace")
    place.weights.mkdir(parents=True)
    return place


def cache(hub: Path, repository: str, file: str) -> None:
    """Puts a file where the hub's own library would."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / file).write_bytes(b"cached")


def test_find_weights__the_first_name_is_preferred(place: Workspace) -> None:
    for name in HUB.weights_files:
        (place.weights / name).write_bytes(name.encode())

    found = find_weights(HUB, None, place)

    assert found.path == place.weights / "tiny.v1.safetensors"
    assert found.name == "tiny.v1"
    assert len(found.sha256) == 64


def test_find_weights__a_folder_of_the_environment_is_searched(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tiny.v1.pth").write_bytes(b"mine")
    monkeypatch.setenv("FUNDUS_WEIGHTS", str(tmp_path / "mine"))

    assert find_weights(HUB, None, place).path == tmp_path / "mine" / "tiny.v1.pth"
    assert weights_state(HUB, place) == "present"


def test_find_weights__the_cache_of_the_hub_is_looked_into(place: Workspace, hub: Path) -> None:
    cache(hub, "someone/tiny", "model.safetensors")

    found = find_weights(HUB, None, place)

    assert weights_state(HUB, place) == "in hub cache"
    assert found.path is not None
    assert found.path.read_bytes() == b"cached"
    assert found.name == "tiny.v1"  # as if it had been fetched


def test_find_weights__absent_ones_that_can_be_fetched_say_how(place: Workspace) -> None:
    with pytest.raises(WeightsError, match=r"not on this machine: tiny\.v1\.safetensors") as error:
        find_weights(HUB, None, place)

    assert "fundus backbones fetch tiny" in error.value.hint
    assert str(place.weights) in error.value.hint
    assert "someone/tiny" in error.value.hint
    assert weights_state(HUB, place) == "fetchable"


def test_find_weights__absent_ones_that_cannot_say_where_they_are(place: Workspace) -> None:
    with pytest.raises(WeightsError, match=r"not on this machine: t\.pth") as error:
        find_weights(BY_HAND, None, place)

    assert "https://example.org/drive" in error.value.hint
    assert "fetch" not in error.value.hint
    assert weights_state(BY_HAND, place) == "by hand"


def test_find_weights__nothing_needed_is_nothing_searched(place: Workspace) -> None:
    assert find_weights(NONE, None, place).path is None
    assert weights_state(NONE, place) == "not needed"
    assert where_weights_go(NONE, place) == "It needs no weights."


def test_find_weights__scratch_needs_no_file(place: Workspace) -> None:
    assert find_weights(HUB, "scratch", place).name == "scratch"


def test_find_weights__a_named_file_that_is_nowhere_is_said(place: Workspace) -> None:
    with pytest.raises(WeightsError, match=r"no weights file 'mine\.pth'"):
        find_weights(HUB, "mine.pth", place)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Workspace) -> Path:
    """A folder with weights that may not be read, where another one is named; the current one."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.pth").write_bytes(b"secret")
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "root"))
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(place.root))
    monkeypatch.chdir(tmp_path / "outside")
    return tmp_path / "outside"


@pytest.mark.parametrize("name", ["secret.pth", "../../outside/secret.pth", "./secret.pth"])
def test_find_weights__a_name_leads_nowhere_outside(
    outside: Path, place: Workspace, name: str
) -> None:
    def said() -> str:
        require_allowed(name, place)
        with pytest.raises(WeightsError) as caught:
            find_weights(HUB, name, place)
        return caught.value.message

    there = said()
    (outside / "secret.pth").unlink()

    assert there == said()


@pytest.mark.parametrize("named", ["secret.pth", "../outside/secret.pth", "{outside}/secret.pth"])
def test_weights_of_a_study__lie_inside_too(outside: Path, place: Workspace, named: str) -> None:
    model = SimpleNamespace(
        weights=named.format(outside=outside), fit="pad", pooling="", normalisation=None
    )
    cell = SimpleNamespace(
        model=model, preprocessing=PreprocessRecipe(), backbone=HUB.id, image_size=None
    )

    wanted = backbone_of(cast(Cell, cell), outside).weights

    with pytest.raises(WeightsError, match="There is no weights file"):
        find_weights(HUB, wanted, place)


@pytest.mark.parametrize("way", ["{outside}/secret.pth", "{weights}/../../outside/secret.pth"])
def test_require_allowed__a_path_outside_is_refused_there_or_not(
    outside: Path, place: Workspace, way: str
) -> None:
    wanted = way.format(outside=outside, weights=place.weights)

    def said() -> str:
        with pytest.raises(DataError, match="outside the folders") as caught:
            require_allowed(wanted, place)
        return caught.value.message

    there = said()
    (outside / "secret.pth").unlink()

    assert there == said()


def test_require_allowed__folders_of_weights_may_be_read_and_so_may_links_there(
    outside: Path, place: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "linked.pth").symlink_to(outside / "secret.pth")
    monkeypatch.setenv("FUNDUS_WEIGHTS", str(tmp_path / "mine"))

    for wanted in (str(tmp_path / "mine" / "linked.pth"), "linked.pth"):
        require_allowed(wanted, place)
        assert find_weights(HUB, wanted, place).name == "linked"


def test_local_weights__a_converted_file_is_found(place: Workspace) -> None:
    (place.weights / "t.safetensors").write_bytes(b"converted")

    assert name_when_converted(BY_HAND) == "t.safetensors"
    assert local_weights(BY_HAND, place) == place.weights / "t.safetensors"


def test_file_names__without_names_of_ours_the_published_one(place: Workspace) -> None:
    spec = replace(NONE, source=Source(url="https://example.org/releases/v1/w.pth"))

    assert file_names(spec) == ("w.pth",)


def test_file_sha256__notices_another_file_of_the_same_size_and_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for path, content in ((first, b"one"), (second, b"two")):
        path.write_bytes(content)
        os.utime(path, ns=(0, 0))
    before = file_sha256(first)

    shutil.copy2(second, first)  # the same file, written over
    copied = file_sha256(first)
    first.write_bytes(b"six")
    os.utime(first, ns=(0, 0))
    second.replace(first)  # another file of that name

    assert before == hashlib.sha256(b"one").hexdigest()
    assert copied == hashlib.sha256(b"two").hexdigest()
    assert file_sha256(first) == hashlib.sha256(b"two").hexdigest()
