"""Labels against scores: which labels do models not believe?

N is the number of photographs, K of classes.
"""

import warnings
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
"""Shape (N, K), rows that sum to 1."""

_CLEANLAB = Lock()
"""cleanlab keeps what it works on in variables of its module; two sessions would mix theirs."""


@dataclass(frozen=True, slots=True)
class SuspectedLabels:
    """What one question's scores say of its N labels."""

    quality: NDArray[np.float64]
    """Shape (N,), in [0, 1]: the score of the given label (self-confidence); low is suspicious."""

    suggested: NDArray[np.intp]
    """Shape (N,): the class with the highest score."""

    flagged: NDArray[np.bool_]
    """Shape (N,): labels that confident learning takes for errors."""


def suspected_labels(given: NDArray[np.intp], scores: Probabilities) -> SuspectedLabels:
    """Asks confident learning which labels are likely wrong, by scores of photographs held out.

    Confident learning compares each score with the mean score that photographs of the class get,
    counts how often each class is confidently taken for each other one, and flags as many labels,
    the surest ones first. It expects that errors come at random within a class; where whole groups
    are labelled wrongly the scores follow the labels, and nothing is flagged.

    Args:
        given: Shape (N,), class numbers 0 ... K - 1.
        scores: Shape (N, K), rows that sum to 1, made without the photograph they are of.

    References:
        Northcutt, Jiang & Chuang (2021), JAIR 70, 1373-1411 (confident learning; cleanlab 2.9).
        Kuan & Mueller (2022), ICML DataPerf workshop (self-confidence as label quality).

    Examples:
        >>> given = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> ill = np.array([0.1, 0.2, 0.1, 0.95, 0.9, 0.8, 0.9, 0.7])
        >>> found = suspected_labels(given, np.stack([1 - ill, ill], axis=1))
        >>> found.flagged.tolist().index(True), int(found.suggested[3])
        (3, 1)
    """
    from cleanlab.filter import find_label_issues

    present, codes = np.unique(given, return_inverse=True)
    quality = scores[np.arange(len(given)), given]
    suggested = scores.argmax(axis=1)
    if len(present) < 2:
        return SuspectedLabels(quality, suggested, np.zeros(len(given), dtype=bool))
    of_present = scores[:, present] + np.finfo(float).tiny
    of_present /= of_present.sum(axis=1, keepdims=True)
    with _CLEANLAB, warnings.catch_warnings():
        # It warns that the only photograph of a class cannot be flagged.
        warnings.simplefilter("ignore", UserWarning)
        flagged = find_label_issues(codes, of_present, n_jobs=1)
    return SuspectedLabels(quality, suggested, np.asarray(flagged) & (suggested != given))
