"""Coverage and size of the AUC statistics from 30 to 2,000 patients and prevalence 2 to 50 %.

Draws patients with known AUCs again and again, with one photograph each or with both eyes, and
counts how often a 95 % interval holds the true AUC and how often the paired test at 5 % rejects two
equally good models: with the t distribution, as the program does where patients are known, and with
the normal one. Prints the tables of docs/coverage.md:

    python -m benchmarks.simulate_coverage [--replicates 4000]

and, of the one test that several models are all equal,

    python -m benchmarks.simulate_coverage --joint
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from fundus_core.stats.contrasts import all_equal
from fundus_core.stats.delong import AucInterval, auc_interval, compare_paired

PATIENTS = (30, 60, 100, 200, 500, 2000)
PREVALENCES = (0.02, 0.05, 0.10, 0.20, 0.50)
AUCS = (0.8, 0.9)
DESIGNS = {1: "one photograph each", 2: "both eyes"}
"""Images per patient -> what the tables call it."""

FEWEST_DISEASED = 2
"""Diseased patients expected in a sample; cells with fewer are left out."""

BETWEEN_EYES = 0.6
"""Correlation of the scores of a patient's two eyes, which have the same label."""

BETWEEN_MODELS = 0.5
"""Correlation of the two models' scores on an image, given its label."""

JOINT = tuple(
    (n_diseased, n_healthy, n_models)
    for n_diseased, n_healthy in ((5, 100), (10, 200), (20, 80), (40, 160), (100, 100))
    for n_models in (3, 5)
)
"""Diseased and healthy patients, both eyes each, and models of the one test of all of them."""

ALPHA = 0.05
_NORMAL = float(ndtri(1 - ALPHA / 2))


@dataclass(frozen=True, slots=True)
class Cell:
    """A population and a size of sample."""

    n_patients: int
    prevalence: float
    """Chance that a patient is diseased, in (0, 1)."""

    auc: float
    """True AUC of both models, in (0.5, 1)."""

    images: int
    """Photographs of a patient: 1 or 2."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the samples, each in [0, 1]."""

    coverage: float
    """Intervals that hold the true AUC; 0.95 is nominal."""

    size: float
    """Paired tests by the t distribution that reject; 0.05 is nominal."""

    normal_coverage: float
    """Intervals that take the variance for certain and hold the true AUC."""

    normal_size: float
    """Paired tests by the normal distribution that reject; with one photograph each this is
    DeLong's published test."""


def cells(images: int, auc: float) -> Iterator[Cell]:
    """Yields the populations in which some disease is to be expected."""
    for n_patients in PATIENTS:
        for prevalence in PREVALENCES:
            if n_patients * prevalence >= FEWEST_DISEASED:
                yield Cell(n_patients, prevalence, auc, images)


def simulate(cell: Cell, *, replicates: int, seed: int = 0) -> Rates:
    """Returns how often intervals and tests did what they say, over many samples."""
    generator = np.random.default_rng(seed)
    outcomes = [_outcome(cell, generator) for _ in range(replicates)]
    return Rates(*np.mean(outcomes, axis=0).tolist())


