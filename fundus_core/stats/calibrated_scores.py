"""What single scores become by Platt scaling, and how sure the line is that they are read from.

N is the number of images that teach the line, C of scored classes, M of scores that are read from
it, B of resamples.
"""

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.cohort import draw_cohorts
from fundus_core.stats.inputs import (
    as_label_columns,
    as_patients,
    as_score_columns,
    require_both_classes,
)
from fundus_core.stats.probabilities import as_probabilities, logits, sigmoid
from fundus_core.stats.resampling import Weights

_MOST_STEPS, _MOST_HALVINGS = 60, 30
_CLOSE = 1e-9
"""Largest derivative of the mean log-likelihood at which a line counts as found."""

_NO_SPREAD = 1e-12


def calibrated_intervals(
    task: Task,
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.float64],
    at: NDArray[np.float64],
    column: int,
    *,
    patients: NDArray[np.str_] | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Returns the calibrated probabilities of M images, each with its interval.

    Patients who teach the lines are drawn anew, the diseased and the healthy together, and the
    lines fitted anew; ends are percentiles. (Drawn each for themselves, the share of the diseased
    would count as known: of 300 simulated sets of 160 patients such intervals held the truth at a
    score of 0.5 in 76 %, these in 94 %; of 40 patients these in 91 %.) The interval tells how
    far the calibration curve at this score is known from these patients. It does not tell how
    likely this patient is diseased beyond that probability; and the model that made the scores
    counts as given.

    Args:
        task: Of a multi-class task each class is mapped against the rest and divided by the sum.
        y_true: Shape (N, C), of the images that teach, with both classes.
        y_score: Shape (N, C), their held-out probabilities.
        at: Shape (M, C), the scores to be read from the lines; of other patients.
        column: The class that is asked for.
        patients: Shape (N,); without it images count as independent.
        confidence: In (0, 1).
        n_resamples: B.
        seed: Of the draws.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, or a score is no probability.
        SingleClassError: If a class that is mapped, or its absence, is not seen.

    References:
        Platt (1999), in Advances in Large Margin Classifiers, MIT Press, 61-74.
        Field & Welsh (2007), J. R. Stat. Soc. B 69(3), 369-390 (drawing clusters whole).
    """
    y_true = as_label_columns(y_true)
    y_score = as_score_columns(y_score, shape=y_true.shape)
    columns = range(y_true.shape[1]) if task == "multiclass" else (column,)
    for one in columns:
        as_probabilities(y_score[:, one], n_images=len(y_true))
        require_both_classes(y_true[:, one])
    taught, asked = logits(y_score), logits(at)
    place = list(columns).index(column)

    def read(weights: Weights) -> NDArray[np.float64]:
        mapped = [
            _read(platt_lines(y_true[:, one], taught[:, one], weights), asked[:, one])
            for one in columns
        ]
        if task != "multiclass":
            return mapped[place]
        total = np.sum(mapped, axis=0)
        equal = np.full_like(total, 1 / len(mapped))
        return np.asarray(np.divide(mapped[place], total, out=equal, where=total > 0))

    draws = draw_cohorts(
        read,
        y_true[:, column],
        as_patients(patients, n_images=len(y_true)),
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )
    return tuple(draws.interval(row) for row in range(len(at)))


def platt_lines(
    positive: NDArray[np.bool_], logit: NDArray[np.float64], weights: Weights
) -> NDArray[np.float64]:
    """Fits Platt's line to B resamples at once; see `fit_platt`, which fits one.

    Args:
        positive: Shape (N,).
        logit: Shape (N,).
        weights: Shape (B, N), how often each image was drawn.

    Returns:
        Intercepts and slopes, shape (B, 2). A slope of 0 where the order would be turned round.

    Examples:
        >>> positive, logit = np.array([False, False, True]), np.array([-1.0, 0.5, 2.0])
        >>> platt_lines(positive, logit, np.ones((1, 3))).round(3).tolist()
        [[-0.832, 0.629]]
    """
    n_positive = weights @ positive
    n_negative = weights @ ~positive
    high, low = (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2)
    target = np.where(positive, high[:, np.newaxis], low[:, np.newaxis])  # (B, N)
    total = weights.sum(axis=1)
    mean = (weights * target).sum(axis=1) / total
    flat = np.stack([logits(mean), np.zeros(len(mean))], axis=1)  # (B, 2)
    drawn = np.where(weights > 0, logit, np.nan)
    spread = np.nanmax(drawn, axis=1) - np.nanmin(drawn, axis=1) > _NO_SPREAD
    lines = flat.copy()
    if spread.any():
        lines[spread] = _newton(logit, target[spread], weights[spread], flat[spread])
    rises = lines[:, 1] > 0
    return np.where(rises[:, np.newaxis], lines, flat)


def _newton(
    logit: NDArray[np.float64],
    target: NDArray[np.float64],
    weights: Weights,
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the lines (B, 2) of the largest likelihood; Platt's targets keep them finite."""
    lines, total = start, weights.sum(axis=1)
    best = _loss(lines, logit, target, weights)
    for _ in range(_MOST_STEPS):
        share = _read(lines, logit)
        pull = weights * (target - share)
        slope = np.stack([pull.sum(axis=1), pull @ logit], axis=1)
        if (np.abs(slope) <= _CLOSE * total[:, np.newaxis]).all():
            break
        curve = weights * share * (1 - share)
        step = _solved(curve.sum(axis=1), curve @ logit, curve @ logit**2, slope)
        for _ in range(_MOST_HALVINGS):
            loss = _loss(lines + step, logit, target, weights)
            worse = ~(loss <= best + 1e-12 * np.abs(best))
            if not worse.any():
                break
            step = np.where(worse[:, np.newaxis], step / 2, step)
        lines, best = lines + step, loss
    return lines


def _solved(
    first: NDArray[np.float64],
    mixed: NDArray[np.float64],
    second: NDArray[np.float64],
    slope: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns B Newton steps (B, 2) from the entries of the symmetric curvatures."""
    determinant = first * second - mixed**2
    step = np.stack(
        [
            second * slope[:, 0] - mixed * slope[:, 1],
            first * slope[:, 1] - mixed * slope[:, 0],
        ],
        axis=1,
    )
    safe = np.where(determinant > 0, determinant, np.inf)
    return np.asarray(step / safe[:, np.newaxis])


def _loss(
    lines: NDArray[np.float64],
    logit: NDArray[np.float64],
    target: NDArray[np.float64],
    weights: Weights,
) -> NDArray[np.float64]:
    """Returns the negative log-likelihoods (B,)."""
    value = lines[:, :1] + lines[:, 1:] * logit
    return np.asarray((weights * (np.logaddexp(0, value) - target * value)).sum(axis=1))


def _read(lines: NDArray[np.float64], logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the probabilities (B, M) that lines (B, 2) give to logits (M,)."""
    return sigmoid(lines[:, :1] + lines[:, 1:] * logit)
