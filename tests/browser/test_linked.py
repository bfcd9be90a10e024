"""One selection on all pages: by lasso, by link, in two tabs, back and forward, after a refresh."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed
from scripts.running import draw_around
from tests.browser.conftest import Dashboard
from tests.browser.steps import JOB_MS, counts, go, no_error, select_right_eyes, settle

pytestmark = pytest.mark.browser

LASSO = ((0.1, 0.1), (0.6, 0.1), (0.6, 0.6), (0.1, 0.6), (0.1, 0.1))


@pytest.fixture(scope="module")
def linked(dashboard: Dashboard, small_demo: Path) -> Dashboard:
    """The dashboard with a small demo that a small network has seen."""
    place = Workspace(dashboard.workspace)
    shutil.copytree(small_demo, place.demo)
    dataset = open_dataset(place, DataSource(place.demo))
    embed(place, dataset, BackboneChoice("timm:test_resnet", weights="scratch", image_size=64))
    return dashboard


@pytest.fixture
def other_tab(browser: Browser) -> Iterator[Page]:
    """A second window that shares nothing with the first but the server."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    window = context.new_page()
    window.set_default_timeout(60_000)
    yield window
    context.close()


def select_on_map(page: Page, dashboard: Dashboard) -> int:
    """Draws around a part of the map and returns how many photographs that are."""
    page.goto(f"{dashboard.address}/map")
    settle(page)
    plot = page.locator(".js-plotly-plot").first
    plot.locator("canvas").first.wait_for(state="attached")
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # the canvas is there before plotly listens
    draw_around(page, LASSO)
    heading = page.get_by_role("heading", name=re.compile(r"^\d+ photographs? selected$"))
    expect(heading).to_be_visible(timeout=JOB_MS)
    settle(page)
    return int(heading.inner_text().split()[0])


def test_a_selection_goes_along_to_other_pages_and_by_link(
    page: Page, other_tab: Page, linked: Dashboard
) -> None:
    number = select_on_map(page, linked)
    assert 1 < number < 100
    expect(page).to_have_url(re.compile(r"selection=[0-9a-f]{10}(&|$)"))
    assert len(page.url) < 400

    go(page, "Images")
    no_error(page)
    expect(counts(page)).to_contain_text(f"{number} of 100 photographs")
    expect(page.get_by_text(f"Only the selected ({number})")).to_be_visible()
    expect(page.get_by_text("All (100)")).to_be_visible()

    other_tab.goto(page.url)
    settle(other_tab)
    expect(counts(other_tab)).to_contain_text(f"{number} of 100 photographs")
    counts(other_tab).get_by_role("button", name="Invert").click()
    expect(counts(other_tab)).to_contain_text(f"{100 - number} of 100 photographs")

    page.reload()
    settle(page)
    expect(counts(page)).to_contain_text(f"{number} of 100 photographs")


def test_back_and_forward_go_from_view_to_view(page: Page, linked: Dashboard) -> None:
    page.goto(f"{linked.address}/images")
    settle(page)
    select_right_eyes(page)
    field = page.get_by_role("textbox", name="Search in the table")

    page.go_back()
    expect(counts(page)).to_contain_text("none of 100 photographs")
    expect(field).to_have_value('eye == "OD"')
    page.go_back()
    expect(field).to_have_value("")
    page.go_forward()
    expect(field).to_have_value('eye == "OD"')
    no_error(page)


def test_a_refresh_finds_the_job_that_runs(page: Page, linked: Dashboard) -> None:
    store = JobStore(linked.workspace / "jobs")
    folder = linked.workspace.parent / "drawn"
    job = store.submit(
        ["demo", str(folder), "--workspace", str(linked.workspace)], title="Draw many photographs"
    )
    try:
        page.goto(f"{linked.address}/jobs")
        expect(page.get_by_role("progressbar").first).to_be_visible(timeout=JOB_MS)
        page.reload()
        expect(page.get_by_role("progressbar").first).to_be_visible(timeout=JOB_MS)
        expect(page.get_by_text("Draw many photographs").first).to_be_visible()

        page.get_by_role("button", name="Cancel").first.click()
        expect(page.get_by_role("progressbar")).to_have_count(0, timeout=JOB_MS)
        no_error(page)
    finally:
        if not store.get(job.id).is_finished:
            store.cancel(job.id)
