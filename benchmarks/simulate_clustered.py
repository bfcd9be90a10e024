"""Coverage and size of the AUC statistics where both eyes of a patient are photographed.

Draws patients with known AUCs again and again, and counts how often a 95 % interval holds the true
value and how often a test at 5 % rejects a true hypothesis. Prints the tables of
docs/coverage.md:

    python -m benchmarks.simulate_clustered [--replicates 10000]
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fundus_core.stats.delong import auc_interval, compare_paired, compare_unpaired
from fundus_core.stats.roc import roc_band


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients, two photographs each."""

    n_patients: int
    """Patients in a sample."""

    prevalence: float
    """Chance that a patient is diseased, in (0, 1)."""

    auc: float
    """True AUC of both models, in (0.5, 1)."""

    eyes: float
    """Correlation of the scores of a patient's two eyes, given their labels."""

    concordance: float = 1.0
    """Chance that the fellow eye of an eye has the same label by design; else it is drawn anew."""

    models: float = 0.5
    """Correlation of the two models' scores on an image, given its label."""


SETTINGS = (
    Setting(40, 0.50, 0.80, eyes=0.6),
    Setting(60, 0.30, 0.80, eyes=0.6),
    Setting(100, 0.30, 0.70, eyes=0.8),
    Setting(100, 0.30, 0.85, eyes=0.8),
    Setting(200, 0.20, 0.90, eyes=0.6),
    Setting(200, 0.50, 0.75, eyes=0.4),
    Setting(500, 0.10, 0.80, eyes=0.6),
    Setting(100, 0.30, 0.80, eyes=0.6, concordance=0.7),
)
"""Where the clustered form is promised to keep its level."""

INDEPENDENT = (
    Setting(100, 0.30, 0.80, eyes=0.0, concordance=0.0),
    Setting(300, 0.10, 0.85, eyes=0.0, concordance=0.0),
)
"""Eyes that have nothing to do with each other: both forms are right."""

EDGES = (
    Setting(30, 0.20, 0.80, eyes=0.6),
    Setting(60, 0.10, 0.80, eyes=0.6),
    Setting(100, 0.30, 0.97, eyes=0.6),
    Setting(60, 0.50, 0.99, eyes=0.6),
    Setting(500, 0.02, 0.80, eyes=0.6),
)
"""Few diseased patients, or models close to perfect."""


