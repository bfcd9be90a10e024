"""Hand and Till's AUC of several classes: the mean over all pairs of classes.

Unlike the mean of the one-against-the-rest AUCs (`macro`), it does not depend on how common the
classes are: each pair is judged on its own images only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import SingleClassError, TargetError
from fundus_core.stats.bootstrap import Interval, bootstrap_intervals
from fundus_core.stats.inputs import as_label_columns, as_patients, as_score_columns
from fundus_core.stats.resampling import Weights
from fundus_core.stats.tallies import ranking_of


@dataclass(frozen=True, slots=True)
class PairAuc:
    """How well a model tells two classes apart, on the images of these two."""

    class_a: str
    class_b: str

    auc: float
    """Mean of two AUCs in [0, 1]: by the score of class a, and by that of class b."""


@dataclass(frozen=True, slots=True)
class HandTillAuc:
    """Hand and Till's M."""

    interval: Interval
    """In [0, 1]; one half for guessing."""

    pairs: tuple[PairAuc, ...]
    """All pairs of classes that have images."""

    left_out: tuple[str, ...]
    """Classes without an image."""


def hand_till_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    class_names: Sequence[str],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> HandTillAuc:
    """Estimates Hand and Till's AUC with an interval by the stratified BCa bootstrap of patients.

    N is the number of images, C of classes.

    Args:
        y_true: Shape (N, C), bool or {0, 1}, exactly one class per image.
        y_score: Shape (N, C). Higher means more likely of the class; only the order within a column
            matters.
        class_names: C names.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: Of the bootstrap.
        seed: Of the draws; equal seeds give equal intervals.

    Raises:
        TargetError: If an image has no class or several.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If fewer than two classes have images.

    References:
        Hand & Till (2001), Machine Learning 45(2), 171-186.

    Examples:
        >>> y_true = np.eye(3)[[0, 0, 1, 1, 2, 2]]
        >>> y_score = [[5, 1, 1], [3, 4, 1], [2, 6, 1], [4, 5, 3], [1, 2, 2], [0, 3, 5]]
        >>> found = hand_till_auc(y_true, y_score, ["none", "mild", "severe"], n_resamples=10)
        >>> found.interval.value, [pair.auc for pair in found.pairs]
        (0.9166666666666666, [0.875, 1.0, 0.875])
    """
    labels = as_label_columns(y_true)
    if n_other := int(np.count_nonzero(labels.sum(axis=1) != 1)):
        raise TargetError(
            f"{n_other} of {len(labels)} images have no class or several.",
            hint="Give each image exactly one class, or use the macro average of several labels.",
        )
    scores = as_score_columns(y_score, shape=labels.shape)
    codes = as_patients(patients, n_images=len(labels))
    present = [column for column in range(labels.shape[1]) if labels[:, column].any()]
    if len(present) < 2:
        raise SingleClassError(
            f"{len(present)} of {labels.shape[1]} classes has images; two are needed.",
            hint="Choose a larger set, or one that is stratified by label.",
        )
    pairs = [_Pair(labels, scores, a, b) for a, b in combinations(present, 2)]
    (interval,) = bootstrap_intervals(
        lambda weights: np.mean([pair.aucs(weights) for pair in pairs], axis=0)[:, np.newaxis],
        {class_names[column]: labels[:, column] for column in present},
        patients=codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )
    once = np.ones((1, len(labels)))
    return HandTillAuc(
        interval,
        tuple(
            PairAuc(class_names[one.a], class_names[one.b], float(one.aucs(once)[0]))
            for one in pairs
        ),
        tuple(name for column, name in enumerate(class_names) if column not in present),
    )


class _Pair:
    """Two classes on their own images, sorted once by the score of either."""

    def __init__(
        self, labels: NDArray[np.bool_], scores: NDArray[np.float64], a: int, b: int
    ) -> None:
        self.a, self.b = a, b
        self._rows = np.flatnonzero(labels[:, a] | labels[:, b])
        self._rankings = [
            ranking_of(labels[self._rows, column], scores[self._rows, column]) for column in (a, b)
        ]

    def aucs(self, weights: Weights) -> NDArray[np.float64]:
        """Returns the mean of both AUCs in each resample, shape (B,)."""
        own = weights[:, self._rows]
        by_a, by_b = (ranking.weighed(own)[0] for ranking in self._rankings)
        return (by_a + by_b) / 2
