"""How fast each parameter moves at each step of a training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fundus_core.finetune.strategies import Schedule

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A strategy at work, as the loop needs to know it."""

    schedule: Schedule
    key: str
    """What tells this strategy and its settings from others."""

    decays: bool = True
    """The optimiser's weight decay applies."""

    still_norms: bool = False
    """Normalisation layers keep their statistics."""

    forgets: bool = False
    """The optimiser's moments are forgotten before every epoch."""


def rate_factor(step: int, n_steps: int, warm_up: float) -> float:
    """Returns the learning rate of a step relative to the highest: linear rise, cosine fall.

    Args:
        step: From 0.
        n_steps: Of the whole training.
        warm_up: Share of the steps during which the rate rises.

    Examples:
        >>> [round(rate_factor(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    rising = round(n_steps * warm_up)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, n_steps - rising)))


def optimiser_groups(
    named: "dict[str, nn.Parameter]",
    rates: Mapping[str, float],
    weight_decay: float,
    defaults: dict[str, Any],
    *,
    decays: bool = True,
) -> list[dict[str, Any]]:
    """Returns the optimiser's groups: parameters of equal rate and weight decay.

    Args:
        named: All parameters by name.
        rates: Those that move, with their rates relative to the highest.
        weight_decay: Of matrices and filters; vectors, such as biases and norms, have none.
        defaults: Of the optimiser.
        decays: Whether there is any weight decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, rate in rates.items():
        decay = weight_decay if decays and named[name].ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(named[name])
    return [
        {**defaults, "params": members, "weight_decay": decay, "relative": rate}
        for (rate, decay), members in groups.items()
    ]
