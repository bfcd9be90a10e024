"""Size of the tests between subgroups, and coverage within strata, with two eyes per patient.

Draws patients from populations in which all groups have the same AUC, again and again, and counts
how often the tests at 5 % reject; and populations with a shortcut, counting how often the interval
of the AUC within strata holds the true value. Prints the tables of docs/stress.md:

    python -m benchmarks.simulate_subgroups [--replicates 1000]
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fundus_core.stats.homogeneity import aucs_equal, joint_aucs, shares_equal
from fundus_core.stats.stratified import WithinStrata, auc_within_strata

_ALPHA = 0.05
_EYES = 0.6
"""Correlation of the scores of a patient's two eyes, given their label."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Groups of patients that differ in nothing but size."""

    patients: tuple[int, ...]
    """In each group; a single number for right eyes against left eyes."""

    prevalence: float
    auc: float

    @property
    def by_eye(self) -> bool:
        """True where the groups are the eyes of the same patients."""
        return len(self.patients) == 1

    def __str__(self) -> str:
        groups = "eyes of" if self.by_eye else f"{len(self.patients)} groups,"
        sizes = ", ".join(str(n) for n in sorted(set(self.patients)))
        return f"{groups} {sizes} patients, {self.prevalence:.0%}, AUC {self.auc}"


SETTINGS = (
    Setting((40, 40), 0.5, 0.8),
    Setting((40, 40), 0.25, 0.9),
    Setting((30, 300), 0.35, 0.85),
    Setting((40, 40, 40, 40), 0.25, 0.85),
    Setting((100, 100, 100, 100), 0.3, 0.85),
    Setting((50,) * 10, 0.3, 0.85),
    Setting((60,), 0.25, 0.85),
    Setting((200,), 0.25, 0.9),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How often a test at 5 % rejects a true hypothesis."""

    auc: float
    auc_by_image: float
    """Of the same test with images taken as independent."""

    auc_identity: float
    """Of the chi-square of the AUCs themselves instead of their logits."""

    sensitivity: float
    specificity: float


def draw(
    setting: Setting, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]:
    """Returns labels, scores, members (G, N) and patients of one sample."""
    n_patients = sum(setting.patients)
    patients = np.repeat(np.arange(n_patients), 2)
    group = np.repeat(np.arange(len(setting.patients)), setting.patients)
    diseased = np.concatenate(
        [np.arange(n) < round(setting.prevalence * n) for n in setting.patients]
    )[patients]
    members = group[patients] == np.arange(len(setting.patients))[:, np.newaxis]
    if setting.by_eye:
        members = np.arange(2 * n_patients) % 2 == np.arange(2)[:, np.newaxis]
    together = np.sqrt(_EYES) * generator.normal(size=n_patients)[patients]
    own = np.sqrt(1 - _EYES) * generator.normal(size=2 * n_patients)
    return diseased, together + own + _distance(setting.auc) * diseased, members, patients


def size(setting: Setting, *, replicates: int, seed: int = 0) -> Size:
    """Returns the share of samples in which each test rejects."""
    generator = np.random.default_rng(seed)
    threshold = _distance(setting.auc) / 2
    rejected = []
    for _ in range(replicates):
        diseased, score, members, patients = draw(setting, generator)
        joint = joint_aucs(diseased, score, members, patients)
        right = (score >= threshold) == diseased
        p_values = (
            aucs_equal(joint).p_value,
            aucs_equal(joint_aucs(diseased, score, members, None)).p_value,
            _identity_p(joint.auc, joint.variance, joint.correlation),
            shares_equal(right, members & diseased, patients).p_value,
            shares_equal(right, members & ~diseased, patients).p_value,
        )
        rejected.append([p < _ALPHA for p in p_values])
    return Size(*np.mean(rejected, axis=0).tolist())


def _identity_p(
    auc: NDArray[np.float64], variance: NDArray[np.float64], correlation: NDArray[np.float64]
) -> float:
    from scipy.special import chdtrc

    deviation = np.sqrt(np.maximum(variance, 1e-12))
    contrasts = np.eye(len(auc))[1:] - np.eye(len(auc))[0]
    spread = contrasts @ (correlation * np.outer(deviation, deviation)) @ contrasts.T
    difference = contrasts @ auc
    return float(chdtrc(len(auc) - 1, difference @ np.linalg.solve(spread, difference)))


def coverage(n_patients: int, *, replicates: int, seed: int = 0) -> tuple[float, float]:
    """Returns how often the intervals hold the AUC within strata, and its loss against the whole.

    Four strata with prevalences from 15 % to 60 %, in which the score is shifted as well; the truth
    is that of 400,000 patients.
    """
    truth = _stratified(np.random.default_rng(seed + 1), 400_000)
    generator = np.random.default_rng(seed)
    held = []
    for _ in range(replicates):
        found = _stratified(generator, n_patients)
        held.append(
            (
                found.auc.low <= truth.auc.auc <= found.auc.high,
                found.low <= truth.difference <= found.high,
            )
        )
    auc, difference = np.mean(held, axis=0).tolist()
    return auc, difference


def _stratified(generator: np.random.Generator, n_patients: int) -> WithinStrata:
    stratum = generator.integers(4, size=n_patients)
    diseased = generator.random(n_patients) < np.array([0.15, 0.3, 0.45, 0.6])[stratum]
    patients = np.repeat(np.arange(n_patients), 2)
    score = (0.5 * stratum + _distance(0.75) * diseased)[patients]
    score = score + np.sqrt(_EYES) * generator.normal(size=n_patients)[patients]
    score = score + np.sqrt(1 - _EYES) * generator.normal(size=2 * n_patients)
    return auc_within_strata(diseased[patients], score, stratum[patients], patients=patients)


def _distance(auc: float) -> float:
    return float(np.sqrt(2) * ndtri(auc))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    replicates = parser.parse_args(arguments).replicates
    print("| Setting | AUC | AUC by image | AUC, not logit | Sensitivity | Specificity |")
    print("|---|---|---|---|---|---|")
    for setting in SETTINGS:
        found = size(setting, replicates=replicates)
        shares = (
            found.auc,
            found.auc_by_image,
            found.auc_identity,
            found.sensitivity,
            found.specificity,
        )
        print(f"| {setting} | " + " | ".join(f"{100 * one:.1f} %" for one in shares) + " |")
    print("\n| Patients | AUC within strata | Its loss |\n|---|---|---|")
    for n_patients in (60, 200, 600):
        auc, difference = coverage(n_patients, replicates=replicates)
        print(f"| {n_patients} | {100 * auc:.1f} % | {100 * difference:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
