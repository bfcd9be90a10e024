"""The training of a network that marks pixels, resumed after an interruption with equal weights.

What finetune/loop.py does for photographs with labels is done here for patches with masks, with the
same state file, optimisers and learning rates. The order of patches, their places and their
augmentation depend on the seed, the epoch and the patch alone.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.compute import (
    choose_precision,
    keep_freed_memory,
    out_of_memory,
    too_large_to_train,
)
from fundus_core.domain.bounds import PATCH, PATCHES, require_fields
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import TrainingError
from fundus_core.finetune.augment import augmented
from fundus_core.finetune.batches import combined_seed
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.rates import OPTIMISERS, RATE_SCHEDULES, optimiser_groups, rate_factor
from fundus_core.finetune.refusals import require_finite, require_finite_weights, require_known
from fundus_core.finetune.state import Epoch, commit, restore, state_key
from fundus_core.segmentation.augment import AUGMENTATIONS, pipeline
from fundus_core.segmentation.data import FIELD_BIT, Examples
from fundus_core.segmentation.losses import LOSSES

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torchvision.transforms import v2


@dataclass(frozen=True, slots=True)
class SegmentationTraining(TrainingRecipe):
    """How a network is trained to mark pixels."""

    epochs: int = 40
    batch_size: int = 8
    """Patches per step."""

    learning_rate: float = 1e-3
    augmentation: str = "all"
    """Key of `fundus_core.segmentation.augment.AUGMENTATIONS`."""

    loss: str = "dice_bce"
    """Key of `LOSSES`."""

    patch: int = 0
    """Side of the patches in pixels; 0 for whole photographs."""

    patches: int = 1
    """Patches of each photograph in an epoch, each from a place of its own."""

    def __post_init__(self) -> None:
        """Refuses numbers that nothing is trained by.

        Raises:
            ParameterError: With the first of them.
        """
        TrainingRecipe.__post_init__(self)
        require_fields(self, patch=PATCH, patches=PATCHES)


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training. The network holds the best epoch's weights."""

    epochs: tuple[Epoch, ...]
    best: int
    """Number of the epoch whose weights were kept: the last one without validation photographs."""


def train(
    network: "nn.Module",
    examples: Examples,
    train_rows: NDArray[np.intp],
    validation_rows: NDArray[np.intp],
    recipe: SegmentationTraining,
    *,
    multiple: int,
    device: "torch.device",
    about: str = "",
    state_file: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = silent,
) -> Trained:
    """Trains a network in place.

    Args:
        network: Maps pixels (B, 3, S, S) in [0, 1] to logits (B, C, S, S); on the device.
        examples: N photographs with masks of C channels.
        train_rows: Rows to learn from.
        validation_rows: Rows to choose the best epoch by, whole photographs; may be empty.
        recipe: How.
        multiple: Sides of the network's input are multiples of this.
        device: Where to compute.
        about: What else tells this training from others.
        state_file: Written after every epoch; a call with the same recipe, rows and `about` goes
            on from it.
        on_epoch: Told after every epoch, also of those done before an interruption.
        progress: Told after every step.

    Raises:
        TrainingError: If a step has no finite loss, or the recipe is impossible.
    """
    side = examples.pixels.shape[-1]
    _require_possible(recipe, train_rows, side, multiple)
    keep_freed_memory()
    optimiser = OPTIMISERS[recipe.optimiser].build(network.parameters(), recipe.learning_rate)
    key = state_key(recipe, train_rows, validation_rows, about=about)
    state = restore(state_file, key, network, optimiser)
    for epoch in state.epochs:
        on_epoch(epoch)
    cut = pipeline(recipe.augmentation, side, recipe.patch or side)
    run = _Run(network, examples, recipe, device, optimiser, cut, progress)
    while len(state.epochs) < recipe.epochs and not state.is_out_of_patience(recipe.patience):
        started, number = time.perf_counter(), len(state.epochs) + 1
        train_loss = run.learn(train_rows, number)
        ended = f"at the end of epoch {number}"
        require_finite_weights(network, ended, recipe.learning_rate)
        validation_loss = run.validate(validation_rows) if len(validation_rows) else None
        require_finite(validation_loss or 0.0, ended, recipe.learning_rate, what="held-out loss")
        rate = max(float(group["lr"]) for group in optimiser.param_groups)
        seconds = round(time.perf_counter() - started, 2)
        epoch = Epoch(number, train_loss, validation_loss, rate, seconds)
        if state.improves(epoch):
            state.best = number
            state.best_weights = {k: v.detach().clone() for k, v in network.state_dict().items()}
        state.epochs.append(epoch)
        commit(state_file, key, state, network, optimiser)
        on_epoch(epoch)
    network.load_state_dict(state.best_weights)
    network.eval()
    return Trained(tuple(state.epochs), state.best)


