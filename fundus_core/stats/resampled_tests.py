"""Tests of two AUCs that draw patients anew, or swap the models, instead of a variance formula.

N is the number of images, B of resamples or permutations. DeLong's test and Obuchowski's (`delong`)
are the usual ones; these need less of a formula and more of a processor.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.inputs import (
    checked_scores,
    require_confidence,
)
from fundus_core.stats.paired_bootstrap import (
    ResampledTest,
    Statistic,
    checked_pair,
    drawn_anew,
    paired_bootstrap,
    ratio_test,
    require_alike,
)
from fundus_core.stats.resampling import generator_of
from fundus_core.stats.tallies import ranking_of

_CELLS_AT_ONCE = 1_000_000
"""Permutations times images held in memory together."""

_PERMUTED = (
    "Both models scored the same images, and their scores are replaced by their ranks. {unit} are "
    "independent of each other. Under the hypothesis the two models are exchangeable: swapping "
    "their ranks for any of the {units} changes nothing in distribution. This is more than equal "
    "AUCs, so that a small p can also come from curves that cross. Ranks are those among all "
    "images, so that swapping them is nearly the same as swapping scores where none of the {units} "
    "has a large share of the images. No normal distribution and no variance is assumed; there is "
    "no interval."
)
_UNPAIRED = (
    "The two sets are taken to have no {one} in common. {unit} are independent of each other. Each "
    "set is drawn anew by itself within its classes, the variances add, and the difference over "
    "its standard error is held against the normal distribution."
)


def bootstrap_test(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> ResampledTest:
    """Tests whether two models of the same images have different AUCs, by the paired bootstrap.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        score_a: Shape (N,). Higher means more likely positive; only the order matters.
        score_b: Shape (N,), likewise, on any scale.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        n_resamples: B.
        seed: Of the draws; equal seeds give equal results.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If either class has fewer than `FEWEST_UNITS` images, or patients, or
            images that are worth fewer (`too_unequal`).
        NoVarianceError: If the models differ but no resample differs from another.

    References:
        Hanley & McNeil (1983), Radiology 148(3), 839-843 (the critical ratio of paired areas).
        Robin et al. (2011), BMC Bioinformatics 12, 77 (its standard error by the bootstrap).
        Field & Welsh (2007), J. R. Stat. Soc. B 69(3), 369-390 (drawing patients whole).

    Examples:
        >>> y_true, score = [0] * 6 + [1] * 6, [1, 2, 3, 4, 7, 8, 5, 6, 9, 10, 11, 12]
        >>> found = bootstrap_test(y_true, score, [5, 1, 9, 2, 8, 3, 4, 7, 6, 12, 10, 11])
        >>> round(found.difference, 3), 0 < found.p_value < 1
        (0.083, True)
    """
    positive, scores, codes = checked_pair(y_true, score_a, score_b, patients)
    rankings = [ranking_of(positive, score) for score in scores]
    return paired_bootstrap(
        lambda weights: np.stack([one.weighed(weights)[0] for one in rankings], axis=1),
        positive,
        codes,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )


def unpaired_bootstrap_test(
    y_a: ArrayLike,
    score_a: ArrayLike,
    y_b: ArrayLike,
    score_b: ArrayLike,
    *,
    patients_a: ArrayLike | None = None,
    patients_b: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> ResampledTest:
    """Tests whether the AUCs on two separate sets of images differ, each set drawn by itself.

    Args:
        y_a: Shape (N_a,), labels of the first set.
        score_a: Shape (N_a,). Higher means more likely positive.
        y_b: Shape (N_b,), labels of the second set, which shares no patient with the first.
        score_b: Shape (N_b,).
        patients_a: Shape (N_a,), one id per image, or None where images count as independent.
        patients_b: Shape (N_b,), likewise; unknown where those of the first are unknown.
        confidence: In (0, 1).
        n_resamples: B, of each set.
        seed: Of the draws.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If a class of a set has fewer than `FEWEST_UNITS` images, or patients, or
            images that are worth fewer (`too_unequal`).
        NoVarianceError: If the models differ but no resample differs from another.

    References:
        Robin et al. (2011), BMC Bioinformatics 12, 77.
    """
    require_confidence(confidence)
    values, variances, sizes = [], [], []
    generators = generator_of(n_resamples, seed).spawn(2)
    sets = (("A", y_a, score_a, patients_a), ("B", y_b, score_b, patients_b))
    for (name, y_true, y_score, patients), generator in zip(sets, generators, strict=True):
        positive, score, codes = checked_scores(y_true, y_score, patients, model=f"Model {name}")
        auc = _auc_of(positive, score)
        values.append(float(auc(np.ones((1, len(positive))))[0, 0]))
        drawn = drawn_anew(auc, positive, codes, n_resamples, generator)
        variances.append(float(np.var(drawn, ddof=1)))
        sizes.append(len(positive))
    unit = "images" if patients_a is None or patients_b is None else "patients"
    return ratio_test(
        (values[0], values[1]),
        float(np.sqrt(sum(variances))),
        confidence=confidence,
        method=f"bootstrap of {unit}, stratified, unpaired",
        assumptions=_UNPAIRED.format(unit=unit.capitalize(), one=unit.removesuffix("s")),
        n_resamples=n_resamples,
        n_images=(sizes[0], sizes[1]),
    )


def permutation_test(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResampledTest:
    """Tests whether two models of the same images have different AUCs, by swapping their ranks.

    Each permutation swaps the two models' ranks at random, for all images of a patient together
    where patients are known. p is the share of differences at least as large as the one seen, the
    one seen counted among them: it is never 0, and valid however few permutations. Ranks are among
    all images, so that to swap them is nearly, not exactly, to swap scores: where one patient has
    most of the images the test would reject too often, and is refused.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        score_a: Shape (N,). Higher means more likely positive; only the order matters.
        score_b: Shape (N,), likewise, on any scale.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: Kept for the result; there is no interval.
        n_resamples: B permutations.
        seed: Of the permutations.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image, or one patient most of its images
            (`too_unequal`).

    References:
        Bandos, Rockette & Gur (2005), Statistics in Medicine 24(18), 2873-2893 (ranks swapped).
        Venkatraman & Begg (1996), Biometrika 83(4), 835-848 (permuting paired ROC curves).
        Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9(1), 39 (the one seen counted).

    Examples:
        >>> y_true = [0, 0, 0, 0, 1, 1, 1]
        >>> found = permutation_test(y_true, [1, 5, 3, 4, 2, 6, 7], range(7))
        >>> found.difference, found.p_value > 0.05
        (-0.25, True)
    """
    require_confidence(confidence)
    generator = generator_of(n_resamples, seed)
    positive, scores, codes = checked_pair(y_true, score_a, score_b, patients)
    require_alike(positive, codes)
    unit_of = np.arange(len(positive)) if codes is None else codes
    ranks = np.stack([_twice_ranks(score) for score in scores])
    none = np.zeros((1, len(positive)), dtype=bool)
    seen = _right_order(ranks, positive, none)[:, 0]
    extreme = 0
    step = max(1, _CELLS_AT_ONCE // len(positive))
    for start in range(0, n_resamples, step):
        n_rows = min(step, n_resamples - start)
        swapped = generator.integers(0, 2, (n_rows, unit_of.max() + 1), dtype=bool)
        a, b = _right_order(ranks, positive, swapped[:, unit_of])
        extreme += int(np.count_nonzero(np.abs(a - b) >= abs(seen[0] - seen[1])))
    pairs = 2 * int(positive.sum()) * int((~positive).sum())
    unit = "images" if codes is None else "patients"
    return ResampledTest(
        int(seen[0]) / pairs,
        int(seen[1]) / pairs,
        int(seen[0] - seen[1]) / pairs,
        None,
        None,
        None,
        None,
        (extreme + 1) / (n_resamples + 1),
        confidence,
        f"permutation of ranks within {unit}",
        _PERMUTED.format(unit=unit.capitalize(), units=unit),
        n_resamples,
        len(positive),
        len(positive),
        "a permutation test gives none",
    )


def _twice_ranks(score: NDArray[np.float64]) -> NDArray[np.intp]:
    """Returns twice the rank of each score, ties sharing the mean of theirs: 2 ... 2 N."""
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    before = np.cumsum(size) - size
    return np.asarray((2 * before + size + 1)[group])


def _right_order(
    twice_ranks: NDArray[np.intp], positive: NDArray[np.bool_], swapped: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Returns twice the number of pairs in the right order, shape (2, B); ties count one half.

    Counting images by rank takes the place of sorting every permutation.

    Args:
        twice_ranks: Shape (2, N), of both models.
        positive: Shape (N,).
        swapped: Shape (B, N): where the two models exchange their ranks.
    """
    width = 2 * len(positive) + 1
    first_cell = np.arange(len(swapped))[:, np.newaxis] * width
    found = np.empty((2, len(swapped)), dtype=np.intp)
    for model, (own, other) in enumerate((twice_ranks, twice_ranks[::-1])):
        mixed = np.where(swapped, other, own)  # (B, N)
        cells = (mixed[:, ~positive] + first_cell).ravel()
        negatives = np.bincount(cells, minlength=len(swapped) * width).reshape(-1, width)
        twice_below = 2 * np.cumsum(negatives, axis=1) - negatives
        found[model] = np.take_along_axis(twice_below, mixed[:, positive], axis=1).sum(axis=1)
    return found


def _auc_of(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Statistic:
    """Returns what maps weights (B, N) to the AUC of each resample, shape (B, 1)."""
    ranking = ranking_of(positive, score)
    return lambda weights: ranking.weighed(weights)[0][:, np.newaxis]
