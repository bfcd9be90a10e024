"""Copies across folds are found, said, and remembered."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.io.workspace import Workspace
from fundus_core.splits import Fold
from fundus_core.workflows.data import look_alikes
from fundus_core.workflows.data.labelled import Labelled, Validation
from fundus_core.workflows.data.look_alikes import (
    dataset_look_alikes,
    minding_look_alikes,
)
from tests.fakes import tiny_dataset
from tests.test_look_alikes import brightened, retina


@pytest.fixture
def dataset(tmp_path: Path) -> FundusDataset:
    """A data set whose second photograph is a brightened copy of its first."""
    found = tiny_dataset()
    table = found.table.copy()
    pictures = [retina(0), brightened(retina(0)), *(retina(seed) for seed in range(2, len(found)))]
    paths = [tmp_path / f"{row}.png" for row in range(len(found))]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    table["path"] = [str(path) for path in paths]
    return replace(found, table=table)


def labelled(dataset: FundusDataset, test: list[int]) -> Labelled:
    rows = np.arange(len(dataset))
    fold = Fold(np.setdiff1d(rows, test), np.array(test))
    target = dataset.targets[0]
    y_true, _ = dataset.labels(target)
    validation = Validation(target.name)
    return Labelled(dataset, target, dataset.image_ids, y_true, None, (fold,), validation, ())


def test_minding_look_alikes__a_copy_of_what_was_learned_is_a_caution(
    dataset: FundusDataset, tmp_path: Path
) -> None:
    found = minding_look_alikes(Workspace(tmp_path / "w"), labelled(dataset, [1, 2]))

    (caution,) = found.cautions
    assert caution.code == "FD013"
    assert caution.text.startswith("1 pair of photographs looks the same")
    assert "0.png and 1.png" in caution.text


def test_minding_look_alikes__copies_on_one_side_are_none(
    dataset: FundusDataset, tmp_path: Path
) -> None:
    found = minding_look_alikes(Workspace(tmp_path / "w"), labelled(dataset, [0, 1]))

    assert found.cautions == ()


def test_dataset_look_alikes__are_looked_for_once(
    dataset: FundusDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "w")
    first = dataset_look_alikes(workspace, dataset)
    monkeypatch.delattr(look_alikes, "read_image")

    again = dataset_look_alikes(workspace, dataset)

    assert [(pair.image_a, pair.image_b) for pair in first] == [dataset.image_ids[:2]]
    assert again == first


def test_dataset_look_alikes__what_cannot_be_read_is_like_nothing(
    dataset: FundusDataset, tmp_path: Path
) -> None:
    for name in ("0.png", "1.png"):
        (tmp_path / name).write_bytes(b"no photograph")

    assert dataset_look_alikes(Workspace(tmp_path / "w"), dataset) == ()
