"""Ten readers at once, with torch, scikit-learn and umap loaded: the dashboard beside a plain one.

    python -m benchmarks.sessions [PAGE ...]

Streamlit runs the garbage collector after every rerun. The dashboard takes libraries out of its
rounds (`fundus_core.ui.wiring.spare_the_collector`); the plain one is the same dashboard, but for
`gc.freeze`, which does nothing there. Both are started in the same run and asked in turns, over
Streamlit's own protocol, without a browser. 20,000 photographs of noise, with a map and a probe.

Two kinds of readers: ten who ask again as soon as they are answered, which no reader does, and ten
who look for about a second at each answer. Besides pages of the dashboard, a page of one line:
there, the difference is that of the collector alone. Pages that are named are measured alone.
"""

import asyncio
import gc
import importlib
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fundus_core.ui import serve
from scripts.streamlit_session import crowd

HEAVY = ("sklearn.linear_model", "timm", "torch", "umap")
SESSIONS, RERUNS, ROUNDS = 10, 5, 2
SECONDS_TO_LOOK = 1.0
PAGES = ("jobs", "images", "map", "roc")
WAYS = ("ours", "plain")

ONE_LINE = """
import streamlit as st
from fundus_core.ui import wiring
st.title("One line")
wiring.spare_the_collector()
"""


def start(way: str, arguments: list[str]) -> None:
    """Starts a dashboard with all heavy libraries loaded, as they are after some use."""
    for name in HEAVY:
        importlib.import_module(name)
    if way == "plain":
        gc.freeze = lambda: None
    sys.argv = ["streamlit", *arguments]
    serve.main()


@contextmanager
def started(way: str, script: Path, workspace: Path) -> Iterator[str]:
    """Yields the address of a dashboard."""
    from scripts.running import ROOT, serving  # not in the servers: it loads a browser's driver

    options = [way, "run", str(script), "--server.port", "{port}", "--server.headless", "true"]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "FUNDUS_WORKSPACE": str(workspace)}
    environment["PYTHONPATH"] = str(ROOT)
    with serving(["benchmarks.sessions"], options, environment) as address:
        yield address


def asked(address: str, path: str, seconds_to_look: float) -> list[float]:
    """Returns the seconds of every rerun of ten readers.

    Raises:
        SystemExit: If one of them saw an error.
    """
    answers = asyncio.run(crowd(address, SESSIONS, RERUNS, path, pause=_pause(seconds_to_look)))
    if errors := [error for answer in answers for error in answer.errors]:
        raise SystemExit(f"An error was shown on /{path}: {errors[0]}")
    return [answer.seconds for answer in answers]


def _pause(mean: float) -> Callable[[], float]:
    chance = random.Random(0)
    return lambda: mean * chance.uniform(0.5, 1.5)


def p95(seconds: list[float]) -> float:
    """Returns the 95th percentile."""
    return statistics.quantiles(seconds, n=20)[-1]


def row(what: str, addresses: dict[str, str], path: str, seconds_to_look: float) -> str:
    """Measures both ways in turns and returns a line of the table."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for address in addresses.values():
        asked(address, path, 0.0)  # what is computed once is not counted
    for _ in range(ROUNDS):
        for way, address in addresses.items():
            seconds[way] += asked(address, path, seconds_to_look)
    medians = [1000 * statistics.median(seconds[way]) for way in WAYS]
    highest = [1000 * p95(seconds[way]) for way in WAYS]
    return (
        f"| {what} | {medians[0]:.0f} / {highest[0]:.0f} | {medians[1]:.0f} / {highest[1]:.0f} "
        f"| {medians[1] / medians[0]:.1f} / {highest[1] / highest[0]:.1f} |"
    )


def main(pages: Sequence[str] = PAGES) -> None:
    """Measures the page of one line, and pages of the dashboard, and prints a table."""
    from benchmarks.interaction import N_IMAGES, prepare
    from scripts.running import ROOT

    print("| page, readers | ours, p50 / p95 in ms | plain | times, of p50 / p95 |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as servers:
        folder = Path(scratch)
        script = folder / "one_line" / "app.py"
        script.parent.mkdir()
        script.write_text(ONE_LINE, encoding="utf-8")
        workspace, _ = prepare(folder / "runs", N_IMAGES, with_run=True)
        for what, app, paths in (("one line", script, ("",)), ("", ROOT / "app.py", pages)):
            addresses = {way: servers.enter_context(started(way, app, workspace)) for way in WAYS}
            for path in paths:
                for readers, look in (("looking", SECONDS_TO_LOOK), ("never pausing", 0.0)):
                    name = f"{what or path}, {readers}"
                    print(row(name, addresses, path, look), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        start(sys.argv[1], sys.argv[2:])
    else:
        main(sys.argv[1:] or PAGES)
