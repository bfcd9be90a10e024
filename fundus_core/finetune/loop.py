"""The one training loop: epochs over squares, the best epoch kept, resumed after an interruption.

The order of photographs and their augmentation depend on the seed, the epoch and the photograph
alone, and the state is committed after every epoch. A run that was killed and goes on therefore
ends with the weights of one that was not.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.compute import (
    Precision,
    choose_precision,
    keep_freed_memory,
    out_of_memory,
    too_large_to_train,
)
from fundus_core.domain.bounds import (
    BATCH,
    EPOCHS,
    PATIENCE,
    RATE,
    SEED,
    WEIGHT,
    ZERO_TO_ONE,
    Bounds,
    require_fields,
)
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe, added_later
from fundus_core.errors import TrainingError
from fundus_core.finetune.augment import AUGMENTATIONS
from fundus_core.finetune.batches import Batch, Loader, chunks, combined_seed
from fundus_core.finetune.movement import starting_point
from fundus_core.finetune.rates import (
    OPTIMISERS,
    RATE_SCHEDULES,
    Adaptation,
    optimiser_groups,
    part_rates,
    rate_factor,
)
from fundus_core.finetune.refusals import require_finite, require_finite_weights, require_known
from fundus_core.finetune.squares import Squares
from fundus_core.finetune.state import Epoch, commit, restore, state_key
from fundus_core.finetune.trainee import hold_still

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class TrainingRecipe(Recipe):
    """How a network is trained."""

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    """The highest; it rises linearly during the warm-up, then goes by the schedule."""

    weight_decay: float = 0.01
    """Not on biases and normalisation layers."""

    warm_up: float = 0.1
    """Share of all steps."""

    clip: float = 5.0
    """Greatest norm of the gradient."""

    augmentation: str = "retina"
    """Key of `AUGMENTATIONS`."""

    patience: int = 0
    """Epochs without improvement on the validation photographs after which training ends; 0 for
    never."""

    seed: int = 0
    precision: Precision = "auto"
    optimiser: str = added_later("adamw")
    """Key of `OPTIMISERS`."""

    rate_schedule: str = added_later("cosine")
    """Key of `RATE_SCHEDULES`: what the learning rate does after the warm-up."""

    def __post_init__(self) -> None:
        """Refuses numbers that nothing is trained by.

        Raises:
            ParameterError: With the first of them.
        """
        require_fields(
            self,
            epochs=EPOCHS,
            batch_size=BATCH,
            learning_rate=RATE,
            weight_decay=WEIGHT,
            warm_up=ZERO_TO_ONE,
            clip=Bounds(0.0, 1e6, above=True),
            patience=PATIENCE,
            seed=SEED,
        )


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training. The module that was trained holds the best epoch's weights."""

    epochs: tuple[Epoch, ...]
    best: int
    """Number of the epoch whose weights were kept: the last one without validation photographs."""

    moved: tuple[str, ...]
    """Entries of the module's state that are no longer what they were at the beginning."""


BatchLoss = Callable[[Batch], "Tensor"]
"""The mean loss of a batch, a scalar with gradient."""


