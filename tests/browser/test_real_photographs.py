"""The line on real photographs: any diabetic retinopathy on IDRiD, our weights against scratch."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.steps import JOB_MS, go, no_error, settle, wait_for_jobs

pytestmark = [pytest.mark.browser, pytest.mark.real_data]


def choose(page: Page, key: str, option: str) -> None:
    """Picks an option of a select box."""
    page.locator(f"[class*=st-key-{key}]").get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def extract(page: Page, weights: str) -> None:
    """Extracts with the MobileNet V2 that comes with the program, at 128 px."""
    go(page, "Extract")
    if weights == "Random":
        page.get_by_role("radio", name="Random").or_(
            page.get_by_role("button", name="Random")
        ).first.click()
        settle(page)
    sizes = page.locator("[class*=st-key-extract-image_size]")
    if not sizes.get_by_text("128", exact=True).count():  # the page remembers it
        size = sizes.locator("input")
        size.fill("128")
        size.press("Enter")
        size.press("Escape")  # closes the menu of sizes
        settle(page)
    page.get_by_role("button", name="Extract with 1 backbone").click()
    expect(page.get_by_role("progressbar").first).to_be_visible()
    wait_for_jobs(page)
    expect(page.get_by_text("Look at the map")).to_be_visible()
    no_error(page)


def test_our_weights_and_scratch_on_idrid(
    page: Page, dashboard: Dashboard, real_data: Path
) -> None:
    page.goto(f"{dashboard.address}/overview")
    settle(page)

    path = page.get_by_role("textbox", name="Folder or table on this machine")
    path.fill(str(real_data / "data" / "classification" / "idrid"))
    path.press("Enter")
    page.get_by_role("button", name="Read the photographs").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Photographs")).to_contain_text(
        "383", timeout=JOB_MS
    )
    expect(page.get_by_text("FD003").first).to_be_visible()

    extract(page, "The backbone's own")
    extract(page, "Random")

    go(page, "Map")
    expect(page.locator(".js-plotly-plot")).to_have_count(2, timeout=JOB_MS)

    go(page, "Linear probe")
    choose(page, "probe-target", "dr_any")
    page.get_by_role("button", name="Fit 2 probes").click()
    expect(page.get_by_text("ROC curves").first).to_be_visible(timeout=JOB_MS)
    wait_for_jobs(page)
    no_error(page)

    go(page, "Compare models")
    no_error(page)
    pair = page.get_by_role("row").filter(has_text="minus")
    expect(pair).to_contain_text(re.compile(r"[+-]0\.\d{3}"))
    expect(page.get_by_text("FD003").first).to_be_visible()

    go(page, "ROC")
    no_error(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("Areas under the curves")).to_be_visible()

    go(page, "Explain")
    heat_map = page.get_by_role("img", name=re.compile("^Heat map of"))
    refusal = page.get_by_text("Nothing in this photograph speaks for")
    expect(heat_map.or_(refusal).first).to_be_visible(timeout=JOB_MS)
    no_error(page)
