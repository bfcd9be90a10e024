"""The extract page: which backbones, which weights, and what is stored already."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.backbones.costs import BackboneCost
from fundus_core.ui import wiring
from fundus_core.ui.components import backbone_picker, backbone_table
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "embed" / "extract.py"


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page of a workspace."""
    return AppTest.from_file(PAGE, default_timeout=30)


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the jobs that the page starts; none is run."""
    lines: list[list[str]] = []

    def note(argv: Sequence[str], title: str) -> None:
        lines.append(list(argv))

    monkeypatch.setattr(wiring, "submit", note)
    return lines


def option(line: list[str], name: str) -> list[str]:
    """All values of an option in a command line."""
    return [value for word, value in pairwise(line) if word == name]


def choose(page: AppTest, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Runs the page with rows of its table chosen, which AppTest cannot click."""
    monkeypatch.setattr(backbone_table, "_first", lambda specs: 0)
    drawn = backbone_table.st.dataframe

    def with_rows(table: pd.DataFrame, **options: Any) -> Any:
        result = drawn(table, **options)
        if options.get("key") != "extract.backbones":
            return result
        return {"selection": {"rows": [list(table["id"]).index(name) for name in names]}}

    monkeypatch.setattr(backbone_table.st, "dataframe", with_rows)
    page.run()


def test_the_catalogue_is_listed_with_licence_and_where_weights_are(
    page: AppTest, dataset_name: str
) -> None:
    page.run()

    assert not page.exception
    table = page.dataframe[0].value.set_index("id")
    assert table.loc["resnet50", "licence"] == "BSD-3-Clause"
    assert table.loc["resnet50", "weights"] == "to be fetched"
    assert table.loc["retizero", "weights"] == "by hand"
    assert table.loc["retfound_mae", "use"] == "gated"
    assert table.loc["flair", ["group", "embedding"]].tolist() == ["retinal", "2,048 or 512"]
    assert "mean_colour" not in table.index


