"""Puts the dashboard under load, prints what came of it, and fails if a bound was broken.

    python -m tests.load.run --sessions 20 --minutes 10
    python -m tests.load.run --sessions 5 --minutes 60 --soak
    python -m tests.load.run --pages-rerun 200

Visitors come over Streamlit's own protocol, without a browser: each opens page after page, moves a
slider where there is one, fetches the pictures, and thinks in between. The photographs are noise;
embeddings, map and probes are real.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from scripts.served import Served, served
from tests.load.prepared import prepare
from tests.load.verdict import Bounds, Verdict, Waiting, judged
from tests.load.visitors import Reruns, Stay, reruns_of_each_page

N_IMAGES = 20_000
SECONDS_TO_THINK = 8.0
RERUNS_BEFORE = 20
MOST_GROWTH_OF_A_PAGE = 50.0
"""MB in all reruns of one page."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what was asked for; returns 1 if a bound was broken, else 0."""
    asked = _parser().parse_args(argv)
    with _workspace(asked) as workspace, served(workspace) as server:
        if asked.pages_rerun:
            return _pages(server, asked)
        return _visitors(server, asked)


def _visitors(server: Served, asked: argparse.Namespace) -> int:
    """Lets visitors in, and prints what they met."""
    stay = Stay(server, asked.sessions, 60 * asked.minutes, asked.think, tell=_tell)
    before = server.seconds_of_cpu
    asyncio.run(stay.run())
    bounds = Bounds(judges_waiting=not asked.soak)
    verdict = judged(stay, bounds, server.seconds_of_cpu - before)
    _print(verdict.as_json() if asked.json else _told(verdict))
    return int(bool(verdict.broken))


def _pages(server: Served, asked: argparse.Namespace) -> int:
    """Has each page drawn many times, and prints how the server grew."""
    found = asyncio.run(reruns_of_each_page(server, asked.pages_rerun, RERUNS_BEFORE))
    broken = [page for page in found if page.errors or page.growth >= MOST_GROWTH_OF_A_PAGE]
    values = [{**asdict(page), "growth": page.growth} for page in found]
    _print(values if asked.json else "\n".join(map(_page_line, found)))
    return int(bool(broken))


def _page_line(page: Reruns) -> str:
    errors = f", {len(page.errors)} errors, the first: {page.errors[0]}" if page.errors else ""
    return f"{page.page:16} {page.before:5.0f} -> {page.after:5.0f} MB, {page.growth:+.1f}{errors}"


def _told(verdict: Verdict) -> str:
    """Returns a verdict as text."""
    lines = [
        f"{verdict.sessions} sessions, {verdict.minutes:g} minutes, {verdict.answers} answers, "
        f"{sum(verdict.errors.values())} errors; the server used {verdict.share_of_core:.2f} cores",
        *(f"  {count} x {error}" for error, count in verdict.errors.items()),
        "waiting in seconds           n    p50    p95    max",
        *map(_waiting_line, (*verdict.pages, verdict.overall)),
        "first visit of each page since the start:",
        "  " + ", ".join(f"{page.what} {page.longest:.2f}" for page in verdict.first),
        "memory of the server in MB, each minute (open tabs):",
        "  " + " ".join(f"{one.megabytes:.0f} ({one.tabs})" for one in verdict.megabytes),
        f"growth after the warm-up {verdict.growth:+.0f} MB, from the second quarter to the last "
        f"{verdict.drift:+.0f} MB",
        *(verdict.broken or ("All bounds were kept.",)),
    ]
    return "\n".join(lines)


def _waiting_line(page: Waiting) -> str:
    return f"  {page.what:20} {page.n:7} {page.median:6.2f} {page.p95:6.2f} {page.longest:6.2f}"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _print(found: object) -> None:
    text = found if isinstance(found, str) else json.dumps(found, indent=1)
    sys.stdout.write(f"{text}\n")


@contextmanager
def _workspace(asked: argparse.Namespace) -> Iterator[Path]:
    """Yields the workspace that was named, or one made for this run."""
    if asked.workspace:
        yield asked.workspace
        return
    with tempfile.TemporaryDirectory() as folder:
        yield prepare(Path(folder), asked.images)


def _parser() -> argparse.ArgumentParser:
    first, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(description=first)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--think", type=float, default=SECONDS_TO_THINK, help="mean, in seconds")
    parser.add_argument("--soak", action="store_true", help="judge errors and memory alone")
    parser.add_argument("--pages-rerun", type=int, default=0, help="reruns of each page instead")
    parser.add_argument("--images", type=int, default=N_IMAGES)
    parser.add_argument("--workspace", type=Path, help="an existing one; else one is made")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
