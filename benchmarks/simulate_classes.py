"""Coverage and size of the averages over several diseases, and of tests on a rare disease.

Draws patients with two photographs and several diseases again and again, and counts how often a
95 % interval of the macro and micro AUC holds the true value, and how often a test at 5 % rejects
two equally good models. Prints the tables of docs/coverage.md:

    python -m benchmarks.simulate_classes [--replicates 4000]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.macro import compare_macro, macro_auc
from fundus_core.stats.micro import compare_micro, micro_auc

IMAGES_FOR_THE_TRUTH = 400_000


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients, two photographs each, both with the patient's diseases."""

    n_patients: int
    prevalences: tuple[float, ...]
    """Chance of each disease, independently; how many diseases there are."""

    aucs: tuple[float, ...]
    """True AUC of both models for each disease."""

    eyes: float
    """Correlation of the scores of a patient's two eyes, given their labels."""

    diseases: float
    """Correlation of the scores of an image's diseases, given their labels."""


SETTINGS = (
    Setting(100, (0.4, 0.3, 0.2), (0.8, 0.75, 0.85), eyes=0.6, diseases=0.5),
    Setting(200, (0.3, 0.1, 0.1, 0.1), (0.85, 0.8, 0.9, 0.7), eyes=0.6, diseases=0.3),
    Setting(200, (0.25,) + (0.08,) * 7, (0.8,) * 8, eyes=0.8, diseases=0.5),
)
"""Three to eight diseases, the rarest held by about sixteen patients."""

RARE = (2, 3, 5, 8, 10, 15, 20)
"""Diseased patients, of 150, in the second table."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the replicates, each in [0, 1]."""

    macro_coverage: float
    micro_coverage: float
    micro_naive_coverage: float
    """Of the interval that takes all pairs of an image and a class as independent."""

    macro_size: float
    micro_size: float


def draw(
    setting: Setting, n_patients: int, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Returns labels (N, C), scores of two models (2, N, C) and patients (N,)."""
    n_classes = len(setting.aucs)
    prevalences = np.array(setting.prevalences)
    while True:
        diseased = generator.random((n_patients, n_classes)) < prevalences
        if min(diseased.sum(axis=0).min(), (~diseased).sum(axis=0).min()) >= 2:
            break
    patients = np.repeat(np.arange(n_patients), 2)
    y_true = diseased[patients]

    def noise(*models: int) -> NDArray[np.float64]:
        """Returns normal noise shared by eyes and diseases as the setting says."""
        parts = []
        for n_columns, share in ((1, setting.diseases), (n_classes, 1 - setting.diseases)):
            of_patient = generator.standard_normal((*models, n_patients, n_columns))[
                ..., patients, :
            ]
            of_eye = generator.standard_normal((*models, 2 * n_patients, n_columns))
            both = setting.eyes**0.5 * of_patient + (1 - setting.eyes) ** 0.5 * of_eye
            parts.append(share**0.5 * both)
        return np.asarray(parts[0] + parts[1])

    shift = np.sqrt(2) * ndtri(np.array(setting.aucs))
    scores = (noise() + noise(2)) / np.sqrt(2) + shift * y_true
    return y_true, scores, patients


def true_micro(setting: Setting, *, seed: int = 1) -> float:
    """Returns the micro AUC of a very large sample."""
    y_true, scores, _ = draw(setting, IMAGES_FOR_THE_TRUTH // 2, np.random.default_rng(seed))
    return auc_interval(y_true.ravel(), scores[0].ravel()).auc


def simulate(setting: Setting, *, replicates: int, seed: int = 0) -> Rates:
    """Returns how often intervals and tests did what they say, over many samples."""
    generator = np.random.default_rng(seed)
    macro, micro = float(np.mean(setting.aucs)), true_micro(setting)
    outcomes = []
    for _ in range(replicates):
        y_true, (a, b), patients = draw(setting, setting.n_patients, generator)
        of_macro = macro_auc(y_true, a, patients=patients)
        of_micro = micro_auc(y_true, a, patients=patients)
        naive = auc_interval(y_true.ravel(), a.ravel())
        outcomes.append(
            (
                of_macro.low <= macro <= of_macro.high,
                of_micro.low <= micro <= of_micro.high,
                naive.low <= micro <= naive.high,
                compare_macro(y_true, a, b, patients=patients).p_value < 0.05,
                compare_micro(y_true, a, b, patients=patients).p_value < 0.05,
            )
        )
    return Rates(*np.mean(outcomes, axis=0).tolist())


def simulate_rare(n_diseased: int, *, replicates: int, seed: int = 0) -> tuple[float, float]:
    """Returns coverage and size of one disease that a fixed number of 150 patients have."""
    generator = np.random.default_rng(seed)
    setting = Setting(150, (0.0,), (0.8,), eyes=0.6, diseases=0.0)
    patients = np.repeat(np.arange(150), 2)
    y_true = patients < n_diseased
    shift = np.sqrt(2) * ndtri(setting.aucs[0])
    outcomes = []
    for _ in range(replicates):
        noise = generator.standard_normal((3, 150))[:, patients] * setting.eyes**0.5
        noise += generator.standard_normal((3, 300)) * (1 - setting.eyes) ** 0.5
        a, b = (noise[:1] + noise[1:]) / np.sqrt(2) + shift * y_true
        found = auc_interval(y_true, a, patients=patients)
        p_value = compare_paired(y_true, a, b, patients=patients).p_value
        outcomes.append((found.low <= ndtr(shift / np.sqrt(2)) <= found.high, p_value < 0.05))
    coverage, size = np.mean(outcomes, axis=0).tolist()
    return coverage, size


def main() -> None:
    """Prints the tables, shares in percent."""
    parser = argparse.ArgumentParser(description="Coverage and size over several diseases.")
    parser.add_argument("--replicates", type=int, default=4000)
    replicates = parser.parse_args().replicates
    _print_row(
        "patients",
        "diseases",
        "eyes",
        "between diseases",
        "macro coverage",
        "micro",
        "pairs as independent",
        "macro size",
        "micro",
    )
    print("| --- " * 9 + "|")
    for setting in SETTINGS:
        rates = simulate(setting, replicates=replicates)
        shares = (
            rates.macro_coverage,
            rates.micro_coverage,
            rates.micro_naive_coverage,
            rates.macro_size,
            rates.micro_size,
        )
        design = (setting.n_patients, len(setting.aucs), setting.eyes, setting.diseases)
        _print_row(*map(str, design), *(f"{100 * one:.1f}" for one in shares))
    print("\n| diseased patients of 150 | coverage | size |\n| --- | --- | --- |")
    for n_diseased in RARE:
        shares_rare = simulate_rare(n_diseased, replicates=replicates)
        _print_row(str(n_diseased), *(f"{100 * one:.1f}" for one in shares_rare))


def _print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
