"""Scores of many photographs: their means with intervals, and two models compared, by patient."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.errors import DifferentImagesError
from fundus_core.segmentation.scoring import SCORES
from fundus_core.stats.bootstrap import Interval, bootstrap_intervals

_ALL = "any score"


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """The mean of one score over photographs."""

    channel: str
    score: str
    """Key of `SCORES`."""

    mean: Interval
    """With its interval by the bootstrap of patients."""

    n_images: int
    """Photographs for which the score is defined."""

    n_undefined: int
    """Photographs that are left out because it is not."""


@dataclass(frozen=True, slots=True)
class ScoreComparison:
    """One score of two models on the same photographs."""

    channel: str
    score: str
    """Key of `SCORES`."""

    mean_a: float
    mean_b: float
    difference: Interval
    """Mean of A - B over photographs, with its interval by the bootstrap of patients; positive
    favours A."""

    p_value: float
    """Of Wilcoxon's signed-rank test on the patients' mean differences, two-sided; 1 where the
    models do not differ for any patient."""

    n_images: int
    n_patients: int | None
    """None where patients are unknown, and photographs count as independent."""


def summaries(scores: pd.DataFrame, *, n_resamples: int = 2000) -> tuple[ScoreSummary, ...]:
    """Returns the mean of every score in every channel, each photograph counting alike.

    Args:
        scores: A row per photograph and channel: `image_id`, `patient_id`, `channel` and the keys
            of `SCORES`, missing where not defined.
        n_resamples: Of the bootstrap.
    """
    found = []
    for channel, rows in scores.groupby("channel", sort=False):
        for score in SCORES:
            known = rows[rows[score].notna()]
            found.append(
                ScoreSummary(
                    str(channel),
                    score,
                    _interval(known[score], known["patient_id"], n_resamples),
                    len(known),
                    len(rows) - len(known),
                )
            )
    return tuple(found)


def compare_scores(
    scores_a: pd.DataFrame, scores_b: pd.DataFrame, *, n_resamples: int = 2000
) -> tuple[ScoreComparison, ...]:
    """Compares two models photograph by photograph, in every channel that both mark.

    Differences of patients, not of photographs, are ranked: two eyes of one patient are not
    independent. Photographs for which a score of either model is not defined are left out of it.

    Args:
        scores_a: As `summaries` takes them.
        scores_b: Of the same photographs.
        n_resamples: Of the bootstrap.

    Raises:
        DifferentImagesError: If the two have no channel in common, or different photographs.

    References:
        Wilcoxon (1945), Biometrics Bulletin 1(6), 80-83.
    """
    keys = ["image_id", "channel"]
    common = [c for c in scores_a["channel"].unique() if c in set(scores_b["channel"])]
    a, b = (one[one["channel"].isin(common)] for one in (scores_a, scores_b))
    both = a.merge(b, on=keys, suffixes=("_a", "_b"))
    if not common or not len(both) == len(a) == len(b):
        raise DifferentImagesError(
            f"The models were scored on {a['image_id'].nunique()} and {b['image_id'].nunique()} "
            f"photographs with {len(common)} channels in common; {both['image_id'].nunique()} are "
            "the same.",
            hint="Score both models on the same photographs, for the same channels.",
        )
    pairs = [(channel, score) for channel in common for score in SCORES]
    compared = [
        _compared(both[both["channel"] == channel], channel, score, n_resamples)
        for channel, score in pairs
    ]
    return tuple(one for one in compared if one is not None)


def _compared(
    rows: pd.DataFrame, channel: str, score: str, n_resamples: int
) -> ScoreComparison | None:
    rows = rows[rows[f"{score}_a"].notna() & rows[f"{score}_b"].notna()]
    if rows.empty:
        return None
    difference = rows[f"{score}_a"] - rows[f"{score}_b"]
    patients = rows["patient_id_a"]
    known = bool(patients.notna().all())
    owners = patients if known else rows["image_id"]
    return ScoreComparison(
        channel=channel,
        score=score,
        mean_a=float(rows[f"{score}_a"].mean()),
        mean_b=float(rows[f"{score}_b"].mean()),
        difference=_interval(difference, patients, n_resamples),
        p_value=signed_rank_p(difference.groupby(owners.to_numpy()).mean().to_numpy(np.float64)),
        n_images=len(rows),
        n_patients=int(patients.nunique()) if known else None,
    )


def signed_rank_p(differences: NDArray[np.float64]) -> float:
    """Returns the two-sided p of Wilcoxon's signed-rank test; 1 if nothing differs.

    Args:
        differences: Of independent units, shape (n,).

    Examples:
        >>> signed_rank_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
        0.03125
        >>> signed_rank_p(np.zeros(4))
        1.0
    """
    from scipy.stats import wilcoxon

    if not np.any(differences):
        return 1.0
    return float(wilcoxon(differences).pvalue)


def _interval(values: "pd.Series[float]", patients: "pd.Series[str]", n_resamples: int) -> Interval:
    """Returns the mean of values with its interval by the bootstrap of patients."""
    numbers = values.to_numpy(np.float64)
    if not len(numbers):
        reason = "it is not defined on any photograph"
        return Interval(None, None, None, 0.95, "none", n_resamples, reason)

    def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(weights @ numbers / weights.sum(axis=1))[:, np.newaxis]

    owners = patients.to_numpy(dtype=str) if patients.notna().all() else None
    (found,) = bootstrap_intervals(
        mean, {_ALL: np.ones(len(numbers), bool)}, patients=owners, n_resamples=n_resamples
    )
    return found
