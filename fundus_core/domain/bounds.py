"""Which numbers are taken from users: the same in choices, in commands and in statistics."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import cast

from fundus_core.domain.fields import settle_fields
from fundus_core.domain.recipe import (
    HIGHEST_SEED,
    LARGEST_BATCH,
    LARGEST_SIDE,
    MOST_EPOCHS,
    MOST_FOLDS,
    SMALLEST_SIDE,
)
from fundus_core.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers between two; never NaN, never infinite."""

    lowest: float
    highest: float
    above: bool = False
    """Whether `lowest` itself is refused."""

    below: bool = False
    """Whether `highest` itself is refused."""

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are taken: those whose ends are whole."""
        return isinstance(self.lowest, int)

    @property
    def text(self) -> str:
        """What a value must be, such as `a whole number from 1 to 65,536`."""
        noun = "a whole number" if self.is_whole else "a number"
        if math.isinf(self.highest):
            return noun
        start = "above" if self.above else "from"
        end = "and below" if self.below else "and up to" if self.above else "to"
        return f"{noun} {start} {_said(self.lowest)} {end} {_said(self.highest)}"

    @property
    def advice(self) -> str:
        """What to do where a value is none of these numbers, as a sentence."""
        percent = " Write 5 % as 0.05." if self.highest == 1 and not self.is_whole else ""
        return f"Give {self.text}.{percent}"

    def holds(self, value: object) -> bool:
        """Says whether a value is such a number.

        Examples:
            >>> SHARE.holds(0.5), SHARE.holds(float("nan")), SEED.holds(0.5), SEED.holds(True)
            (True, False, False, False)
        """
        if not isinstance(value, Integral if self.is_whole else Real) or isinstance(value, bool):
            return False
        number = cast(float, value)
        over = number > self.lowest if self.above else number >= self.lowest
        return bool(over and (number < self.highest if self.below else number <= self.highest))

    def require(self, name: str, value: object) -> None:
        """Refuses a value that is no such number.

        Args:
            name: Of what the number is, for the message.
            value: What was given.

        Raises:
            ParameterError: With the name, the value and the bounds.
        """
        if not self.holds(value):
            raise ParameterError(
                f"The {name} must be {self.text} but is {value}.", hint=self.advice
            )


def require_fields(owner: object, **bounds: Bounds) -> None:
    """Refuses an object one of whose fields is out of its bounds, and settles the others.

    Args:
        owner: What the fields are of, not yet in use; see `settle_fields`.
        **bounds: Name of a field -> the numbers it takes.

    Raises:
        ParameterError: For the first one that is, or that has a word it does not know.
    """
    settle_fields(owner)
    for field, allowed in bounds.items():
        allowed.require(field.replace("_", " "), getattr(owner, field))


def _said(end: float) -> str:
    return f"{end:,}" if isinstance(end, int) else f"{end:g}"


SEED = Bounds(0, HIGHEST_SEED)
SIDE = Bounds(SMALLEST_SIDE, LARGEST_SIDE)
"""Pixels of the square that a backbone is shown."""

DRAWN_SIDE = Bounds(64, LARGEST_SIDE)
"""Pixels of a synthetic photograph."""

DRAWN_PATIENTS = Bounds(1, 100_000)
MARKED_SIDE = Bounds(32, LARGEST_SIDE)
"""Pixels of the square in which vessels, disc or lesions are marked."""

FOLDS = Bounds(0, MOST_FOLDS)
"""Fewer than two are refused, or have a meaning, where folds are made."""

EPOCHS = Bounds(1, MOST_EPOCHS)
BATCH = Bounds(1, LARGEST_BATCH)
PATIENCE = Bounds(0, MOST_EPOCHS)
WORKERS = Bounds(1, 1_024)

SHARE = Bounds(0.0, 1.0, above=True)
ZERO_TO_ONE = Bounds(0.0, 1.0)
FINITE = Bounds(-math.inf, math.inf, above=True, below=True)
BELOW_ONE = Bounds(0.0, 1.0, below=True)
CHANCE = Bounds(0.0, 1.0, above=True, below=True)
"""A level, a prevalence: neither end is meant by anybody."""

RATE = Bounds(0.0, 1_000.0, above=True)
"""Of learning; usual ones are below 1."""

WEIGHT = Bounds(0.0, 1_000.0)
"""Of a penalty; usual ones are below 1."""

ADAPTER_RANK = Bounds(1, 4_096)
ADAPTER_WEIGHT = Bounds(0.0, 10_000.0, above=True)
PATCH = Bounds(0, LARGEST_SIDE)
"""Side in pixels; 0 for the whole photograph."""

PATCHES = Bounds(1, 10_000)
"""Of one photograph in an epoch."""

RESAMPLES = Bounds(2, 100_000)
PRINTED_RESAMPLES = Bounds(100, 100_000)
"""Fewer give ends that are too coarse to be read."""

TESTED_MAPS = Bounds(0, 1_000_000)
EXAMPLES = Bounds(0, 12)
"""Photographs of each kind of answer that a report shows."""

RANKED = Bounds(1, 1_000_000)
"""Photographs, or neighbours, that are listed."""

BINS = Bounds(1, 1_000)
BANDS = Bounds(2, 1_000)
