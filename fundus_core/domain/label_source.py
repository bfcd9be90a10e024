"""How the labels of a target came of the table of a data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelSource:
    """Where the labels of a target were read from."""

    column: str = ""
    """Column they were made of; empty where the target's own columns hold them."""

    words: tuple[tuple[str, str], ...] = ()
    """Label in `column` -> label of the target; photographs with any other label have none."""

    def made_of(self, values: Iterable[Any]) -> NDArray[np.object_]:
        """Returns the labels of the target for N values of `column`, shape (N,); None for none.

        Examples:
            >>> LabelSource("grade", (("0", "no"), ("1", "yes"))).made_of([0.0, "1", "2", None])
            array(['no', 'yes', None, None], dtype=object)
        """
        known = dict(self.words)
        texts = map(label_text, values)
        return np.array([None if text is None else known.get(text) for text in texts], object)


def label_text(value: Any) -> str | None:
    """Returns a label as people write it: whole numbers without decimals; None where it is missing.

    Examples:
        >>> label_text(2.0), label_text("2"), label_text(float("nan"))
        ('2', '2', None)
    """
    if value is None or value != value:
        return None
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
