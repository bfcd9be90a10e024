"""The extract page: which backbones, which weights, and what is stored already."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.ui import wiring
from fundus_core.ui.components import backbone_picker
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "embed" / "extract.py"


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page of a workspace."""
    return AppTest.from_file(PAGE, default_timeout=30)


@pytest.fixture
def dataset_name(workspace: Path, tmp_path: Path) -> str:
    """The one data set in the workspace."""
    return opened.open_photographs(workspace, tmp_path / "photographs")


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the jobs that the page starts; none is run."""
    lines: list[list[str]] = []

    def note(argv: Sequence[str], title: str) -> None:
        lines.append(list(argv))

    monkeypatch.setattr(wiring, "submit", note)
    return lines


def test_the_catalogue_is_listed_with_licence_and_where_weights_are(
    page: AppTest, dataset_name: str
) -> None:
    page.run()

    assert not page.exception
    table = page.dataframe[0].value.set_index("id")
    assert table.loc["resnet50", "licence"] == "BSD-3-Clause"
    assert table.loc["resnet50", "weights"] == "on the hub"
    assert "mean_colour" not in table.index


def test_weights_in_the_workspace_are_found(
    page: AppTest, dataset_name: str, workspace: Path
) -> None:
    (workspace / "weights").mkdir()
    (workspace / "weights" / "resnet50.tv_in1k.pth").write_bytes(b"weights")

    page.run()

    table = page.dataframe[0].value.set_index("id")
    assert table.loc["resnet50", "weights"] == "on this machine"
    assert table.loc["resnet50", "file"] == "resnet50.tv_in1k.pth"


def test_the_backbone_whose_weights_came_with_the_program_is_chosen_at_first(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.button(key="extract.start").click().run()

    line = submitted[0]
    assert line[line.index("--backbone") + 1] == "mobilenetv2_phantom"
    assert "--weights" not in line


@pytest.mark.usefixtures("without_shipped_weights")
def test_a_job_is_queued_with_what_was_chosen(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.toggle(key="extract.clahe").set_value(True)
    page.number_input(key="extract.image_size").set_value(384).run()
    page.button(key="extract.start").click().run()

    assert not page.exception
    line = submitted[0]
    assert line[0] == "embed"
    assert line[line.index("--backbone") + 1] == "resnet18"
    assert line[line.index("--weights") + 1] == "scratch"
    assert line[line.index("--image-size") + 1] == "384"
    assert "--clahe" in line


def test_other_timm_networks_get_a_job_each(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.text_input(key="extract.timm").input("convnext_tiny, swin_tiny_patch4_window7_224").run()
    page.button(key="extract.start").click().run()

    chosen = [line[line.index("--backbone") + 1] for line in submitted]
    assert chosen[1:] == ["timm:convnext_tiny", "timm:swin_tiny_patch4_window7_224"]


@pytest.mark.usefixtures("without_shipped_weights")
def test_absent_weights_are_said_with_the_file_that_is_missing(
    page: AppTest, dataset_name: str
) -> None:
    page.run()
    page.segmented_control(key="extract.weights").set_value(backbone_picker.OWN).run()

    assert "resnet18\\.tv\\_in1k\\.safetensors" in evaluated.texts(page)


def test_a_weights_file_without_a_name_starts_nothing(page: AppTest, dataset_name: str) -> None:
    page.run()
    page.segmented_control(key="extract.weights").set_value(backbone_picker.FILE).run()

    assert page.button(key="extract.start").disabled


def test_stored_embeddings_are_listed_with_their_coverage(
    page: AppTest, dataset_name: str, workspace: Path
) -> None:
    ids = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, ids[:6])

    page.run()

    stored = page.dataframe[1].value
    assert list(stored["photographs"]) == ["6 of 8"]
    assert list(stored["coverage"]) == [75.0]


def test_without_embeddings_the_page_says_what_to_do(page: AppTest, dataset_name: str) -> None:
    page.run()

    assert "None yet" in page.info[0].value


def test_without_a_data_set_the_page_says_where_to_open_one(page: AppTest) -> None:
    page.run()

    assert "Overview" in page.info[0].value
    assert not page.button
