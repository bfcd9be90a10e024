"""The dashboard in read-only mode: nothing it offers writes, and every page can be looked at."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.read_only import VARIABLE, WHY, ReadOnlyError
from fundus_core.ui import explain_caches, picture_caches, study_wiring, text, wiring
from fundus_core.workflows.explanations.explained import Asked
from tests.faults.disks import only_to_be_read
from tests.pages import evaluated, opened

PAGES = sorted(evaluated.PAGES.glob("*/*.py"))

STARTING = ("play_arrow", "draw", "folder_open", "download", "delete", "stop_circle", "add", "save")
"""Icons of buttons that start, save or delete something."""

HARMLESS = {"tray.add", "grad_cam.test"}
"""Buttons with such an icon that change what is shown alone, or are refused with the sentence."""


@pytest.fixture
def opening(workspace: Path, dataset_name: str) -> Callable[[Path], AppTest]:
    """Opens pages on a data set with embeddings and two models."""
    ids = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, ids)

    def open_page(path: Path) -> AppTest:
        page = AppTest.from_file(path, default_timeout=60)
        page.query_params["dataset"] = dataset_name
        return page.run()

    return open_page


@pytest.fixture
def looking(
    opening: Callable[[Path], AppTest], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], AppTest]:
    """Opens them for looking only."""
    monkeypatch.setenv(VARIABLE, "1")
    return opening


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_can_be_looked_at_and_offers_nothing_that_writes(
    looking: Callable[[Path], AppTest], path: Path, workspace: Path
) -> None:
    before = files(workspace)

    page = looking(path)

    assert not page.exception
    assert not opened.buttons(page, STARTING, HARMLESS)
    assert files(workspace) == before


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_of_a_workspace_that_the_system_protects_is_as_in_read_only_mode(
    opening: Callable[[Path], AppTest], path: Path, workspace: Path
) -> None:
    with only_to_be_read(workspace):
        page = opening(path)

    assert not page.exception
    assert not opened.buttons(page, STARTING, HARMLESS)


def submit_a_job(name: str) -> None:
    wiring.submit(["runs"], "Runs")


def cancel_a_job(name: str) -> None:
    wiring.jobs().cancel("any")


def remove_a_job(name: str) -> None:
    wiring.jobs().remove("any")


def add_a_study(name: str) -> None:
    study_wiring.keep_study(wiring.workspace(), "mine.yaml", b"title: x")


def measure_a_map(name: str) -> None:
    explain_caches.measure_light("any", "any", Asked("1"))


@pytest.mark.parametrize(
    "write", [submit_a_job, cancel_a_job, remove_a_job, add_a_study, measure_a_map]
)
def test_the_core_refuses_also_what_no_button_offers(
    write: Callable[[str], None], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(workspace)
    monkeypatch.setenv(VARIABLE, "1")

    with pytest.raises(ReadOnlyError) as refused:
        write("")

    assert refused.value.message == WHY
    assert files(workspace) == before


def test_thumbnails_and_maps_are_made_elsewhere(
    looking: Callable[[Path], AppTest], workspace: Path, dataset_name: str
) -> None:
    before = files(workspace)
    table = wiring.dataset(dataset_name).table
    fingerprint = wiring.embeddings_list(dataset_name)[0].fingerprint

    picture = picture_caches.thumbnail_file(table["image_id"].iloc[0], table["path"].iloc[0])
    projection = wiring.projection(dataset_name, fingerprint, "pca")

    assert picture.is_file()
    assert not picture.is_relative_to(workspace)
    assert projection is not None
    assert len(projection.image_ids) == opened.N_PHOTOGRAPHS
    assert files(workspace) == before


def picker_alone() -> None:
    """The sidebar."""
    from fundus_core.ui.components import dataset_picker

    dataset_picker.picker()


def test_the_sidebar_says_why(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = AppTest.from_function(picker_alone).run()
    assert WHY not in text.plain(evaluated.texts(page))

    monkeypatch.setenv(VARIABLE, "1")
    page.run()

    assert WHY in text.plain(evaluated.texts(page))


def test_the_sidebar_names_the_workspace_that_the_system_protects(workspace: Path) -> None:
    with only_to_be_read(workspace):
        page = AppTest.from_function(picker_alone).run()

    said = text.plain(evaluated.texts(page))
    assert "This workspace can only be looked at" in said
    assert str(workspace) in said
