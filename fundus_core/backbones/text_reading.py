"""What every text tower is, and what it refuses to read."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import DataError

COUNTERS = ("position_ids", "attn_mask")
"""Ends of names that older checkpoints hold and that are no weights."""

READINGS: dict[str, str] = {
    "published": "As published",
    "masked": "Without padding",
}
"""How FLAIR's tower averages over tokens: `published` counts the padding too, so that a prompt's
vector depends on the longest prompt beside it; `masked` leaves the padding out."""


class TextTower(Protocol):
    """A loaded network that turns words into vectors of D numbers."""

    log_scale: float
    """Natural logarithm of the factor that products of photographs and words are multiplied by."""

    vocabulary: str
    """SHA-256 of the file of word pieces; empty where it is part of the library."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns vectors of length 1, shape (len(texts), D); the texts are read as one batch.

        Raises:
            DataError: If a text is longer than the tower reads.
        """


def require_short(texts: Sequence[str], lengths: Sequence[int], most: int) -> None:
    """Refuses texts whose end would not be read.

    Raises:
        DataError: With the number of tokens (lengths) of the first that has more than `most`.
    """
    for text, length in zip(texts, lengths, strict=True):
        if length > most:
            raise DataError(
                f"{text[:60]!r}… has {length} tokens; the text tower reads at most {most}.",
                hint="Say it in fewer words, or in two descriptions.",
            )
