"""What every training loop refuses: names nobody knows, and losses that are no number."""

import math
from collections.abc import Iterable

from fundus_core.errors import TrainingError


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Refuses a name that is not among the known ones.

    Raises:
        TrainingError: With the known ones.
    """
    if name not in known:
        raise TrainingError(
            f"There is no {what} called {name!r}.", hint=f"Choose one of {', '.join(known)}."
        )


def require_rates(learning_rate: float, weight_decay: float) -> None:
    """Refuses a learning rate and a weight decay that nothing can be trained by.

    Raises:
        TrainingError: With both values.
    """
    if 0 < learning_rate < math.inf and 0 <= weight_decay < math.inf:
        return
    raise TrainingError(
        "Training needs a learning rate above 0 and a weight decay of 0 or more; "
        f"{learning_rate:g} and {weight_decay:g} were asked for.",
        hint="Choose other values for --learning-rate and --weight-decay.",
    )


def require_finite(loss: float, number: int, step: int) -> float:
    """Returns the loss of a step.

    Args:
        loss: What came out.
        number: Of the epoch, from 1.
        step: Of the epoch, from 0.

    Raises:
        TrainingError: If it is infinite or no number.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"The loss became {loss} in epoch {number}, step {step + 1}.",
            hint="Choose a lower learning rate, or --precision fp32.",
        )
    return loss
