"""Networks that give nothing to compute with are refused before anything is stored."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import BackboneError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.embeddings.stored import list_embeddings
from tests.fakes import write_dataset

NETWORK = "timm:test_resnet"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(place: Workspace, tmp_path: Path) -> FundusDataset:
    return open_dataset(place, DataSource(write_dataset(tmp_path / "photographs", 4)))


def weights(folder: Path, factor: float) -> Path:
    """Writes weights of the network, each a multiple of what it was drawn as."""
    torch.manual_seed(0)
    state = timm.create_model("test_resnet").state_dict()
    path = folder / "odd.safetensors"
    save_file(
        {
            name: (value * factor).contiguous() if value.is_floating_point() else value
            for name, value in state.items()
        },
        path,
    )
    return path


@pytest.mark.parametrize("precision", ["fp32", "bf16", "auto"])
def test_embed__values_that_are_not_finite_are_refused_and_not_stored(
    place: Workspace, dataset: FundusDataset, tmp_path: Path, precision: str
) -> None:
    odd = weights(tmp_path, -1e18)  # variances below zero
    choice = BackboneChoice(NETWORK, str(odd), 64, precision)  # type: ignore[arg-type]

    with pytest.raises(BackboneError, match="not finite for 8 of 8 photographs") as refused:
        embed(place, dataset, choice)

    assert "--precision fp32" in refused.value.hint
    assert list_embeddings(place, dataset) == ()


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_embed__the_same_for_all_photographs_is_refused(
    place: Workspace, dataset: FundusDataset, tmp_path: Path, precision: str
) -> None:
    nothing = weights(tmp_path, 0.0)
    choice = BackboneChoice(NETWORK, str(nothing), 64, precision)  # type: ignore[arg-type]

    with pytest.raises(BackboneError, match=r"the same \d+ numbers for all 8 photographs"):
        embed(place, dataset, choice)


def test_embed__photographs_that_differ_are_taken(place: Workspace, dataset: FundusDataset) -> None:
    found = embed(place, dataset, BackboneChoice(NETWORK, "scratch", 64, "fp32"))

    assert np.isfinite(found.vectors).all()
    assert len(found.image_ids) == 8
