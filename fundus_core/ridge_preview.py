"""What a linear probe will be worth, at once: ridge regression on labels, in closed form.

n is the number of photographs, D the length of an embedding, k the smaller of n and D, C the number
of scored classes, S that of strengths. The matrix of products is summed once; each fold takes away
what it holds out, and one decomposition serves all strengths.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fundus_core.probe_fits import Labels, Scores, Vectors, standardisation
from fundus_core.splits import Fold

STRENGTHS = tuple(float(10.0**power) for power in range(6))
"""Ridge penalties on standardised embeddings to choose between."""


def ridge_scores(vectors: Vectors, y_true: Labels, folds: Sequence[Fold]) -> Scores:
    """Scores each photograph by a ridge regression that never saw its fold.

    A preview, not a result: the scores rank photographs and are no probabilities; embeddings are
    standardised over all rows, and each fold's penalty is the one with the least squared error on
    the other folds.

    Args:
        vectors: Shape (n, D).
        y_true: Shape (n, C).
        folds: As from `grouped_folds`.

    Returns:
        Shape (n, C); NaN for rows that no fold holds out.

    References:
        Hoerl & Kennard (1970), Ridge regression, Technometrics 12.
    """
    mean, scale = standardisation(vectors)
    rows = _along_own_axes((vectors - mean) / scale)
    labels = y_true.astype(np.float32)
    products, answers = rows.T @ rows, rows.T @ labels  # (k, k), (k, C)
    of_strength = np.full((len(STRENGTHS), *y_true.shape), np.nan, np.float32)
    for fold in folds:
        held, said = rows[fold.test], labels[fold.test]
        if _all_but(fold, len(rows)):
            left = products - held.T @ held, answers - held.T @ said
        else:
            seen = rows[fold.train]
            left = seen.T @ seen, seen.T @ labels[fold.train]
        centre, share = rows[fold.train].mean(axis=0), labels[fold.train].mean(axis=0)
        of_strength[:, fold.test] = _scored(held - centre, *left, centre, share, len(fold.train))
    return _with_penalty_of_others(of_strength, labels, folds)


def _along_own_axes(standardised: Vectors) -> Vectors:
    """Returns rows (n, k): where there are fewer photographs than numbers, only k are needed."""
    n, length = standardised.shape
    if n >= length:
        return standardised
    return np.asarray(np.linalg.qr(standardised.T, mode="r"), np.float32).T


def _all_but(fold: Fold, n: int) -> bool:
    """Says whether a fold learns from all that it does not hold out."""
    return len(fold.train) + len(fold.test) == n


def _scored(
    held: Vectors,
    products: NDArray[np.float32],
    answers: NDArray[np.float32],
    centre: NDArray[np.float32],
    share: NDArray[np.float32],
    n_train: int,
) -> NDArray[np.float32]:
    """Returns the scores (S, m, C) of rows (m, k) that were held out, less `centre`."""
    spread, axes = np.linalg.eigh(products - n_train * np.outer(centre, centre))
    turned = axes.T @ (answers - n_train * np.outer(centre, share))  # (k, C)
    along = held @ axes
    penalised = np.maximum(spread, 0)[None] + np.array(STRENGTHS, np.float32)[:, None]  # (S, k)
    return np.stack([along @ (turned / one[:, None]) + share for one in penalised])


def _with_penalty_of_others(
    of_strength: NDArray[np.float32], labels: NDArray[np.float32], folds: Sequence[Fold]
) -> Scores:
    """Returns each fold's scores (n, C) at the penalty that serves the other folds best."""
    errors = np.stack(
        [np.square(of_strength[:, one.test] - labels[one.test]).sum(axis=1) for one in folds]
    )  # (F, S, C)
    others = errors.sum(axis=0) - errors if len(folds) > 1 else errors
    found = np.full(labels.shape, np.nan)
    for fold, error in zip(folds, others, strict=True):
        best = error.argmin(axis=0)  # (C,)
        found[fold.test] = of_strength[best[None], fold.test[:, None], np.arange(len(best))[None]]
    return found
