"""Every page is read by axe: light and dark, with results and on an empty workspace.

The walk over all pages also sees that none of them asks for anything from another machine.

References:
    axe-core, Deque Systems, https://github.com/dequelabs/axe-core (rules of WCAG 2.1, A and AA).
"""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Dashboard, Furnished
from tests.browser.steps import JOB_MS, no_error, settle

pytestmark = pytest.mark.browser

PAGES = (
    *("", "overview", "images", "story", "extract", "map", "agreement", "linear_probe"),
    *("fine_tune", "studies", "zero_shot", "pretrain", "roc", "compare", "calibration", "stress"),
    *("report", "grad_cam", "photograph", "vessels", "jobs", "methods"),
)

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""Rules whose answer depends on the theme."""

DARK = "rgb(16, 24, 29)"  # the dark theme's background in .streamlit/config.toml
BAD = {"serious", "critical"}
OF_STREAMLIT = {"list", "listitem"}
"""Streamlit 1.67 puts the headings of the menu's sections into its list, and its entries into
wrappers: screen readers still read section and entry. The menu is not ours to draw."""


def faults(page: Page, rules: dict[str, list[str]]) -> list[str]:
    """Returns what axe finds serious or critical on a page, the menu's own faults left out."""
    found = Axe().run(page, options=rules).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for fault in found
        if fault["impact"] in BAD
        for node in fault["nodes"]
        if not _of_menu(page, fault["id"], node)
    ]


def _of_menu(page: Page, rule: str, node: dict[str, Any]) -> bool:
    """Says whether a fault is one of those known of Streamlit's menu, and lies within it."""
    if rule not in OF_STREAMLIT:
        return False
    element = page.locator(node["target"][0]).first
    return bool(element.evaluate("one => !!one.closest('[data-testid=stSidebarNav]')"))


@pytest.mark.timeout(600)
def test_every_page_with_results(browser: Browser, furnished: Furnished) -> None:
    runs = "&".join(f"run={one}" for one in furnished.run_ids)

    found = walk(browser, furnished, f"dataset={furnished.dataset_id}&map=pca&{runs}")

    assert not found, found


@pytest.mark.timeout(600)
def test_every_page_of_an_empty_workspace(browser: Browser, dashboard: Dashboard) -> None:
    found = walk(browser, dashboard, "")

    assert not found, found


def walk(browser: Browser, place: Dashboard, address: str) -> dict[str, list[str]]:
    """Returns what axe finds on each page, light and dark, and what pages ask for elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    context.set_default_timeout(60_000)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    found = {}
    for name in PAGES:
        page.goto(f"{place.address}/{name}?{address}")
        settle(page)
        page.wait_for_timeout(500)  # charts and tables draw themselves after Streamlit is done
        no_error(page)
        found[f"{name}, light"] = faults(page, RULES)
        page.emulate_media(color_scheme="dark")
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", DARK)
        page.wait_for_timeout(500)
        found[f"{name}, dark"] = faults(page, COLOURS)
        page.emulate_media(color_scheme="light")
    context.close()
    here = (place.address, "data:", "blob:")
    found["asked for elsewhere"] = [url for url in asked if not url.startswith(here)]
    return {name: said for name, said in found.items() if said}


def test_charts_and_pictures_say_in_words_what_they_show(page: Page, furnished: Furnished) -> None:
    runs = "&".join(f"run={one}" for one in furnished.run_ids)
    page.goto(f"{furnished.address}/compare?dataset={furnished.dataset_id}&{runs}")
    settle(page)
    chart = page.get_by_role("figure", name=re.compile("^AUCs with intervals"))
    expect(chart.first).to_have_attribute("aria-label", re.compile(r"0\.\d{3}"))

    page.goto(f"{furnished.address}/roc?dataset={furnished.dataset_id}&{runs}")
    settle(page)
    chart = page.get_by_role("figure", name=re.compile("ROC curves"))
    expect(chart.first).to_have_attribute("aria-label", re.compile(r"0\.\d{3}"))

    page.goto(f"{furnished.address}/images?dataset={furnished.dataset_id}")
    settle(page)
    expect(page.get_by_role("img", name=re.compile("^Fundus photograph, P")).first).to_be_visible()


def test_the_keyboard_alone_reaches_and_moves_the_controls(
    page: Page, furnished: Furnished
) -> None:
    one, _ = furnished.run_ids
    page.goto(f"{furnished.address}/roc?dataset={furnished.dataset_id}&run={one}&threshold=0.3")
    settle(page)

    assert tab_to(page, "[class*=st-key-choice-threshold]")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"threshold=0\.301"), timeout=JOB_MS)
    settle(page)
    page.goto(f"{furnished.address}/?dataset={furnished.dataset_id}")
    settle(page)
    assert tab_to(page, "[data-testid=stMain] button:has-text('Test their difference')")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Compare models")


def tab_to(page: Page, place: str, most: int = 120) -> bool:
    """Presses the tab key until the focus lies within a place; says whether it ever does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.locator(place).first.evaluate("one => one.contains(document.activeElement)"):
            return True
    return False
