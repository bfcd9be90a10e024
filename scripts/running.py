"""A dashboard and a browser for tests, screenshots and measurements."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]

# Software WebGL: without it, scatter plots stay empty in a headless browser.
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--enable-unsafe-swiftshader",
    "--use-gl=angle",
    "--use-angle=swiftshader",
]

DRAWN = (
    "() => !document.querySelector("
    "'[data-testid=stStatusWidget], [data-testid=stSkeleton], [data-stale=true]')"
)
"""True in a page when Streamlit has nothing left to draw, and nothing left to load for it."""

SECONDS_TO_START = 60


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Yields the browser that `FUNDUS_BROWSER` names, else Debian's, else Playwright's own."""
    path = os.environ.get("FUNDUS_BROWSER") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=path if Path(path).is_file() else None, args=FLAGS
        )
        yield found
        found.close()


@contextlib.contextmanager
def serving(
    module: Sequence[str], options: Sequence[str], environment: Mapping[str, str]
) -> Iterator[str]:
    """Yields the address of a server as soon as it answers; ends it and its children afterwards.

    Args:
        module: What Python runs: a module and its first arguments.
        options: Names the port as `{port}` wherever it is needed.
        environment: All variables of the server.
    """
    port = free_port()
    command = [sys.executable, "-m", *module, *(o.format(port=port) for o in options)]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(address, server)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


def free_port() -> int:
    """Returns a port nobody listens on."""
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
            time.sleep(0.01)
    raise TimeoutError(f"The dashboard did not start within {SECONDS_TO_START} s.")


def draw_around(page: Page, corners: Sequence[tuple[float, float]]) -> None:
    """Draws a lasso on the first chart of a page.

    Args:
        page: Showing a chart that listens.
        corners: Positions (x, y) as shares of the chart's width and height.
    """
    box = page.locator(".js-plotly-plot").first.bounding_box()
    if box is None:
        raise ValueError("There is no chart to draw on.")
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
