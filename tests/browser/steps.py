"""What tests do on the dashboard again and again."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

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


def select_right_eyes(page: Page) -> None:
    """Searches the table of the Images page for right eyes, and selects them."""
    field = page.get_by_role("textbox", name="Search in the table")
    field.fill('eye == "OD"')
    field.press("Enter")
    expect(page).to_have_url(re.compile("query="))
    settle(page)
    page.get_by_role("button", name=re.compile("^Select these")).click()
    expect(page).to_have_url(re.compile("selection="))
    settle(page)


def no_error(page: Page) -> None:
    """Fails if the page shows an error or a traceback."""
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def wait_for_jobs(page: Page) -> None:
    """Waits until no job is under way."""
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=JOB_MS)
    settle(page)


def counts(page: Page) -> Locator:
    """Returns what the frame says of the selection."""
    return page.locator(".st-key-selection-bar")


def download_report(page: Page) -> Path:
    """Makes a report of the chosen models on its page, downloads it, and returns the file."""
    expect(page.locator("h1")).to_have_text("Report")
    page.get_by_role("button", name=re.compile("^Make the report on")).click()
    button = page.get_by_role("button", name=re.compile("^HTML"))
    expect(button).to_be_visible(timeout=JOB_MS)
    settle(page)
    with page.expect_download(timeout=JOB_MS) as download:
        button.click()
    no_error(page)
    path = Path(download.value.path())
    return path.rename(path.with_suffix(".html"))


def read_offline(browser: Browser, report: Path) -> str:
    """Opens a report where there is no network and returns its words.

    Everything it shows must be in it: nothing is asked for, no picture is broken, no figure empty.
    """
    offline = browser.new_context(offline=True)
    reader = offline.new_page()
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    reader.goto(report.as_uri())
    reader.wait_for_load_state("load")
    elsewhere = [one for one in asked if one != report.as_uri() and not one.startswith("data:")]
    assert not elsewhere, elsewhere
    assert not reader.evaluate(BROKEN), "pictures that do not show"
    figures = reader.evaluate(FIGURES)
    assert figures, "no figure"
    assert all(figures), figures
    said = reader.locator("body").inner_text()
    offline.close()
    return said


BROKEN = "() => [...document.images].filter(one => !one.complete || !one.naturalWidth).length"

FIGURES = """() => [...document.querySelectorAll('figure')].map(one => {
    const drawn = one.querySelector('svg, img');
    const box = drawn && drawn.getBoundingClientRect();
    return Boolean(box && box.width > 50 && box.height > 50);
})"""
"""Whether each figure of a report is drawn, at a size one can look at."""
