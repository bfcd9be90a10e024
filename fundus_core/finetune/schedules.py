"""What moves in which epoch of a training, and how fast: the schedules that strategies start.

theta are the backbone's parameters, theta0 their pre-trained values, phi those of the new head.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fundus_core.finetune.trainee import Trainee

if TYPE_CHECKING:
    from torch import Tensor

Rates = dict[str, float]
"""Name of a parameter -> its learning rate relative to the highest, in (0, 1]; absent: frozen."""

RelativeGradients = Callable[[int], Mapping[str, float]]
"""Number of batches -> for each parameter the mean of |gradient| / |parameter|."""

RGN_BATCHES = 5
"""Batches over which Auto-RGN averages, before every epoch."""


class Schedule(Protocol):
    """One strategy at work on one network."""

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        """Returns which parameters move in an epoch, counted from 1, and how fast."""

    def penalty(self) -> "Tensor | None":
        """Returns what is added to the loss of every batch."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same parameters move in every epoch."""

    chosen: Rates

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        """See `Schedule.rates`."""
        return self.chosen

    def penalty(self) -> None:
        """Returns nothing: the loss is the labels' alone."""


@dataclass(frozen=True, slots=True)
class Gradual:
    """Blocks are released one after another and stay released; the head always moves."""

    trainee: Trainee
    n_epochs: int
    from_head: bool

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        """See `Schedule.rates`."""
        n_released = released_blocks(epoch, self.n_epochs, len(self.trainee.blocks))
        order = self.trainee.blocks[::-1] if self.from_head else self.trainee.blocks
        names = [name for block in order[:n_released] for name in block.parameters]
        return dict.fromkeys((*names, *self.trainee.head), 1.0)

    def penalty(self) -> None:
        """Returns nothing: the loss is the labels' alone."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """Everything moves, but is pulled back to where it started."""

    trainee: Trainee
    pull: float
    """Weight of the distance."""

    head_decay: float
    """Weight of half the head's squared length."""

    power: int
    """1 for the sum of absolute distances, 2 for half the sum of squared ones."""

    start: "Mapping[str, Tensor]"
    """What is pulled back: the backbone's matrices and filters at first, by name."""

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        """See `Schedule.rates`."""
        return dict.fromkeys((*self.trainee.backbone, *self.trainee.head), 1.0)

    def penalty(self) -> "Tensor":
        """Returns the pull and the head's decay."""
        import torch

        now = self.trainee.parameters()
        distances = [now[name] - origin for name, origin in self.start.items()]
        if self.power == 1:
            pull = self.pull * torch.stack([d.abs().sum() for d in distances]).sum()
        else:
            squares = torch.stack([d.square().sum() for d in distances]).sum()
            pull = 0.5 * self.pull * squares
        head = [now[name].square().sum() for name in self.trainee.head if now[name].ndim > 1]
        return pull + 0.5 * self.head_decay * torch.stack(head).sum()


@dataclass(frozen=True, slots=True)
class AutoRgn:
    """Each tensor moves as fast as its gradient is large for its size; norms do not move."""

    trainee: Trainee

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        """See `Schedule.rates`."""
        ratios = relative_gradients(RGN_BATCHES)
        kept = {name: ratios[name] for name in ratios if name not in self.trainee.norms}
        return scaled_to_one(kept)

    def penalty(self) -> None:
        """Returns nothing: the loss is the labels' alone."""


def released_blocks(epoch: int, n_epochs: int, n_blocks: int) -> int:
    """Returns how many blocks of the backbone move in an epoch of gradual unfreezing.

    One more every `n_epochs // n_blocks` epochs; where there are fewer epochs than blocks, several
    at once, so that all move in the last epoch.

    Args:
        epoch: From 1.
        n_epochs: Of the whole training.
        n_blocks: Of the backbone.

    Examples:
        >>> [released_blocks(epoch, 10, 5) for epoch in range(1, 11)]
        [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        >>> [released_blocks(epoch, 2, 5) for epoch in (1, 2)]
        [3, 5]
    """
    if n_epochs < n_blocks:
        return -(-n_blocks * epoch // n_epochs)
    return min(n_blocks, 1 + (epoch - 1) // (n_epochs // n_blocks))


def scaled_to_one(ratios: Mapping[str, float]) -> Rates:
    """Divides by the largest; what has no finite positive ratio does not move.

    A tensor of zeros has no ratio: a head's fresh bias, for one. It moves as fast as any.

    Examples:
        >>> scaled_to_one({"a": 2.0, "b": 1.0, "c": 0.0, "d": float("inf")})
        {'a': 1.0, 'b': 0.5, 'd': 1.0}
    """
    finite = [ratio for ratio in ratios.values() if 0 < ratio < float("inf")]
    largest = max(finite, default=1.0)
    return {name: min(ratio / largest, 1.0) for name, ratio in ratios.items() if ratio > 0}
