"""The whole line as a newcomer walks it: synthetic photographs to Grad-CAM and DeLong."""

import contextlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from scripts.running import draw_around
from tests.browser.conftest import Dashboard
from tests.browser.steps import (
    JOB_MS,
    download_report,
    go,
    no_error,
    read_offline,
    settle,
    wait_for_jobs,
)

pytestmark = pytest.mark.browser

LASSO = ((0.15, 0.15), (0.85, 0.15), (0.85, 0.85), (0.15, 0.85), (0.15, 0.15))


def lasso(page: Page) -> None:
    """Draws around most of the first map."""
    plot = page.locator(".js-plotly-plot").first
    plot.locator("canvas").first.wait_for(state="attached")
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # the canvas is there before plotly listens
    draw_around(page, LASSO)


@pytest.fixture(scope="module")
def opened(dashboard: Dashboard) -> Dashboard:
    """The dashboard with a small demo already drawn: drawing 600 has its own test."""
    from fundus_core.workflows.data.demo import make_demo

    make_demo(dashboard.workspace / "demo", n_patients=40, image_size=256, plants=False)
    return dashboard


def test_the_whole_line(page: Page, browser: Browser, opened: Dashboard) -> None:
    page.goto(opened.address)
    settle(page)

    page.get_by_role("button", name=re.compile("Open the demo")).click()
    expect(page.get_by_text("Synthetic photographs.").first).to_be_visible(timeout=JOB_MS)
    go(page, "Overview")
    expect(page.get_by_test_id("stMetric").filter(has_text="Photographs")).to_contain_text("100")
    expect(page).to_have_url(re.compile("dataset="))
    no_error(page)

    extract_two(page)

    go(page, "Map")
    no_error(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(2, timeout=JOB_MS)
    lasso(page)
    expect(page.get_by_text(re.compile(r"\d+ photographs selected"))).to_be_visible()
    gallery = page.locator('[class*="st-key-map-"]').get_by_role("button", name=re.compile("^P0"))
    gallery.first.click()
    expect(page.get_by_text("Most alike for").first).to_be_visible()
    no_error(page)

    fit_two(page)

    go(page, "ROC")
    no_error(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("Areas under the curves")).to_be_visible()
    expect(page.get_by_text("mean colour").first).to_be_visible()

    go(page, "Compare models")
    no_error(page)
    expect(page.get_by_text(re.compile("Obuchowski|by patient")).first).to_be_visible()
    downloads_hold_their_caution(page)

    go(page, "Calibration")
    no_error(page)
    expect(page.get_by_text("Net benefit").first).to_be_visible()

    go(page, "Stress")
    no_error(page)
    expect(page.get_by_text("Group photographs by").first).to_be_visible()
    page.get_by_role("tab", name="Labels").click()
    settle(page)
    no_error(page)

    go(page, "Agreement")
    no_error(page)
    expect(page.get_by_text("Trustworthiness").first).to_be_visible(timeout=30_000)

    explain(page)
    mark_vessels(page)
    two_doors(page)
    report(page, browser)


def explain(page: Page) -> None:
    """Looks at the heat maps of one photograph, tests them, and goes on to the next by its key."""
    go(page, "Explain")
    heat_map = page.get_by_role("img", name=re.compile("^Heat map of"))
    refusal = page.get_by_text("Nothing in this photograph speaks for")
    expect(heat_map.or_(refusal).first).to_be_visible(timeout=JOB_MS)
    no_error(page)
    page.get_by_role("button", name="Test these maps").click()
    light = page.get_by_text(re.compile("^Trust light: (green|amber|grey)$"))
    expect(light.or_(refusal).first).to_be_visible(timeout=JOB_MS)
    settle(page)
    at = page.get_by_text(re.compile(r"^Photograph \d+ of 100 in this order"))
    number = int(at.inner_text().split()[1])
    key, other = ("n", number + 1) if number < 100 else ("p", number - 1)
    page.locator("h1").click()  # keys go to the page
    page.keyboard.press(key)
    expect(at).to_have_text(f"Photograph {other} of 100 in this order", timeout=JOB_MS)
    expect(page.get_by_text("not a medical device").first).to_be_visible()


def mark_vessels(page: Page) -> None:
    """Looks at marked vessels and where they are wrong, and scores all photographs."""
    go(page, "Vessels")
    no_error(page)
    expect(page.get_by_role("cell", name="Dice", exact=True).first).to_be_visible()
    page.get_by_role("radio", name="Errors", exact=True).click()
    settle(page)
    no_error(page)
    page.get_by_role("button", name="Score on 100 photographs").click()
    expect(
        page.get_by_text("Marks of vessel against vessels in 100 photographs").first
    ).to_be_visible(timeout=JOB_MS)
    no_error(page)


def two_doors(page: Page) -> None:
    """Goes from the opening page to a model, back by the arrow, and to a comparison."""
    go(page, "Start")
    no_error(page)
    page.get_by_role("button", name="Its ROC curve and errors").click()
    expect(page.locator("h1")).to_have_text("ROC curves")
    settle(page)  # while a page writes its choices into the address, going back is overtaken
    page.go_back()
    expect(page.locator("h1")).to_have_text("Fundus Explorer")
    page.get_by_role("button", name="Test their difference").click()
    expect(page.get_by_text(re.compile("Obuchowski|by patient")).first).to_be_visible()
    no_error(page)


def report(page: Page, browser: Browser) -> None:
    """Downloads a report and opens it where there is no network."""
    go(page, "Report")
    assert "FD007" in read_offline(browser, download_report(page))


def downloads_hold_their_caution(page: Page) -> None:
    """Downloads the first figure and the first table, and looks for the caution in both."""
    for place, button in ((0, "SVG"), (1, "CSV")):
        settle(page)
        opener = page.get_by_test_id("stMain").get_by_test_id("stPopoverButton").nth(place)
        entry = page.get_by_role("button", name=button, exact=True).last
        open_popover(opener, entry)
        with page.expect_download(timeout=JOB_MS) as download:
            entry.click()
        assert "FD007" in Path(download.value.path()).read_text(encoding="utf-8")
        page.locator("h1").click()  # closes the popover
        expect(page.get_by_role("button", name=button, exact=True)).to_have_count(0)


def open_popover(opener: Locator, entry: Locator) -> None:
    """Opens a popover; a rerun that ends just then closes it again."""
    for _ in range(3):
        opener.click()
        with contextlib.suppress(NotInTime):
            entry.wait_for(timeout=10_000)
            return
    expect(entry).to_be_visible()


def extract_two(page: Page) -> None:
    """Extracts with random weights at 64 px: the proposed network and a smaller one."""
    go(page, "Extract")
    page.get_by_test_id("stMain").get_by_text("Random", exact=True).click()
    settle(page)
    other = page.get_by_role("textbox", name="Any other network")
    other.fill("mobilenetv2_035")
    other.press("Enter")
    size = page.locator("[class*=st-key-extract-image_size] input")
    size.fill("64")
    size.press("Enter")
    size.press("Escape")  # closes the menu of sizes
    page.get_by_role("button", name="Extract with 2 backbones").click()
    expect(page.get_by_text("Look at the map")).to_be_visible(timeout=JOB_MS)
    wait_for_jobs(page)
    no_error(page)


def fit_two(page: Page) -> None:
    """Fits a probe on both embeddings."""
    go(page, "Linear probe")
    page.locator("[class*=st-key-probe-target]").get_by_role("combobox").click()
    page.get_by_role("option", name="abnormal", exact=True).click()
    settle(page)
    page.get_by_role("button", name="Fit 2 probes").click()
    expect(page.get_by_text("ROC curves").first).to_be_visible(timeout=JOB_MS)
    wait_for_jobs(page)
    no_error(page)
