"""Prints the path of a Chromium for the browser tests, installing one first where there is none.

In order: the one `FUNDUS_BROWSER` names, one on the path, one Playwright has fetched before; then
Debian's package when run as root, else Playwright's own build. Everything but the path goes to
standard error.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

NOTHING_WORKED = (
    "No browser for the tests: install Chromium or Chrome, "
    "or name one by FUNDUS_BROWSER=/path/to/chromium"
)


def named_by_the_user() -> Iterator[str]:
    """Yields the browser of `FUNDUS_BROWSER`."""
    if chosen := os.environ.get("FUNDUS_BROWSER"):
        yield chosen


def on_the_path() -> Iterator[str]:
    """Yields the browsers the shell would find."""
    yield from filter(None, map(shutil.which, NAMES))


def fetched_by_playwright() -> Iterator[str]:
    """Yields where Playwright keeps its Chromium, whether or not it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.executable_path


def installed_by_apt() -> Iterator[str]:
    """Installs Debian's package, which takes its libraries along, and yields it."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _attempt(["apt-get", "update", "-qq"], environment)
        _attempt(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], environment
        )
        yield from on_the_path()


def installed_by_playwright() -> Iterator[str]:
    """Lets Playwright fetch its own build (and, as root, the libraries it needs) and yields it."""
    libraries = ["--with-deps"] if os.geteuid() == 0 else []
    _attempt([sys.executable, "-m", "playwright", "install", *libraries, "chromium"])
    yield from fetched_by_playwright()


SOURCES: tuple[Callable[[], Iterator[str]], ...] = (
    named_by_the_user,
    on_the_path,
    fetched_by_playwright,
    installed_by_apt,
    installed_by_playwright,
)


def find() -> str | None:
    """Returns the first browser that runs."""
    return next((path for source in SOURCES for path in source() if _runs(path)), None)


def _attempt(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Runs an installer; whether it helped is seen by whether there is a browser afterwards."""
    sys.stderr.write(f"Installing a browser for the tests: {' '.join(command)}\n")
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)


def _runs(path: str) -> bool:
    """Tells whether the browser starts: a stub that asks for a snap or lacks libraries does not."""
    if not Path(path).is_file():
        return False
    version = subprocess.run([path, "--version"], check=False, capture_output=True, timeout=60)
    return version.returncode == 0


def main() -> int:
    """Prints the path, or one line that says what to do."""
    path = find()
    sys.stdout.write(f"{path}\n") if path else sys.stderr.write(f"{NOTHING_WORKED}\n")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
