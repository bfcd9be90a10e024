"""The dashboard under load: short versions here, the full ones by `python -m tests.load.run`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.served import Served, served
from scripts.streamlit_session import Answer, crowd, open_tab
from tests.load.prepared import prepare
from tests.load.run import MOST_GROWTH_OF_A_PAGE, SECONDS_TO_THINK
from tests.load.verdict import Bounds, judged, waiting
from tests.load.visitors import Reading, Stay, Visit, reruns_of_each_page

N_IMAGES = 60
SECONDS_OF_A_GONE_SESSION = 2
"""How long the server keeps the session of a closed tab, here; two minutes by default."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that every page has something to show of."""
    return prepare(tmp_path_factory.mktemp("load"), N_IMAGES)


@pytest.fixture(scope="module")
def server(workspace: Path) -> Iterator[Served]:
    with served(
        workspace, "--server.disconnectedSessionTTL", str(SECONDS_OF_A_GONE_SESSION)
    ) as one:
        yield one


def test_visitors__walk_through_all_pages_without_an_error(server: Served) -> None:
    stay = Stay(server, n_sessions=4, seconds=8, seconds_to_think=0.5, seconds_between_readings=1)

    asyncio.run(stay.run())
    verdict = judged(stay, Bounds(seconds=5.0), seconds_of_cpu=0.0)

    assert verdict.broken == ()
    assert len(verdict.first) > 15  # every page of the menu
    assert verdict.answers > len(verdict.first) + 4


def test_reruns__of_each_page_keep_the_memory(server: Served) -> None:
    found = asyncio.run(reruns_of_each_page(server, n_reruns=5, n_before=3))

    assert [page.errors for page in found] == [()] * len(found)
    assert {page.page for page in found if page.growth >= 20.0} == set()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_reruns__200_of_each_page_grow_under_50_mb(server: Served) -> None:
    found = asyncio.run(reruns_of_each_page(server, n_reruns=200, n_before=20))

    assert [page.errors for page in found] == [()] * len(found)
    assert {page.page for page in found if page.growth >= MOST_GROWTH_OF_A_PAGE} == set()


@pytest.mark.slow
def test_visitors__twenty_for_two_minutes(server: Served) -> None:
    stay = Stay(server, n_sessions=20, seconds=120, seconds_to_think=SECONDS_TO_THINK)

    asyncio.run(stay.run())

    assert judged(stay, Bounds(), seconds_of_cpu=0.0).broken == ()


@pytest.mark.parametrize("n_sessions", [1, 10, pytest.param(50, marks=pytest.mark.slow)])
def test_crowd__reruns_at_once(server: Served, n_sessions: int) -> None:
    asyncio.run(crowd(server.address, 1, 5))  # what is loaded once is no growth
    before = server.megabytes

    answers = asyncio.run(crowd(server.address, n_sessions, 5))
    grown = server.megabytes - before

    assert [answer.errors for answer in answers] == [()] * 5 * n_sessions
    assert waiting("", answers).p95 < max(1.0, 0.1 * n_sessions)
    assert grown < 5.0 * n_sessions + 5.0


@pytest.mark.slow
def test_crowd__leaves_no_memory_behind(server: Served) -> None:
    asyncio.run(crowd(server.address, 10, 2))
    asyncio.run(_forget(server))
    before = server.megabytes

    asyncio.run(crowd(server.address, 50, 2))
    asyncio.run(_forget(server))

    assert server.megabytes - before < 25.0  # of 50 sessions: half a megabyte each


async def _forget(server: Served) -> None:
    """Waits until the sessions of closed tabs may go; a tab that closes has the server look."""
    await asyncio.sleep(SECONDS_OF_A_GONE_SESSION + 1)
    async with open_tab(server.address):
        pass
    await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("import streamlit as st\nst.error('This was refused.')", "This was refused."),
        ("raise RuntimeError('lost')", "error"),
        ("def (", "compiled"),
        ("import streamlit as st\nst.image('gone.png')", "error"),
    ],
)
def test_open_tab__notices_what_a_reader_would_see(tmp_path: Path, script: str, shown: str) -> None:
    page = tmp_path / "page.py"
    page.write_text(script, encoding="utf-8")

    with served(tmp_path / "none", script=page) as server:
        errors = asyncio.run(_errors_of(server))

    assert any(shown in error for error in errors), errors


async def _errors_of(server: Served) -> tuple[str, ...]:
    async with open_tab(server.address) as (_, answer):
        return answer.errors


def _answer(seconds: float, *errors: str) -> Answer:
    return Answer("Map", seconds, 1000, errors)


def _stay(visits: list[Visit], megabytes: list[float]) -> Stay:
    """A stay of a minute for each reading, without a server."""
    stay = Stay(None, 1, 60.0 * len(megabytes), 1.0)  # type: ignore[arg-type]
    stay.visits = visits
    stay.readings = [Reading(float(n), held, 1) for n, held in enumerate(megabytes)]
    return stay


def test_judged__says_which_bounds_were_broken() -> None:
    visits = [Visit(0.0, "first", _answer(9.0)), Visit(1.0, "opened", _answer(3.0, "refused"))]

    verdict = judged(_stay(visits, [100, 100, 100, 150, 200, 350]), Bounds(), seconds_of_cpu=36.0)

    assert verdict.errors == {"Map: refused": 1}
    assert (verdict.growth, verdict.share_of_core) == (250, 0.1)
    assert [line.partition(" ")[0] for line in verdict.broken] == ["1", "Map:", "Memory", "Memory"]


def test_judged__does_not_count_the_warm_up_nor_first_visits() -> None:
    visits = [Visit(0.0, "first", _answer(9.0)), Visit(1.0, "opened", _answer(1.0))]

    verdict = judged(_stay(visits, [100, 500, 510, 500, 510, 505]), Bounds(), seconds_of_cpu=0.0)

    assert verdict.broken == ()
    assert (verdict.first[0].longest, verdict.pages[0].longest) == (9.0, 1.0)
