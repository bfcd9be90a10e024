"""What a network is trained to make small: LOSSES, by name.

B is the number of photographs in a batch, N of all photographs, C the number of scored classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import Target, Task
from fundus_core.errors import TargetError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

AUTO = "auto"
"""The usual loss of the task: the first of `LOSSES` that serves it."""

_LIGHTEST, _HEAVIEST = 0.1, 10.0
"""Limits of the weight of a class."""

LabelLoss = Callable[["Tensor", NDArray[np.intp]], "Tensor"]
"""(logits (B, C), their rows) -> the mean loss, a scalar with gradient."""


@dataclass(frozen=True, slots=True)
class LossKind:
    """One row of the menu of losses."""

    label: str
    tasks: tuple[Task, ...]
    build: Callable[["Tensor", "Tensor"], LabelLoss]
    """(labels (N, C) as 0 and 1, weights (C,) of the classes) -> loss."""

    reference: str
    needs_order: bool = False
    """The classes must be numbers."""


def label_loss(
    loss: str,
    task: Task,
    y_true: NDArray[np.bool_],
    train_rows: NDArray[np.intp],
    device: "torch.device",
) -> LabelLoss:
    """Returns the loss of logits against the labels of rows.

    Rare classes weigh more: a class's cases as much as its controls together, at most ten times.

    Args:
        loss: Key of `LOSSES` that serves the task, see `chosen_loss`.
        task: Of the target.
        y_true: Shape (N, C), membership of each scored class.
        train_rows: Rows whose frequencies set the weights.
        device: Of the logits.
    """
    import torch

    learned = y_true[train_rows]
    cases = learned.sum(axis=0).clip(min=1)
    controls = len(learned) - cases
    share = len(learned) / (y_true.shape[1] * cases) if task == "multiclass" else controls / cases
    weight = share.clip(_LIGHTEST, _HEAVIEST).astype(np.float32)
    labels = torch.from_numpy(y_true.astype(np.float32)).to(device)
    return LOSSES[loss].build(labels, torch.from_numpy(weight).to(device))


def chosen_loss(loss: str, target: Target) -> str:
    """Returns the key of the loss that a choice means for a target.

    Args:
        loss: Key of `LOSSES`, or `AUTO`.
        target: What is learned.

    Raises:
        TargetError: If the loss is unknown or does not serve the target.
    """
    serving = [key for key, kind in LOSSES.items() if target.task in kind.tasks]
    if loss == AUTO:
        return serving[0]
    if loss not in serving:
        raise TargetError(
            f"The loss {loss!r} does not serve {target.name}, a {target.task} target.",
            hint=f"Choose {AUTO} or one of {', '.join(serving)}.",
        )
    if LOSSES[loss].needs_order and not _are_grades(target.classes):
        raise TargetError(
            f"The loss {loss!r} needs grades that are numbers; the classes of {target.name} are "
            f"{', '.join(target.classes)}.",
            hint=f"Name the grades 0, 1, 2 and so on, or choose {serving[0]}.",
        )
    return loss


def _are_grades(classes: Sequence[str]) -> bool:
    """Says whether classes are whole numbers in ascending order."""
    if not all(name.isdigit() for name in classes):
        return False
    numbers = [int(name) for name in classes]
    return numbers == sorted(numbers)


def _cross_entropy(labels: "Tensor", weight: "Tensor") -> LabelLoss:
    from torch.nn import functional

    return lambda logits, rows: functional.cross_entropy(
        logits, labels[rows].argmax(1), weight=weight
    )


def _binary(labels: "Tensor", weight: "Tensor") -> LabelLoss:
    from torch.nn import functional

    return lambda logits, rows: functional.binary_cross_entropy_with_logits(
        logits, labels[rows], pos_weight=weight
    )


def _ordinal(labels: "Tensor", weight: "Tensor") -> LabelLoss:
    """Returns the mean over the C - 1 questions "is the grade higher than k?" of their log-loss.

    The probability of each answer is the sum of the softmax on that side of k, so that a mistake
    by two grades costs more than one by one.
    """

    def loss(logits: "Tensor", rows: NDArray[np.intp]) -> "Tensor":
        chances = logits.log_softmax(1)
        at_most = chances[:, :-1].logcumsumexp(1)
        above = chances.flip(1)[:, :-1].logcumsumexp(1).flip(1)
        truth = labels[rows]
        is_above = 1 - truth.cumsum(1)[:, :-1]
        wrong = -(is_above * above + (1 - is_above) * at_most).mean(1)
        weights = truth @ weight
        return (weights * wrong).sum() / weights.sum()

    return loss


LOSSES: dict[str, LossKind] = {
    "binary": LossKind(
        "Binary cross-entropy of each class",
        ("binary", "multilabel"),
        _binary,
        "the usual one of yes-or-no targets",
    ),
    "cross-entropy": LossKind(
        "Cross-entropy", ("multiclass",), _cross_entropy, "the usual one of several classes"
    ),
    "ordinal": LossKind(
        "Cross-entropy of the thresholds between grades",
        ("multiclass",),
        _ordinal,
        "Frank & Hall (2001), ECML; Niu et al. (2016), CVPR",
        needs_order=True,
    ),
}
"""Losses by name. To add one, add one entry."""
