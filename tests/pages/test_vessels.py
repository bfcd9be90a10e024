"""The vessels page: marks, errors, scores with intervals, a form that trains, and refusals."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import parse_channels
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.segmenting.masks import Truth
from fundus_core.workflows.segmenting.segmentation import train_segmenter
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice
from fundus_core.workflows.segmenting.segmentation_scores import score_model
from tests.fakes import write_dataset
from tests.hostile.bad_masks import mask_cases
from tests.pages import evaluated
from tests.pages.opened import write_source
from tests.segmentation.drawn import write_drawings

PAGE = evaluated.PAGES / "explain" / "vessels.py"


@pytest.fixture
def table(tmp_path: Path, workspace: Path) -> Path:
    """A data set of twelve drawings with masks, opened."""
    path = write_drawings(tmp_path / "data")
    open_dataset(Workspace(workspace), DataSource(path))
    return path


@pytest.fixture
def page(table: Path, started: list[list[str]]) -> AppTest:
    return AppTest.from_file(PAGE, default_timeout=60)


def widget(page: AppTest, label: str) -> object:
    widgets = [*page.selectbox, *page.multiselect, *page.slider, *page.radio, *page.number_input]
    widgets += [*page.text_input, *page.button_group]
    return next(one for one in widgets if one.label == label)


def press(page: AppTest, label: str) -> None:
    next(one for one in page.button if one.label.startswith(label)).click().run()


def test_the_classical_baseline_marks_the_first_photograph(page: AppTest) -> None:
    page.run()

    assert not page.exception
    scores = evaluated.table(page, "Score")
    measures = evaluated.table(page, "Measure")
    assert list(scores["Score"])[:3] == ["Dice", "IoU", "Sensitivity"]
    assert 0.2 < float(scores.iloc[0, 1]) <= 1
    assert "Vessel density, share of the field" in set(measures["Measure"])
    assert "none of these is the clinical index" in evaluated.texts(page)


def test_a_lower_threshold_marks_more(page: AppTest) -> None:
    page.run()
    before = evaluated.table(page, "Score").set_index("Score").iloc[:, 0].astype(float)

    widget(page, "Marked from a share of").set_value(0.1).run()

    after = evaluated.table(page, "Score").set_index("Score").iloc[:, 0].astype(float)
    assert not page.exception
    assert after["Sensitivity"] > before["Sensitivity"]
    assert after["AUC"] == before["AUC"]


def test_networks_can_be_shown_photographs_at_another_side(
    page: AppTest, workspace: Path, table: Path, started: list[list[str]]
) -> None:
    place, source = Workspace(workspace), DataSource(table)
    training = SegmentationTraining(epochs=1, patch=32, precision="fp32")
    choice = SegmentationChoice(network="wnet", size=64, training=training)
    model = train_segmenter(place, open_dataset(place, source), dataset_id(source), choice)
    page.run()

    widget(page, "Shown to networks at").set_value(256).run()
    press(page, "Score on 12 photographs")

    assert not page.exception
    assert started[0][2] == f"{model.id}@256"
    assert "learned from this photograph" in evaluated.texts(page)


def test_errors_come_with_a_legend_in_words(page: AppTest) -> None:
    page.run()

    widget(page, "Show").set_value("errors").run()

    assert not page.exception
    said = evaluated.texts(page)
    assert "Missed: true, not marked" in said
    assert "False: marked, not true" in said
    widget(page, "Pixels").set_value(["missed"]).run()
    assert not page.exception


def test_masks_of_another_data_set_are_proposed(
    page: AppTest, workspace: Path, table: Path, tmp_path: Path
) -> None:
    without = DataSource(write_dataset(tmp_path / "plain", n_patients=2))
    open_dataset(Workspace(workspace), without)
    evaluated.address(page, dataset=dataset_id(without))
    page.run()
    before = [one.value for one in page.selectbox if one.label == "Truth"]

    evaluated.address(page, dataset=dataset_id(DataSource(table)))
    page.run()

    truth = widget(page, "Truth")
    assert before == [truth.options[-1]]
    assert truth.value == truth.options[0]


def test_scoring_is_offered_as_a_job(page: AppTest, started: list[list[str]], table: Path) -> None:
    page.run()

    press(page, "Score on 12 photographs")

    assert started == [
        [
            *("segment", "score", "frangi", str(table)),
            *("--masks", "mask", "--channels", "vessel", "--threshold", "0.5"),
        ]
    ]


def test_stored_scores_are_shown_with_intervals_and_method(
    page: AppTest, workspace: Path, table: Path
) -> None:
    source = DataSource(table)
    place = Workspace(workspace)
    dataset = open_dataset(place, source)
    score_model(place, "frangi", dataset, dataset_id(source), Truth())

    page.run()

    assert not page.exception
    said = evaluated.texts(page)
    assert "BCa bootstrap of patients" in said
    assert "12 photographs of 6 patients" in said
    frames = [one.value for one in page.table if "Score" in one.value]
    assert " to " in frames[1].iloc[0, 1]


def dice(page: AppTest, table: int) -> str:
    frames = [one.value for one in page.table if "Score" in one.value]
    return str(frames[table].set_index("Score").loc["Dice"].iloc[0])


def test_scores_of_other_channels_of_the_masks_are_not_shown(
    page: AppTest, workspace: Path, table: Path
) -> None:
    place, source = Workspace(workspace), DataSource(table)
    dataset = open_dataset(place, source)
    found = {
        channels: score_model(
            place, "frangi", dataset, dataset_id(source), Truth(parse_channels(channels))
        )
        for channels in ("vessel", "vessel=2")
    }
    page.run()
    widget(page, "Channels in the masks").set_value("vessel=512").run()
    missing = evaluated.texts(page)

    widget(page, "Channels in the masks").set_value("vessel").run()

    assert not page.exception
    assert "Not scored yet" in missing
    assert dice(page, 1).startswith(f"{found['vessel'].table['dice'].mean():.3f}")


def test_a_mask_that_was_replaced_is_scored_and_older_scores_are_not_shown(
    page: AppTest, workspace: Path, table: Path
) -> None:
    place, source = Workspace(workspace), DataSource(table)
    score_model(place, "frangi", open_dataset(place, source), dataset_id(source), Truth())
    page.run()
    before, known = dice(page, 0), evaluated.texts(page)
    folder = table.parent
    shutil.copy(folder / "masks" / "p3_0.png", folder / "masks" / "p0_0.png")

    page.run()

    assert not page.exception
    assert dice(page, 0) != before
    assert "Not scored yet" not in known
    assert "Not scored yet" in evaluated.texts(page)


def test_a_field_of_view_that_was_replaced_is_the_one_that_is_measured(
    page: AppTest, table: Path
) -> None:
    page.run()
    before = evaluated.table(page, "Measure")
    field = table.parent / "fov" / "p0_0.png"
    pixels = np.asarray(Image.open(field)).copy()
    pixels[: len(pixels) // 2] = 0
    Image.fromarray(pixels).save(field)

    page.run()

    assert not page.exception
    assert not evaluated.table(page, "Measure").equals(before)
    Image.fromarray(np.zeros_like(pixels)).save(field)
    page.run()
    assert "field of view p0_0.png" in page.error[0].value.replace("\\", "")


def test_another_photograph_under_the_same_name_is_refused_in_words(
    page: AppTest, table: Path
) -> None:
    page.run()
    there = len(page.table)
    folder = table.parent / "images"
    shutil.copy(folder / "p3_0.png", folder / "p0_0.png")

    page.run()

    assert not page.exception
    assert there == 2
    assert len(page.table) == 0
    assert "is another photograph" in page.info[0].value


def test_the_form_trains_on_the_chosen_masks(
    page: AppTest, started: list[list[str]], table: Path
) -> None:
    page.run()
    widget(page, "Network").set_value("wnet").run()
    widget(page, "Truth").set_value("second").run()

    press(page, "Train")

    command = started[0]
    assert command[:4] == ["segment", "train", str(table), "--masks"]
    assert command[4] == "second"
    assert command[command.index("--network") + 1] == "wnet"
    assert "--backbone" not in command


def test_without_truth_nothing_is_scored_and_the_page_says_why(page: AppTest) -> None:
    page.run()

    widget(page, "Truth").set_value("none").run()

    assert not page.exception
    assert "Choose the column of the true masks" in page.info[0].value
    assert not [one for one in page.table if "Score" in one.value]


def test_channels_that_cannot_be_read_are_refused_in_a_sentence(page: AppTest) -> None:
    page.run()

    widget(page, "Channels in the masks").set_value("vessel=x").run()

    assert not page.exception
    assert "no channel" in page.error[0].value.replace("\\", "")


def test_a_photograph_that_is_gone_leaves_the_page_standing(page: AppTest, table: Path) -> None:
    (table.parent / "images" / "p0_0.png").unlink()

    page.run()

    assert not page.exception
    assert "No marks" in page.info[0].value


def test_a_table_without_masks_shows_marks_only(
    tmp_path: Path, workspace: Path, started: list[list[str]]
) -> None:
    open_dataset(Workspace(workspace), write_source(tmp_path))
    page = AppTest.from_file(PAGE, default_timeout=60)

    page.run()

    assert not page.exception
    assert widget(page, "Truth").value == "none"


def test_without_a_data_set_the_page_says_where_to_open_one(workspace: Path) -> None:
    page = AppTest.from_file(PAGE, default_timeout=30)

    page.run()

    assert not page.exception
    assert "Open a data set first" in page.info[0].value


@pytest.mark.parametrize("place", ["masks", "fov"])
@pytest.mark.parametrize("content", ["drawn.png", "bomb.png", "inks.tif", "half"])
def test_a_mask_that_cannot_be_read_is_said_in_a_sentence(
    page: AppTest, table: Path, place: str, content: str
) -> None:
    mask = table.parent / place / "p0_0.png"
    cases = {case.name: case for case in mask_cases()}
    if content == "half":
        mask.write_bytes(mask.read_bytes()[:60])
    else:
        cases[content].make(mask)

    page.run()

    assert not page.exception
    assert "No marks" in page.info[0].value
    assert "p0" in page.info[0].value


def test_a_mask_outside_the_folders_is_said_like_one_that_is_gone(
    page: AppTest, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = table.parent / "masks" / "p0_0.png"
    mask.rename(tmp_path / "elsewhere.png")
    mask.symlink_to(tmp_path / "elsewhere.png")
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(table.parent))
    page.run()
    there = page.info[0].value
    (tmp_path / "elsewhere.png").unlink()

    page.run()

    assert not page.exception
    assert there == page.info[0].value
    assert "outside the folders" in there
