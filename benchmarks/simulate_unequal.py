"""Coverage and size where one patient brings many more photographs than the others.

Draws patients again and again of whom one, diseased, was photographed far more often, and counts
how often a 95 % interval holds the true value and how often a test at 5 % rejects two equally good
models, or two groups in which a model is equally good. Prints the table of docs/coverage.md:

    python -m benchmarks.simulate_unequal [--replicates 4000]
"""

import argparse
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from fundus_core.errors import SingleClassError
from fundus_core.stats.calibration_line import calibration_line
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.homogeneity import aucs_equal, joint_aucs, shares_equal
from fundus_core.stats.inference import auc_bounds
from fundus_core.stats.operating import operating_point
from fundus_core.stats.placements import placements
from fundus_core.stats.resampled_tests import bootstrap_test, permutation_test

AUC = 0.8
"""True area of both models."""

ALIKE = 0.6
"""Correlation of the scores of a patient's photographs, given their label."""

N_RESAMPLES = 300
"""Of a resampled test; these are tried on a tenth of the samples."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients of one label each."""

    n_diseased: int
    n_healthy: int

    largest: int
    """Photographs of one of the diseased patients."""

    others: int
    """Photographs of every other patient."""

    @property
    def n_images(self) -> NDArray[np.intp]:
        """Photographs of each patient, the diseased ones first."""
        counts = np.full(self.n_diseased + self.n_healthy, self.others)
        counts[0] = self.largest
        return counts


SETTINGS = (
    Setting(20, 20, 2, 2),
    Setting(20, 20, 20, 2),
    Setting(20, 40, 60, 2),
    Setting(20, 20, 100, 1),
    Setting(30, 100, 60, 2),
    Setting(50, 200, 200, 2),
    Setting(5, 20, 60, 2),
)


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the samples, each in [0, 1]; NaN where a test is refused."""

    auc: float
    """Intervals of the AUC that hold it; 0.95 is nominal."""

    published: float
    """Such intervals by Obuchowski's variance as it was published, for patients alike."""

    sensitivity: float
    """Intervals of the sensitivity at a fixed threshold that hold it."""

    slope: float
    """Intervals of the calibration slope of a right model that hold 1, of those there are."""

    size: float
    """Paired tests that reject two equally good models at 5 %."""

    eyes_auc: float
    """Tests that reject two eyes with the same AUC, which every patient has photographs of."""

    eyes_sensitivity: float
    """Tests that reject two eyes with the same sensitivity."""

    bootstrap: float
    """Paired bootstrap tests that do."""

    permutation: float
    """Permutation tests that do."""


def simulate(setting: Setting, *, replicates: int, seed: int = 0) -> Rates:
    """Returns how often intervals and tests did what they say, over many samples."""
    generator = np.random.default_rng(seed)
    held = np.array([_held(setting, generator) for _ in range(replicates)])
    resampled = [_resampled(setting, generator) for _ in range(max(replicates // 10, 1))]
    rates = held.mean(axis=0)
    slopes = [_slope(setting, generator) for _ in range(replicates)]
    return Rates(*rates[:3], float(np.nanmean(slopes)), *rates[3:], *np.mean(resampled, axis=0))


def _scores(
    setting: Setting, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Returns labels, scores of two equally good models, shape (2, N), and patients."""
    counts = setting.n_images
    patients = np.repeat(np.arange(len(counts)), counts)
    positive = patients < setting.n_diseased
    of_patient = generator.standard_normal((2, len(counts)))[:, patients]
    of_image = generator.standard_normal((2, len(patients)))
    noise = ALIKE**0.5 * of_patient + (1 - ALIKE) ** 0.5 * of_image
    return positive, np.sqrt(2) * ndtri(AUC) * positive + noise, patients


def _held(setting: Setting, generator: np.random.Generator) -> tuple[bool, ...]:
    positive, (score, other), patients = _scores(setting, generator)
    middle = ndtri(AUC) / np.sqrt(2)
    area = auc_interval(positive, score, patients=patients)
    point = operating_point(positive, score, middle, patients=patients)
    test = compare_paired(positive, score, other, patients=patients)
    eyes = np.arange(len(patients)) % 2 == np.arange(2)[:, np.newaxis]
    called = score >= middle
    published = auc_bounds(
        area.auc,
        _published_variance(positive, score, patients),
        setting.n_diseased,
        confidence=0.95,
        degrees_of_freedom=area.degrees_of_freedom,
    )
    return (
        area.low <= AUC <= area.high,
        published.low <= AUC <= published.high,
        point.sensitivity_low <= ndtr(middle) <= point.sensitivity_high,
        test.p_value < 0.05,
        aucs_equal(joint_aucs(positive, score, eyes, patients)).p_value < 0.05,
        shares_equal(called, eyes & positive, patients).p_value < 0.05,
    )


def _published_variance(
    positive: NDArray[np.bool_], score: NDArray[np.float64], patients: NDArray[np.intp]
) -> float:
    """Returns Obuchowski's variance of the AUC, of patients who have one label each."""
    deviations = placements(positive, score[np.newaxis]).deviations[0]
    variance = 0.0
    for side in (positive, ~positive):
        sums = np.bincount(patients[side], deviations[side])
        n_patients = len(np.unique(patients[side]))
        variance += n_patients / (n_patients - 1) * float(sums @ sums) / side.sum() ** 2
    return variance


def _resampled(setting: Setting, generator: np.random.Generator) -> tuple[float, float]:
    positive, scores, patients = _scores(setting, generator)
    try:
        drawn, permuted = (
            test(positive, *scores, patients=patients, n_resamples=N_RESAMPLES).p_value
            for test in (bootstrap_test, permutation_test)
        )
    except SingleClassError:
        return np.nan, np.nan
    return float(drawn < 0.05), float(permuted < 0.05)


def _slope(setting: Setting, generator: np.random.Generator) -> float:
    """Returns whether the interval of a right model's slope holds 1; NaN where there is none."""
    counts = setting.n_images
    logit = generator.normal(-0.5, 1.2, len(counts))
    diseased = generator.random(len(counts)) < expit(logit)
    if diseased.all() or not diseased.any():
        return np.nan
    patients = np.repeat(np.arange(len(counts)), counts)
    slope = calibration_line(diseased[patients], expit(logit)[patients], patients=patients).slope
    if slope.low is None or slope.high is None:
        return np.nan
    return float(slope.low <= 1 <= slope.high)


def main() -> None:
    """Prints the table, one row per setting, shares in percent."""
    parser = argparse.ArgumentParser(description="Coverage and size with one dominating patient.")
    parser.add_argument("--replicates", type=int, default=4000)
    replicates = parser.parse_args().replicates
    heads = ["diseased", "healthy", "photographs of one", "of the others", "AUC", "as published"]
    heads += ["sensitivity", "calibration slope", "size: DeLong", "eyes: AUC", "eyes: sensitivity"]
    heads += ["bootstrap", "permutation"]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for one in SETTINGS:
        shares = astuple(simulate(one, replicates=replicates))
        cells = [f"{100 * share:.1f}" if np.isfinite(share) else "refused" for share in shares]
        design = map(str, (one.n_diseased, one.n_healthy, one.largest, one.others))
        print(f"| {' | '.join([*design, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
