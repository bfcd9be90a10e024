"""Which blocks of a network a strategy will move when, known before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import BackboneSpec
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.finetune.trainee import HEAD, trainee_of


@dataclass(frozen=True, slots=True)
class StrategyPlan:
    """The learning rate of every block in every epoch, relative to the highest."""

    blocks: tuple[str, ...]
    """B names from the input to the head, which is the last."""

    rates: NDArray[np.float64]
    """Shape (B, epochs), in [0, 1]: the mean over the block's tensors; 0 where nothing moves, NaN
    where the rate is measured while training."""


def strategy_plan(
    spec: BackboneSpec, strategy: str, n_epochs: int, options: StrategyOptions
) -> StrategyPlan:
    """Returns what a strategy does to a backbone, without its weights and without memory.

    Args:
        spec: The backbone.
        strategy: Key of `STRATEGIES`.
        n_epochs: Of the training.
        options: Settings of the strategy.

    Raises:
        TrainingError: If the settings do not fit the backbone.
    """
    import torch
    from torch import nn

    from fundus_core.backbones.networks import build_network, native_side

    chosen = STRATEGIES[strategy]
    with torch.device("meta"):
        network = build_network(spec)
        if chosen.prepare:
            chosen.prepare(network, options, native_side(network, spec))
        trainee = trainee_of(nn.Sequential(network, nn.Linear(spec.embed_dim, 1)))
    schedule = chosen.start(trainee, n_epochs, options)

    def unknown(n_batches: int) -> Mapping[str, float]:
        raise _MeasuredError

    parts = {**{block.name: block.parameters for block in trainee.blocks}, HEAD: trainee.head}
    rates = np.full((len(parts), n_epochs), np.nan)
    for epoch in range(n_epochs):
        try:
            moving = schedule.rates(epoch + 1, unknown)
        except _MeasuredError:
            continue
        rates[:, epoch] = [
            np.mean([moving.get(name, 0.0) for name in names]) for names in parts.values()
        ]
    return StrategyPlan(tuple(parts), rates)


class _MeasuredError(Exception):
    """A rate depends on gradients that only the training gives."""
