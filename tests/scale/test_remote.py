"""Photographs in an object store: opened, embedded and told apart like those on a disk."""

import importlib.util
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, ImageError
from fundus_core.io.images import read_image
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed
from tests.fakes import write_dataset

BUCKET = "memory://bucket/study"


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A data set on disk, and the same in a store that lives in memory."""
    folder = write_dataset(tmp_path / "data", n_patients=3)
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    store.put(str(folder), "/bucket/study", recursive=True)
    return folder


def _opened(workspace: Path, source: DataSource) -> FundusDataset:
    return open_dataset(Workspace(workspace), source)


def test_open_dataset__a_table_in_a_store_names_the_same_photographs(
    bucket: Path, tmp_path: Path
) -> None:
    remote = _opened(tmp_path / "w", DataSource(Path(f"{BUCKET}/labels.csv")))

    local = _opened(tmp_path / "w", DataSource(bucket))
    assert remote.image_ids == local.image_ids
    assert remote.targets == local.targets
    pd.testing.assert_frame_equal(
        remote.table.drop(columns="path"), local.table.drop(columns="path")
    )
    assert remote.source == f"{BUCKET}/labels.csv"


def test_open_dataset__a_table_here_may_name_photographs_there(
    bucket: Path, tmp_path: Path
) -> None:
    there = DataSource(Path(BUCKET), table=bucket / "labels.csv")
    table = pd.read_csv(bucket / "labels.csv")
    table["image"] = [f"{BUCKET}/{name}" for name in table["image"]]
    table.to_csv(tmp_path / "addresses.csv", index=False)

    by_folder = _opened(tmp_path / "w", there)
    by_address = _opened(tmp_path / "w", DataSource(Path(BUCKET), tmp_path / "addresses.csv"))

    assert by_folder.image_ids == by_address.image_ids
    assert len(by_folder) == 6


def test_open_dataset__a_photograph_that_the_store_lacks_is_accounted_for(
    bucket: Path, tmp_path: Path
) -> None:
    fsspec.filesystem("memory").rm("/bucket/study/images/p01_OD.jpg")

    dataset = _opened(tmp_path / "w", DataSource(Path(f"{BUCKET}/labels.csv")))

    (rejected,) = dataset.rejected
    assert (rejected.reason, len(dataset)) == ("missing", 5)
    assert f"There is no {BUCKET}/images/p01_OD.jpg." == rejected.detail


def test_open_dataset__is_found_again_wherever_the_command_is_run(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = DataSource(Path(f"{BUCKET}/labels.csv"))
    opened = _opened(tmp_path / "w", source)
    name = dataset_id(source)
    monkeypatch.chdir(tmp_path)

    assert dataset_id(source) == name
    again = stored_dataset(Workspace(tmp_path / "w"), name)
    assert again.image_ids == opened.image_ids
    assert read_image(Path(again.table["path"][0])).shape == (96, 96, 3)


def test_open_dataset__a_folder_in_a_store_needs_a_table(bucket: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="memory://bucket/study is no table") as caught:
        _opened(tmp_path / "w", DataSource(Path(BUCKET)))

    assert "--table" in caught.value.hint


def test_open_dataset__where_folders_are_named_no_store_is_read(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "data"))

    with pytest.raises(DataError, match="outside the folders"):
        _opened(tmp_path / "w", DataSource(Path(f"{BUCKET}/labels.csv")))


def test_open_dataset__a_store_whose_package_is_missing(tmp_path: Path) -> None:
    if importlib.util.find_spec("s3fs") is not None:
        pytest.skip("s3fs is installed")

    with pytest.raises(DataError, match=r"s3://bucket/a\.csv cannot be read") as caught:
        _opened(tmp_path / "w", DataSource(Path("s3://bucket/a.csv")))

    assert "s3fs" in caught.value.hint


def test_embed__vectors_are_those_of_the_same_photographs_on_a_disk(
    bucket: Path, tmp_path: Path
) -> None:
    choice = BackboneChoice("resnet18", "scratch", image_size=64)
    remote = _opened(tmp_path / "r", DataSource(Path(f"{BUCKET}/labels.csv")))
    local = _opened(tmp_path / "l", DataSource(bucket))

    from_store = embed(Workspace(tmp_path / "r"), remote, choice)
    from_disk = embed(Workspace(tmp_path / "l"), local, choice)

    assert from_store.image_ids == from_disk.image_ids
    assert (from_store.vectors == from_disk.vectors).all()


def test_read_image__nothing_at_an_address(bucket: Path) -> None:
    with pytest.raises(ImageError, match="does not exist") as caught:
        read_image(Path(f"{BUCKET}/images/none.jpg"))

    assert caught.value.reason == "missing"
