"""Is a figure the same in every group? One chi-square, also where groups share patients.

N is the number of images, G of groups, U of independent units (patients, or images where patients
are unknown). A patient with images in several groups, such as a right and a left eye, makes their
figures depend on each other; sums over each patient's images show how much.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import NoVarianceError
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.inputs import IndependentUnits, independent_units
from fundus_core.stats.placements import NO_VARIANCE, covariance, placements
from fundus_core.stats.proportions import effective_images
from fundus_core.stats.unequal_patients import leverage

_NEGLIGIBLE = 1e-9
"""Share of a variance, or of a squared difference, that counts as rounding."""


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """A test that one figure is the same in all groups."""

    statistic: float
    """Chi-square, at least 0; 0 where all groups have the same figure."""

    degrees_of_freedom: int
    """Rank of the differences between groups: G - 1, unless they depend fully on each other."""

    p_value: float
    """In [0, 1]."""

    n_groups: int
    """G."""

    shared_units: int
    """Patients with images in more than one of the groups; 0 where groups are independent."""


@dataclass(frozen=True, slots=True)
class JointAucs:
    """AUCs of G groups, and how they vary together."""

    auc: NDArray[np.float64]
    """Shape (G,), in [0, 1]."""

    variance: NDArray[np.float64]
    """Shape (G,), that of `auc_interval`; 0 where nothing varies, as under a perfect model."""

    correlation: NDArray[np.float64]
    """Shape (G, G): of the AUCs, 0 between groups without a common patient; ones on the
    diagonal."""

    units: tuple[IndependentUnits, ...]
    """G."""

    shared_units: int
    """Patients with images in more than one group."""

    @property
    def effective_pairs(self) -> NDArray[np.float64]:
        """How many independent pairs of images would vary as much, shape (G,).

        Where nothing varies, the most pairs of which no two share a patient.
        """
        disjoint = np.array([max(one.disjoint_pairs, 1) for one in self.units], np.float64)
        varies = self.variance > NO_VARIANCE
        spread = self.auc * (1 - self.auc)
        return np.divide(spread, self.variance, out=disjoint, where=varies & (spread > 0))


def joint_aucs(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    members: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
) -> JointAucs:
    """Returns the AUCs of groups with their joint covariance.

    Variances are DeLong's, by patient Obuchowski's. Correlations are those of the patients' sums of
    placements, weighed as in the variances, so that the matrix they make is always a covariance.

    Args:
        positive: Shape (N,).
        score: Shape (N,), finite.
        members: Shape (G, N): whose images each group has. Two units of each class at least.
        patients: Shape (N,), numbers from 0, or None where images are independent.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845.
        Obuchowski (1997), Biometrics 53(2), 567-578.
    """
    owners = np.arange(len(positive)) if patients is None else patients
    n_units = int(owners.max()) + 1
    aucs, variances = np.empty((2, len(members)))
    sums = np.empty((len(members), n_units))
    units = []
    for index, chosen in enumerate(members):
        here, codes = positive[chosen], _renumbered(owners[chosen])
        placed = placements(here, score[np.newaxis, chosen])
        found = independent_units(here, codes)
        by_patient = None if patients is None else codes
        aucs[index] = placed.auc[0]
        variances[index] = covariance(placed.deviations, here, by_patient)[0, 0]
        sums[index] = sum(
            _root_correction(n)
            * _weighed_sums(placed.deviations[0, side], owners[chosen][side], n_units)
            / side.sum()
            for side, n in ((here, found.positive), (~here, found.negative))
        )
        units.append(found)
    return JointAucs(
        aucs, variances, _correlations(sums), tuple(units), _shared(members, owners, n_units)
    )


def aucs_equal(joint: JointAucs) -> Homogeneity:
    """Tests whether the AUCs of all groups are the same.

    Differences are taken on the logit scale, the one of the intervals: there a small group with a
    high AUC does not pass for a precise one. An AUC of 0 or 1 is moved inwards by half of one
    independent pair. The statistic is held against a chi-square distribution, which asks for some
    ten patients of each class in every group.

    Raises:
        NoVarianceError: If AUCs differ that cannot vary apart.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845 (contrasts).
        Pepe (2003), The Statistical Evaluation of Medical Tests, chapter 5 (logit scale).
    """
    from scipy.special import logit

    pairs = joint.effective_pairs
    disjoint = np.array([max(one.disjoint_pairs, 1) for one in joint.units])
    inside = np.clip(joint.auc, 0.5 / disjoint, 1 - 0.5 / disjoint)
    inside = np.where((joint.auc > 0) & (joint.auc < 1), joint.auc, inside)
    deviation = 1 / np.sqrt(pairs * inside * (1 - inside))
    return _all_equal(logit(inside), deviation, joint.correlation, joint.shared_units)


def auc_difference(
    first: AucInterval, second: AucInterval, correlation: float
) -> tuple[float, float, float]:
    """Returns the first AUC less the second, and the ends of its interval.

    The interval is put together from those of the two AUCs, so that it stays inside [-1, 1] and has
    a width also where an AUC is 1.

    Args:
        first: AUC of one group.
        second: Of another one, at the same confidence.
        correlation: Of the two, in [-1, 1]; 0 for groups without a common patient.

    References:
        Zou & Donner (2008), Statistics in Medicine 27(10), 1693-1702.
    """
    difference = first.auc - second.auc
    down = first.auc - first.low, second.high - second.auc
    up = first.high - first.auc, second.auc - second.low
    low, high = (
        float(np.sqrt(max(a**2 + b**2 - 2 * correlation * a * b, 0.0))) for a, b in (down, up)
    )
    return difference, max(difference - low, -1.0), min(difference + high, 1.0)


def shares_equal(
    right: NDArray[np.bool_],
    members: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
) -> Homogeneity:
    """Tests whether the same share of images is right in all groups, e.g. sensitivity.

    Pearson's chi-square with the common share under the hypothesis; with patients, each group
    counts as many images as it is worth (the design effect), and groups that share patients are
    correlated as the patients' sums are.

    Args:
        right: Shape (N,).
        members: Shape (G, N), none empty: of one class only, for a sensitivity or specificity.
        patients: Shape (N,), numbers from 0, or None where images are independent.

    Raises:
        NoVarianceError: If shares differ that cannot vary apart.

    References:
        Pearson (1900), Philosophical Magazine 50(302), 157-175.
        Rao & Scott (1992), Biometrics 48(2), 577-585 (the design effect).
    """
    owners = np.arange(len(right)) if patients is None else patients
    n_units = int(owners.max()) + 1
    n_images = members.sum(axis=1)
    shares = (members & right).sum(axis=1) / n_images
    effective = np.array(
        [
            effective_images(right[one], None if patients is None else patients[one])
            for one in members
        ]
    )
    common = float(effective @ shares / effective.sum())
    shared = _shared(members, owners, n_units)
    if common in {0.0, 1.0}:
        return Homogeneity(0.0, len(members) - 1, 1.0, len(members), shared)
    sums = np.stack(
        [
            _weighed_sums(right[one] - share, owners[one], n_units)
            for one, share in zip(members, shares, strict=True)
        ]
    )
    deviation = np.sqrt(common * (1 - common) / effective)
    return _all_equal(shares, deviation, _correlations(sums), shared)


def _all_equal(
    values: NDArray[np.float64],
    deviation: NDArray[np.float64],
    correlation: NDArray[np.float64],
    shared_units: int,
) -> Homogeneity:
    """Returns the chi-square of all differences from the first value."""
    from scipy.special import chdtrc

    n_groups = len(values)
    contrasts = np.eye(n_groups)[1:] - np.eye(n_groups)[0]  # (G - 1, G)
    differences = contrasts @ values
    spread = contrasts @ (correlation * np.outer(deviation, deviation)) @ contrasts.T
    scale, axes = np.linalg.eigh(spread)
    kept = scale > _NEGLIGIBLE * max(float(deviation.max()) ** 2, NO_VARIANCE)
    along = axes.T @ differences
    if (along[~kept] ** 2).sum() > _NEGLIGIBLE:
        raise NoVarianceError(
            "Some groups differ although their figures cannot vary apart, so that no test can be "
            "made.",
            hint="Join groups that hold the same patients, or choose another column.",
        )
    statistic = float((along[kept] ** 2 / scale[kept]).sum())
    degrees = int(kept.sum())
    p_value = float(chdtrc(degrees, statistic)) if degrees else 1.0
    return Homogeneity(statistic, degrees, p_value, n_groups, shared_units)


def _weighed_sums(
    deviations: NDArray[np.float64], owners: NDArray[np.intp], n_units: int
) -> NDArray[np.float64]:
    """Returns each unit's sum of deviations from a mean, times its `leverage`, shape (U,)."""
    return np.bincount(owners, deviations, minlength=n_units) * leverage(owners, n_units)


def _correlations(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the correlations of rows (G, U) of deviations; one of each row with itself."""
    lengths = np.sqrt((sums**2).sum(axis=1))
    directions = sums / np.where(lengths > 0, lengths, 1.0)[:, np.newaxis]
    found = np.clip(directions @ directions.T, -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def _shared(members: NDArray[np.bool_], owners: NDArray[np.intp], n_units: int) -> int:
    """Returns how many units have images in more than one group."""
    present = [np.bincount(owners[one], minlength=n_units) > 0 for one in members]
    return int((np.sum(present, axis=0) > 1).sum())


def _renumbered(owners: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.asarray(np.unique(owners, return_inverse=True)[1])


def _root_correction(n_units: int) -> float:
    return float(np.sqrt(n_units / (n_units - 1)))
