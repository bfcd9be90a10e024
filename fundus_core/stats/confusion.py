"""The confusion matrix, with an interval for every share of a row.

N is the number of images, K of classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import TargetError
from fundus_core.stats.inputs import as_label_columns, as_patients, require_confidence
from fundus_core.stats.proportions import share_of


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """What was said of the images of each class. Row: the truth. Column: what was said."""

    class_names: tuple[str, ...]
    """The K classes, in the order of rows and columns."""

    counts: NDArray[np.int64]
    """Shape (K, K): images."""

    shares: NDArray[np.float64]
    """Shape (K, K), each row adding up to 1: on the diagonal the recalls. NaN in the row of a class
    that no image has."""

    low: NDArray[np.float64]
    """Shape (K, K), lower ends of the shares; each for itself, not for the row together."""

    high: NDArray[np.float64]
    """Shape (K, K), upper ends."""

    confidence: float
    """Level of each interval, in (0, 1)."""

    method: str
    """"wilson": images independent; "wilson, clustered": patients independent."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per cell.

        Columns: `truth`, `said`, `count`, `share`, `low`, `high`.
        """
        size = len(self.class_names)
        return pd.DataFrame(
            {
                "truth": np.repeat(self.class_names, size),
                "said": np.tile(self.class_names, size),
                "count": self.counts.ravel(),
                "share": self.shares.ravel(),
                "low": self.low.ravel(),
                "high": self.high.ravel(),
            }
        )


def confusion_matrix(
    y_true: ArrayLike,
    decided: ArrayLike,
    class_names: Sequence[str],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> ConfusionMatrix:
    """Returns the confusion matrix of one class and its opposite, or of several classes.

    Args:
        y_true: Shape (N, K) with one True per row; or (N, 1), True for the second class.
        decided: Likewise, what was said.
        class_names: K names; of one column the names of its absence and its presence.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1), for each cell.

    Raises:
        TargetError: If shapes do not fit, or a row has not exactly one class.
        ScoresError: If a patient is missing, or there is not one per image.

    References:
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
        Rao & Scott (1992), Biometrics 48(2), 577-585 (the design effect of clustered shares).

    Examples:
        >>> found = confusion_matrix([[1], [1], [0], [0]], [[1], [0], [0], [0]], ["none", "dr"])
        >>> found.counts.tolist(), found.shares.tolist()
        ([[2, 0], [1, 1]], [[1.0, 0.0], [0.5, 0.5]])
    """
    require_confidence(confidence)
    truth, said = (_codes(columns, len(class_names)) for columns in (y_true, decided))
    if len(truth) != len(said):
        raise TargetError(
            f"There are {len(truth)} labels and {len(said)} decisions.",
            hint="Give one decision per image, in the order of the labels.",
        )
    patient = as_patients(patients, n_images=len(truth))
    size = len(class_names)
    counts = np.bincount(truth * size + said, minlength=size * size).reshape(size, size)
    found = np.full((3, size, size), np.nan)
    for row in np.unique(truth):
        members = truth == row
        of_row = None if patient is None else patient[members]
        for column in range(size):
            hits = said[members] == column
            found[:, row, column] = share_of(hits, of_row, confidence=confidence)
    return ConfusionMatrix(
        tuple(class_names),
        counts,
        found[0],
        found[1],
        found[2],
        confidence,
        "wilson" if patient is None else "wilson, clustered",
    )


def _codes(columns: ArrayLike, n_classes: int) -> NDArray[np.intp]:
    """Returns the class of each image, 0 ... K - 1, shape (N,)."""
    marks = as_label_columns(columns)
    if marks.shape[1] == 1 and n_classes == 2:
        return marks[:, 0].astype(np.intp)
    if marks.shape[1] != n_classes:
        raise TargetError(
            f"There are {marks.shape[1]} columns for {n_classes} classes.",
            hint="Give one column per class, or a single one for two classes.",
        )
    if n_other := int(np.count_nonzero(marks.sum(axis=1) != 1)):
        raise TargetError(
            f"{n_other} of {len(marks)} images have not exactly one class.",
            hint="Of several labels per image, make a matrix of each label by itself.",
        )
    return np.asarray(marks.argmax(axis=1))
