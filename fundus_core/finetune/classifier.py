"""A backbone with a head, trained as a strategy says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import TrainingError
from fundus_core.finetune.batches import chunks
from fundus_core.finetune.heads import HEADS, read_by
from fundus_core.finetune.loop import TrainingRecipe, train
from fundus_core.finetune.losses import label_loss
from fundus_core.finetune.rates import Adaptation
from fundus_core.finetune.squares import Squares
from fundus_core.finetune.state import Epoch
from fundus_core.finetune.strategies import DEFAULTS, STRATEGIES, StrategyOptions
from fundus_core.finetune.trainee import HEAD, trainee_of
from fundus_core.probes import LinearProbe, fit_probe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What a backbone expects of its pixels, per channel, in units of [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A fine-tuned classifier's answers to the photographs it was not trained on."""

    y_score: NDArray[np.float64]
    """Shape (n, C), in [0, 1]: for each test row and scored class."""

    epochs: tuple[Epoch, ...]
    best: int
    """Number of the epoch whose weights scored."""

    moved: tuple[str, ...]
    """Entries of the state of `Classifier.module` that training changed."""


class Classifier:
    """A module from pixels in [0, 1] to a logit per scored class."""

    HEAD_PREFIX = "1."
    """What the names of the head's entries in the module's state begin with."""

    def __init__(
        self,
        backbone: "nn.Module",
        normalisation: Normalisation,
        *,
        n_outputs: int,
        image_size: int,
        device: "torch.device",
        seed: int,
        head: str = "linear",
        head_weights: Path | None = None,
    ) -> None:
        """Puts a fresh head on a backbone without classifier.

        Args:
            backbone: Maps normalised pixels (B, 3, S, S) to embeddings.
            normalisation: Of its pixels.
            n_outputs: Number of logits.
            image_size: S.
            device: Where to compute.
            seed: Of the new weights.
            head: Key of `HEADS`.
            head_weights: Checkpoint of `head_backbone(head)`; None for random weights.

        Raises:
            TrainingError: If the head and the backbone do not fit, or the head takes no checkpoint.
            WeightsError: If the checkpoint is not one of the head's.
        """
        import torch
        from torch import nn

        backbone = read_by(head, backbone, image_size, head_weights)
        with torch.inference_mode():
            shape = tuple(backbone.eval()(torch.zeros(1, 3, image_size, image_size)).shape[1:])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._head: Any = HEADS[head].build(shape, n_outputs, head_weights)
        self._head_kind = head
        self._image_size = image_size
        self._seed = seed
        self._prepared = ""
        self.module = nn.Sequential(backbone, self._head).to(device)
        self.module = self.module.to(memory_format=torch.channels_last).requires_grad_(True)
        self._mean = torch.tensor(normalisation.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(normalisation.std, device=device).view(1, 3, 1, 1)

    def prepare(self, strategy: str, options: StrategyOptions) -> None:
        """Changes the backbone as a strategy needs it; the second time does nothing.

        `fine_tune` does so itself. Before a state of the module that was trained is read back, do
        it by hand.

        Args:
            strategy: Key of `STRATEGIES`.
            options: Its settings.

        Raises:
            TrainingError: If the strategy cannot be had with this backbone or these settings.
            ValueError: If the backbone was prepared otherwise.
        """
        import torch

        change = STRATEGIES[strategy].prepare
        key = f"{strategy} {options.fingerprint()}"
        if self._prepared not in {"", key}:
            raise ValueError(f"The backbone is prepared for {self._prepared}, not for {key}.")
        if change is None or self._prepared:
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            change(self.module[0], options, self._image_size)
        self.module = self.module.to(memory_format=torch.channels_last).requires_grad_(True)
        self._prepared = key

    def logits(self, pixels: "Tensor") -> "Tensor":
        """Returns logits (B, C), float32, of pixels (B, 3, S, S) in [0, 1]."""
        answers: Tensor = self.module((pixels - self._mean) / self._std)
        return answers.float()

    def embeddings(self, squares: Squares, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Returns what the backbone makes of rows (n, D), in eval mode, at full precision."""
        import torch

        self.module.eval()
        found = []
        with torch.inference_mode():
            for members in chunks(rows, 32):
                pixels = torch.from_numpy(np.array(squares.pixels[members]))
                normalised = (pixels.to(self._mean.device).float() / 255 - self._mean) / self._std
                found.append(self.module[0](normalised).float().cpu().numpy())
        return np.concatenate(found)

    def start_from_probe(
        self,
        squares: Squares,
        rows: NDArray[np.intp],
        y_true: NDArray[np.bool_],
        task: Task,
        groups: NDArray[np.str_] | None,
        seed: int,
    ) -> None:
        """Sets the head to a linear probe on the embeddings of rows.

        Args:
            squares: N photographs.
            rows: n rows to fit the probe on.
            y_true: Shape (N, C).
            task: Of the target.
            groups: Shape (N,), patients, for the choice of the probe's regularisation.
            seed: Of its inner folds.

        Raises:
            TrainingError: If the head is of a kind that cannot be a linear probe.
        """
        import torch

        if not HEADS[self._head_kind].from_probe:
            raise TrainingError(
                f"The head {self._head_kind!r} cannot start as a linear probe.",
                hint="Choose the linear head, or another strategy.",
            )

        patients = None if groups is None else groups[rows]
        probe, _ = fit_probe(
            "logistic",
            self.embeddings(squares, rows),
            y_true[rows],
            task=task,
            groups=patients,
            seed=seed,
        )
        directions = [cast(LinearProbe, probe).direction(c) for c in range(y_true.shape[1])]
        with torch.no_grad():
            weights = torch.from_numpy(np.stack([weight for weight, _ in directions]))
            self._head.weight.copy_(weights)
            self._head.bias.copy_(torch.tensor([bias for _, bias in directions]))

    def scores(self, squares: Squares, rows: NDArray[np.intp], task: Task) -> NDArray[np.float64]:
        """Returns probabilities (n, C) of rows, in eval mode, at full precision."""
        import torch

        self.module.eval()
        found = []
        with torch.inference_mode():
            for members in chunks(rows, 32):
                pixels = torch.from_numpy(np.array(squares.pixels[members]))
                logits = self.logits(pixels.to(self._mean.device).float() / 255)
                answers = logits.softmax(1) if task == "multiclass" else logits.sigmoid()
                found.append(answers.cpu().numpy())
        return np.concatenate(found).astype(np.float64)


def fine_tune(
    classifier: Classifier,
    squares: Squares,
    y_true: NDArray[np.bool_],
    task: Task,
    *,
    train_rows: NDArray[np.intp],
    validation_rows: NDArray[np.intp],
    test_rows: NDArray[np.intp],
    recipe: TrainingRecipe,
    device: "torch.device",
    loss: str,
    strategy: str = "ft",
    options: StrategyOptions = DEFAULTS,
    groups: NDArray[np.str_] | None = None,
    state_file: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = silent,
) -> FineTuned:
    """Trains backbone and head as a strategy says and scores photographs not learned from.

    Args:
        classifier: Changed in place.
        squares: N photographs.
        y_true: Shape (N, C), membership of each scored class.
        task: Of the target.
        train_rows: Rows to learn from.
        validation_rows: Rows to choose the epoch by, of other patients; may be empty.
        test_rows: Rows to score, of other patients than both.
        recipe: How to train.
        device: Where.
        loss: Key of `LOSSES` that serves the task.
        strategy: Key of `STRATEGIES`.
        options: Its settings.
        groups: Shape (N,), patients; None if unknown. For a head that starts from a probe.
        state_file: See `train`, like `on_epoch` and `progress`.
        on_epoch: Told after every epoch.
        progress: Told after every batch.

    Raises:
        TrainingError: See `train`.
    """
    loss_of = label_loss(loss, task, y_true, train_rows, device)
    chosen = STRATEGIES[strategy]
    if chosen.from_probe:
        classifier.start_from_probe(squares, train_rows, y_true, task, groups, recipe.seed)
    classifier.prepare(strategy, options)
    trainee = trainee_of(classifier.module)
    adaptation = Adaptation(
        chosen.start(trainee, recipe.epochs, options),
        key=f"{strategy} {options.fingerprint()} {loss}",
        parts={**{b.name: b.parameters for b in trainee.blocks}, HEAD: trainee.head},
        decays=chosen.decays,
        still_norms=chosen.still_norms and options.still_norms,
        forgets=chosen.may_forget and options.fresh_optimiser,
    )
    trained = train(
        classifier.module,
        lambda batch: loss_of(classifier.logits(batch.pixels), batch.rows),
        squares,
        train_rows,
        validation_rows,
        recipe,
        device=device,
        adaptation=adaptation,
        state_file=state_file,
        on_epoch=on_epoch,
        progress=progress,
    )
    y_score = classifier.scores(squares, test_rows, task)
    return FineTuned(y_score, trained.epochs, trained.best, trained.moved)
