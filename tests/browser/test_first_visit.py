"""The first visitor after a start, who comes by a bookmark."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard

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
