"""Training what adapters train: a few thousand numbers on embeddings that do not change.

m is the number of training photographs, D the length of an embedding, H of the layer between, A the
number of answers (see `text_side`). Equal seeds give equal results on one machine; another number
of cores or a GPU may differ in the last digits.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.adapters.text_side import TextSide, per_question
from fundus_core.compute import choose_device
from fundus_core.domain.dataset import Task
from fundus_core.errors import TrainingError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_LEARNING_RATE = 1e-3
"""Highest, at the start of a cosine that ends at zero."""

_EPSILON = 1e-4
"""Of AdamW, as Tip-Adapter's and FLAIR's authors set it."""

_KEY_EPOCHS, _KEYS_AT_ONCE = 20, 256
"""As Tip-Adapter's authors train keys, on augmented photographs; ours are not."""

_BOTTLENECK_EPOCHS, _MOST_AT_ONCE, _FEWEST_STEPS = 40, 64, 8
"""Epochs as FLAIR's authors train CLIP-Adapter. They see photographs one by one; we see up to 64 at
once, fewer where there would not be eight steps in an epoch."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training ended with."""

    weights: tuple[NDArray[np.float32], ...]
    losses: tuple[float, ...]
    """Mean cross-entropy of each epoch's photographs, before the steps they caused."""


def trained_keys(
    keys: NDArray[np.float32],
    answers: NDArray[np.bool_],
    words: NDArray[np.float64],
    *,
    task: Task,
    alpha: float,
    beta: float,
    seed: int,
) -> Trained:
    """Fine-tunes the keys of Tip-Adapter.

    A photograph's own key is left out of its logits: without augmentation, which the authors use,
    it would answer for itself and leave nothing to learn.

    Args:
        keys: Shape (m, D), where they start: the embeddings, at length 1.
        answers: Shape (m, A), the right ones.
        words: Shape (m, A), zero-shot logits of the same photographs.
        task: Says which answers compete.
        alpha: Weight of the memory.
        beta: Its sharpness.
        seed: Of the order of photographs.
    """
    import torch

    device = choose_device()
    vectors, right = _tensor(keys, device), _tensor(answers, device)
    said, moving = _tensor(words, device), _tensor(keys, device).requires_grad_()

    def loss_of(rows: "Tensor") -> "Tensor":
        affinity = torch.exp(-beta * (1 - vectors[rows] @ moving.T))  # (batch, m)
        others = rows[:, None] != torch.arange(len(moving), device=device)
        return _cross_entropy(said[rows] + alpha * (affinity * others) @ right, right[rows], task)

    losses = _minimise([moving], loss_of, len(keys), _KEY_EPOCHS, _KEYS_AT_ONCE, seed)
    return Trained((moving.detach().cpu().numpy(),), losses)


def trained_bottleneck(
    vectors: NDArray[np.float32],
    answers: NDArray[np.bool_],
    text: TextSide,
    *,
    task: Task,
    ratio: float,
    width: int,
    seed: int,
) -> Trained:
    """Trains the two layers of CLIP-Adapter from random weights.

    Args:
        vectors: Shape (m, D), at length 1.
        answers: Shape (m, A), the right ones.
        text: What is said of the answers.
        task: Says which answers compete.
        ratio: How much of the moved embedding is the network's, in [0, 1]; at 0 nothing moves and
            nothing is trained.
        width: H.
        seed: Of the first weights and of the order of photographs.

    Returns:
        `down` (H, D) and `up` (D, H).
    """
    first = _first_weights(vectors.shape[1], width, seed)
    if ratio == 0:
        return Trained(first, ())
    device = choose_device()
    down, up = (_tensor(weights, device).requires_grad_() for weights in first)
    directions, right = _tensor(vectors, device), _tensor(answers, device)
    prototypes, belongs = _tensor(text.directions, device), _belongs(text, answers.shape[1], device)

    def loss_of(rows: "Tensor") -> "Tensor":
        turned = ((directions[rows] @ down.T).relu() @ up.T).relu()
        moved = ratio * turned + (1 - ratio) * directions[rows]
        moved = moved / moved.norm(dim=1, keepdim=True).clamp_min(1e-9)
        products = text.scale * moved @ prototypes.T  # (batch, T)
        logits = (products[:, :, None] + belongs).logsumexp(dim=1)  # (batch, A)
        return _cross_entropy(logits, right[rows], task)

    at_once = min(_MOST_AT_ONCE, max(1, len(vectors) // _FEWEST_STEPS))
    losses = _minimise([down, up], loss_of, len(vectors), _BOTTLENECK_EPOCHS, at_once, seed)
    return Trained((down.detach().cpu().numpy(), up.detach().cpu().numpy()), losses)


def _first_weights(length: int, width: int, seed: int) -> tuple[NDArray[np.float32], ...]:
    """Returns uniform weights between minus and plus the inverse root of each layer's inputs."""
    generator = np.random.default_rng(seed)
    down = generator.uniform(-1, 1, (width, length)) / np.sqrt(length)
    up = generator.uniform(-1, 1, (length, width)) / np.sqrt(width)
    return down.astype(np.float32), up.astype(np.float32)


def _belongs(text: TextSide, n_answers: int, device: "torch.device") -> "Tensor":
    """Returns 0 where a text speaks for an answer, minus infinity elsewhere, shape (T, A)."""
    matches = text.answer[:, None] == np.arange(n_answers)
    return _tensor(np.where(matches, 0.0, -np.inf), device)


def _cross_entropy(logits: "Tensor", right: "Tensor", task: Task) -> "Tensor":
    """Returns the mean over photographs and questions; logits and right answers are (batch, A)."""
    together = per_question(task, logits.shape[1])
    logs = logits.reshape(len(logits), -1, together).log_softmax(dim=2)
    return -(logs * right.reshape(logs.shape)).sum(dim=2).mean()


def _minimise(
    moving: Sequence["Tensor"],
    loss_of: Callable[["Tensor"], "Tensor"],
    n_rows: int,
    epochs: int,
    batch_size: int,
    seed: int,
) -> tuple[float, ...]:
    """Moves tensors by AdamW along a cosine; returns the mean loss of each epoch."""
    import torch

    steps = epochs * -(-n_rows // batch_size)
    optimiser = torch.optim.AdamW(moving, lr=_LEARNING_RATE, eps=_EPSILON)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = np.random.default_rng(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        order = torch.from_numpy(generator.permutation(n_rows)).to(moving[0].device)
        for rows in torch.split(order, batch_size):
            loss = loss_of(rows)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += _finite(loss.item()) * len(rows)
        losses.append(total / n_rows)
    return tuple(losses)


def _finite(loss: float) -> float:
    """Returns a loss; refuses one that is no number, of which nothing can be learned."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"The adapter's loss became {loss}: its training diverged at its learning rate of "
            f"{_LEARNING_RATE:g}.",
            hint="Choose another probe, or other weights of the backbone.",
        )
    return loss


def _tensor(values: NDArray[np.generic], device: "torch.device") -> "Tensor":
    """Returns a copy at single precision."""
    import torch

    return torch.tensor(values, dtype=torch.float32, device=device)
