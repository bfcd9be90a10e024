"""Single values of a manifest that may come from a stranger: each is what it must be, or refused.

Every function raises `TypeError` for a value of another kind, and `ValueError` for one out of
bounds; both say what stands there.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from fundus_core.domain.recipe import HIGHEST_SEED

_Value = TypeVar("_Value")
_LONGEST_QUOTE = 60


def mapping_of(value: Any, what: str) -> Mapping[str, Any]:
    """Returns an object of JSON."""
    if not isinstance(value, dict):
        raise TypeError(f"{_short(value)} stands where {what} must")
    return value


def list_of(value: Any) -> Sequence[Any]:
    """Returns a list."""
    if not isinstance(value, list):
        raise TypeError(f"{_short(value)} stands where a list must")
    return value


def text_of(value: Any) -> str:
    """Returns a text."""
    if not isinstance(value, str):
        raise TypeError(f"{_short(value)} stands where a text must")
    return value


def flag_of(value: Any) -> bool:
    """Returns true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"{_short(value)} stands where true or false must")
    return value


def whole_of(value: Any, lowest: int = -HIGHEST_SEED, highest: int = HIGHEST_SEED) -> int:
    """Returns a whole number between two, both included."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{_short(value)} stands where a whole number must")
    if not lowest <= value <= highest:
        raise ValueError(f"{_short(value)} is not between {lowest} and {highest}")
    return value


def number_of(value: Any) -> float:
    """Returns a number that is finite, also as a float."""
    if isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
        return float(value)
    raise TypeError(f"{_short(value)} stands where a number must")


def maybe(read: Callable[[Any], _Value], value: Any) -> _Value | None:
    """Returns what a function reads; None for null."""
    return None if value is None else read(value)


def require_among(given: Collection[str], known: Collection[str], what: str) -> None:
    """Refuses names that nobody knows."""
    unknown = [one for one in given if one not in known]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not {what}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON writes whole numbers of any length
        return False


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= _LONGEST_QUOTE else f"{said[:_LONGEST_QUOTE]}…"
