"""The area under a ROC curve: its interval, and tests between two of them.

Images are taken as independent (DeLong) unless their patients are given; then only patients are
(Obuchowski). Scores are never turned round: an AUC below one half stays there.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from fundus_core.stats.inference import (
    AucEstimate,
    DifferenceTest,
    alike_test,
    auc_bounds,
    difference_test,
    estimate,
    require_testable,
    unpaired_test,
)
from fundus_core.stats.inputs import (
    as_labels,
    as_patients,
    as_scores,
    independent_units,
    require_confidence,
)
from fundus_core.stats.placements import covariance, placements
from fundus_core.stats.small_samples import auc_degrees_of_freedom


@dataclass(frozen=True, slots=True)
class AucInterval:
    """An AUC and what is known of it."""

    auc: float
    """In [0, 1]: the share of pairs of a positive and a negative image in the right order."""

    low: float
    """Lower end of the interval, in [0, 1]."""

    high: float
    """Upper end, in [0, 1]; always above `low`."""

    standard_error: float
    """Of `auc`, above 0. Where `method` says "exact", no variance could be estimated, and this is
    the interval's width in units of the normal one's."""

    confidence: float
    """Level of the interval, in (0, 1)."""

    method: str
    """"delong": images independent; "obuchowski": patients independent; either followed by
    ", exact" where the exact bound on independent pairs took the place of a variance, and preceded
    by "macro " for the mean over several classes."""

    n_positive: int
    """Positive images."""

    n_negative: int
    """Negative images."""

    n_patients: int | None
    """Patients, or None where images were taken as independent."""

    degrees_of_freedom: float | None = None
    """Of the t distribution behind `low` and `high`; None for an exact interval, and where an
    earlier version stored it, which used the normal one."""


@dataclass(frozen=True, slots=True)
class AucComparison:
    """Two AUCs and how far apart they are."""

    auc_a: float
    """AUC of model A, in [0, 1]."""

    auc_b: float
    """AUC of model B, in [0, 1]."""

    difference: float
    """`auc_a - auc_b`, in [-1, 1]; positive favours model A."""

    standard_error: float
    """Of the difference; 0 when both models order every pair of images alike."""

    low: float
    """Lower end of the interval of the difference, in [-1, 1]."""

    high: float
    """Upper end, in [-1, 1]; always above `low`."""

    z: float
    """`difference / standard_error`; positive favours model A, 0 for equal AUCs."""

    degrees_of_freedom: float | None
    """Of the t distribution `z` was held against for `p_value`; None for the normal distribution,
    which the published paired test of independent images takes."""

    p_value: float
    """Two-sided, in [0, 1]; exactly 1 for equal AUCs."""

    method: str
    """"delong" or "obuchowski" for a paired test, followed by ", unpaired" for the other, which
    may also name both: one for each set."""

    n_images_a: int
    """Images model A was evaluated on."""

    n_images_b: int
    """Images model B was evaluated on; the same ones in a paired test."""

    confidence: float
    """Level of the interval, in (0, 1)."""

    interval_degrees_of_freedom: float | None = None
    """Of the t distribution behind `low` and `high`; None for an exact interval."""

    def swapped(self) -> "AucComparison":
        """Returns the same comparison with the models' places exchanged."""
        return replace(
            self,
            auc_a=self.auc_b,
            auc_b=self.auc_a,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            z=-self.z,
            n_images_a=self.n_images_b,
            n_images_b=self.n_images_a,
        )

    @classmethod
    def of(
        cls,
        aucs: tuple[float, float],
        test: DifferenceTest,
        *,
        method: str,
        n_images: tuple[int, int],
        confidence: float,
    ) -> "AucComparison":
        """Returns what a test of the difference of two AUCs found.

        Args:
            aucs: Of the first and of the second model.
            test: Of their difference.
            method: Its name.
            n_images: Behind each AUC.
            confidence: Of the interval.
        """
        auc_a, auc_b = aucs
        return cls(
            auc_a,
            auc_b,
            auc_a - auc_b,
            test.standard_error,
            test.low,
            test.high,
            test.z,
            test.degrees_of_freedom,
            test.p_value,
            method,
            *n_images,
            confidence,
            test.interval_degrees_of_freedom,
        )


