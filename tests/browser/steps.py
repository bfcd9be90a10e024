"""What tests do on the dashboard again and again."""

from playwright.sync_api import Page, expect

from scripts.running import DRAWN

JOB_MS = 180_000


def go(page: Page, name: str) -> None:
    """Follows a link of the menu."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    settle(page)


def settle(page: Page) -> None:
    """Waits until the page is drawn and nothing runs."""
    expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
    page.wait_for_function(DRAWN, timeout=JOB_MS)


def no_error(page: Page) -> None:
    """Fails if the page shows an error or a traceback."""
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def wait_for_jobs(page: Page) -> None:
    """Waits until no job is under way."""
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=JOB_MS)
    settle(page)