def draw(
    cell: Cell, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Returns labels (N,), scores of two models (2, N) and patients (N,), N = images x patients.

    A sample with fewer than two patients of a class cannot be tested and is drawn again. Scores are
    normal given the label, the same for all but for a shift of the diseased, so that the AUC is the
    normal distribution function of shift / sqrt(2).
    """
    diseased = generator.random(cell.n_patients) < cell.prevalence
    while min(n_diseased := int(diseased.sum()), cell.n_patients - n_diseased) < FEWEST_DISEASED:
        diseased = generator.random(cell.n_patients) < cell.prevalence
    between_eyes = BETWEEN_EYES if cell.images > 1 else 0.0
    of_patient = generator.standard_normal((3, cell.n_patients, 1))
    of_image = generator.standard_normal((3, cell.n_patients, cell.images))
    noise = between_eyes**0.5 * of_patient + (1 - between_eyes) ** 0.5 * of_image
    scores = BETWEEN_MODELS**0.5 * noise[:1] + (1 - BETWEEN_MODELS) ** 0.5 * noise[1:]
    scores += np.sqrt(2) * ndtri(cell.auc) * diseased[:, np.newaxis]
    patients = np.repeat(np.arange(cell.n_patients), cell.images)
    return np.repeat(diseased, cell.images), scores.reshape(2, -1), patients


def simulate_joint(
    n_diseased: int, n_healthy: int, n_models: int, *, replicates: int, seed: int = 0
) -> tuple[float, float]:
    """Returns how often the test of equally good models (AUC 0.8) rejects, and as published."""
    generator = np.random.default_rng(seed)
    n_patients = n_diseased + n_healthy
    patients = np.repeat(np.arange(n_patients), 2)
    y_true = patients < n_diseased
    rejected = np.zeros(2)
    for _ in range(replicates):
        noise = (
            BETWEEN_EYES**0.5 * generator.standard_normal((1 + n_models, n_patients))[:, patients]
        )
        noise += (1 - BETWEEN_EYES) ** 0.5 * generator.standard_normal(
            (1 + n_models, 2 * n_patients)
        )
        scores = (noise[:1] + noise[1:]) / np.sqrt(2) + np.sqrt(2) * ndtri(0.8) * y_true
        found = all_equal(y_true, scores, patients=patients)
        rejected += found.p_value < ALPHA, found.chi_square_p < ALPHA
    size, published = (rejected / replicates).tolist()
    return size, published


def _outcome(cell: Cell, generator: np.random.Generator) -> tuple[bool, ...]:
    """Returns the fields of `Rates` for one sample."""
    y_true, (score_a, score_b), patients = draw(cell, generator)
    interval = auc_interval(y_true, score_a, patients=patients)
    test = compare_paired(y_true, score_a, score_b, patients=patients)
    low, high = _normal_interval(interval)
    return (
        interval.low <= cell.auc <= interval.high,
        test.p_value < ALPHA,
        low <= cell.auc <= high,
        abs(test.z) > _NORMAL,
    )


def _normal_interval(found: AucInterval) -> tuple[float, float]:
    """Returns the interval with the normal quantile in place of t's; exact ones as they are."""
    if found.degrees_of_freedom is None:
        return found.low, found.high
    reach = _NORMAL * found.standard_error / (found.auc * (1 - found.auc))
    return float(expit(logit(found.auc) - reach)), float(expit(logit(found.auc) + reach))


TABLES = {
    "coverage": "Coverage of the 95 % interval of an AUC (t distribution)",
    "size": "Size of the paired test at 5 % (t distribution)",
    "normal_coverage": "Coverage with the normal distribution in place of t",
    "normal_size": "Size with the normal distribution in place of t",
}
"""Field of `Rates` -> title of its table."""


def main() -> None:
    """Prints a table per rate: a row per design, AUC and number of patients, in percent."""
    parser = argparse.ArgumentParser(description="Coverage and size from 30 to 2,000 patients.")
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--joint", action="store_true", help="the one test of several models")
    arguments = parser.parse_args()
    replicates = arguments.replicates
    if arguments.joint:
        _print_joint(replicates)
        return
    grid = [cell for images in DESIGNS for auc in AUCS for cell in cells(images, auc)]
    found = {
        cell: simulate(cell, replicates=replicates, seed=number) for number, cell in enumerate(grid)
    }
    for field, title in TABLES.items():
        print(f"\n**{title}**\n")
        columns = [f"{prevalence:.0%}" for prevalence in PREVALENCES]
        _print_row("photographs", "AUC", "patients", *columns)
        _print_row(*["---"] * (3 + len(columns)))
        _print_rows({cell: float(getattr(rates, field)) for cell, rates in found.items()})


def _print_joint(replicates: int) -> None:
    _print_row("diseased", "healthy", "models", "size", "as published")
    _print_row(*["---"] * 5)
    for number, design in enumerate(JOINT):
        shares = simulate_joint(*design, replicates=replicates, seed=number)
        _print_row(*map(str, design), *(f"{100 * one:.1f}" for one in shares))


def _print_rows(shares: Mapping[Cell, float]) -> None:
    for images, design in DESIGNS.items():
        for auc in AUCS:
            for n_patients in PATIENTS:
                row = (Cell(n_patients, one, auc, images) for one in PREVALENCES)
                texts = [f"{100 * shares[cell]:.1f}" if cell in shares else "" for cell in row]
                _print_row(design, str(auc), f"{n_patients:,}", *texts)


def _print_row(*texts: str) -> None:
    print(f"| {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
