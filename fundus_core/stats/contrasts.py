"""Several models on the same images: one test of several differences between their AUCs at once.

Ten pairs of five models are ten tests. "Do these models differ at all?" is one question, and one
test answers it: the differences, weighed by their covariance, give a single chi-square.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import NoVarianceError, ScoresError
from fundus_core.stats.inference import require_testable
from fundus_core.stats.inputs import as_labels, as_patients, as_scores, independent_units
from fundus_core.stats.placements import NO_VARIANCE, covariance, placements
from fundus_core.stats.small_samples import joint_degrees_of_freedom

_RANK = 1e-12
"""Share of the largest variance up to which a direction counts as not varying."""

_NO_DIFFERENCE = 1e-9
"""Differences of AUC up to this are rounding, or those of models that are alike."""


@dataclass(frozen=True, slots=True)
class ContrastTest:
    """Several differences of AUCs held against none."""

    aucs: tuple[float, ...]
    """Of the M models, in [0, 1]."""

    differences: tuple[float, ...]
    """Value of each of the R contrasts."""

    statistic: float
    """The differences weighed by the inverse of their covariance; at least 0."""

    rank: int
    """Contrasts that vary on their own, 0 to R: M - 1 for "all equal", less by 1 for each model
    that orders every pair of images like another."""

    chi_square_p: float
    """Of `statistic` against chi-square with `rank` degrees of freedom: the published test, for
    many patients; exactly 1 for rank 0."""

    p_value: float
    """Of `statistic` against Hotelling's distribution, which allows for a covariance estimated from
    few patients: rejects less than the published test, and becomes it with many."""

    degrees_of_freedom: float
    """Of the covariance; `p_value` comes from F with `rank` and this less (`rank` - 1) degrees of
    freedom. 1 where nothing varies."""

    method: str
    """"delong" (images independent) or "obuchowski" (patients independent)."""

    @property
    def residual(self) -> float:
        """Second degrees of freedom of the F distribution behind `p_value`; too few below 1."""
        return self.degrees_of_freedom - self.rank + 1


def all_equal(
    y_true: ArrayLike, scores: ArrayLike, *, patients: ArrayLike | None = None
) -> ContrastTest:
    """Tests whether M models scored on the same N images all have the same AUC.

    With two models the statistic is the square of the z of `compare_paired`.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        scores: Shape (M, N), M at least 2; each model on a scale of its own.
        patients: Shape (N,), one id per image; without it images count as independent.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If either class has fewer than two images, or patients.
        NoVarianceError: If models differ but nothing varies.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845 (section 4).
        Obuchowski (1997), Biometrics 53(2), 567-578 (patients).

    Examples:
        >>> y = [0, 0, 0, 0, 1, 1, 1]
        >>> found = all_equal(y, [[1, 5, 3, 4, 2, 6, 7], range(7), [1, 5, 3, 4, 2, 6, 8]])
        >>> found.aucs, found.rank, round(found.statistic, 4)
        ((0.75, 1.0, 0.75), 1, 0.9)
    """
    n_models = len(_score_rows(scores, n_images=len(np.asarray(y_true))))
    against_next = np.eye(n_models)[:-1] - np.eye(n_models)[1:]
    return contrast_test(y_true, scores, against_next, patients=patients)


def contrast_test(
    y_true: ArrayLike,
    scores: ArrayLike,
    contrasts: ArrayLike,
    *,
    patients: ArrayLike | None = None,
) -> ContrastTest:
    """Tests whether R linear contrasts of the AUCs of M models are all zero.

    A row of [1, 0, -1] compares the first with the third model, [1, -0.5, -0.5] the first with the
    mean of the others. Contrasts that follow from each other, and models that are alike, are
    counted once, through the rank of the covariance.

    Args:
        y_true: Shape (N,), bool or {0, 1}.
        scores: Shape (M, N).
        contrasts: Shape (R, M); each row adds up to 0.
        patients: Shape (N,), one id per image; without it images count as independent.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite, a patient is missing, or a
            contrast does not add up to 0.
        SingleClassError: If either class has fewer than two images, or patients.
        NoVarianceError: If a contrast is not zero but does not vary.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845 (equation 5: L).
        Hotelling (1931), Annals of Mathematical Statistics 2(3), 360-378 (few patients).
    """
    positive = as_labels(y_true)
    rows = _score_rows(scores, n_images=len(positive))
    weights = _as_contrasts(contrasts, n_models=len(rows))
    codes = as_patients(patients, n_images=len(positive))
    require_testable(independent_units(positive, codes))

    placed = placements(positive, rows)
    differences = weights @ placed.auc  # (R,)
    # Contrasts of placements, not of their covariance: digits of models nearly alike are kept.
    deviations = weights @ placed.deviations  # (R, N)
    deviations[np.abs(deviations).max(axis=1) < _NO_DIFFERENCE] = 0.0
    statistic, directions = _statistic(differences, covariance(deviations, positive, codes))
    known = 1.0
    if len(directions):
        known = joint_degrees_of_freedom(directions @ deviations, positive, codes)
    return ContrastTest(
        tuple(placed.auc.tolist()),
        tuple(differences.tolist()),
        statistic,
        len(directions),
        _chi_square_tail(statistic, len(directions)),
        _hotelling_tail(statistic, len(directions), known),
        known,
        "delong" if codes is None else "obuchowski",
    )


def _score_rows(scores: ArrayLike, *, n_images: int) -> NDArray[np.float64]:
    rows = [
        as_scores(row, n_images=n_images, model=f"Model {number}")
        for number, row in enumerate(np.asarray(scores, dtype=np.float64), start=1)
    ]
    if len(rows) < 2:
        raise ScoresError(
            f"There are scores of {len(rows)} models; at least 2 can be compared.",
            hint="Give one row of scores per model, shape (M, N).",
        )
    return np.stack(rows)


def _as_contrasts(contrasts: ArrayLike, *, n_models: int) -> NDArray[np.float64]:
    weights = np.atleast_2d(np.asarray(contrasts, dtype=np.float64))
    if weights.ndim != 2 or weights.shape[1] != n_models or not np.isfinite(weights).all():
        raise ScoresError(
            f"Contrasts have shape {weights.shape} for {n_models} models.",
            hint="Give one row per contrast with one finite weight per model.",
        )
    if (np.abs(weights.sum(axis=1)) > _NO_DIFFERENCE * np.abs(weights).sum(axis=1)).any():
        raise ScoresError(
            f"The weights of the contrasts add up to {weights.sum(axis=1).tolist()}, not to 0.",
            hint="A contrast weighs models against each other, e.g. 1 and -1.",
        )
    return weights


def _statistic(
    differences: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Returns the statistic, and contrasts with variance 1 that do not depend on each other.

    Those have shape (rank, R); together they are the root of the covariance's pseudo-inverse.

    Raises:
        NoVarianceError: If the differences lie outside of what varies.
    """
    eigenvalues, eigenvectors = np.linalg.eigh(variances)
    varies = eigenvalues > max(_RANK * float(eigenvalues[-1]), NO_VARIANCE)
    along = eigenvectors.T @ differences
    if float(np.abs(along[~varies]).max(initial=0.0)) > _NO_DIFFERENCE:
        raise NoVarianceError(
            "The AUCs differ, but not all differences vary over these images, so that no test can "
            "be made.",
            hint="Compare the models on more and harder images; a constant score cannot be tested.",
        )
    return float((along[varies] ** 2 / eigenvalues[varies]).sum()), (
        eigenvectors[:, varies] / np.sqrt(eigenvalues[varies])
    ).T


def _chi_square_tail(statistic: float, rank: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(rank, statistic)) if rank else 1.0


def _hotelling_tail(statistic: float, rank: int, degrees_of_freedom: float) -> float:
    """Returns the chance of a larger T^2; 1 where there are too few degrees of freedom."""
    from scipy.special import fdtrc

    left = degrees_of_freedom - rank + 1
    if rank == 0 or left <= 0:
        return 1.0
    return float(fdtrc(rank, left, statistic * left / (degrees_of_freedom * rank)))