def auc_interval(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucInterval:
    """Estimates an AUC with an interval inside [0, 1] that never has zero width.

    N is the number of images. The interval is symmetric on the logit scale and takes its quantile
    from the t distribution, because a variance that rests on few diseased images (patients) is
    itself uncertain; see `small_samples`. Where no variance can be estimated - a perfect, reversed
    or constant model, or a class held by one patient - it is the exact interval of a share among k
    independent pairs, k being the most pairs of a positive and a negative image that share no image
    (no patient): one can pair them off so that each pair is a trial of its own with the AUC as its
    chance of success. For an AUC of 1 the lower end is (alpha / 2)^(1 / k): no smaller AUC orders
    all pairs with a probability above alpha / 2.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive; only the order matters.
        patients: Shape (N,), one id per image; the images of a patient may depend on each other.
            Without it images count as independent, which two eyes of one patient are not.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If one class has no image.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845.
        Obuchowski (1997), Biometrics 53(2), 567-578 (patients).
        Pepe (2003), The Statistical Evaluation of Medical Tests, chapter 5 (logit scale).
        Brunner & Munzel (2000), Biometrical Journal 42(1), 17-25 (degrees of freedom).
        Clopper & Pearson (1934), Biometrika 26(4), 404-413 (no variance); why the usual interval
        misleads there: Obuchowski & Lieber (2002), Acad. Radiol. 9(5), 526-530.

    Examples:
        >>> found = auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
        >>> round(found.auc, 4), round(found.low, 4), round(found.high, 4)
        (0.8889, 0.088, 0.9985)
        >>> perfect = auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6])
        >>> perfect.auc, round(perfect.low, 4), perfect.high, perfect.method
        (1.0, 0.2924, 1.0, 'delong, exact')
    """
    require_confidence(confidence)
    found = estimate(y_true, y_score, patients=patients)
    bounds = auc_bounds(
        found.auc,
        found.variance,
        found.units.disjoint_pairs,
        confidence=confidence,
        degrees_of_freedom=found.degrees_of_freedom,
    )
    return AucInterval(
        found.auc,
        bounds.low,
        bounds.high,
        bounds.standard_error,
        confidence,
        f"{found.method}, exact" if bounds.exact else found.method,
        found.n_positive,
        found.n_images - found.n_positive,
        found.n_patients,
        None if bounds.exact else found.degrees_of_freedom,
    )


def compare_paired(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Tests whether two models scored on the same images have different AUCs.

    N is the number of images. Entry i of all arrays belongs to the same image, which is what makes
    the difference testable with few eyes. The interval is symmetric about the difference, cut off
    at -1 and 1, and takes its quantile from the t distribution (`small_samples`). So does p where
    patients are given. Without them p is that of the published test, from the normal distribution;
    with few diseased images it is somewhat too small, and the interval is the one to trust. Where
    every image is a patient of its own, AUCs, standard error, interval and z are those of the plain
    test, and p differs through the degrees of freedom alone.

    Where both models order every pair of images alike, z is 0, p is 1, and the interval is the
    exact bound on how far they can still differ: plus or minus 1 - alpha^(1 / k) for k independent
    pairs, as in `auc_interval`.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        score_a: Shape (N,). Higher means more likely positive; only the order matters.
        score_b: Shape (N,), like `score_a`; the two need not be on one scale.
        patients: Shape (N,), one id per image; the images of a patient may depend on each other.
            Without it images count as independent, which two eyes of one patient are not.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If either class has fewer than two images, or patients.
        NoVarianceError: If the models differ but nothing varies: a perfect and a constant one.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845.
        Obuchowski (1997), Biometrics 53(2), 567-578 (patients).

    Examples:
        >>> found = compare_paired([0, 0, 0, 0, 1, 1, 1], [1, 5, 3, 4, 2, 6, 7], range(7))
        >>> found.auc_a, found.auc_b, round(found.z, 6), round(found.p_value, 6)
        (0.75, 1.0, -0.948683, 0.342782)
    """
    require_confidence(confidence)
    positive = as_labels(y_true)
    n_images = len(positive)
    scores = np.stack(
        [
            as_scores(score_a, n_images=n_images, model="Model A"),
            as_scores(score_b, n_images=n_images, model="Model B"),
        ]
    )
    codes = as_patients(patients, n_images=n_images)
    units = independent_units(positive, codes)
    require_testable(units)

    placed = placements(positive, scores)
    auc_a, auc_b = map(float, placed.auc)
    if np.array_equal(placed.values[0], placed.values[1]):
        found = alike_test(units.disjoint_pairs, confidence=confidence)
    else:
        # One row for the difference: var_a + var_b - 2 cov loses digits for models nearly alike.
        contrast = placed.deviations[:1] - placed.deviations[1:]
        variance = float(covariance(contrast, positive, codes)[0, 0])
        known = auc_degrees_of_freedom(contrast[0], positive, codes)
        found = difference_test(
            auc_a - auc_b,
            variance,
            confidence=confidence,
            degrees_of_freedom=None if codes is None else known,
            interval_degrees_of_freedom=known,
        )
    return AucComparison.of(
        (auc_a, auc_b),
        found,
        method="delong" if codes is None else "obuchowski",
        n_images=(n_images, n_images),
        confidence=confidence,
    )


def compare_unpaired(
    y_a: ArrayLike,
    score_a: ArrayLike,
    y_b: ArrayLike,
    score_b: ArrayLike,
    *,
    patients_a: ArrayLike | None = None,
    patients_b: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Tests whether the AUCs on two separate sets of images differ, e.g. inside and outside.

    The two sets must have no patient in common; equal ids in them are taken as different people.
    The variances add, and the ratio is held against a t distribution. Its degrees of freedom are
    put together from those of the two variances (`small_samples`); only where patients are unknown
    in both sets p keeps the published ones, Welch's over all images. An AUC without variance of its
    own (a perfect model) counts as known exactly.

    Args:
        y_a: Shape (N_a,), labels of the first set.
        score_a: Shape (N_a,). Higher means more likely positive.
        y_b: Shape (N_b,), labels of the second set.
        score_b: Shape (N_b,).
        patients_a: Shape (N_a,), one id per image, or None where images count as independent.
        patients_b: Shape (N_b,), likewise; may be unknown where those of the first set are known.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If a set has fewer than two images, or patients, of either class.
        NoVarianceError: If the AUCs differ but neither varies.

    References:
        Robin et al. (2011), BMC Bioinformatics 12, 77 (the statistic D and its t distribution).
        Obuchowski (1997), Biometrics 53(2), 567-578 (patients).
    """
    require_confidence(confidence)
    a = estimate(y_a, score_a, patients=patients_a, model="Model A")
    b = estimate(y_b, score_b, patients=patients_b, model="Model B")
    return unpaired_comparison(a, b, confidence=confidence)


def unpaired_comparison(
    a: AucEstimate, b: AucEstimate, *, confidence: float, prefix: str = ""
) -> AucComparison:
    """Tests whether two AUCs estimated on separate sets differ; see `compare_unpaired`.

    Args:
        a: An AUC with its variance.
        b: Likewise, of patients who are not in the first set.
        confidence: In (0, 1).
        prefix: Begins the method's name.

    Raises:
        SingleClassError: If a set has fewer than two images, or patients, of either class.
        NoVarianceError: If the AUCs differ but neither varies.
    """
    require_testable(a.units)
    require_testable(b.units)
    found = unpaired_test(a, b, confidence=confidence)
    methods = " and ".join(dict.fromkeys((a.method, b.method)))
    return AucComparison.of(
        (a.auc, b.auc),
        found,
        method=f"{prefix}{methods}, unpaired",
        n_images=(a.n_images, b.n_images),
        confidence=confidence,
    )
