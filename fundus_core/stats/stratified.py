"""How much of an AUC is left when only like is compared with like: AUCs within strata.

A model that has learned a shortcut (brighter photographs come from the clinic) separates bright
photographs from dark ones; among photographs of one brightness it does no better than chance.

N is the number of images, S of strata.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.delong import AucInterval, auc_interval
from fundus_core.stats.inference import UNITS_FOR_VARIANCE, auc_bounds, two_sided_quantile
from fundus_core.stats.inputs import (
    checked_scores,
    independent_units,
    require_confidence,
)
from fundus_core.stats.placements import NO_VARIANCE, covariance, placements
from fundus_core.stats.small_samples import auc_degrees_of_freedom

Weighting = Literal["pairs", "positives"]


@dataclass(frozen=True, slots=True)
class WithinStrata:
    """An AUC whose every pair of images lies in one stratum, beside that of all pairs."""

    auc: AucInterval
    """Within strata; its `n_positive`, `n_negative` and `n_patients` are of the images in strata
    that have both classes."""

    overall: AucInterval
    """Of all images and all pairs."""

    difference: float
    """`auc` less `overall`, in [-1, 1]; negative where the strata explain some of the AUC."""

    low: float
    """Lower end of its interval, in [-1, 1]."""

    high: float
    """Upper end, in [-1, 1]."""

    weighting: Weighting
    """How strata are averaged."""

    n_strata: int
    """Strata with images of both classes."""

    n_images: int
    """Images in them; the others have nothing to be compared with."""

    n_pairs: int
    """Pairs of a positive and a negative image of one stratum."""

    @property
    def surviving(self) -> float | None:
        """Share of what the AUC is above one half that is left within strata.

        None where the AUC is not shown to be above one half. Below 0 where it is turned round
        within strata, above 1 where the strata hid some of it.
        """
        if self.overall.low <= 0.5:
            return None
        return (self.auc.auc - 0.5) / (self.overall.auc - 0.5)


def auc_within_strata(
    y_true: ArrayLike,
    y_score: ArrayLike,
    strata: ArrayLike,
    *,
    weighting: Weighting = "pairs",
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> WithinStrata:
    """Estimates the AUC of pairs of images of the same stratum, and what it has less than all.

    `pairs` gives every pair of one stratum the same weight: the chance that a positive image gets
    the higher score than a negative one of its stratum. `positives` gives every positive image the
    same weight (Janes and Pepe's covariate-adjusted AUC). Strata with one class take no part.

    Both are sums over images of what each adds, so that their variance, and that of the difference,
    is DeLong's or, by patient, Obuchowski's, with strata as drawn along with the images; where cuts
    were made at quantiles, they count as given. With one stratum the AUC is the usual one.

    What is lost within strata was not necessarily a shortcut: a disease that itself changes the
    brightness of the photograph loses part of its true signal. What is left may still be due to
    differences within wide strata.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.
        strata: Shape (N,), numbers from 0.
        weighting: See above.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If no stratum has images of both classes.

    References:
        Janes & Pepe (2009), Biometrika 96(2), 371-382 (covariate adjustment).
        Rosenbaum & Rubin (1984), J. Am. Stat. Assoc. 79(387), 516-524 (five strata of a score).
        Obuchowski (1997), Biometrics 53(2), 567-578 (patients).

    Examples:
        >>> bright = [0, 0, 0, 1, 1, 1]
        >>> found = auc_within_strata([0, 0, 1, 0, 1, 1], [1, 3, 2, 7, 6, 9], bright)
        >>> round(found.overall.auc, 3), found.auc.auc
        (0.667, 0.5)
    """
    require_confidence(confidence)
    positive, score, codes = checked_scores(y_true, y_score, patients)
    stratum = _as_strata(strata, n_images=len(positive))
    mixed, counts = _mixed(positive, stratum)
    auc, within = _estimate(positive, score, stratum, mixed, counts, weighting)
    overall = auc_interval(positive, score, patients=codes, confidence=confidence)

    chosen = np.isin(stratum, mixed)
    same_pairs = len(mixed) == 1 and bool(chosen.all())
    deviations = within - placements(positive, score[np.newaxis]).deviations[0]
    n_pairs = _disjoint_pairs(positive, codes, stratum, chosen)
    reach = 0.0 if same_pairs else _reach(deviations, positive, codes, n_pairs, confidence)
    difference = 0.0 if same_pairs else auc - overall.auc
    return WithinStrata(
        _interval(auc, within, positive, codes, chosen, n_pairs, confidence),
        overall,
        difference,
        max(difference - reach, -1.0),
        min(difference + reach, 1.0),
        weighting,
        len(mixed),
        int(chosen.sum()),
        int(counts[:, 0] @ counts[:, 1]),
    )


_SHARES: dict[Weighting, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "pairs": lambda counts: counts[:, 0] * counts[:, 1] / (counts[:, 0] @ counts[:, 1]),
    "positives": lambda counts: counts[:, 0] / counts[:, 0].sum(),
}
"""Counts of positive and negative images, shape (S, 2) -> weight of each stratum, shape (S,)."""


def _as_strata(strata: ArrayLike, *, n_images: int) -> NDArray[np.intp]:
    stratum = np.asarray(strata)
    if stratum.shape != (n_images,):
        raise ScoresError(
            f"Strata have shape {stratum.shape} for {n_images} labelled images.",
            hint="Give one stratum per image, in the order of the labels.",
        )
    return np.asarray(np.unique(stratum, return_inverse=True)[1], np.intp)


def _mixed(
    positive: NDArray[np.bool_], stratum: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns the strata with both classes, and their positive and negative images, (S, 2)."""
    n_strata = int(stratum.max()) + 1
    counts = np.stack(
        [np.bincount(stratum[side], minlength=n_strata) for side in (positive, ~positive)], axis=1
    ).astype(np.float64)
    mixed = np.flatnonzero((counts > 0).all(axis=1))
    if not len(mixed):
        raise SingleClassError(
            f"None of the {n_strata} strata has both positive and negative images, so that there "
            "is no pair to compare.",
            hint="Use fewer strata, or a column that does not tell the classes apart.",
        )
    return mixed, counts[mixed]


def _estimate(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    stratum: NDArray[np.intp],
    mixed: NDArray[np.intp],
    counts: NDArray[np.float64],
    weighting: Weighting,
) -> tuple[float, NDArray[np.float64]]:
    """Returns the AUC within strata, and what each image adds to it, shape (N,).

    What it adds is written as `covariance` takes it: times the number of images of its class.
    """
    share = _SHARES[weighting](counts)
    rows = [np.flatnonzero(stratum == one) for one in mixed]
    placed = [placements(positive[here], score[np.newaxis, here]) for here in rows]
    aucs = np.array([float(one.auc[0]) for one in placed])
    auc = float(share @ aucs)
    added = np.zeros(len(positive))
    for index, here in enumerate(rows):
        for side, of_side in ((True, positive), (False, ~positive)):
            members = of_side[here]
            # The weights of `positives` do not depend on the negative images of a stratum.
            centre = aucs[index] if weighting == "positives" and not side else auc
            each = share[index] * of_side.sum() / members.sum()
            added[here[members]] = each * (placed[index].values[0, members] - centre)
    return auc, added


def _interval(
    auc: float,
    added: NDArray[np.float64],
    positive: NDArray[np.bool_],
    codes: NDArray[np.intp] | None,
    chosen: NDArray[np.bool_],
    n_pairs: int,
    confidence: float,
) -> AucInterval:
    """Returns the AUC within strata with its interval; counts are of the chosen images."""
    variance, known = _variance(added, positive, codes)
    units = independent_units(positive[chosen], _renumbered(codes, chosen))
    if units.rarer < UNITS_FOR_VARIANCE:
        variance = 0.0
    bounds = auc_bounds(auc, variance, n_pairs, confidence=confidence, degrees_of_freedom=known)
    method = f"{'delong' if codes is None else 'obuchowski'} within strata"
    return AucInterval(
        auc,
        bounds.low,
        bounds.high,
        bounds.standard_error,
        confidence,
        f"{method}, exact" if bounds.exact else method,
        int((positive & chosen).sum()),
        int((~positive & chosen).sum()),
        None if codes is None else units.total,
        None if bounds.exact else known,
    )


def _reach(
    added: NDArray[np.float64],
    positive: NDArray[np.bool_],
    codes: NDArray[np.intp] | None,
    n_pairs: int,
    confidence: float,
) -> float:
    """Returns half the width of the interval of a difference.

    Where nothing varies, as under a perfect model, it is the most that agreement of all independent
    pairs leaves possible.
    """
    variance, known = _variance(added, positive, codes)
    if variance <= NO_VARIANCE:
        return float(1 - (1 - confidence) ** (1 / n_pairs))
    return two_sided_quantile(confidence, known) * float(np.sqrt(variance))


def _variance(
    added: NDArray[np.float64], positive: NDArray[np.bool_], codes: NDArray[np.intp] | None
) -> tuple[float, float | None]:
    """Returns a variance and how well it is known; 0 where a class has too few units."""
    if independent_units(positive, codes).rarer < UNITS_FOR_VARIANCE:
        return 0.0, None
    variance = float(covariance(added[np.newaxis], positive, codes)[0, 0])
    return variance, auc_degrees_of_freedom(added, positive, codes)


def _disjoint_pairs(
    positive: NDArray[np.bool_],
    codes: NDArray[np.intp] | None,
    stratum: NDArray[np.intp],
    chosen: NDArray[np.bool_],
) -> int:
    """Returns how many pairs within strata share no patient, at least 1.

    A patient with images in several strata counts in the first of them alone, so that no pair is
    counted twice.
    """
    owners = np.arange(len(positive)) if codes is None else codes
    where = np.flatnonzero(chosen)
    _, first, of_image = np.unique(owners[where], return_index=True, return_inverse=True)
    kept = where[stratum[where] == stratum[where][first][of_image]]
    pairs = [
        independent_units(positive[here], _renumbered(owners, here)).disjoint_pairs
        for one in np.unique(stratum[kept])
        if len(here := kept[stratum[kept] == one])
    ]
    return max(sum(pairs), 1)


def _renumbered(
    codes: NDArray[np.intp] | None, chosen: NDArray[np.bool_] | NDArray[np.intp]
) -> NDArray[np.intp] | None:
    return None if codes is None else np.asarray(np.unique(codes[chosen], return_inverse=True)[1])
