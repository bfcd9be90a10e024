"""Makes the README's pictures: every page of the dashboard on the synthetic demo photographs.

Run as `make screenshots`; with `THEME=dark PICTURES=FOLDER` for a look at the other theme.
Embeddings and probes are computed through the command line first, with the ImageNet weights of
FUNDUS_WEIGHTS if there are any, else with random ones.
"""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from scripts.command_line import fundus
from scripts.running import DRAWN, ROOT, chromium, draw_around, serving

PICTURES = Path(os.environ.get("PICTURES") or ROOT / "docs" / "images")
THEME: Literal["light", "dark"] = "dark" if os.environ.get("THEME") == "dark" else "light"
WORKSPACE = Path(tempfile.gettempdir()) / "fundus-explorer"
WIDTH, HEIGHT, MOST_PIXELS = 1280, 1000, 2400
LASSO = ((0.25, 0.2), (0.7, 0.2), (0.7, 0.65), (0.25, 0.65), (0.25, 0.2))
BACKBONES = ("mobilenetv2_100", "resnet18")

run = partial(fundus, workspace=WORKSPACE)


def prepare() -> tuple[str, list[str]]:
    """Fills the workspace; returns the data set's id and the ids of two runs."""
    demo = WORKSPACE / "demo"
    if not (demo / "manifest.csv").is_file():
        run("demo", demo)
    dataset = run("check", demo)["dataset_id"]
    here = {row["id"] for row in run("backbones") if row["weights"] == "present"}
    runs = []
    for backbone in BACKBONES:
        weights = () if backbone in here else ("--weights", "scratch")
        report = run("probe", demo, "--backbone", backbone, *weights, "--target", "abnormal")
        runs.append(report["run_id"])
    return dataset, runs


def settle(page: Page) -> None:
    """Waits until a page is drawn."""
    page.get_by_test_id("stMain").locator("h1").wait_for(timeout=60_000)
    page.wait_for_function(DRAWN, timeout=120_000)
    page.wait_for_timeout(2000)


def select_on_map(page: Page) -> None:
    """Draws a lasso on the first map and opens a photograph of the selection."""
    draw_around(page, LASSO)
    settle(page)


def nothing(page: Page) -> None:
    """Leaves the page as it opens."""


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "overview": ("", nothing),
    "images": ("images", nothing),
    "extract": ("extract", nothing),
    "map": ("map", select_on_map),
    "linear_probe": ("linear_probe", nothing),
    "roc": ("roc", nothing),
    "compare": ("compare", nothing),
    "grad_cam": ("grad_cam", nothing),
    "jobs": ("jobs", nothing),
    "methods": ("methods", nothing),
}


def shoot(page: Page, name: str, address: str, action: Callable[[Page], None]) -> None:
    """Takes one picture, as tall as the page up to a limit."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(address)
    settle(page)
    action(page)
    main = page.get_by_test_id("stMain")
    height = min(MOST_PIXELS, max(HEIGHT, int(main.evaluate("main => main.scrollHeight"))))
    page.set_viewport_size({"width": WIDTH, "height": height})
    settle(page)
    page.screenshot(path=PICTURES / f"{name}.png")


def main() -> None:
    """Takes all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    dataset, runs = prepare()
    query = f"dataset={dataset}&" + "&".join(f"run={run}" for run in runs)
    options = ["--port", "{port}", "--no-browser", "--no-demo", "--workspace", str(WORKSPACE)]
    with serving(["fundus_core", "app"], options, os.environ) as address, chromium() as browser:
        page = browser.new_page(color_scheme=THEME)
        for name, (place, action) in PAGES.items():
            shoot(page, name, f"{address}/{place}?{query}", action)


if __name__ == "__main__":
    main()
