"""What words say of the answers to a target's questions, and how answers become scores.

A binary target asks one question with two answers (no, yes), a multi-class one asks a single
question with an answer per class, and a multi-label one asks C questions of no or yes. n is the
number of photographs, D the length of an embedding, C of scored classes, T of texts, and A of
answers: those of the first question, then those of the second, and so on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.zero_shot import similarities


@dataclass(frozen=True, slots=True)
class TextSide:
    """What is said of each answer, in the space of the embeddings."""

    directions: NDArray[np.float32]
    """Shape (T, D): a prototype per text, as the zero-shot scores use them."""

    log_scale: NDArray[np.float32]
    """Shape (1,): natural logarithm of the scale of products of photographs and words."""

    answer: NDArray[np.float32]
    """Shape (T,): the number of the answer that each text speaks for, in [0, A). Every answer has
    at least one; several texts of an answer compete for the photograph as classes do."""

    @property
    def scale(self) -> float:
        """Returns what products of photographs and words are multiplied by."""
        return float(np.exp(self.log_scale[0], dtype=np.float64))

    def logits(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Maps embeddings (n, D) to logits (n, A); by themselves they are the zero-shot scores.

        Raises:
            ScoresError: If embeddings and words have vectors of different lengths.
        """
        products = self.scale * similarities(vectors, self.directions)  # (n, T)
        return np.stack(
            [
                np.logaddexp.reduce(products[:, self.answer == number], axis=1)
                for number in range(int(self.answer.max()) + 1)
            ],
            axis=1,
        )

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns all that has to be stored, under names that no adapter uses."""
        return {"text": self.directions, "log_scale": self.log_scale, "answer": self.answer}


def taken_out(arrays: dict[str, NDArray[np.float32]]) -> TextSide:
    """Undoes `TextSide.arrays`, and takes them out of what is given."""
    return TextSide(arrays.pop("text"), arrays.pop("log_scale"), arrays.pop("answer"))


def answers_of(y_true: NDArray[np.bool_], task: Task) -> NDArray[np.bool_]:
    """Returns which answers are right (n, A) for the scored classes (n, C) that are present.

    Examples:
        >>> answers_of(np.array([[True, False]]), "multilabel").astype(int)
        array([[0, 1, 1, 0]])
    """
    if task == "multiclass":
        return y_true
    return np.stack([~y_true, y_true], axis=2).reshape(len(y_true), -1)


def per_question(task: Task, n_answers: int) -> int:
    """Returns how many answers compete in each question."""
    return n_answers if task == "multiclass" else 2


def probabilities(logits: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """Maps logits (n, A) to scores (n, C): the softmax over the answers of each question."""
    from scipy.special import softmax

    together = per_question(task, logits.shape[1])
    shares = softmax(logits.reshape(len(logits), -1, together), axis=2)
    return np.asarray(shares[:, 0] if task == "multiclass" else shares[:, :, 1])
