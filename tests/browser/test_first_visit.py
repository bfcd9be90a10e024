"""The first visitor: a newcomer on an empty workspace, or someone who comes by a bookmark."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard, started
from tests.browser.steps import JOB_MS

pytestmark = pytest.mark.browser


def test_a_bookmarked_page_opens_for_the_first_visitor(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.address}/roc")

    expect(page.get_by_test_id("stMain").locator("h1")).to_have_text("ROC curves")
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_unknown_data_set_in_the_address_is_named(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.address}/map?dataset=nothing-123456")

    expect(page.get_by_text("nothing-123456").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.timeout(900)  # 600 photographs are drawn, embedded twice and explained
def test_a_newcomer_is_told_the_story_of_the_demo_without_a_click(
    page: Page, tmp_path: Path
) -> None:
    with started(tmp_path) as fresh:
        page.goto(fresh.address)
        expect(page.get_by_role("progressbar").first).to_be_visible()

        expect(page).to_have_url(re.compile("/story"))
        figures = page.get_by_test_id("stMetric")
        expect(figures.filter(has_text="Patients")).to_contain_text("240", timeout=3 * JOB_MS)

        expect(page.locator(".js-plotly-plot")).to_have_count(3)
        expect(page.get_by_text("Synthetic photographs.").first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