BAND_AT = (0.05, 0.1, 0.2, 0.5, 0.8)
"""False positive rates at which the band is held against the true curve."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the replicates, each in [0, 1]."""

    clustered_coverage: float
    """Intervals by patient that hold the true AUC; 0.95 is nominal."""

    plain_coverage: float
    """Intervals by image that hold it."""

    clustered_size: float
    """Paired tests by patient that reject two equally good models at 5 %."""

    plain_size: float
    """Paired tests by image that reject them."""

    unpaired_size: float
    """Unpaired tests by patient of two independent samples that reject them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """N = 2 n_patients photographs scored by two models."""

    y_true: NDArray[np.bool_]
    """Shape (N,)."""

    scores: NDArray[np.float64]
    """Shape (2, N)."""

    patients: NDArray[np.intp]
    """Shape (N,)."""


def simulate(setting: Setting, *, replicates: int, seed: int = 0) -> Rates:
    """Returns how often intervals and tests did what they say, over many samples."""
    generator = np.random.default_rng(seed)
    outcomes = [_outcome(setting, generator) for _ in range(replicates)]
    return Rates(*np.mean(outcomes, axis=0).tolist())


def draw(setting: Setting, generator: np.random.Generator) -> Sample:
    """Draws one sample that can be tested: two patients or more with images of each class.

    Scores are normal given the label, the same for every eye but for a shift of the diseased, so
    that the AUC is the normal distribution function of shift / sqrt(2).
    """
    while True:
        first, other = generator.random((2, setting.n_patients)) < setting.prevalence
        same = generator.random(setting.n_patients) < setting.concordance
        diseased = np.stack([first, np.where(same, first, other)], axis=1)  # (patients, eyes)
        if min(diseased.any(axis=1).sum(), (~diseased).any(axis=1).sum()) >= 2:
            break
    shift = np.sqrt(2) * ndtri(setting.auc)
    shared, own = setting.models**0.5, (1 - setting.models) ** 0.5
    of_patient = generator.standard_normal((3, setting.n_patients, 1))
    of_eye = generator.standard_normal((3, setting.n_patients, 2))
    noise = setting.eyes**0.5 * of_patient + (1 - setting.eyes) ** 0.5 * of_eye
    scores = shift * diseased + shared * noise[:1] + own * noise[1:]
    patients = np.repeat(np.arange(setting.n_patients), 2)
    return Sample(diseased.ravel(), scores.reshape(2, -1), patients)


def _outcome(setting: Setting, generator: np.random.Generator) -> tuple[bool, ...]:
    """Returns the fields of `Rates` for one replicate."""
    sample, second = draw(setting, generator), draw(setting, generator)
    y_true, (score_a, score_b), patients = sample.y_true, sample.scores, sample.patients
    clustered = auc_interval(y_true, score_a, patients=patients)
    plain = auc_interval(y_true, score_a)
    p_clustered = compare_paired(y_true, score_a, score_b, patients=patients).p_value
    p_plain = compare_paired(y_true, score_a, score_b).p_value
    return (
        clustered.low <= setting.auc <= clustered.high,
        plain.low <= setting.auc <= plain.high,
        p_clustered < 0.05,
        p_plain < 0.05,
        _unpaired_p(sample, second) < 0.05,
    )


def _unpaired_p(a: Sample, b: Sample) -> float:
    return compare_unpaired(
        a.y_true,
        a.scores[0],
        b.y_true,
        b.scores[0],
        patients_a=a.patients,
        patients_b=b.patients,
    ).p_value


def simulate_band(setting: Setting, *, replicates: int, seed: int = 0) -> NDArray[np.float64]:
    """Returns how often the 95 % band by patient holds the true curve at each of `BAND_AT`."""
    generator = np.random.default_rng(seed)
    truth = ndtr(np.sqrt(2) * ndtri(setting.auc) + ndtri(np.array(BAND_AT)))
    held = np.zeros(len(BAND_AT))
    for replicate in range(replicates):
        sample = draw(setting, generator)
        band = roc_band(
            sample.y_true,
            sample.scores[0],
            patients=sample.patients,
            n_resamples=300,
            seed=replicate,
        )
        low, high = (np.interp(BAND_AT, band.false_positive_rate, y) for y in (band.low, band.high))
        held += (low <= truth) & (truth <= high)
    return np.asarray(held / replicates)


def main() -> None:
    """Prints the tables, one row per setting, shares in percent."""
    parser = argparse.ArgumentParser(description="Coverage and size with two eyes per patient.")
    parser.add_argument("--replicates", type=int, default=10_000)
    replicates = parser.parse_args().replicates
    for title, settings in (
        ("Two eyes of a patient depend on each other", SETTINGS),
        ("Two eyes of a patient are independent", INDEPENDENT),
        ("Few diseased patients, or models close to perfect", EDGES),
    ):
        print(f"\n{title}\n")
        _print_head("coverage by patient", "by image", "size by patient", "by image", "unpaired")
        for setting in settings:
            rates = simulate(setting, replicates=replicates)
            _print_row(
                setting,
                [
                    rates.clustered_coverage,
                    rates.plain_coverage,
                    rates.clustered_size,
                    rates.plain_size,
                    rates.unpaired_size,
                ],
            )
    print("\nPointwise coverage of the ROC band at false positive rates\n")
    _print_head(*map(str, BAND_AT))
    for setting in SETTINGS:
        _print_row(setting, simulate_band(setting, replicates=max(1, replicates // 10)))


def _print_head(*columns: str) -> None:
    cells = ["patients", "prevalence", "AUC", "eyes", "concordance", *columns]
    print(f"| {' | '.join(cells)} |\n|{' --- |' * len(cells)}")


def _print_row(setting: Setting, shares: Sequence[float] | NDArray[np.float64]) -> None:
    design = [setting.n_patients, setting.prevalence, setting.auc, setting.eyes]
    cells = [*map(str, [*design, setting.concordance]), *(f"{100 * one:.1f}" for one in shares)]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
