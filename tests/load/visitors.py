"""Visitors who walk through all pages, and what they met."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from scripts.served import Served
from scripts.streamlit_session import Answer, Tab, open_tab

How = Literal["first", "opened", "acted", "redrawn"]
"""Opened before anybody else did; opened later; a control moved; a part redrew itself."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer that a visitor got."""

    minute: float
    """Since the visitors came."""

    how: How
    answer: Answer


@dataclass(frozen=True, slots=True)
class Reading:
    """What the server held at a moment."""

    minute: float
    """Since the visitors came."""

    megabytes: float
    """Resident memory."""

    tabs: int
    """How many were open."""


@dataclass(slots=True)
class Stay:
    """A number of visitors for some time. `visits` and `readings` fill while they stay."""

    server: Served
    n_sessions: int
    seconds: float

    seconds_to_think: float
    """Mean time between an answer and the next request."""

    seconds_between_readings: float = 5.0

    tell: Callable[[str], None] = lambda _: None
    """Called with a line each minute."""

    visits: list[Visit] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    _began: float = 0.0
    _open: int = 0

    async def run(self) -> None:
        """Opens every page once, then lets all visitors in, and returns when they are gone."""
        await self._first_visits()
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._watch())
            walks = [tasks.create_task(self._walk(number)) for number in range(self.n_sessions)]
            await asyncio.wait(walks)
            watch.cancel()
        self._read()

    async def _first_visits(self) -> None:
        """Opens each page alone: what is loaded or computed once is measured for itself."""
        async with open_tab(self.server.address) as (tab, answer):
            self.visits.append(Visit(0.0, "first", answer))
            for entry in tab.menu:
                self.visits.append(Visit(0.0, "first", await tab.visit(entry)))

    async def _walk(self, number: int) -> None:
        """Walks through all pages again and again, each time in another order."""
        chance = random.Random(number)
        await asyncio.sleep(chance.uniform(0, self.seconds_to_think))
        async with open_tab(self.server.address) as (tab, answer):
            self._open += 1
            self._note("opened", answer)
            while not self._is_over:
                await self._lap(tab, chance)
        self._open -= 1

    async def _lap(self, tab: Tab, chance: random.Random) -> None:
        """Walks through all pages once."""
        for entry in chance.sample(tab.menu, len(tab.menu)):
            if self._is_over:
                return
            self._note("opened", await tab.visit(entry))
            await self._think(tab, chance)
            self._note("acted", await tab.act(chance))
            await self._think(tab, chance)

    async def _think(self, tab: Tab, chance: random.Random) -> None:
        """Waits as a reader does, between half and one and a half of the mean."""
        for answer in await tab.think(self.seconds_to_think * chance.uniform(0.5, 1.5)):
            self._note("redrawn", answer)

    async def _watch(self) -> None:
        """Reads the memory again and again, and tells of it each minute."""
        told = -1
        while True:
            self._read()
            last = self.readings[-1]
            if int(last.minute) > told:
                told = int(last.minute)
                errors = sum(bool(visit.answer.errors) for visit in self.visits)
                self.tell(
                    f"minute {told}: {last.megabytes:.0f} MB, {last.tabs} tabs, "
                    f"{len(self.visits)} answers, {errors} with errors"
                )
            await asyncio.sleep(self.seconds_between_readings)

    def _note(self, how: How, answer: Answer) -> None:
        self.visits.append(Visit(self._minute, how, answer))

    def _read(self) -> None:
        self.readings.append(Reading(self._minute, self.server.megabytes, self._open))

    @property
    def _minute(self) -> float:
        return (time.monotonic() - self._began) / 60

    @property
    def _is_over(self) -> bool:
        return self._minute * 60 >= self.seconds


async def reruns_of_each_page(server: Served, n_reruns: int, n_before: int) -> list["Reruns"]:
    """Has each page drawn many times in one tab, moving its sliders.

    Args:
        server: What is measured.
        n_reruns: Of each page, counted.
        n_before: Of each page, beforehand: what is loaded and kept once is no growth.
    """
    chance = random.Random(0)
    found = []
    async with open_tab(server.address) as (tab, _):
        for entry in tab.menu:
            answers = [await tab.visit(entry)]
            answers += [await tab.act(chance) for _ in range(n_before)]
            before = server.megabytes
            answers += [await tab.act(chance) for _ in range(n_reruns)]
            errors = tuple(error for answer in answers for error in answer.errors)
            found.append(Reruns(entry.title, before, server.megabytes, errors))
    return found


@dataclass(frozen=True, slots=True)
class Reruns:
    """What many reruns of one page did to the server."""

    page: str

    before: float
    """Resident memory before them, MB."""

    after: float
    """The same after them, MB."""

    errors: tuple[str, ...]

    @property
    def growth(self) -> float:
        """Of the resident memory, MB."""
        return self.after - self.before
