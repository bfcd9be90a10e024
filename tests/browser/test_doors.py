"""The doors of the opening page, each walked to a report that is read without a network.

The third door, the demo, is walked in `test_whole_line.py`.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Furnished
from tests.browser.steps import JOB_MS, download_report, go, no_error, read_offline, settle

pytestmark = pytest.mark.browser


def test_look_at_a_model__from_the_door_to_a_report(
    page: Page, browser: Browser, furnished: Furnished
) -> None:
    page.goto(f"{furnished.address}/?dataset={furnished.dataset_id}")
    settle(page)

    page.get_by_role("button", name="Its ROC curve and errors").click()
    expect(page.locator("h1")).to_have_text("ROC curves")
    settle(page)
    expect(page).to_have_url(re.compile("run="))
    no_error(page)
    go(page, "Explain")
    heat_map = page.get_by_role("img", name=re.compile("^Heat map of"))
    refusal = page.get_by_text("Nothing in this photograph speaks for")
    expect(heat_map.or_(refusal).first).to_be_visible(timeout=JOB_MS)
    go(page, "Report")
    said = read_offline(browser, download_report(page))

    assert "FD007" in said
    assert sum(run_id in said for run_id in furnished.run_ids) == 1


def test_compare_backbones__from_the_door_to_a_report_with_examples(
    page: Page, browser: Browser, furnished: Furnished
) -> None:
    page.goto(f"{furnished.address}/?dataset={furnished.dataset_id}")
    settle(page)

    page.get_by_role("button", name="Test their difference").click()
    expect(page.locator("h1")).to_have_text("Compare models")
    settle(page)
    expect(page.get_by_text(re.compile("Obuchowski|by patient")).first).to_be_visible()
    no_error(page)
    go(page, "Report")
    examples = page.get_by_role("spinbutton", name="Example photographs of each kind of answer")
    examples.fill("2")
    examples.press("Enter")
    settle(page)
    file = download_report(page)
    said = read_offline(browser, file)

    assert all(run_id in said for run_id in furnished.run_ids)
    assert _n_photographs(file) >= 4
    # It stays while the reader touches something else.
    page.get_by_text("With embeddings and maps").click()
    settle(page)
    expect(page.get_by_role("button", name=re.compile("^HTML"))).to_be_visible()


def _n_photographs(report: Path) -> int:
    return report.read_text(encoding="utf-8").count("data:image/jpeg")