def train(
    module: "nn.Module",
    loss: BatchLoss,
    squares: Squares,
    train_rows: NDArray[np.intp],
    validation_rows: NDArray[np.intp],
    recipe: TrainingRecipe,
    *,
    device: "torch.device",
    adaptation: Adaptation | None = None,
    state_file: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = silent,
) -> Trained:
    """Trains a module in place.

    Args:
        module: On the device.
        loss: Gives the loss of a batch through the module.
        squares: N photographs.
        train_rows: Rows to learn from.
        validation_rows: Rows to choose the best epoch by; may be empty.
        recipe: How.
        device: Where to compute.
        adaptation: Which parameters move when; all of them by default.
        state_file: Written after every epoch; a call with the same recipe and rows goes on from it.
        on_epoch: Told after every epoch, also of those done before an interruption.
        progress: Told after every batch.

    Raises:
        TrainingError: If a batch has no finite loss, or the recipe is impossible.
    """
    _require_possible(recipe, train_rows)
    keep_freed_memory()
    start = starting_point(module)
    optimiser = OPTIMISERS[recipe.optimiser].build(module.parameters(), recipe.learning_rate)
    key = state_key(
        recipe, train_rows, validation_rows, about=adaptation.key if adaptation else None
    )
    state = restore(state_file, key, module, optimiser)
    for epoch in state.epochs:
        on_epoch(epoch)
    loader = Loader(squares, device, AUGMENTATIONS[recipe.augmentation](), recipe.seed)
    run = _Run(module, loss, loader, recipe, device, optimiser, progress, adaptation)
    parts = adaptation.parts if adaptation else {}
    while len(state.epochs) < recipe.epochs and not state.is_out_of_patience(recipe.patience):
        started, number = time.perf_counter(), len(state.epochs) + 1
        train_loss = run.learn(train_rows, number)
        ended = f"at the end of epoch {number}"
        require_finite_weights(module, ended, recipe.learning_rate)
        validation_loss = run.validate(validation_rows) if len(validation_rows) else None
        require_finite(validation_loss or 0.0, ended, recipe.learning_rate, what="held-out loss")
        rate = max(float(group["lr"]) for group in optimiser.param_groups)
        seconds = round(time.perf_counter() - started, 2)
        epoch = Epoch(
            number,
            train_loss,
            validation_loss,
            rate,
            seconds,
            rates=part_rates(run.rates, parts),
            drift=start.drift(module, parts),
        )
        if state.improves(epoch):
            state.best = number
            state.best_weights = {k: v.detach().clone() for k, v in module.state_dict().items()}
        state.epochs.append(epoch)
        commit(state_file, key, state, module, optimiser)
        on_epoch(epoch)
    module.load_state_dict(state.best_weights)
    module.eval()
    return Trained(tuple(state.epochs), state.best, start.moved(module))


