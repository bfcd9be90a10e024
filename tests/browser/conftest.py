"""A dashboard of its own, and a browser to look at it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import make_demo
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from scripts.running import chromium, serving

expect.set_options(timeout=30_000)  # a machine with other work takes its time

LONGEST = ("test_accessibility.py", "test_whole_line.py", "test_first_visit.py", "test_address.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first: of two processes, none is left alone with one at the end."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A server with a workspace of its own."""

    address: str
    workspace: Path


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard on an empty workspace that stays empty."""
    with started(tmp_path_factory.mktemp("home"), "--no-demo") as running:
        yield running


@dataclass(frozen=True, slots=True)
class Furnished(Dashboard):
    """A dashboard with 100 synthetic photographs and two evaluated models."""

    dataset_id: str
    run_ids: tuple[str, ...]
    """Probes of abnormal photographs on two small networks that learned nothing."""


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of 100 small photographs, to be copied into a workspace."""
    folder = tmp_path_factory.mktemp("drawn") / "demo"
    make_demo(folder, n_patients=40, image_size=128, plants=False)
    return folder


@pytest.fixture(scope="session")
def furnished(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """One dashboard for all tests that begin where there are models."""
    with started(tmp_path_factory.mktemp("furnished"), "--no-demo") as running:
        place = Workspace(running.workspace)
        shutil.copytree(small_demo, place.demo)
        source = DataSource(place.demo)
        name, dataset = dataset_id(source), open_dataset(place, source)
        runs = [
            probe_dataset(place, dataset, name, backbone, ProbeChoice("abnormal"))
            for backbone in (
                BackboneChoice("timm:test_resnet", weights="scratch", image_size=64),
                BackboneChoice("timm:test_vit", weights="scratch"),
            )
        ]
        ids = tuple(run.id for run in runs)
        yield Furnished(running.address, running.workspace, name, ids)


@contextmanager
def started(home: Path, *options: str) -> Iterator[Dashboard]:
    """Starts `fundus app` as a user would, with an empty home and no network to the hub."""
    workspace = home / "workspace"
    environment = {name: value for name, value in os.environ.items() if name != "FUNDUS_WEIGHTS"}
    environment |= {"HOME": str(home), "OMP_NUM_THREADS": "2"}
    arguments = ["--port", "{port}", "--no-browser", "--workspace", str(workspace), *options]
    with serving(["fundus_core", "app"], arguments, environment) as address:
        yield Dashboard(address, workspace)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium that `make test` found."""
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[BrowserContext]:
    """A window of 1280 x 1400 pixels without a tab."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A tab; a script error on the page fails the test."""
    yield from tab(window)


@pytest.fixture
def second_tab(window: BrowserContext) -> Iterator[Page]:
    """Another tab of the same window."""
    yield from tab(window)


def tab(window: BrowserContext) -> Iterator[Page]:
    """Yields a tab; a script error on its page fails the test."""
    opened = window.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert not errors, errors
