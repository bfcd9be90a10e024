"""How well a variance is known: degrees of freedom of DeLong's and Obuchowski's variances.

A variance that rests on ten diseased patients is itself an estimate from ten numbers. An interval
that takes it for certain is too short; the t distribution with the degrees of freedom found here
makes up for that. With many patients of both classes it becomes the normal one.
"""

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.unequal_patients import leverage


def auc_degrees_of_freedom(
    deviations: NDArray[np.float64],
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None = None,
) -> float:
    """Returns the degrees of freedom of the variance of one AUC, or of one difference of AUCs.

    Without patients these are Brunner and Munzel's: (A + B)^2 / (A^2 / (m - 1) + B^2 / (n - 1)),
    A and B being what the m positive and the n negative images add to the variance. With patients
    they are `satterthwaite` of each patient's sums; where every patient has one image, the two are
    the same.

    Args:
        deviations: Shape (N,): placements less the AUC, or the difference of two models' ones.
        positive: Shape (N,). Two units (patients, else images) of each class at least.
        patients: Shape (N,), numbers from 0, or None.

    References:
        Brunner & Munzel (2000), Biometrical Journal 42(1), 17-25 (for placements).

    Examples:
        >>> auc_degrees_of_freedom(np.array([0.1, -0.1, 0.2, -0.2]), np.array([0, 0, 1, 1]) == 1)
        1.4705882352941175
    """
    if patients is None:
        return sum_of_independent(
            *(_variance_of_mean(deviations[side]) for side in (positive, ~positive))
        )
    parts, member = _class_sums(deviations[np.newaxis], positive, patients)
    return satterthwaite(parts[:, 0], member)


def joint_degrees_of_freedom(
    deviations: NDArray[np.float64],
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None = None,
) -> float:
    """Returns the degrees of freedom of the covariance of K differences of AUCs.

    Of a single difference these are `auc_degrees_of_freedom`. Of several they are those that give
    the covariance the spread of a Wishart matrix, found as in the comparison of two vectors of
    means with different covariances.

    Args:
        deviations: Shape (K, N): differences of placements whose AUCs are made to have variance 1
            and not to depend on each other.
        positive: Shape (N,). Two units of each class at least.
        patients: Shape (N,), numbers from 0, or None.

    References:
        Krishnamoorthy & Yu (2004), Statistics & Probability Letters 66(2), 161-169.
    """
    codes = np.arange(len(positive)) if patients is None else patients
    (above, below), (diseased, healthy) = _class_sums(deviations, positive, codes)
    of_positive = _each(above, above, diseased)
    of_negative = _each(below, below, healthy)
    crossed = _each(above, below, diseased & healthy)
    of_mixed = of_positive + of_negative + crossed + crossed.T
    of_squares = (
        np.count_nonzero(diseased & ~healthy) * _spread(of_positive)
        + np.count_nonzero(healthy & ~diseased) * _spread(of_negative)
        + np.count_nonzero(diseased & healthy) * _spread(of_mixed)
    )
    both = above + below
    return _ratio(_spread(both @ both.T), of_squares)


def satterthwaite(parts: NDArray[np.float64], member: NDArray[np.bool_]) -> float:
    """Returns the degrees of freedom of a variance that is a sum of squares over I units.

    What a unit adds is the sum of up to J parts: the AUC's positive and its negative images, for
    each of several classes. Units are taken as alike within a part, so that unit i is expected to
    add w_i, the covariances of the parts it takes part in, all with each other. Were the sums
    normal, the sum of their squares would then have (sum of w)^2 / (sum of w^2) degrees of freedom,
    less the one that each part's mean takes. Two parts without a common unit give Brunner and
    Munzel's number; units that all take part in everything give I - 1.

    Args:
        parts: Shape (J, I): what each unit's images of a part add, times the root of n / (n - 1)
            for the n units of the part.
        member: Shape (J, I): whether the unit has images of the part.

    References:
        Satterthwaite (1946), Biometrics Bulletin 2(6), 110-114.
    """
    counted = member.astype(np.float64)
    shared = counted @ counted.T  # (J, J) units that two parts have in common
    alike = np.sqrt(shared * np.maximum(shared - 1, 1.0))
    products = parts @ parts.T
    expected = np.divide(products, alike, out=np.zeros_like(products), where=shared > 0)
    of_unit = ((expected @ counted) * counted).sum(axis=0)  # (I,)
    return _ratio(float(products.sum()) ** 2, float(of_unit @ of_unit))


def sum_of_independent(*variances: tuple[float, float | None]) -> float:
    """Returns the degrees of freedom of a sum of independent variances.

    Args:
        variances: Each with its degrees of freedom; a variance of 0 may have None.

    References:
        Welch (1947), Biometrika 34(1/2), 28-35.

    Examples:
        >>> sum_of_independent((0.01, 9.0), (0.01, 9.0))
        18.0
    """
    total = sum(variance for variance, _ in variances)
    return _ratio(total**2, sum(v**2 / known for v, known in variances if known is not None))


def _variance_of_mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the variance of the mean of deviations, with its degrees of freedom."""
    n = len(values)
    return float(values @ values) / (n - 1) / n, n - 1.0


def _class_sums(
    deviations: NDArray[np.float64], positive: NDArray[np.bool_], patients: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns what patients' images of either class add, (2, K, I), and who has any, (2, I)."""
    n_patients = int(patients.max()) + 1
    parts, member = [], []
    for side in (positive, ~positive):
        has_images = np.bincount(patients[side], minlength=n_patients) > 0
        n_units = np.count_nonzero(has_images)
        grown = np.sqrt(n_units / (n_units - 1)) / np.count_nonzero(side)
        rows = [np.bincount(patients[side], row[side], n_patients) for row in deviations]
        parts.append(np.stack(rows) * grown * leverage(patients[side], n_patients))
        member.append(has_images)
    return np.stack(parts), np.stack(member)


def _each(
    a: NDArray[np.float64], b: NDArray[np.float64], member: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns what a unit of two parts is expected to add to the covariance, shape (K, K)."""
    n_units = int(np.count_nonzero(member))
    return np.asarray(a @ b.T / max(n_units * (n_units - 1), 1) ** 0.5)


def _spread(covariance: NDArray[np.float64]) -> float:
    """Returns what the variances of the entries of a Wishart matrix with this mean add up to."""
    return float(np.trace(covariance @ covariance) + np.trace(covariance) ** 2)


def _ratio(squared: float, of_squares: float) -> float:
    """Returns their ratio, at least 1: also where nothing varies, or all but cancels."""
    return max(float(squared / of_squares), 1.0) if of_squares > 0 else 1.0
