"""CLIP-Adapter: a small network that turns embeddings a little before words are asked.

D is the length of an embedding, H of the layer between (a quarter of D), A the number of answers
(see `text_side`). For embeddings x of length 1

    x' = unit(r relu(up relu(down x)) + (1 - r) x),

and the zero-shot logits of x' are the answer. Only `down` and `up` are trained. As published, no
class weighs more than another.

References:
    Gao et al. (2021), arXiv:2110.04544.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.adapters.text_side import TextSide, answers_of, probabilities, taken_out
from fundus_core.adapters.tip import words_of
from fundus_core.adapters.training import Trained, trained_bottleneck
from fundus_core.domain.dataset import Task
from fundus_core.probe_fits import Probe, Scores, Setting, TrainingSide, Vectors
from fundus_core.zero_shot import unit

_REDUCTION = 4

RATIOS: tuple[Setting, ...] = ((0.0,), (0.2,), (0.6,))
"""Values of r to choose from by inner folds; the first is zero-shot. Our own grid: the code of the
authors, and that of FLAIR's, uses 0.2 throughout."""


@dataclass(frozen=True, slots=True)
class BottleneckProbe:
    """Words, asked of embeddings that a small network has moved."""

    task: Task
    text: TextSide
    down: NDArray[np.float32]
    """Shape (H, D)."""

    up: NDArray[np.float32]
    """Shape (D, H)."""

    ratio: NDArray[np.float32]
    """Shape (1,): how much of the moved embedding is the network's, in [0, 1]."""

    def score(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to shares (n, C) in [0, 1] among the answers of each question."""
        return probabilities(self.text.logits(self.moved(vectors)), self.task)

    def moved(self, vectors: Vectors) -> Vectors:
        """Maps embeddings (n, D) to those that words are asked about."""
        directions, ratio = unit(vectors), self.ratio[0]
        hidden = np.maximum(directions @ self.down.T, 0)
        return unit(ratio * np.maximum(hidden @ self.up.T, 0) + (1 - ratio) * directions)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns all that has to be stored to score again."""
        return {**self.text.arrays(), "down": self.down, "up": self.up, "ratio": self.ratio}


def bottleneck_path(side: TrainingSide, settings: Sequence[Setting]) -> list[Probe]:
    """Trains a network per ratio.

    Raises:
        ScoresError: If nothing is said of the classes.
    """
    return [_fitted(side, ratio) for (ratio,) in settings]


def train_bottleneck(side: TrainingSide, ratio: float) -> Trained:
    """Returns `down` and `up`, trained at a ratio.

    Raises:
        ScoresError: If nothing is said of the classes.
    """
    text = words_of(side)
    return trained_bottleneck(
        unit(side.vectors),
        answers_of(side.y_true, side.task),
        text,
        task=side.task,
        ratio=ratio,
        width=max(1, side.vectors.shape[1] // _REDUCTION),
        seed=side.seed,
    )


def restore_bottleneck(task: Task, arrays: dict[str, NDArray[np.float32]]) -> BottleneckProbe:
    """Undoes `BottleneckProbe.arrays`."""
    own = dict(arrays)
    return BottleneckProbe(task, taken_out(own), **own)


def _fitted(side: TrainingSide, ratio: float) -> BottleneckProbe:
    down, up = train_bottleneck(side, ratio).weights
    return BottleneckProbe(side.task, words_of(side), down, up, np.array([ratio], np.float32))
