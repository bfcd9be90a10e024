"""Tip-Adapter: training photographs as a memory that corrects what words say.

n is the number of photographs, m of those remembered, D the length of an embedding and A the
number of answers (see `text_side`). Embeddings x and keys K have length 1 until keys are trained:

    logits = alpha exp(-beta (1 - x K^T)) V + words,

where V are the right answers (m, A) of the remembered photographs and `words` are the zero-shot
logits. As published, no class weighs more than another: a memory of unequal classes leans towards
the large one, and inner folds decide how much it counts. Keys are trained for all epochs; the
authors' code keeps the epoch that is best on the test photographs, which flatters it.

References:
    Zhang et al. (2022), ECCV, arXiv:2111.03930.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from fundus_core.adapters.text_side import TextSide, answers_of, probabilities, taken_out
from fundus_core.adapters.training import Trained, trained_keys
from fundus_core.domain.dataset import Task
from fundus_core.errors import ScoresError
from fundus_core.probe_fits import Probe, Scores, Setting, TrainingSide, Vectors
from fundus_core.zero_shot import unit

_ROWS_AT_ONCE = 1024
"""Photographs compared with the memory at a time, which bounds the working memory."""

_WEIGHTS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Weights of the memory, in units of the words' scale divided by m: at 1 a memory of photographs
that all equal x counts as much as a text that equals x, however many they are."""

_SHARPNESS = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Values of beta."""

CACHE_SETTINGS: tuple[Setting, ...] = (
    (0.0, 1.0),
    *((weight, beta) for beta, weight in product(_SHARPNESS, _WEIGHTS)),
)
"""Pairs (weight, beta) to choose from by inner folds; the first is zero-shot. Our own grid: the
authors search finer ones per data set, for memories of 16 photographs of each class."""

TRAINING_SETTING: Setting = (1.0, 5.0)
"""Weight and beta at which keys are trained, as in the code of FLAIR's authors."""


@dataclass(frozen=True, slots=True)
class CacheProbe:
    """Words and a memory of training photographs."""

    task: Task
    text: TextSide
    keys: NDArray[np.float32]
    """Shape (m, D): embeddings of the training photographs, at length 1 unless trained."""

    values: NDArray[np.float32]
    """Shape (m, A): their right answers, 0 or 1."""

    alpha: NDArray[np.float32]
    """Shape (1,): weight of the memory."""

    beta: NDArray[np.float32]
    """Shape (1,): how quickly a key loses its say with distance."""

    def score(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to shares (n, C) in [0, 1] among the answers of each question."""
        return probabilities(self.logits(vectors), self.task)

    def logits(self, vectors: Vectors) -> Scores:
        """Maps embeddings (n, D) to logits (n, A)."""
        words = self.text.logits(vectors)
        remembered = [self._remembered(rows) for rows in _in_parts(unit(vectors))]
        return words + float(self.alpha[0]) * np.concatenate(remembered)

    def _remembered(self, directions: Vectors) -> Scores:
        """Returns the summed affinities (n, A) of embeddings of length 1 with each answer."""
        affinity = np.exp(-self.beta[0] * (1 - directions @ self.keys.T))  # (n, m)
        return np.asarray(affinity @ self.values, np.float64)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns all that has to be stored to score again."""
        return {
            **self.text.arrays(),
            "keys": self.keys,
            "values": self.values,
            "alpha": self.alpha,
            "beta": self.beta,
        }


def tip_path(side: TrainingSide, settings: Sequence[Setting]) -> list[Probe]:
    """Returns a probe per pair of weight and beta; they share the memory, and nothing is trained.

    Raises:
        ScoresError: If nothing is said of the classes.
    """
    return _with_settings(side, unit(side.vectors), settings)


def tip_f_path(side: TrainingSide, settings: Sequence[Setting]) -> list[Probe]:
    """Returns a probe per pair of weight and beta; they share keys that were trained once.

    Raises:
        ScoresError: If nothing is said of the classes.
    """
    return _with_settings(side, train_keys(side).weights[0], settings)


def train_keys(side: TrainingSide) -> Trained:
    """Returns keys (m, D) that start as the embeddings, trained at `TRAINING_SETTING`.

    Raises:
        ScoresError: If nothing is said of the classes.
    """
    text = words_of(side)
    weight, beta = TRAINING_SETTING
    return trained_keys(
        unit(side.vectors),
        answers_of(side.y_true, side.task),
        text.logits(side.vectors),
        task=side.task,
        alpha=_alpha(text, len(side.vectors), weight),
        beta=beta,
        seed=side.seed,
    )


def restore_cache(task: Task, arrays: dict[str, NDArray[np.float32]]) -> CacheProbe:
    """Undoes `CacheProbe.arrays`."""
    own = dict(arrays)
    return CacheProbe(task, taken_out(own), **own)


def words_of(side: TrainingSide) -> TextSide:
    """Returns what is said of the classes.

    Raises:
        ScoresError: If nothing is.
    """
    if side.text is None:
        raise ScoresError(
            "This probe starts from words, and none were given.",
            hint="Fit it by `fundus probe` on a backbone with a text tower.",
        )
    return side.text


def _with_settings(side: TrainingSide, keys: Vectors, settings: Sequence[Setting]) -> list[Probe]:
    text = words_of(side)
    values = answers_of(side.y_true, side.task).astype(np.float32)
    return [
        CacheProbe(
            side.task,
            text,
            keys,
            values,
            np.array([_alpha(text, len(keys), weight)], np.float32),
            np.array([beta], np.float32),
        )
        for weight, beta in settings
    ]


def _alpha(text: TextSide, n_keys: int, weight: float) -> float:
    return weight * text.scale / n_keys


def _in_parts(vectors: Vectors) -> Iterator[Vectors]:
    yield from np.array_split(vectors, max(1, -(-len(vectors) // _ROWS_AT_ONCE)))
