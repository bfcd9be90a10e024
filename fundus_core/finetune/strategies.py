"""How a backbone may change while a classifier is trained: STRATEGIES, by their short names.

A strategy says before each epoch which parameters move and how fast relative to the learning rate,
and may add a penalty to the loss. theta are the backbone's parameters, theta0 their pre-trained
values, phi those of the new head. To add a strategy, add one entry to `STRATEGIES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fundus_core.domain.recipe import Recipe
from fundus_core.errors import TrainingError
from fundus_core.finetune.trainee import Trainee

if TYPE_CHECKING:
    from torch import Tensor

Rates = dict[str, float]
"""Name of a parameter -> its learning rate relative to the highest, in (0, 1]; absent: frozen."""

RelativeGradients = Callable[[int], Mapping[str, float]]
"""Number of batches -> for each parameter the mean of |gradient| / |parameter|."""


@dataclass(frozen=True, slots=True)
class StrategyOptions(Recipe):
    """Settings of single strategies; the others take no notice of them."""

    pull: float = 0.1
    """L2-SP and L1-SP: weight of the distance to the pre-trained weights."""

    head_decay: float = 0.01
    """L2-SP and L1-SP: weight of the head's squared length."""

    layer_decay: float = 0.65
    """Layer-wise decay: learning rate of a block relative to the next one towards the head."""

    block: str = ""
    """Surgical fine-tuning: name of the one block that moves."""

    still_norms: bool = True
    """LP-FT: normalisation layers keep their pre-trained statistics."""

    fresh_optimiser: bool = False
    """Auto-RGN and gradual unfreezing: forget the optimiser's moments when the rates change."""


DEFAULTS = StrategyOptions()


class Schedule(Protocol):
    """One strategy at work on one network."""

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        """Returns which parameters move in an epoch, counted from 1, and how fast."""

    def penalty(self) -> "Tensor | None":
        """Returns what is added to the loss of every batch."""


@dataclass(frozen=True, slots=True)
class FineTuneStrategy:
    """One row of the menu of strategies."""

    label: str
    """What menus show."""

    rule: str
    """What moves, and how fast."""

    start: Callable[[Trainee, int, StrategyOptions], Schedule]
    """(network, number of epochs, settings) -> schedule. Called before the first epoch, when the
    weights are the pre-trained ones."""

    reference: str
    from_probe: bool = False
    """The head starts as a linear probe fitted on the frozen backbone's embeddings."""

    still_norms: bool = False
    """Normalisation layers keep their statistics if `StrategyOptions.still_norms` says so."""

    decays: bool = True
    """The optimiser's own weight decay applies; not where a penalty takes its place."""

    may_forget: bool = False
    """`StrategyOptions.fresh_optimiser` applies."""


