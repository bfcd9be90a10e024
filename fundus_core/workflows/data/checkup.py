"""One thing that `fundus doctor` looks at, and what came of it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["in order", "caution", "not in order", "mended"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what came of it."""

    name: str
    state: State
    text: str
    """What was found, as a sentence."""

    next_step: str = ""
    """What to do; empty where there is nothing to do."""
