"""A dashboard of its own, and a browser to look at it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]

# Software WebGL: without it, scatter plots stay empty in a headless browser.
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--enable-unsafe-swiftshader",
    "--use-gl=angle",
    "--use-angle=swiftshader",
]
SECONDS_TO_START = 60


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A server with a workspace of its own."""

    address: str
    workspace: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < give_up and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"The dashboard did not start within {SECONDS_TO_START} s.")


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard on an empty workspace that stays empty."""
    with started(tmp_path_factory.mktemp("home"), "--no-demo") as running:
        yield running


@contextmanager
def started(home: Path, *options: str) -> Iterator[Dashboard]:
    """Starts `fundus app` as a user would, with an empty home and no network to the hub."""
    workspace, port = home / "workspace", _free_port()
    command = [sys.executable, "-m", "fundus_core", "app", "--port", str(port)]
    command += ["--no-browser", "--workspace", str(workspace), *options]
    environment = {name: value for name, value in os.environ.items() if name != "FUNDUS_WEIGHTS"}
    environment |= {"HOME": str(home), "FUNDUS_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(address, server)
        yield Dashboard(address, workspace)
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium that `make test` found."""
    path = os.environ.get("FUNDUS_BROWSER") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=path if Path(path).is_file() else None, args=FLAGS
        )
        yield found
        found.close()


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
