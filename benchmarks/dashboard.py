"""How long a reader waits: for the first page after a start, and for a page with 20,000 images.

Run as `python -m benchmarks.dashboard`. Times are seen in headless Chromium, server and browser on
the same machine. The peer is a Streamlit app of one line, started and opened in the same run: what
no page of ours can be faster than.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import Page

from scripts.running import DRAWN, ROOT, chromium, serving

ROUNDS = 5
N_IMAGES = 20_000
PAGES = ("Images", "Extract", "Map", "Linear probe", "ROC", "Jobs", "Methods", "Overview")


@contextlib.contextmanager
def server(script: Path, workspace: Path) -> Iterator[str]:
    """Yields the address of a Streamlit server that has just been started."""
    options = [str(script), "--server.port", "{port}", "--server.headless", "true"]
    environment = os.environ | {"FUNDUS_WORKSPACE": str(workspace)}
    with serving(["fundus_core.ui.serve", "run"], options, environment) as address:
        yield address


def first_page(page: Page, script: Path, workspace: Path, ready: str) -> float:
    """Returns seconds from the start of the server to a page that shows `ready`."""
    began = time.perf_counter()
    with server(script, workspace) as address:
        page.goto(address)
        page.get_by_text(ready).first.wait_for()
        return time.perf_counter() - began


def switches(page: Page) -> dict[str, list[float]]:
    """Returns seconds from a click in the menu to the drawn page; the first visit is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in PAGES}
    for round_number in range(ROUNDS + 1):
        for name in PAGES:
            link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
            before = page.url
            began = time.perf_counter()
            link.click()
            page.wait_for_function("before => location.href !== before", arg=before)
            page.wait_for_function(DRAWN)
            if round_number:
                seconds[name].append(time.perf_counter() - began)
            page.wait_for_timeout(300)
    return seconds


def write_images(folder: Path, n_images: int = N_IMAGES) -> Path:
    """Writes small photographs of noise, two of each patient, and their table."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(n_images):
        name = f"images/{number:06d}.jpg"
        pixels = generator.integers(0, 256, (64, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name, quality=30)
        rows.append((name, f"P{number // 2:06d}", "OD" if number % 2 else "OS", number % 3 // 2))
    table = pd.DataFrame(rows, columns=["image", "patient_id", "eye", "dr"])
    table.to_csv(folder / "labels.csv", index=False)
    return folder


def report(what: str, seconds: list[float]) -> None:
    """Prints the median and the range."""
    middle = statistics.median(seconds)
    print(f"{what}: median {middle:.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


def main() -> None:
    """Measures both and prints them."""
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        folder = Path(scratch)
        peer = folder / "peer" / "app.py"
        peer.parent.mkdir()
        peer.write_text("import streamlit as st\nst.title('Hello')\n", encoding="utf-8")
        page = browser.new_page()
        ours, theirs = [], []
        for number in range(ROUNDS):
            theirs.append(first_page(page, peer, folder, "Hello"))
            empty = folder / f"workspace{number}"
            ours.append(first_page(page, ROOT / "app.py", empty, "Open the demo photographs"))
        report("one-line app, start to first page", theirs)
        report("Fundus Explorer, start to first page", ours)

        workspace = folder / "workspace"
        data = write_images(folder / "data")
        command = [sys.executable, "-m", "fundus_core", "check", str(data)]
        subprocess.run([*command, "--workspace", str(workspace)], check=True, cwd=ROOT)
        with server(ROOT / "app.py", workspace) as address:
            page.goto(address)
            page.get_by_text("Rejected").first.wait_for()
            for name, seconds in switches(page).items():
                report(f"switch to {name} with {N_IMAGES:,} images", seconds)


if __name__ == "__main__":
    main()
