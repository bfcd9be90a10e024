"""How fast each parameter moves at each step of a training: OPTIMISERS and RATE_SCHEDULES."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fundus_core.finetune.strategies import Schedule

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A strategy at work, as the loop needs to know it."""

    schedule: Schedule
    key: str
    """What tells this strategy and its settings from others."""

    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of the parameters of each part of the network, for reports."""

    decays: bool = True
    """The optimiser's weight decay applies."""

    still_norms: bool = False
    """Normalisation layers keep their statistics."""

    forgets: bool = False
    """The optimiser's moments are forgotten before every epoch."""


@dataclass(frozen=True, slots=True)
class OptimiserKind:
    """One row of the menu of optimisers."""

    label: str
    build: Callable[[Iterable["nn.Parameter"], float], "torch.optim.Optimizer"]
    """(parameters, highest learning rate) -> optimiser."""

    reference: str


def _adamw(parameters: Iterable["nn.Parameter"], rate: float) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.AdamW(parameters, lr=rate)


def _adam(parameters: Iterable["nn.Parameter"], rate: float) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.Adam(parameters, lr=rate)


def _sgd(parameters: Iterable["nn.Parameter"], rate: float) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.SGD(parameters, lr=rate, momentum=0.9)


OPTIMISERS: dict[str, OptimiserKind] = {
    "adamw": OptimiserKind(
        "AdamW: weight decay apart from the gradient",
        _adamw,
        "Loshchilov & Hutter (2019), arXiv:1711.05101",
    ),
    "adam": OptimiserKind(
        "Adam: weight decay added to the gradient", _adam, "Kingma & Ba (2015), arXiv:1412.6980"
    ),
    "sgd": OptimiserKind(
        "Gradient descent with momentum 0.9", _sgd, "Sutskever et al. (2013), ICML"
    ),
}
"""Optimisers by name. To add one, add one entry."""


def _cosine(progress: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * progress))


RATE_SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": _cosine,
    "constant": lambda progress: 1.0,
}
"""Share of the steps after the warm-up, in [0, 1) -> learning rate relative to the highest."""


def rate_factor(step: int, n_steps: int, warm_up: float, schedule: str = "cosine") -> float:
    """Returns the learning rate of a step relative to the highest: linear rise, then its schedule.

    Args:
        step: From 0.
        n_steps: Of the whole training.
        warm_up: Share of the steps during which the rate rises.
        schedule: Key of `RATE_SCHEDULES`.

    Examples:
        >>> [round(rate_factor(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.04]
        >>> [rate_factor(step, 10, 0.2, "constant") for step in (0, 1, 9)]
        [0.5, 1.0, 1.0]
    """
    rising = round(n_steps * warm_up)
    if step < rising:
        return (step + 1) / rising
    return RATE_SCHEDULES[schedule]((step - rising) / max(1, n_steps - rising))


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


def part_rates(rates: Mapping[str, float], parts: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Returns the mean relative rate of the parameters of each part; 0 for those that rest."""
    return {
        part: sum(rates.get(name, 0.0) for name in names) / len(names)
        for part, names in parts.items()
    }
