"""Scores from words alone: how near a photograph lies to what is said of each class.

N is the number of photographs, C of classes, P of prompts of one class, D the length of the vectors
that photographs and words share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import ScoresError

Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrototypeKind:
    """One row of the menu of prototypes."""

    label: str

    build: Callable[[Vectors], Vectors]
    """Unit vectors of the prompts of a class (P, D) -> its prototype (D,)."""

    reference: str


def _mean(prompts: Vectors) -> Vectors:
    return np.asarray(prompts.mean(axis=0), np.float32)


def _renormalised(prompts: Vectors) -> Vectors:
    return np.asarray(unit(_mean(prompts)[None])[0], np.float32)


PROTOTYPES: dict[str, PrototypeKind] = {
    "mean": PrototypeKind(
        label="Mean of prompts",
        build=_mean,
        reference="Silva-Rodríguez et al. (2025), Medical Image Analysis 99, 103357 (FLAIR)",
    ),
    "renormalised": PrototypeKind(
        label="Mean, at length 1",
        build=_renormalised,
        reference="Radford et al. (2021), arXiv:2103.00020 (CLIP)",
    ),
}
"""How the prompts of a class become one vector. The plain mean of unit vectors is the shorter, the
less its prompts agree, which lowers the scores of a class that is described in many ways."""


def prompts(texts: Sequence[str], template: str, *, placeholder: str = "{}") -> tuple[str, ...]:
    """Puts each text into the template.

    Examples:
        >>> prompts(["drusen", "a macular hole"], "A fundus photograph of {}")
        ('A fundus photograph of drusen', 'A fundus photograph of a macular hole')
    """
    return tuple(template.replace(placeholder, text) for text in texts)


def unit(vectors: Vectors) -> Vectors:
    """Returns vectors (n, D) at length 1; a vector of zeros stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def build_prototypes(embedded: Sequence[Vectors], kind: str = "mean") -> Vectors:
    """Returns a prototype per class, shape (C, D).

    Args:
        embedded: Per class the unit vectors of its prompts, each (P, D).
        kind: Key of `PROTOTYPES`.
    """
    return np.stack([PROTOTYPES[kind].build(unit(vectors)) for vectors in embedded])


def similarities(vectors: Vectors, prototypes: Vectors) -> Scores:
    """Returns the products of photographs (N, D) at length 1 with prototypes (C, D), shape (N, C).

    They are cosines where the prototypes have length 1, and smaller where they are shorter.

    Raises:
        ScoresError: If photographs and words have vectors of different lengths.
    """
    if vectors.shape[1] != prototypes.shape[1]:
        raise ScoresError(
            f"Photographs have vectors of {vectors.shape[1]} numbers, words of "
            f"{prototypes.shape[1]}: they do not lie in one space.",
            hint="Use the projected embeddings of the backbone whose text tower made the words.",
        )
    return unit(vectors).astype(np.float64) @ prototypes.astype(np.float64).T


def exclusive_scores(vectors: Vectors, prototypes: Vectors, *, log_scale: float) -> Scores:
    """Returns the probabilities (N, C) of classes of which a photograph has exactly one.

    They are softmax(exp(log_scale) f . T) over the classes, where f are the photographs (N, D) at
    length 1 and T the prototypes (C, D). The scale was learned to tell photographs of a training
    batch apart, not to make these numbers frequencies: they rank, they are not calibrated.

    Args:
        vectors: Shape (N, D).
        prototypes: Shape (C, D).
        log_scale: Natural logarithm of the scale that the network was trained with.

    References:
        Radford et al. (2021), arXiv:2103.00020.
    """
    logits = np.exp(log_scale) * similarities(vectors, prototypes)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def paired_scores(
    vectors: Vectors, present: Vectors, absent: Vectors, *, log_scale: float
) -> Scores:
    """Returns for each of C findings the probability (N, C) that it is present, not absent.

    Each is `exclusive_scores` over two classes, so several findings may be present at once.

    Args:
        vectors: Shape (N, D).
        present: Prototypes of the findings, shape (C, D).
        absent: Prototypes of their opposites, shape (C, D).
        log_scale: As for `exclusive_scores`.
    """
    pairs = [
        exclusive_scores(vectors, np.stack([no, yes]), log_scale=log_scale)[:, 1]
        for yes, no in zip(present, absent, strict=True)
    ]
    return np.stack(pairs, axis=1)


def ranked(
    vectors: Vectors, image_ids: Sequence[str], words: Vectors, *, count: int | None = None
) -> Mapping[str, float]:
    """Returns the photographs nearest to some words, nearest first, with their cosines.

    Cosines of photographs and words are small by nature; only their order says something.

    Args:
        vectors: Shape (N, D).
        image_ids: N ids; of equal cosines the one listed earlier comes first.
        words: Shape (D,).
        count: How many; all of them if left out.

    Raises:
        ScoresError: If photographs and words have vectors of different lengths.
    """
    cosines = similarities(vectors, unit(words[None]))[:, 0]
    order = np.argsort(-cosines, kind="stable")[:count]
    return {image_ids[row]: float(cosines[row]) for row in order}
