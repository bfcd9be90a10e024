"""What a stay comes to: waiting per page, memory, errors, and which bounds were broken."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.streamlit_session import Answer
from tests.load.visitors import Reading, Stay, Visit

WARM_UP = 0.2
"""Share of a stay that its memory may take to reach its level."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a stay may come to at most."""

    seconds: float = 2.0
    """95th percentile of the waiting for each page."""

    growth: float = 200.0
    """Of the resident memory from the end of the warm-up to the end, MB."""

    drift: float = 50.0
    """From the median of the second quarter to that of the last, MB: what no longer is flat."""

    judges_waiting: bool = True
    """False where other work on the machine decides on the waiting."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long answers took, s."""

    what: str
    n: int
    median: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A stay in figures."""

    sessions: int
    minutes: float
    answers: int

    errors: dict[str, int]
    """PAGE: what was shown -> how often."""

    pages: tuple[Waiting, ...]
    """For each page: opened or acted on after its first visit."""

    overall: Waiting
    """All pages together."""

    first: tuple[Waiting, ...]
    """For each page: its very first visit since the server was started."""

    megabytes: tuple[Reading, ...]
    """One reading a minute, and the last."""

    growth: float
    """From the end of the warm-up to the end, MB."""

    drift: float
    """From the second quarter to the last, MB."""

    share_of_core: float
    """Processor time of the server per time, in cores."""

    broken: tuple[str, ...]
    """Bounds that were broken, each a sentence."""

    def as_json(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return asdict(self)


def judged(stay: Stay, bounds: Bounds, seconds_of_cpu: float) -> Verdict:
    """Returns a stay in figures.

    Args:
        stay: That has ended.
        bounds: What it may come to.
        seconds_of_cpu: That the server used during it.
    """
    errors = Counter(
        f"{visit.answer.page}: {error}" for visit in stay.visits for error in visit.answer.errors
    )
    pages = by_page([visit for visit in stay.visits if visit.how != "first"])
    answers = [visit.answer for visit in stay.visits if visit.how != "first"]
    growth, drift = _growth(stay.readings), _drift(stay.readings)
    broken = [f"{sum(errors.values())} errors were shown."] if errors else []
    if bounds.judges_waiting:
        broken += [
            f"{page.what}: 95 % within {page.p95:.2f} s, not {bounds.seconds:g} s."
            for page in pages
            if page.p95 >= bounds.seconds
        ]
    if growth >= bounds.growth:
        broken.append(f"Memory grew by {growth:.0f} MB, {bounds.growth:.0f} at most.")
    if drift >= bounds.drift:
        broken.append(f"Memory is not flat: {drift:.0f} MB more in the last quarter.")
    return Verdict(
        stay.n_sessions,
        stay.seconds / 60,
        len(stay.visits),
        dict(errors),
        pages,
        waiting("all pages", answers),
        by_page([visit for visit in stay.visits if visit.how == "first"]),
        _each_minute(stay.readings),
        growth,
        drift,
        seconds_of_cpu / stay.seconds,
        tuple(broken),
    )


def waiting(what: str, answers: Sequence[Answer]) -> Waiting:
    """Returns how long answers took; there must be one."""
    seconds = sorted(answer.seconds for answer in answers)
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    return Waiting(what, len(seconds), statistics.median(seconds), p95, seconds[-1])


def by_page(visits: Sequence[Visit]) -> tuple[Waiting, ...]:
    """Returns the waiting for each page, the longest 95th percentile first."""
    pages: dict[str, list[Answer]] = {}
    for visit in visits:
        pages.setdefault(visit.answer.page, []).append(visit.answer)
    found = [waiting(page, answers) for page, answers in pages.items()]
    return tuple(sorted(found, key=lambda page: -page.p95))


def _growth(readings: Sequence[Reading]) -> float:
    """Returns the last reading minus the first one after the warm-up."""
    begins = WARM_UP * readings[-1].minute
    warm = next(reading for reading in readings if reading.minute >= begins)
    return readings[-1].megabytes - warm.megabytes


def _drift(readings: Sequence[Reading]) -> float:
    """Returns the median of the last quarter of a stay minus that of the second."""
    quarters: tuple[list[float], ...] = ([], [], [], [])
    for reading in readings:
        quarters[min(3, int(4 * reading.minute / readings[-1].minute))].append(reading.megabytes)
    return statistics.median(quarters[3]) - statistics.median(quarters[1] or quarters[3])


def _each_minute(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Returns the first reading of each minute, and the last of all."""
    firsts = {int(reading.minute): reading for reading in reversed(readings)}
    return (*reversed(firsts.values()), readings[-1])
