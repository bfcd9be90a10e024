"""How long a reader waits for an answer while working, and what the server holds afterwards.

    python -m benchmarks.interaction

In headless Chromium, server and browser on the same machine; every time runs from the last
movement of the hand to the drawn page. 20,000 photographs with a map and a real probe; a lasso
around nearly all of 110,000. Photographs are noise and embeddings are random: waiting does not
depend on what is seen. Beside them, in the same run, a Streamlit app that has only a slider: what
no page of ours can be faster than.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Page
from streamlit.testing.v1 import AppTest

from benchmarks.dashboard import report, write_images
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.workspace import Workspace
from fundus_core.ui import state
from fundus_core.ui.session import Session
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.embeddings.project import project_embeddings
from scripts.command_line import fundus
from scripts.running import DRAWN, ROOT, chromium, draw_around
from scripts.served import Served, served

ROUNDS = 7
N_IMAGES, N_ON_MAP = 20_000, 110_000
RERUNS = 200
DIMENSIONS = 16
CHOICE = BackboneChoice("timm:test_resnet", weights="scratch", image_size=64, precision="fp32")
AROUND_ALL = ((0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.02))
A_PART = ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6), (0.3, 0.3))
SHAPES = (A_PART, AROUND_ALL)

_DONE = """document
    .querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning"
"""
"""True in a page when the server has answered to the last byte."""

ANSWERED = f"before => location.href !== before && {_DONE}"
OPENED = f"""name => [...document.querySelectorAll("button[kind=primary]")]
    .some(one => one.innerText.trim() === name) && {_DONE}
