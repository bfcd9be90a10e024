"""Timing several ways of doing the same in turns, so that what else the machine does hits all."""

import statistics
import time
from collections.abc import Callable, Mapping

Way = Callable[[], object]


def medians(
    ways: Mapping[str, Way], rounds: int, *, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Returns the median seconds of every way; each is called once beforehand, untimed.

    Args:
        ways: Name -> what to do.
        rounds: How often each is timed, one after the other.
        clock: `time.perf_counter` for what a reader waits, `time.process_time` for the processor.
    """
    for work in ways.values():
        work()
    return timed(ways, rounds, clock=clock)


def timed(
    ways: Mapping[str, Way], rounds: int, *, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Like `medians`, for what needs no call beforehand, or should not have one."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            began = clock()
            work()
            found[name].append(clock() - began)
    return {name: statistics.median(values) for name, values in found.items()}