def test_what_was_measured_is_shown_with_the_machine(
    page: AppTest, dataset_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = BackboneCost(25.6, 40.0, None, 900.0, "2 cores of a toaster")
    monkeypatch.setattr(backbone_table, "backbone_costs", lambda: {"resnet50": cost})

    page.run()

    table = page.dataframe[0].value.set_index("id")
    assert table.loc["resnet50", ["parameters", "ms", "peak_mb"]].tolist() == [25.6, 40, 900]
    assert table.loc["resnet50", "file_mb"] == pytest.approx(102.4)
    assert table.loc["resnet18"].isna()["ms"]
    assert "2 cores of a toaster" in evaluated.texts(page).replace("\\", "")


def test_weights_in_the_workspace_are_found(
    page: AppTest, dataset_name: str, workspace: Path
) -> None:
    (workspace / "weights").mkdir()
    (workspace / "weights" / "resnet50.tv_in1k.pth").write_bytes(b"weights" * 1_000_000)

    page.run()

    table = page.dataframe[0].value.set_index("id")
    assert table.loc["resnet50", "weights"] == "on this machine"
    assert table.loc["resnet50", "file"] == "resnet50.tv_in1k.pth"
    assert table.loc["resnet50", "file_mb"] == 7


def test_the_backbone_whose_weights_came_with_the_program_is_chosen_at_first(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.button(key="extract.start").click().run()

    assert option(submitted[0], "--backbone") == ["mobilenetv2_phantom"]
    assert "--weights" not in submitted[0]


@pytest.mark.usefixtures("without_shipped_weights")
def test_a_job_is_queued_with_what_was_chosen(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.toggle(key="extract.clahe").set_value(True)
    page.selectbox(key="extract.fit").set_value("squash")
    page.multiselect(key="extract.image_sizes").set_value([384]).run()
    page.button(key="extract.start").click().run()

    assert not page.exception
    line = submitted[0]
    assert line[0] == "embed-grid"
    assert option(line, "--backbone") == ["resnet18"]
    assert option(line, "--weights") == ["scratch"]
    assert option(line, "--image-size") == ["384"]
    assert option(line, "--fit") == ["squash"]
    assert "--clahe" in line


def test_several_backbones_and_sizes_are_one_job(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.text_input(key="extract.timm").input("resnext50_32x4d, swin_tiny_patch4_window7_224").run()
    page.multiselect(key="extract.image_sizes").set_value([224, "448"]).run()
    page.button(key="extract.start").click().run()

    assert "6 embeddings of each photograph, in one job" in evaluated.texts(page)
    assert len(submitted) == 1
    assert option(submitted[0], "--backbone") == [
        "mobilenetv2_phantom",
        "timm:resnext50_32x4d",
        "timm:swin_tiny_patch4_window7_224",
    ]
    assert option(submitted[0], "--image-size") == ["224", "448"]


@pytest.mark.parametrize("entry", ["large", "16", "99999", "224.5"])
def test_a_size_that_is_none_is_refused(page: AppTest, dataset_name: str, entry: str) -> None:
    page.run()
    page.multiselect(key="extract.image_sizes").set_value([entry]).run()

    assert "No size in pixels from 32 to 2048" in page.warning[0].value
    assert page.button(key="extract.start").disabled


def test_a_size_that_a_backbone_does_not_take_is_refused(
    page: AppTest, dataset_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(page, monkeypatch, "vit_small")
    page.multiselect(key="extract.image_sizes").set_value([250]).run()

    assert "takes multiples of 16 px, which 250 is not" in page.warning[0].value
    assert page.button(key="extract.start").disabled


def test_a_backbone_with_several_poolings_asks_which(
    page: AppTest,
    dataset_name: str,
    submitted: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(page, monkeypatch, "flair")
    page.segmented_control(key="extract.weights").set_value(backbone_picker.RANDOM).run()
    page.multiselect(key="extract.pooling.flair").set_value(["raw", "projected"]).run()
    page.button(key="extract.start").click().run()

    assert option(submitted[0], "--backbone") == ["flair@raw", "flair@projected"]


def test_earlier_blocks_become_embeddings_of_their_own(
    page: AppTest,
    dataset_name: str,
    submitted: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(page, monkeypatch, "resnet18")
    page.segmented_control(key="extract.weights").set_value(backbone_picker.RANDOM).run()
    page.toggle(key="extract.blocks").set_value(True).run()
    offered = page.multiselect(key="extract.blocks.resnet18")
    offered.set_value([offered.options[1]]).run()
    page.button(key="extract.start").click().run()

    assert not page.exception
    expected = ["resnet18", f"resnet18@block:{offered.options[1]}"]
    assert option(submitted[0], "--backbone") == expected


@pytest.mark.usefixtures("without_shipped_weights")
def test_open_weights_are_fetched_by_a_button(
    page: AppTest, dataset_name: str, submitted: list[list[str]]
) -> None:
    page.run()
    page.segmented_control(key="extract.weights").set_value(backbone_picker.OWN).run()
    assert page.button(key="extract.start").disabled
    page.button(key="extract.fetch.resnet18").click().run()

    assert not page.exception
    assert submitted == [["backbones", "fetch", "resnet18"]]


def test_weights_with_terms_are_fetched_once_those_are_accepted(
    page: AppTest,
    dataset_name: str,
    submitted: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(page, monkeypatch, "retfound_mae")
    assert page.button(key="extract.fetch.retfound_mae").disabled
    page.checkbox(key="extract.accept.retfound_mae").check().run()
    page.button(key="extract.fetch.retfound_mae").click().run()

    assert "CC BY\\-NC 4\\.0" in evaluated.texts(page)
    assert submitted == [["backbones", "fetch", "retfound_mae", "--accept-licence"]]


def test_weights_that_no_program_may_download_say_which_file_goes_where(
    page: AppTest, dataset_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(page, monkeypatch, "retizero")

    assert "RetiZero\\.pth" in evaluated.texts(page)
    assert page.button(key="extract.start").disabled


def test_a_weights_file_without_a_name_starts_nothing(page: AppTest, dataset_name: str) -> None:
    page.run()
    page.segmented_control(key="extract.weights").set_value(backbone_picker.FILE).run()

    assert page.button(key="extract.start").disabled


@pytest.mark.parametrize("entered", ["a\0b", "~nobody_here/x.safetensors"])
def test_a_weights_file_that_is_no_path_is_refused_in_a_sentence(
    page: AppTest, dataset_name: str, entered: str
) -> None:
    page.run()
    page.segmented_control(key="extract.weights").set_value(backbone_picker.FILE).run()
    page.text_input(key="extract.weights_file").input(entered).run()

    assert not page.exception
    assert "is no path" in page.error[0].value
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