"""

PEER = """
import streamlit as st
st.title("Peer")
st.query_params["at"] = st.slider("Threshold", 0.0, 1.0, 0.5, 0.001)
"""


def prepare(folder: Path, n_images: int, *, with_run: bool) -> tuple[Path, str]:
    """Makes a workspace with photographs, embeddings and a map; returns it and the data set."""
    workspace = folder / "workspace"
    data = write_images(folder / "data", n_images)
    name = fundus("check", data, workspace=workspace)["dataset_id"]
    place = Workspace(workspace)
    dataset = stored_dataset(place, name)
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 12, n_images)
    vectors = generator.normal(size=(n_images, DIMENSIONS)).astype(np.float32)
    vectors += 4 * generator.normal(size=(12, DIMENSIONS)).astype(np.float32)[groups]
    recipe = resolve(place, CHOICE).recipe
    store = EmbeddingStore(place.embeddings, recipe)
    with store.lock():
        store.add(vectors, dataset.image_ids, {})
    project_embeddings(place, embed(place, dataset, CHOICE), method="pca")
    if with_run:
        options = ["--backbone", CHOICE.backbone, "--weights", "scratch", "--image-size", "64"]
        fundus(
            "probe", data, *options, "--precision", "fp32", "--target", "dr", workspace=workspace
        )
    return workspace, name


def settle(page: Page) -> None:
    """Waits until a page is drawn."""
    page.get_by_test_id("stMain").locator("h1").wait_for()
    page.wait_for_function(DRAWN, timeout=120_000)
    page.wait_for_timeout(1000)


def waiting(page: Page, act: Callable[[], None], opened: str = "") -> float:
    """Returns seconds from the end of an act until its answer is drawn.

    Args:
        page: On which it happens.
        act: What the reader does.
        opened: The photograph that is open then; else the answer is a new address.
    """
    before = page.url
    act()
    began = time.perf_counter()
    condition, named = (OPENED, opened) if opened else (ANSWERED, before)
    page.wait_for_function(condition, arg=named, timeout=60_000, polling=5)
    return time.perf_counter() - began


def slider(page: Page) -> list[float]:
    """Returns how long a step of the threshold takes."""
    page.get_by_role("slider", name="Threshold").focus()
    return repeated(page, lambda _: page.keyboard.press("ArrowRight"))


def lasso(page: Page, address: str) -> list[float]:
    """Returns how long a lasso on the map takes until what it selected is drawn."""
    page.goto(address)
    settle(page)
    page.locator(".js-plotly-plot canvas").first.wait_for(state="attached")
    page.wait_for_timeout(2000)  # the canvas is there before plotly listens
    return repeated(page, lambda number: draw_around(page, SHAPES[number % len(SHAPES)]))


def gallery(page: Page, address: str) -> list[float]:
    """Returns how long a click below a photograph takes until it is open beside the gallery."""
    page.goto(address)
    settle(page)
    buttons = page.get_by_test_id("stMain").get_by_role("button", name=re.compile(r"^P\d{6}"))
    names = [one.strip() for one in buttons.all_inner_texts()[: ROUNDS + 1]]
    found = []
    for name in names:
        one = page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).first
        found.append(waiting(page, one.click, name))
        page.wait_for_timeout(1000)
    return found[1:]


def repeated(page: Page, act: Callable[[int], None]) -> list[float]:
    """Returns how long acts take, without the first, which loads what it needs."""
    found = []
    for number in range(ROUNDS + 1):
        found.append(waiting(page, partial(act, number)))
        page.wait_for_timeout(1000)
    return found[1:]


def growth(page: Page, server: Served) -> tuple[float, float]:
    """Returns the megabytes of the server before and after 200 reruns of a page with a slider."""
    slider(page)  # what is loaded once is no growth
    before = server.megabytes
    for number in range(RERUNS):
        waiting(page, partial(page.keyboard.press, "ArrowLeft" if number % 2 else "ArrowRight"))
    return before, server.megabytes


def server_alone(workspace: Path, name: str) -> dict[str, list[float]]:
    """Returns how long the server alone takes for the same answers, without a browser."""
    os.environ["FUNDUS_WORKSPACE"] = str(workspace)
    ids = stored_dataset(Workspace(workspace), name).image_ids
    found: dict[str, list[float]] = {"threshold": [], "lasso": []}
    roc = AppTest.from_file(ROOT / "pages/evaluate/roc.py", default_timeout=60).run()
    on_map = AppTest.from_file(ROOT / "pages/embed/map.py", default_timeout=60)
    on_map.session_state[state.KEY] = Session(dataset_id=name, method="pca")
    on_map.run()
    for number in range(ROUNDS + 1):
        roc.slider[0].set_value(0.3 + 0.01 * number)
        began = time.perf_counter()
        roc.run()
        found["threshold"].append(time.perf_counter() - began)
        kept = replace(on_map.session_state[state.KEY], selection=ids[number : -1 - number])
        on_map.session_state[state.KEY] = kept
        began = time.perf_counter()
        on_map.run()
        found["lasso"].append(time.perf_counter() - began)
    return {act: seconds[1:] for act, seconds in found.items()}


def main() -> None:
    """Measures everything and prints it."""
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        folder = Path(scratch)
        peer = folder / "peer.py"
        peer.write_text(PEER, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        with served(folder / "none", script=peer) as server:
            page.goto(server.address)
            settle(page)
            report("one-line app, threshold slider", slider(page))
        workspace, name = prepare(folder / "runs", N_IMAGES, with_run=True)
        with served(workspace) as server:
            page.goto(f"{server.address}/roc?dataset={name}")
            settle(page)
            report(f"threshold slider, {N_IMAGES:,} photographs", slider(page))
            before, after = growth(page, server)
            print(f"{RERUNS} reruns of the ROC page: {before:.0f} MB before, {after:.0f} MB after")
            on_map = f"{server.address}/map?dataset={name}&map=pca"
            report(f"lasso, {N_IMAGES:,} photographs", lasso(page, on_map))
            report("click on a photograph below the map", gallery(page, page.url))
            images = f"{server.address}/images?dataset={name}"
            report("click on a photograph of the Images page", gallery(page, images))
        for act, seconds in server_alone(workspace, name).items():
            report(f"{act}, the server alone", seconds)
        workspace, name = prepare(folder / "large", N_ON_MAP, with_run=False)
        with served(workspace) as server:
            page.goto(f"{server.address}/map?dataset={name}&map=pca")
            settle(page)
            where = page.url
            report(f"lasso, {N_ON_MAP:,} photographs", lasso(page, where))
            said = page.locator(".st-key-selection-bar").inner_text()
            counted = re.search(r"[\d,]+ of [\d,]+ photographs", said)
            print("selected at the end:", counted[0] if counted else said)
            print(f"server with {N_ON_MAP:,} photographs: {server.megabytes:.0f} MB")


if __name__ == "__main__":
    main()