@dataclass(slots=True)
class _Run:
    """The parts of one training that do not change."""

    module: "nn.Module"
    loss: BatchLoss
    loader: Loader
    recipe: TrainingRecipe
    device: "torch.device"
    optimiser: "torch.optim.Optimizer"
    progress: Progress
    adaptation: Adaptation | None
    rates: Mapping[str, float] = field(default_factory=dict)
    """Of the parameters that move in this epoch, relative to the highest."""

    def learn(self, rows: NDArray[np.intp], number: int) -> float:
        """Goes once over the rows in random order; returns the mean loss."""
        import torch

        self._choose_rates(rows, number)
        order = np.random.default_rng([self.recipe.seed, number]).permutation(rows)
        n_batches = max(1, len(rows) // self.recipe.batch_size)
        losses = []
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(combined_seed(self.recipe.seed, number))  # for dropout
            for step, members in enumerate(np.array_split(order, n_batches)):
                self._set_rate((number - 1) * n_batches + step, self.recipe.epochs * n_batches)
                losses.append(self._step(members, number, step))
                self._tell(number, step + 1, n_batches)
        return float(np.mean(losses))

    def _step(self, rows: NDArray[np.intp], number: int, step: int) -> float:
        """Learns from one batch; returns its loss."""
        try:
            return self._learn_from(rows, number, step)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Here, and not above, because the error holds on to what did not fit.
        raise too_large_to_train(len(rows), lambda n: self._gradients(rows[:n], number))

    def _learn_from(self, rows: NDArray[np.intp], number: int, step: int) -> float:
        import torch

        value = self._gradients(rows, number)
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip)
        where, rate = f"in epoch {number}, step {step + 1}", self.recipe.learning_rate
        loss = require_finite(float(value.detach()), where, rate)
        require_finite(float(norm), where, rate, what="gradient's length")
        self.optimiser.step()
        return loss

    def _gradients(self, rows: NDArray[np.intp], number: int) -> "Tensor":
        """Computes the loss of a batch and its gradients; moves nothing."""
        batch = self.loader.augmented(rows, number)
        with self._autocast():
            value = self.loss(batch)
        penalty = self.adaptation.schedule.penalty() if self.adaptation else None
        if penalty is not None:
            value = value + penalty
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    def _choose_rates(self, rows: NDArray[np.intp], number: int) -> None:
        """Sets which parameters move in an epoch, and what is in training mode."""
        named = dict(self.module.named_parameters())
        if self.adaptation is None:
            rates = {name: 1.0 for name, value in named.items() if value.requires_grad}
        else:
            schedule = self.adaptation.schedule
            measure = partial(self._relative_gradients, rows, number)
            rates = schedule.rates(number, measure)
            if self.adaptation.forgets:
                self.optimiser.state.clear()
        self.rates = rates
        for name, value in named.items():
            value.requires_grad_(name in rates)
            value.grad = None
        decays = self.adaptation is None or self.adaptation.decays
        self.optimiser.param_groups[:] = optimiser_groups(
            named, rates, self.recipe.weight_decay, self.optimiser.defaults, decays=decays
        )
        self.module.train()
        still = self.adaptation is not None and self.adaptation.still_norms
        hold_still(self.module, set(rates), norms=still)

    def _relative_gradients(
        self, rows: NDArray[np.intp], number: int, n_batches: int
    ) -> dict[str, float]:
        """Returns |gradient| / |parameter| per parameter, its mean over batches in eval mode."""
        import torch

        self.module.eval()
        named = dict(self.module.named_parameters())
        for value in named.values():
            value.requires_grad_(True)
        order = np.random.default_rng([self.recipe.seed, number, 1]).permutation(rows)
        totals = dict.fromkeys(named, 0.0)
        batches = list(chunks(order, self.recipe.batch_size))[:n_batches]
        for members in batches:
            with self._autocast():
                loss = self.loss(self.loader.plain(members))
            gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
            for (name, value), gradient in zip(named.items(), gradients, strict=True):
                steep = 0.0 if gradient is None else float(gradient.norm())
                size = float(value.detach().norm())
                totals[name] += steep / size if size else (math.inf if steep else 0.0)
        return {name: total / len(batches) for name, total in totals.items()}

    def validate(self, rows: NDArray[np.intp]) -> float:
        """Returns the mean loss of rows as they are, in eval mode."""
        import torch

        self.module.eval()
        total = 0.0
        with torch.inference_mode(), self._autocast():
            for members in chunks(rows, self.recipe.batch_size):
                total += float(self.loss(self.loader.plain(members))) * len(members)
        return total / len(rows)

    def _set_rate(self, step: int, n_steps: int) -> None:
        rate = self.recipe.learning_rate * rate_factor(
            step, n_steps, self.recipe.warm_up, self.recipe.rate_schedule
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["relative"]

    def _autocast(self) -> "torch.autocast":
        import torch

        precision = choose_precision(self.recipe.precision, self.device)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")

    def _tell(self, number: int, step: int, n_batches: int) -> None:
        total = self.recipe.epochs * n_batches
        done = (number - 1) * n_batches + step
        self.progress(done, total, f"Training, epoch {number} of {self.recipe.epochs}")


def _require_possible(recipe: TrainingRecipe, train_rows: NDArray[np.intp]) -> None:
    require_known("augmentation", recipe.augmentation, AUGMENTATIONS)
    require_known("optimiser", recipe.optimiser, OPTIMISERS)
    require_known("schedule of the learning rate", recipe.rate_schedule, RATE_SCHEDULES)
    if recipe.batch_size < 2:
        raise TrainingError(
            f"Training needs batches of 2 at least; {recipe.batch_size} was asked for.",
            hint="Choose larger batches (--batch-size).",
        )
    if len(train_rows) < 2:
        raise TrainingError(
            f"There are {len(train_rows)} photographs to learn from; the least is 2.",
            hint="Use more photographs.",
        )
