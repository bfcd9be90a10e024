"""How well a marking fits the truth, inside the field of view of one photograph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import ScoresError

THRESHOLD = 0.5
"""Pixels from this share on are marked, unless another threshold is asked for."""


@dataclass(frozen=True, slots=True)
class PixelScores:
    """Scores of one photograph and channel; None where the score is not defined.

    Higher is better for all of them, and all lie in [0, 1].
    """

    dice: float | None
    """2 |A and T| / (|A| + |T|), A being the marked and T the true pixels; None if both are
    empty."""

    iou: float | None
    """|A and T| / |A or T|; None if both are empty."""

    sensitivity: float | None
    """Share of the true pixels that are marked; None where there are none."""

    specificity: float | None
    """Share of the other pixels that are not marked; None where there are none."""

    auc: float | None
    """Area under the ROC curve over pixels, whatever the threshold; None unless the field has both
    kinds."""

    average_precision: float | None
    """Area under the precision-recall curve as the sum over steps; None like `auc`."""

    cldice: float | None
    """Dice of centre lines, see `centre_line_dice`; None if a centre line is missing."""

    n_true: int
    """True pixels inside the field."""

    n_field: int
    """Pixels of the field."""


SCORES: dict[str, str] = {
    "dice": "Dice",
    "iou": "IoU",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "auc": "AUC",
    "average_precision": "Average precision",
    "cldice": "clDice",
}
"""Fields of `PixelScores` that are scores, with their names for readers."""


def score_pixels(
    shares: NDArray[np.floating],
    truth: NDArray[np.bool_],
    field: NDArray[np.bool_],
    *,
    threshold: float = THRESHOLD,
) -> PixelScores:
    """Scores one photograph's marking; pixels outside the field do not exist.

    Args:
        shares: Shape (H, W), in [0, 1].
        truth: Shape (H, W).
        field: Shape (H, W).
        threshold: Shares from here on are marked.

    Raises:
        ScoresError: If the sizes differ, a share is not finite, or the field is empty.

    Examples:
        >>> shares = np.array([[0.9, 0.8], [0.2, 0.7]])
        >>> truth = np.array([[True, True], [False, False]])
        >>> found = score_pixels(shares, truth, np.ones((2, 2), bool))
        >>> found.dice, found.iou, found.sensitivity, found.specificity, found.auc
        (0.8, 0.6666666666666666, 1.0, 0.5, 1.0)
    """
    _require_fit(shares, truth, field)
    inside, true = shares[field], truth[field]
    marked = inside >= threshold
    both, either = int((marked & true).sum()), int((marked | true).sum())
    n_true, n_marked = int(true.sum()), int(marked.sum())
    n_false = len(true) - n_true
    auc, precision = _ranked(inside, true)
    return PixelScores(
        dice=_share(2 * both, n_marked + n_true),
        iou=_share(both, either),
        sensitivity=_share(both, n_true),
        specificity=_share(n_false - (n_marked - both), n_false),
        auc=auc,
        average_precision=precision,
        cldice=centre_line_dice((shares >= threshold) & field, truth & field),
        n_true=n_true,
        n_field=len(true),
    )


def centre_line_dice(marked: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float | None:
    """Returns clDice: the harmonic mean of two shares of centre lines.

    They are the share of the marking's centre line that lies on the truth, and of the truth's
    centre line that lies on the marking. Centre lines are those of Zhang & Suen's thinning.

    Args:
        marked: Shape (H, W).
        truth: Shape (H, W).

    Returns:
        In [0, 1]; None if either has no pixel.

    References:
        Shit et al. (2021), CVPR, arXiv:2003.07311 (equations 1 and 2).
        Zhang & Suen (1984), Communications of the ACM 27(3), 236-239.
    """
    from skimage.morphology import skeletonize

    if not marked.any() or not truth.any():
        return None
    of_marked, of_truth = (skeletonize(one) for one in (marked, truth))  # type: ignore[no-untyped-call]
    precision = float((of_marked & truth).sum() / of_marked.sum())
    sensitivity = float((of_truth & marked).sum() / of_truth.sum())
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def _ranked(
    shares: NDArray[np.floating], true: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """Returns AUC and average precision of pixels, ties counting one half."""
    n_true = int(true.sum())
    n_false = len(true) - n_true
    if not n_true or not n_false:
        return None, None
    order = np.argsort(-shares, kind="stable")
    ordered = shares[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = np.cumsum(true[order])[last_of_tie].astype(np.float64)
    alarms = last_of_tie + 1 - hits
    steps = np.diff(hits, prepend=0.0)
    auc = 1 - float((steps * (alarms + np.append(0.0, alarms[:-1])) / 2).sum()) / (n_true * n_false)
    precision = float((steps * hits / (last_of_tie + 1)).sum()) / n_true
    return auc, precision


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _require_fit(
    shares: NDArray[np.floating], truth: NDArray[np.bool_], field: NDArray[np.bool_]
) -> None:
    if not shares.shape == truth.shape == field.shape:
        raise ScoresError(
            f"The marking is {shares.shape}, the truth {truth.shape} and the field {field.shape} "
            "pixels.",
            hint="Bring all three to the photograph's size first.",
        )
    if not field.any():
        raise ScoresError(
            "The field of view is empty.", hint="Give another mask of the field, or none."
        )
    if n_bad := int(np.count_nonzero(~np.isfinite(shares[field]))):
        raise ScoresError(
            f"{n_bad} pixels of the marking are not finite.", hint="Mark it again with fp32."
        )
