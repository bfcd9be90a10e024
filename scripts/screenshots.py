"""Makes the pictures of README and tour: every page, on the synthetic demo photographs.

Run as `make screenshots`; with `THEME=dark PICTURES=FOLDER` for a look at the other theme, `WIDTH`
for another width, and with names of pictures as arguments for those alone. What the pages show is
computed through the command line first: the demo's story, and a probe of eight diseases on each of
its two starts.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from fundus_core.phantom.shots import LABEL_COLUMNS
from fundus_core.workflows.story.story_design import BACKBONE, MAP
from scripts import tour
from scripts.command_line import fundus
from scripts.running import DRAWN, ROOT, chromium, draw_around, serving

PICTURES = Path(os.environ.get("PICTURES") or ROOT / "docs" / "images")
THEME: Literal["light", "dark"] = "dark" if os.environ.get("THEME") == "dark" else "light"
WORKSPACE = Path(tempfile.gettempdir()) / "fundus-explorer"
WIDTH = int(os.environ.get("WIDTH") or 1280)
HEIGHT, MOST_PIXELS = 1000, 2000
LASSO = ((0.55, 0.3), (0.97, 0.3), (0.97, 0.65), (0.55, 0.65), (0.55, 0.3))
"""Round the photographs that the pre-trained network sets apart."""

run = partial(fundus, workspace=WORKSPACE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pages are to show, as their addresses name it."""

    dataset: str
    """The demo."""

    backbones: tuple[str, ...]
    """Embeddings of both starts, the pre-trained one first."""

    of_story: Mapping[str, str]
    """Cell -> run of the story's four models, the expected best first."""

    of_diseases: tuple[str, ...]
    """Two probes of all diseases together, the pre-trained one first."""

    def address(self, runs: Sequence[str], *, backbones: Sequence[str] = ()) -> str:
        """Returns the part of an address behind the question mark."""
        chosen = [f"backbone={one}" for one in backbones] + [f"run={one}" for one in runs]
        return "&".join([f"dataset={self.dataset}", f"map={MAP}", *chosen])


@dataclass(frozen=True, slots=True)
class Picture:
    """One page, and what is done on it before the picture is taken."""

    place: str
    runs: Literal["story", "probes", "diseases", ""] = ""
    action: Callable[[Page], None] = lambda page: None
    tallest: int = MOST_PIXELS
    """Pixels; what is below them is cut off."""


def select_on_map(page: Page) -> None:
    """Draws a lasso on the first map."""
    draw_around(page, LASSO)
    settle(page)


def show_augmentation(page: Page) -> None:
    """Shows what the augmentation does to one photograph."""
    page.get_by_text("Show what the augmentation does").click()
    settle(page)


def hand_over(page: Page) -> None:
    """Hands over a photograph of the demo, and asks for no heat maps."""
    photograph = sorted((WORKSPACE / "demo" / "images").glob("*.jpg"))[0]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(photograph)
    settle(page)
    page.wait_for_timeout(3000)
    settle(page)


def fit_probes(page: Page) -> None:
    """Fits a probe on both starts, waits for both, and shows their jobs."""
    page.get_by_role("button", name="Fit 2 probes").click()
    settle(page)
    menu = page.get_by_test_id("stSidebarNav")
    menu.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_text("Nothing is under way.").wait_for(timeout=300_000)
    settle(page)


PAGES: dict[str, Picture] = {
    "start": Picture(""),
    "story": Picture("story", tallest=3200),
    "overview": Picture("overview"),
    "images": Picture("images", tallest=HEIGHT),
    "extract": Picture("extract"),
    "map": Picture("map", action=select_on_map),
    "linear_probe": Picture("linear_probe"),
    "fine_tune": Picture("fine_tune", action=show_augmentation),
    "studies": Picture("studies"),
    "zero_shot": Picture("zero_shot", tallest=HEIGHT),
    "pretrain": Picture("pretrain"),
    "roc": Picture("roc", "story"),
    "compare": Picture("compare", "diseases"),
    "calibration": Picture("calibration", "probes"),
    "stress": Picture("stress", "probes"),
    "agreement": Picture("agreement"),
    "report": Picture("report", "probes"),
    "grad_cam": Picture("grad_cam", "probes"),
    "photograph": Picture("photograph", "probes", action=hand_over, tallest=2600),
    "vessels": Picture("vessels"),
    "jobs": Picture("linear_probe", action=fit_probes),
    "methods": Picture("methods", tallest=HEIGHT),
}


def prepare() -> Shown:
    """Fills the workspace."""
    story = run("story")
    diseases = ",".join(LABEL_COLUMNS.values())
    probe = partial(run, "probe", WORKSPACE / "demo", "--backbone", BACKBONE, "--target", diseases)
    return Shown(
        story["dataset_id"],
        (story["embeddings"]["phantom"], story["embeddings"]["scratch"]),
        {cell: model["run_id"] for cell, model in story["runs"].items()},
        tuple(probe(*weights)["run_id"] for weights in ((), ("--weights", "scratch"))),
    )


def runs_of(picture: Picture, shown: Shown) -> tuple[str, ...]:
    """Returns the models that a page is to show."""
    found = {
        "story": tuple(shown.of_story.values()),
        "probes": tuple(one for cell, one in shown.of_story.items() if cell.endswith(".probe")),
        "diseases": shown.of_diseases,
        "": (),
    }
    return found[picture.runs]


def settle(page: Page) -> None:
    """Waits until a page is drawn."""
    page.get_by_test_id("stMain").locator("h1").wait_for(timeout=60_000)
    page.wait_for_function(DRAWN, timeout=120_000)
    page.wait_for_timeout(2000)


def shoot(page: Page, name: str, picture: Picture, address: str) -> None:
    """Takes one picture, as tall as the page up to a limit."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(address)
    settle(page)
    picture.action(page)
    main = page.get_by_test_id("stMain")
    main.evaluate("main => main.scrollTo(0, 0)")
    height = min(picture.tallest, max(HEIGHT, int(main.evaluate("main => main.scrollHeight"))))
    page.set_viewport_size({"width": WIDTH, "height": height})
    settle(page)
    page.screenshot(path=PICTURES / f"{name}.png")


def main() -> None:
    """Takes all pictures, or those that are named."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shown = prepare()
    options = ["--port", "{port}", "--no-browser", "--no-demo", "--workspace", str(WORKSPACE)]
    with serving(["fundus_core", "app"], options, os.environ) as address, chromium() as browser:
        page = browser.new_page(color_scheme=THEME)
        for name in sys.argv[1:] or PAGES:
            picture = PAGES[name]
            query = shown.address(runs_of(picture, shown), backbones=shown.backbones)
            shoot(page, name, picture, f"{address}/{picture.place}?{query}")
    tour.write()


if __name__ == "__main__":
    main()
