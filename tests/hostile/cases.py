"""What a hostile input is: a name, what makes its bytes, and what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OPENED = "opened"
"""Read, with the content that was meant."""

NOT_THERE = "not listed"
"""Passed over as what it is: no photograph, no table."""


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile input."""

    name: str
    """Of the file; unique within its kind."""

    make: Callable[[Path], None]
    """Writes it to the path it is given."""

    expected: frozenset[str]
    """Outcomes that are right: `OPENED`, a reason code, or the name of an error of ours."""

    shows: str = ""
    """What an opened photograph must show: `picture`, `grey`, or nothing in particular."""

    slow: bool = False
    """Takes seconds, or a lot of disk."""


def of_bytes(name: str, data: bytes, *expected: str, shows: str = "", slow: bool = False) -> Case:
    """Returns a case that is a plain file."""
    return Case(name, lambda path: _write(path, data), frozenset(expected), shows, slow)


def made(name: str, make: Callable[[], bytes], *expected: str, slow: bool = False) -> Case:
    """Returns a case whose bytes are made when they are needed."""
    return Case(name, lambda path: _write(path, make()), frozenset(expected), "", slow)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
