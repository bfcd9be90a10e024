"""Names from data in a real browser: every page stays readable, and nothing runs or is fetched.

`test_names.py` looks at what is handed to the browser; this looks at what the browser makes of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id
from tests.browser.conftest import started
from tests.browser.steps import settle
from tests.hostile import walked
from tests.hostile.named import write_named

pytestmark = pytest.mark.browser

ALIVE = """() => [...document.querySelectorAll(
    'img[src="x"], img[src*="invalid"], a[href*="invalid"], a[href^="javascript:"], b, '
    + 'iframe:not([data-testid]), form:not([data-testid]), object, embed, base'
)].map(one => one.outerHTML.slice(0, 200))"""
"""What the payloads would have become; Streamlit writes bold text as `strong`."""

VISIBLE = """() => {
    const style = getComputedStyle(document.body);
    const box = document.querySelector('[data-testid=stMain]').getBoundingClientRect();
    return style.display !== 'none' && style.visibility === 'visible' && box.width > 500;
}"""


@dataclass(frozen=True, slots=True)
class Named:
    """A dashboard over the data set of hostile names."""

    address: str
    query: str


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    home = tmp_path_factory.mktemp("named")
    source = write_named(home / "data")
    _, runs = walked.filled(Workspace(home / "workspace"), source)
    chosen = "&".join(f"run={run.id}" for run in runs)
    with started(home, "--no-demo") as running:
        yield Named(running.address, f"dataset={dataset_id(source)}&{chosen}")


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """One window for all pages: what a browser keeps of Streamlit need not be loaded again."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.mark.parametrize("path", walked.PAGES)
def test_names_do_nothing_in_a_browser(
    path: str,
    named: Named,
    window: BrowserContext,
) -> None:
    page, happened = _watched(window, named.address)

    where = Path(path).stem.removeprefix("start")  # which is the page without a path
    page.goto(f"{named.address}/{where}?{named.query}")
    settle(page)
    _open_everything(page)
    _hover_over_charts(page)

    assert page.evaluate(ALIVE) == []
    assert page.evaluate(VISIBLE)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert happened == []
    if path == "pages/data/images.py":
        assert "onerror=alert(1)" in page.locator("body").inner_text()
    page.close()


def _watched(window: BrowserContext, own: str) -> tuple[Page, list[str]]:
    """Returns a tab, and a list of whatever it asks of others or has others say."""
    page = window.new_page()
    happened: list[str] = []
    harmless = (f"{own}/", "data:", f"blob:{own}/", f"ws{own.removeprefix('http')}/")
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda other: happened.append(other.url))
    for event in ("request", "websocket"):
        page.on(
            event,  # type: ignore[call-overload]
            lambda one: happened.append(one.url) if not one.url.startswith(harmless) else None,
        )
    return page, happened


def _open_everything(page: Page) -> None:
    """Unfolds what is folded: names stand there as well."""
    for fold in page.get_by_test_id("stExpander").locator("summary").all()[:6]:
        fold.click()
    settle(page)


def _hover_over_charts(page: Page) -> None:
    """Moves over every chart, so that it writes names beside its points."""
    for chart in page.locator(".js-plotly-plot").all()[:4]:
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        for share in (0.2, 0.4, 0.5, 0.6, 0.8) if box else ():
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * share)
