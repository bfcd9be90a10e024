"""A dashboard of its own, and a browser to look at it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from scripts.running import chromium, serving


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


@contextmanager
def started(home: Path, *options: str) -> Iterator[Dashboard]:
    """Starts `fundus app` as a user would, with an empty home and no network to the hub."""
    workspace = home / "workspace"
    environment = {name: value for name, value in os.environ.items() if name != "FUNDUS_WEIGHTS"}
    environment |= {"HOME": str(home), "OMP_NUM_THREADS": "2"}
    arguments = ["--port", "{port}", "--no-browser", "--workspace", str(workspace), *options]
    with serving(["fundus_core", "app"], arguments, environment) as address:
        yield Dashboard(address, workspace)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium that `make test` found."""
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of 1280 x 1400 pixels; a script error on the page fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    window = context.new_page()
    errors: list[str] = []
    window.on("pageerror", lambda error: errors.append(str(error)))
    window.set_default_timeout(60_000)
    yield window
    context.close()
    assert not errors, errors
