"""How long work tells whoever waits for it how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Receives how far a piece of work is; must be cheap to call often."""

    def __call__(self, done: int, total: int, message: str) -> None:
        """Reports `done` of `total` units and, in a few words, what is happening."""


def silent(done: int, total: int, message: str) -> None:
    """A `Progress` for when nobody waits."""
