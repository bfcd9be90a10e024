"""From scores to decisions, without looking at what is to be judged.

A threshold chosen on the images that it is judged on makes sensitivity and specificity look better
than they are. Here it comes from other patients: those of the other folds, or those inside when
images from outside are judged. N is the number of images, C of scored classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.inputs import as_label_columns, as_score_columns
from fundus_core.stats.threshold_rules import RuleChoice, choose_threshold

Rule = Literal["highest score", "other folds", "inside", "one half"]
"""Where decisions come from.

`highest score`: the class that scores highest; there is no threshold. `other folds`: a threshold
chosen on the held-out images of the other folds. `inside`: one chosen on all held-out images of the
data set that was learned from. `one half`: a score of 0.5, because there is nothing to choose on.
By which of `threshold_rules.RULES` it is chosen is for the caller to say; by default Youden's J."""

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Threshold:
    """What one class's scores are held against in one fold."""

    fold: int | None
    """None where all images have the same."""

    column: int
    """Of the class, 0 ... C - 1."""

    value: float
    """An image is called positive when its score is at least this."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided of N images, and how."""

    decided: NDArray[np.bool_]
    """Shape (N, C)."""

    thresholds: tuple[Threshold, ...]
    """One per class and fold; none where the highest score decides."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that were used, each once; several where one did not serve all classes."""
        return tuple(dict.fromkeys(one.rule for one in self.thresholds)) or ("highest score",)


def decide_highest(y_score: ArrayLike) -> Decisions:
    """Returns for each image the class with the highest score; of equal ones the first.

    Args:
        y_score: Shape (N, C), C of at least 2. Higher means more likely of the class.
    """
    scores = np.asarray(y_score, dtype=np.float64)
    return Decisions(np.eye(scores.shape[1], dtype=bool)[scores.argmax(axis=1)], ())


def decide_across_folds(
    y_true: ArrayLike,
    y_score: ArrayLike,
    fold: ArrayLike | None,
    *,
    choice: RuleChoice | None = None,
) -> Decisions:
    """Decides each fold's images by thresholds chosen on the other folds.

    For each class the threshold of a fold is the one that the rule chooses on the held-out images
    of all other folds, who are other patients. What scored those had learned from this fold's
    patients, as everything in cross-validation has; no label of this fold is looked at. One half
    takes its place where there is a single fold, or where the other folds have no image with the
    class or none without it.

    Sensitivity and specificity of all folds together are `operating.point_of_calls` of a column of
    the decisions; its intervals take the thresholds as given.

    Args:
        y_true: Shape (N, C), bool or {0, 1}.
        y_score: Shape (N, C), held-out scores in [0, 1] of all folds.
        fold: Shape (N,), the fold that held each image out; None if there are none.
        choice: Rule and number; Youden's by default.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, or a score is not finite.

    References:
        Youden (1950), Cancer 3(1), 32-35.

    Examples:
        >>> y_true = [[0], [1], [0], [1]]
        >>> y_score = [[0.1], [0.3], [0.4], [0.8]]
        >>> found = decide_across_folds(y_true, y_score, [0, 0, 1, 1])
        >>> [round(one.value, 2) for one in found.thresholds]
        [0.6, 0.2]
        >>> found.decided.ravel().tolist()
        [False, False, True, True]
    """
    labels = as_label_columns(y_true)
    scores = as_score_columns(y_score, shape=labels.shape)
    fold_of = np.zeros(len(labels), int) if fold is None else np.asarray(fold)
    folds = np.unique(fold_of).tolist()
    if len(folds) == 1:
        return decide_at_half(scores)
    decided = np.empty(labels.shape, dtype=bool)
    thresholds: list[Threshold] = []
    for number in folds:
        others = fold_of != number
        chosen = _choose(labels[others], scores[others], choice, fold=number, rule="other folds")
        decided[~others] = scores[~others] >= _values(chosen)
        thresholds += chosen
    return Decisions(decided, tuple(thresholds))


def decide_as_inside(
    y_score: ArrayLike,
    *,
    inside_true: ArrayLike,
    inside_score: ArrayLike,
    choice: RuleChoice | None = None,
) -> Decisions:
    """Decides images from outside by thresholds chosen on held-out images from inside.

    Args:
        y_score: Shape (N, C), scores of the images from outside.
        inside_true: Shape (N_inside, C), bool or {0, 1}.
        inside_score: Shape (N_inside, C), held-out scores of the same model.
        choice: Rule and number; Youden's by default.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, or a score is not finite.
    """
    labels = as_label_columns(inside_true)
    scores = as_score_columns(inside_score, shape=labels.shape)
    chosen = _choose(labels, scores, choice, fold=None, rule="inside")
    outside = np.asarray(y_score, dtype=np.float64)
    return Decisions(outside >= _values(chosen), tuple(chosen))


def decide_at_half(y_score: ArrayLike) -> Decisions:
    """Calls a score of one half or more positive.

    Args:
        y_score: Shape (N, C), in [0, 1].
    """
    scores = np.asarray(y_score, dtype=np.float64)
    columns = range(scores.shape[1])
    return Decisions(
        scores >= HALF, tuple(Threshold(None, column, HALF, "one half") for column in columns)
    )


def _choose(
    labels: NDArray[np.bool_],
    scores: NDArray[np.float64],
    choice: RuleChoice | None,
    *,
    fold: int | None,
    rule: Rule,
) -> list[Threshold]:
    """Returns a threshold per class; one half where it has only one kind of image."""
    return [
        Threshold(fold, column, choose_threshold(positive, score, choice), rule)
        if positive.any() and not positive.all()
        else Threshold(fold, column, HALF, "one half")
        for column, (positive, score) in enumerate(zip(labels.T, scores.T, strict=True))
    ]


def _values(thresholds: Sequence[Threshold]) -> NDArray[np.float64]:
    return np.array([one.value for one in thresholds])
