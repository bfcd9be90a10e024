"""Intervals as the error bars of a figure."""

from collections.abc import Sequence
from typing import Any


def error_bars(
    values: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> dict[str, Any]:
    """Returns the error bars that reach from `low` to `high`.

    Args:
        values: Where the markers are, N numbers.
        low: The lower ends of their intervals.
        high: The upper ends.
    """
    return {
        "array": [end - value for end, value in zip(high, values, strict=True)],
        "arrayminus": [value - end for end, value in zip(low, values, strict=True)],
        "thickness": 2,
    }
