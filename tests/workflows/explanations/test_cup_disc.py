"""The cup-to-disc ratio: from masks where there are some, and whence it could come else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.ready import READY
from fundus_core.workflows.explanations.cup_disc import (
    MODEL,
    concerns_glaucoma,
    drawn_ratio,
    ratio_origin,
)

DISC, CUP = 16, 32


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("FUNDUS_WEIGHTS", raising=False)
    return Workspace(tmp_path)


def drawn(place: Workspace, mask: np.ndarray, *, synthetic: bool = True) -> FundusDataset:
    (place.demo / "masks").mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint16)).save(place.demo / "masks" / "a.png")
    table = pd.DataFrame({"image_id": ["a"], "mask": ["masks/a.png"]})
    return FundusDataset("demo", str(place.demo), table, (), synthetic=synthetic)


def test_drawn_ratio__is_height_over_height(place: Workspace) -> None:
    mask = np.zeros((100, 100), int)
    mask[20:70, 30:80] += DISC
    mask[40:60, 35:75] += CUP  # wider than high: width does not count

    found = drawn_ratio(drawn(place, mask), "a")

    assert found == pytest.approx(20 / 50)


@pytest.mark.parametrize(("bits", "ratio"), [(DISC, 0.0), (1, None)])
def test_drawn_ratio__without_cup_or_disc(place: Workspace, bits: int, ratio: float | None) -> None:
    mask = np.zeros((40, 40), int)
    mask[10:20, 10:20] = bits

    assert drawn_ratio(drawn(place, mask), "a") == ratio


def test_ratio_origin__masks_come_before_a_model_and_both_may_be_missing(
    place: Workspace,
) -> None:
    mask = np.full((40, 40), DISC)

    nothing = ratio_origin(place, drawn(place, mask, synthetic=False), "a")
    place.weights.mkdir(parents=True)
    (place.weights / READY[MODEL].files[0]).touch()
    by_model = ratio_origin(place, drawn(place, mask, synthetic=False), "a")
    by_masks = ratio_origin(place, drawn(place, mask), "a")

    assert (nothing, by_model, by_masks) == ("", "model", "masks")


def test_drawn_ratio__without_masks_is_refused(place: Workspace) -> None:
    dataset = drawn(place, np.full((40, 40), DISC), synthetic=False)

    with pytest.raises(DataError, match="without masks"):
        drawn_ratio(dataset, "a")


@pytest.mark.parametrize("name", ["glaucoma", "Glaucoma suspect", "cup_disc_ratio", "GON"])
def test_concerns_glaucoma__by_name(name: str) -> None:
    assert concerns_glaucoma("1", name)


@pytest.mark.parametrize("name", ["dr", "dragon", "abnormal", "amd"])
def test_concerns_glaucoma__nothing_else(name: str) -> None:
    assert not concerns_glaucoma("1", name)
