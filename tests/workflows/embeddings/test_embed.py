"""Embeddings of a data set: a second backbone does not read the photographs again."""

from pathlib import Path

import numpy as np
import pytest

import fundus_core.embedding
from fundus_core.io.manifest import DataSource
from fundus_core.io.square_store import VARIABLE
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.integrity import examine, mend
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed
from tests.fakes import write_dataset

FIRST = BackboneChoice("timm:test_resnet", "scratch", 32, precision="fp32")
SECOND = BackboneChoice("timm:test_vit", "scratch", 32, precision="fp32")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with room for squares, whatever this disk has."""
    monkeypatch.setenv(VARIABLE, "1")
    return Workspace(tmp_path / "workspace")


def test_embed__a_second_backbone_reads_no_photograph(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(place, DataSource(write_dataset(tmp_path / "data", 3, 72)))
    elsewhere = Workspace(tmp_path / "elsewhere")
    expected = embed(elsewhere, dataset, SECOND)
    embed(place, dataset, FIRST)
    monkeypatch.delattr(fundus_core.embedding, "read_image")

    found = embed(place, dataset, SECOND)

    assert found.image_ids == dataset.image_ids
    assert np.array_equal(found.vectors, expected.vectors)
    assert found.fingerprint == expected.fingerprint


def test_embed__where_none_may_be_kept_none_is(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0")

    dataset = open_dataset(place, DataSource(write_dataset(tmp_path / "data", 3, 72)))
    embed(place, dataset, FIRST)

    assert not list(place.squares.rglob("*.npy"))


def test_mend__damaged_squares_are_moved_aside_and_made_again(
    place: Workspace, tmp_path: Path
) -> None:
    dataset = open_dataset(place, DataSource(write_dataset(tmp_path / "data", 3, 72)))
    embed(place, dataset, FIRST)
    (array,) = place.squares.rglob("*.npy")
    array.write_bytes(array.read_bytes()[:-1])

    found = examine(place)
    mend(place, found)

    assert found.damaged == (array.with_suffix(".json").relative_to(place.root).as_posix(),)
    assert examine(place).damaged == ()
    assert not list(place.squares.rglob("*.*"))
    embed(place, dataset, SECOND)
    assert len(list(place.squares.rglob("*.npy"))) == 1
