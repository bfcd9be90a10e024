"""What was scored or measured of other patients, masks or fields is not given again as it was."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset, RejectedRow
from fundus_core.errors import ScoresError
from fundus_core.io.manifest import DataSource
from fundus_core.io.read_only import ReadOnlyError
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import Channel
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.segmenting.marking import list_measures, mark_photographs
from fundus_core.workflows.segmenting.masks import Truth
from fundus_core.workflows.segmenting.score_store import list_scores
from fundus_core.workflows.segmenting.segmentation_scores import score_model, scores_now
from tests.segmentation.drawn import write_drawings


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_drawings(tmp_path / "data", 3).parent


@pytest.fixture
def dataset(place: Workspace, data: Path) -> FundusDataset:
    return open_dataset(place, DataSource(data / "table.csv"))


def of_patients(dataset: FundusDataset, patients: list[str | None]) -> FundusDataset:
    return replace(dataset, table=dataset.table.assign(patient_id=patients))


def test_score__corrected_patients_are_those_of_the_scores(
    place: Workspace, dataset: FundusDataset
) -> None:
    unknown = of_patients(dataset, [None] * 6)
    wrong = of_patients(dataset, [f"photograph {row}" for row in range(6)])

    found = [
        score_model(place, "frangi", one, "drawn-1", Truth()) for one in (unknown, wrong, dataset)
    ]

    assert [one.about.n_patients for one in found] == [None, 6, 3]
    assert found[2].table["patient_id"].nunique() == 3
    with_fd003 = ["FD003" in {caution.code for caution in one.about.cautions} for one in found]
    assert with_fd003 == [True, False, False]


def test_score__an_observers_new_masks_are_scored(
    place: Workspace, dataset: FundusDataset, data: Path
) -> None:
    before = score_model(place, "masks:second", dataset, "drawn-1", Truth())
    for mask in (data / "masks").iterdir():
        shutil.copy(mask, data / "second")

    after = score_model(place, "masks:second", dataset, "drawn-1", Truth())

    assert (before.table["dice"] < 1).all()
    assert (after.table["dice"] == 1).all()


def test_score__each_data_set_and_column_has_scores_of_its_own(
    place: Workspace, dataset: FundusDataset, data: Path
) -> None:
    for mask in (data / "masks").iterdir():
        shutil.copy(mask, data / "second")

    score_model(place, "frangi", dataset, "drawn-1", Truth())
    score_model(place, "frangi", dataset, "drawn-1", Truth(column="second"))
    score_model(place, "frangi", replace(dataset, name="copy"), "copy-1", Truth())

    (other,) = list_scores(place, "copy-1")
    assert other.dataset_name == "copy"
    assert {one.masks for one in list_scores(place, "drawn-1")} == {"mask", "second"}


def test_score__stored_scores_come_with_the_cautions_of_now(
    place: Workspace, dataset: FundusDataset
) -> None:
    first = score_model(place, "frangi", dataset, "drawn-1", Truth())
    left_out = (RejectedRow("gone.png", "missing", "gone.png is not there."),)

    again = score_model(place, "frangi", replace(dataset, rejected=left_out), "drawn-1", Truth())

    assert again.about.id == first.about.id
    assert len(again.about.cautions) == len(first.about.cautions) + 1


def test_scores_now__are_none_once_masks_fields_patients_or_photographs_are_others(
    place: Workspace, dataset: FundusDataset, data: Path
) -> None:
    known = score_model(place, "frangi", dataset, "drawn-1", Truth()).about

    assert scores_now(place, known, dataset) == known
    assert scores_now(place, known, of_patients(dataset, ["P0"] * 6)) is None
    assert scores_now(place, known, dataset.select(dataset.image_ids[1:])) is None
    shutil.copy(data / "second" / "p0_0.png", data / "masks" / "p0_0.png")
    assert scores_now(place, known, dataset) is None


def test_scores_now__are_none_once_the_data_set_has_more_photographs(
    place: Workspace, dataset: FundusDataset
) -> None:
    fewer = dataset.select(dataset.image_ids[:4])
    known = score_model(place, "frangi", fewer, "drawn-1", Truth()).about

    assert scores_now(place, known, fewer) == known
    assert scores_now(place, known, dataset) is None


def test_score_and_mark__a_photograph_that_was_away_is_taken_in_once_it_is_back(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    def counts() -> tuple[int, int, int, int]:
        scored = score_model(place, "frangi", dataset, "drawn-1", Truth()).about
        marked = mark_photographs(place, "frangi", dataset, "drawn-1")
        return scored.n_images, scored.n_unreadable, len(marked.table), len(marked.about.unreadable)

    path = Path(dataset.table["path"].iloc[0])
    path.rename(tmp_path / "away")
    away = counts()
    (known,) = list_scores(place, "drawn-1")
    assert scores_now(place, known, dataset) == known
    (tmp_path / "away").rename(path)

    assert (away, counts()) == ((5, 1, 5, 1), (6, 0, 6, 0))


@pytest.mark.parametrize("command", [score_model, mark_photographs])
def test_score_and_mark__where_nothing_may_be_stored_mark_nothing(
    place: Workspace,
    dataset: FundusDataset,
    command: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fundus_core.io.workspace._found", [place.root])
    monkeypatch.setenv("FUNDUS_READ_ONLY", "1")
    marked: list[str] = []
    truth = [Truth()] if command is score_model else []

    with pytest.raises(ReadOnlyError):
        command(
            place,
            "frangi",
            dataset,
            "drawn-1",
            *truth,
            progress=lambda done, total, message: marked.append(message),
        )

    assert marked == []


def test_score__an_empty_field_of_view_is_named_with_its_photograph(
    place: Workspace, dataset: FundusDataset, data: Path
) -> None:
    shape = np.asarray(Image.open(data / "fov" / "p0_0.png")).shape
    Image.fromarray(np.zeros(shape, np.uint8)).save(data / "fov" / "p1_1.png")

    with pytest.raises(ScoresError, match=r"field of view p1_1\.png .* photograph p1_1\.png"):
        score_model(place, "frangi", dataset, "drawn-1", Truth((Channel("vessel"),)))


def test_mark__another_field_of_view_is_measured_anew(
    place: Workspace, dataset: FundusDataset, data: Path
) -> None:
    dataset.table["second_field"] = dataset.table["fov"].str.replace("fov/", "half/")
    (data / "half").mkdir()
    for path in (data / "fov").iterdir():
        field = np.asarray(Image.open(path)).copy()
        field[: len(field) // 2] = 0
        Image.fromarray(field).save(data / "half" / path.name)

    whole = mark_photographs(place, "frangi", dataset, "drawn-1")
    half = mark_photographs(place, "frangi", dataset, "drawn-1", field="second_field")
    for path in (data / "half").iterdir():
        shutil.copy(path, data / "fov")
    corrected = mark_photographs(place, "frangi", dataset, "drawn-1")

    assert not np.allclose(whole.table["vessel_density"], half.table["vessel_density"])
    pd.testing.assert_frame_equal(corrected.table, half.table)


def test_mark__each_data_set_has_measures_of_its_own(
    place: Workspace, dataset: FundusDataset
) -> None:
    mark_photographs(place, "frangi", dataset, "drawn-1")
    mark_photographs(place, "frangi", dataset, "copy-1")

    assert len(list_measures(place, "copy-1")) == 1