@dataclass(frozen=True, slots=True)
class _Constant:
    """The same parameters move in every epoch."""

    chosen: Rates

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        return self.chosen

    def penalty(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Gradual:
    """Blocks are released one after another and stay released; the head always moves."""

    trainee: Trainee
    n_epochs: int
    from_head: bool

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        n_released = released_blocks(epoch, self.n_epochs, len(self.trainee.blocks))
        order = self.trainee.blocks[::-1] if self.from_head else self.trainee.blocks
        names = [name for block in order[:n_released] for name in block.parameters]
        return dict.fromkeys((*names, *self.trainee.head), 1.0)

    def penalty(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Anchored:
    """Everything moves, but is pulled back to where it started."""

    trainee: Trainee
    options: StrategyOptions
    power: int
    """1 for the sum of absolute distances, 2 for half the sum of squared ones."""

    start: "dict[str, Tensor]" = field(default_factory=dict)

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        return dict.fromkeys((*self.trainee.backbone, *self.trainee.head), 1.0)

    def penalty(self) -> "Tensor":
        import torch

        now = self.trainee.parameters()
        distances = [now[name] - origin for name, origin in self.start.items()]
        if self.power == 1:
            pull = self.options.pull * torch.stack([d.abs().sum() for d in distances]).sum()
        else:
            squares = torch.stack([d.square().sum() for d in distances]).sum()
            pull = 0.5 * self.options.pull * squares
        head = [now[name].square().sum() for name in self.trainee.head if now[name].ndim > 1]
        return pull + 0.5 * self.options.head_decay * torch.stack(head).sum()


@dataclass(frozen=True, slots=True)
class _AutoRgn:
    """Each tensor moves as fast as its gradient is large for its size; norms do not move."""

    trainee: Trainee

    def rates(self, epoch: int, relative_gradients: RelativeGradients) -> Rates:
        ratios = relative_gradients(RGN_BATCHES)
        kept = {name: ratios[name] for name in ratios if name not in self.trainee.norms}
        return scaled_to_one(kept)

    def penalty(self) -> None:
        return None


RGN_BATCHES = 5
"""Batches over which Auto-RGN averages, before every epoch."""


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


def _everything(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    return _Constant(dict.fromkeys((*trainee.backbone, *trainee.head), 1.0))


def _head_only(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    return _Constant(dict.fromkeys(trainee.head, 1.0))


def _last_block(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    return _Constant(dict.fromkeys((*trainee.blocks[-1].parameters, *trainee.head), 1.0))


def _one_block(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    by_name = {block.name: block for block in trainee.blocks}
    if options.block not in by_name:
        raise TrainingError(
            f"There is no block {options.block!r} in this backbone.",
            hint=f"Choose one of {', '.join(by_name)}.",
        )
    return _Constant(dict.fromkeys((*by_name[options.block].parameters, *trainee.head), 1.0))


def _biases(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    biases = [name for name in trainee.backbone if name.endswith("bias")]
    return _Constant(dict.fromkeys((*biases, *trainee.head), 1.0))


def _decaying(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    n_blocks = len(trainee.blocks)
    rates = {
        name: options.layer_decay ** (n_blocks - number)
        for number, block in enumerate(trainee.blocks)
        for name in block.parameters
    }
    return _Constant({**rates, **dict.fromkeys(trainee.head, 1.0)})


def _anchored(power: int) -> Callable[[Trainee, int, StrategyOptions], Schedule]:
    def start(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
        now = trainee.parameters()
        weights = {
            name: now[name].detach().clone() for name in trainee.backbone if now[name].ndim > 1
        }
        return _Anchored(trainee, options, power, weights)

    return start


_EIGHT = "Davila et al. (2024), arXiv:2406.10050"

STRATEGIES: dict[str, FineTuneStrategy] = {
    "ft": FineTuneStrategy(
        "Full fine-tuning", "everything, at one learning rate", _everything, _EIGHT
    ),
    "lp": FineTuneStrategy(
        "Linear probing", "the head alone, trained by gradient like the others", _head_only, _EIGHT
    ),
    "g-lf": FineTuneStrategy(
        "Gradual unfreezing, last to first",
        "block after block, from the head towards the input",
        lambda trainee, n_epochs, options: _Gradual(trainee, n_epochs, from_head=True),
        f"{_EIGHT}; Howard & Ruder (2018), arXiv:1801.06146",
        may_forget=True,
    ),
    "g-fl": FineTuneStrategy(
        "Gradual unfreezing, first to last",
        "block after block, from the input towards the head",
        lambda trainee, n_epochs, options: _Gradual(trainee, n_epochs, from_head=False),
        _EIGHT,
        may_forget=True,
    ),
    "lp-ft": FineTuneStrategy(
        "Linear probing, then fine-tuning",
        "everything, with a linear probe as the head to start from",
        _everything,
        f"{_EIGHT}; Kumar et al. (2022), arXiv:2202.10054",
        from_probe=True,
        still_norms=True,
    ),
    "l1-sp": FineTuneStrategy(
        "L1-SP",
        "everything, pulled back to where it started by the absolute distance",
        _anchored(1),
        f"{_EIGHT}; Li et al. (2018), arXiv:1802.01483",
        decays=False,
    ),
    "l2-sp": FineTuneStrategy(
        "L2-SP",
        "everything, pulled back to where it started by the squared distance",
        _anchored(2),
        f"{_EIGHT}; Li et al. (2018), arXiv:1802.01483",
        decays=False,
    ),
    "auto-rgn": FineTuneStrategy(
        "Auto-RGN",
        "each tensor as fast as its gradient is large for its size, norms not at all",
        lambda trainee, n_epochs, options: _AutoRgn(trainee),
        f"{_EIGHT}; Lee et al. (2023), arXiv:2210.11466",
        may_forget=True,
    ),
    "ft-last": FineTuneStrategy(
        "Last block",
        "the last block and the head",
        _last_block,
        "Silva-Rodriguez et al., arXiv:2401.15526",
    ),
    "surgical": FineTuneStrategy(
        "Surgical fine-tuning",
        "one chosen block and the head",
        _one_block,
        "Lee et al. (2023), arXiv:2210.11466",
    ),
    "bitfit": FineTuneStrategy(
        "BitFit", "biases and the head", _biases, "Ben Zaken et al. (2022), arXiv:2106.10199"
    ),
    "llrd": FineTuneStrategy(
        "Layer-wise decay",
        "everything, slower from block to block towards the input",
        _decaying,
        "Clark et al. (2020), arXiv:2003.10555; RETFound, Zhou et al. (2023)",
    ),
}
"""Strategies by name. Probes (`PROBES`) are the case in which the backbone does not move."""