@dataclass(slots=True)
class _Run:
    """The parts of one training that do not change."""

    network: "nn.Module"
    examples: Examples
    recipe: SegmentationTraining
    device: "torch.device"
    optimiser: "torch.optim.Optimizer"
    cut: "v2.Transform"
    progress: Progress

    def learn(self, rows: NDArray[np.intp], number: int) -> float:
        """Goes once over the patches in random order; returns the mean loss."""
        import torch

        self._let_all_move()
        # A patch is a row and which of the row's patches it is.
        patches = np.repeat(rows, self.recipe.patches) * self.recipe.patches
        patches += np.tile(np.arange(self.recipe.patches), len(rows))
        order = np.random.default_rng([self.recipe.seed, number]).permutation(patches)
        n_batches = max(1, len(order) // self.recipe.batch_size)
        losses = []
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(combined_seed(self.recipe.seed, number))  # for dropout
            for step, members in enumerate(np.array_split(order, n_batches)):
                self._set_rate((number - 1) * n_batches + step, self.recipe.epochs * n_batches)
                losses.append(self._step(members, number, step))
                done = (number - 1) * n_batches + step + 1
                message = f"Training, epoch {number} of {self.recipe.epochs}"
                self.progress(done, self.recipe.epochs * n_batches, message)
        return float(np.mean(losses))

    def validate(self, rows: NDArray[np.intp]) -> float:
        """Returns the mean loss of whole photographs as they are, in eval mode."""
        import torch

        self.network.eval()
        with torch.inference_mode():
            return float(np.mean([float(self._loss(*self._whole(row))) for row in rows]))

    def _step(self, patches: NDArray[np.intp], number: int, step: int) -> float:
        """Learns from one batch; returns its loss."""
        try:
            return self._learn_from(patches, number, step)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Here, and not above, because the error holds on to what did not fit.
        raise too_large_to_train(len(patches), lambda n: self._gradients(patches[:n], number))

    def _gradients(self, patches: NDArray[np.intp], number: int) -> "Tensor":
        """Computes the loss of a batch and its gradients; moves nothing."""
        value = self._loss(*self._patches(patches, number))
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    def _learn_from(self, patches: NDArray[np.intp], number: int, step: int) -> float:
        import torch

        value = self._gradients(patches, number)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        where, rate = f"in epoch {number}, step {step + 1}", self.recipe.learning_rate
        loss = require_finite(float(value.detach()), where, rate)
        require_finite(float(norm), where, rate, what="gradient's length")
        self.optimiser.step()
        return loss

    def _loss(self, pixels: "Tensor", bits: "Tensor") -> "Tensor":
        """Returns the loss of pixels (B, 3, P, P) with masks (B, P, P)."""
        import torch

        precision = choose_precision(self.recipe.precision, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16"):
            logits = self.network(pixels)
        truth = [(bits >> channel) & 1 for channel in range(self.examples.n_channels)]
        inside = (bits & FIELD_BIT) > 0
        loss = LOSSES[self.recipe.loss].of
        return loss(logits.float(), torch.stack(truth, dim=1).float(), inside[:, None].float())

    def _patches(self, patches: NDArray[np.intp], number: int) -> tuple["Tensor", "Tensor"]:
        """Returns patches as an epoch shows them, with their masks."""
        return self._batch(
            augmented(
                self.cut, *self._square(patch // self.recipe.patches), self._seed(patch, number)
            )
            for patch in patches.tolist()
        )

    def _whole(self, row: int) -> tuple["Tensor", "Tensor"]:
        return self._batch([self._square(int(row))])

    def _square(self, row: int) -> tuple["Tensor", "Tensor"]:
        import torch

        mask = self.examples.masks[row].astype(np.int32)
        return torch.from_numpy(np.array(self.examples.pixels[row])), torch.from_numpy(mask)

    def _batch(self, pairs: "Iterable[tuple[Tensor, Tensor | None]]") -> tuple["Tensor", "Tensor"]:
        import torch

        pixels, masks = zip(*pairs, strict=True)
        stacked = torch.stack(pixels).to(self.device, non_blocking=True).float().div_(255)
        last = stacked.contiguous(memory_format=torch.channels_last)
        return last, torch.stack(masks).to(self.device)

    def _seed(self, patch: int, number: int) -> int:
        return combined_seed(self.recipe.seed, number, patch)

    def _let_all_move(self) -> None:
        """Prepares all parameters for an epoch."""
        named = dict(self.network.named_parameters())
        rates = dict.fromkeys(named, 1.0)
        self.optimiser.param_groups[:] = optimiser_groups(
            named, rates, self.recipe.weight_decay, self.optimiser.defaults
        )
        self.network.train()

    def _set_rate(self, step: int, n_steps: int) -> None:
        factor = rate_factor(step, n_steps, self.recipe.warm_up, self.recipe.rate_schedule)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * factor


def _require_possible(
    recipe: SegmentationTraining, train_rows: NDArray[np.intp], side: int, multiple: int
) -> None:
    for what, name, known in (
        ("augmentation", recipe.augmentation, AUGMENTATIONS),
        ("loss", recipe.loss, LOSSES),
        ("optimiser", recipe.optimiser, OPTIMISERS),
        ("schedule of the learning rate", recipe.rate_schedule, RATE_SCHEDULES),
    ):
        require_known(what, name, known)
    for name, length in (("--size", side), ("--patch", recipe.patch)):
        if length % multiple or length > side:
            raise TrainingError(
                f"{name} is {length} pixels; this network takes multiples of {multiple}, and a "
                f"patch of at most the photograph's {side} pixels.",
                hint=f"Use {name} {max(multiple, min(length, side) // multiple * multiple)}.",
            )
    if len(train_rows) < 1:
        raise TrainingError(
            "There is no photograph to learn from.", hint="Use more photographs, or fewer folds."
        )
