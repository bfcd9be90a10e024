"""How a backbone may change while a classifier is trained: STRATEGIES, by their short names.

A strategy starts a schedule, which says before each epoch which parameters move and how fast
relative to the learning rate, and may add a penalty to the loss. To add a strategy, add one entry
to `STRATEGIES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fundus_core.domain.bounds import (
    ADAPTER_RANK,
    ADAPTER_WEIGHT,
    SHARE,
    WEIGHT,
    require_fields,
)
from fundus_core.domain.recipe import Recipe, added_later
from fundus_core.errors import TrainingError
from fundus_core.finetune.schedules import Anchored, AutoRgn, Constant, Gradual, Schedule
from fundus_core.finetune.trainee import Trainee

if TYPE_CHECKING:
    from torch import nn

__all__ = ["DEFAULTS", "STRATEGIES", "FineTuneStrategy", "Schedule", "StrategyOptions"]


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
    """Surgical fine-tuning: name of the one block that moves; from a block on: of the first."""

    still_norms: bool = True
    """LP-FT: normalisation layers keep their pre-trained statistics."""

    fresh_optimiser: bool = False
    """Auto-RGN and gradual unfreezing: forget the optimiser's moments when the rates change."""

    lora_rank: int = added_later(8)
    """LoRA: numbers that an adapter passes on, from 1 up."""

    lora_alpha: float = added_later(16.0)
    """LoRA: how much adapters weigh, times their rank."""

    def __post_init__(self) -> None:
        """Refuses numbers that no strategy is set by.

        Raises:
            ParameterError: With the first of them.
        """
        require_fields(
            self,
            pull=WEIGHT,
            head_decay=WEIGHT,
            layer_decay=SHARE,
            lora_rank=ADAPTER_RANK,
            lora_alpha=ADAPTER_WEIGHT,
        )


DEFAULTS = StrategyOptions()


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

    prepare: "Callable[[nn.Module, StrategyOptions, int], None] | None" = None
    """(backbone, settings, side of its input in pixels): changes the backbone in place before
    training, so that there is something that can move. It may draw torch's random numbers."""


def _everything(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    return Constant(dict.fromkeys((*trainee.backbone, *trainee.head), 1.0))


def _head_only(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    return Constant(dict.fromkeys(trainee.head, 1.0))


def _last_block(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    return Constant(dict.fromkeys((*trainee.blocks[-1].parameters, *trainee.head), 1.0))


def _one_block(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    block = trainee.blocks[_place(options.block, trainee)]
    return Constant(dict.fromkeys((*block.parameters, *trainee.head), 1.0))


def _from_block(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    blocks = trainee.blocks[_place(options.block, trainee) :]
    names = [name for block in blocks for name in block.parameters]
    return Constant(dict.fromkeys((*names, *trainee.head), 1.0))


def _place(block: str, trainee: Trainee) -> int:
    names = [each.name for each in trainee.blocks]
    if block not in names:
        raise TrainingError(
            f"There is no block {block!r} in this backbone.",
            hint=f"Choose one of {', '.join(names)} (--block).",
        )
    return names.index(block)


def _biases(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    biases = [name for name in trainee.backbone if name.endswith("bias")]
    return Constant(dict.fromkeys((*biases, *trainee.head), 1.0))


def _adapters(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    from fundus_core.finetune.lora import ADAPTERS

    adapters = [name for name in trainee.backbone if ADAPTERS.fullmatch(name)]
    return Constant(dict.fromkeys((*adapters, *trainee.head), 1.0))


def _with_adapters(backbone: "nn.Module", options: StrategyOptions, image_size: int) -> None:
    from fundus_core.finetune.lora import add_adapters

    add_adapters(backbone, rank=options.lora_rank, alpha=options.lora_alpha, image_size=image_size)


def _decaying(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
    n_blocks = len(trainee.blocks)
    rates = {
        name: options.layer_decay ** (n_blocks - number)
        for number, block in enumerate(trainee.blocks)
        for name in block.parameters
    }
    return Constant({**rates, **dict.fromkeys(trainee.head, 1.0)})


def _anchored(power: int) -> Callable[[Trainee, int, StrategyOptions], Schedule]:
    def start(trainee: Trainee, n_epochs: int, options: StrategyOptions) -> Schedule:
        now = trainee.parameters()
        weights = {
            name: now[name].detach().clone() for name in trainee.backbone if now[name].ndim > 1
        }
        return Anchored(trainee, options.pull, options.head_decay, power, weights)

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
        lambda trainee, n_epochs, options: Gradual(trainee, n_epochs, from_head=True),
        f"{_EIGHT}; Howard & Ruder (2018), arXiv:1801.06146",
        may_forget=True,
    ),
    "g-fl": FineTuneStrategy(
        "Gradual unfreezing, first to last",
        "block after block, from the input towards the head",
        lambda trainee, n_epochs, options: Gradual(trainee, n_epochs, from_head=False),
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
        lambda trainee, n_epochs, options: AutoRgn(trainee),
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
    "ft-from": FineTuneStrategy(
        "From a block on",
        "one chosen block, all blocks after it and the head",
        _from_block,
        "Huix et al. (2024), arXiv:2310.19522, from its published code",
    ),
    "lora": FineTuneStrategy(
        "LoRA",
        "low-rank adapters beside the backbone's layers, and the head",
        _adapters,
        "Hu et al. (2022), arXiv:2106.09685",
        prepare=_with_adapters,
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
