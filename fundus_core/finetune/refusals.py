"""What every training loop refuses: names nobody knows, and losses that are no number."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fundus_core.errors import TrainingError

if TYPE_CHECKING:
    from torch import nn


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Refuses a name that is not among the known ones.

    Raises:
        TrainingError: With the known ones.
    """
    if name not in known:
        raise TrainingError(
            f"There is no {what} called {name!r}.", hint=f"Choose one of {', '.join(known)}."
        )


def require_finite(loss: float, where: str, rate: float, *, what: str = "loss") -> float:
    """Returns a loss.

    Args:
        loss: What came out.
        where: In the training, for the message.
        rate: The highest learning rate of the training.
        what: Came out, where it is another number.

    Raises:
        TrainingError: If it is infinite or no number, with the learning rate.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"The {what} became {loss} {where}: the training diverged at a learning rate of "
            f"{rate:g}.",
            hint="Choose a lower learning rate (--learning-rate), or fp32 (--precision).",
        )
    return loss


def require_finite_weights(network: "nn.Module", where: str, rate: float) -> None:
    """Refuses a network that a training spoilt in its last step, which no loss tells of.

    Args:
        network: As it was left.
        where: In the training, for the message.
        rate: The highest learning rate of the training.

    Raises:
        TrainingError: If a weight is infinite or no number, with the learning rate.
    """
    import torch

    for value in network.parameters():
        if not bool(torch.isfinite(value).all()):
            require_finite(math.nan, where, rate, what="network's weights")
