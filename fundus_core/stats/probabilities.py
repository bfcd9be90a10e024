"""Scores that claim to be probabilities: checked, and as logits.

N is the number of images throughout.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ScoresError
from fundus_core.stats.inputs import as_scores

EDGE = 1e-6
"""The logit of 0 and of 1 is infinite; probabilities nearer to them than this are taken as this
near, and counted (`n_at_edge`)."""


def as_probabilities(
    y_score: ArrayLike, *, n_images: int, model: str = "The model"
) -> NDArray[np.float64]:
    """Returns scores as probabilities, float64, shape (N,), in [0, 1].

    Args:
        y_score: One score per image.
        n_images: N.
        model: Who the message is about, with a capital letter.

    Raises:
        ScoresError: If there is none, the shape does not fit, a score is not finite, or one lies
            outside [0, 1].
    """
    if not n_images:
        raise ScoresError(
            "There is no image, so nothing can be said of probabilities.",
            hint="Give at least one image that has a label.",
        )
    scores = as_scores(y_score, n_images=n_images, model=model)
    outside = (scores < 0) | (scores > 1)
    if n_outside := int(np.count_nonzero(outside)):
        raise ScoresError(
            f"{model} gives no probabilities: {n_outside} of {n_images} scores lie outside [0, 1]; "
            f"they run from {scores.min():.4g} to {scores.max():.4g}.",
            hint="Similarities and logits put photographs in order and claim no share, so there is "
            "nothing to be calibrated. Use scores of a probe or of a fine-tuned network, or turn "
            "logits into probabilities first.",
        )
    return scores


def n_at_edge(probability: NDArray[np.float64]) -> int:
    """Returns how many probabilities are nearer to 0 or to 1 than `EDGE`."""
    return int(np.count_nonzero((probability < EDGE) | (probability > 1 - EDGE)))


def logits(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns log(p / (1 - p)) of probabilities of any shape, kept `EDGE` away from 0 and 1.

    Examples:
        >>> logits(np.array([0.0, 0.5, 0.9])).round(2).tolist()
        [-13.82, 0.0, 2.2]
    """
    inside = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def sigmoid(logit: NDArray[Any]) -> NDArray[np.float64]:
    """Returns 1 / (1 + exp(-logit)), in [0, 1], of any shape."""
    from scipy.special import expit

    return np.asarray(expit(logit), np.float64)
