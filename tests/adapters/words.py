"""Words and photographs of two numbers each, written by hand."""

from collections.abc import Sequence

import numpy as np

from fundus_core.adapters.text_side import TextSide


def at(*degrees: float, length: float = 1.0) -> np.ndarray:
    """Returns vectors of two numbers in these directions, shape (len(degrees), 2)."""
    radians = np.radians(degrees)
    return (length * np.stack([np.cos(radians), np.sin(radians)], axis=1)).astype(np.float32)


def said(
    degrees: Sequence[float], answer: Sequence[int], *, log_scale: float = 1.0, length: float = 1.0
) -> TextSide:
    """Returns a text in each direction, and the answer it speaks for."""
    return TextSide(
        at(*degrees, length=length),
        np.array([log_scale], np.float32),
        np.array(answer, np.float32),
    )
