"""Coverage and size of what is resampled: partial areas, rates at a fixed one, tests of two models.

Draws patients with two agreeing eyes, or one eye, from binormal populations whose partial areas and
rates are known. In brackets stand shares of intervals and tests that are not given to users, as too
few healthy patients lie beyond the specificity. Prints the tables of docs/statistics.md:

    python -m benchmarks.simulate_resampled [--replicates 400]
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fundus_core.stats.curve_ends import FOR_AREAS, FOR_RATES
from fundus_core.stats.fixed_rates import compare_rates_at, rate_at
from fundus_core.stats.paired_bootstrap import ResampledTest
from fundus_core.stats.partial_auc import compare_partial_aucs, partial_auc
from fundus_core.stats.resampled_tests import (
    bootstrap_test,
    permutation_test,
    unpaired_bootstrap_test,
)

AT = 0.9
"""Specificity, and lower end of the range of specificities."""

RESAMPLES = 500
"""Enough to count coverage and size; pages take more."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients, scored by two equally good models."""

    n_positive: int
    n_negative: int
    auc: float
    """True AUC of both models."""

    eyes: float | None = None
    """Correlation of the scores of a patient's two eyes; None for one eye."""

    models: float = 0.5
    """Correlation of the two models' scores."""


SETTINGS = (
    Setting(15, 15, 0.80),
    Setting(30, 30, 0.80),
    Setting(30, 200, 0.80),
    Setting(100, 100, 0.90),
    Setting(300, 300, 0.80),
    Setting(200, 20, 0.80),
    Setting(200, 50, 0.80),
    Setting(200, 100, 0.80),
    Setting(50, 50, 0.80, eyes=0.7),
    Setting(30, 170, 0.85, eyes=0.7),
)

Drawn = tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp] | None]


def draw(setting: Setting, generator: np.random.Generator) -> Drawn:
    """Returns labels, the scores of two models and, where there are two eyes, patients."""
    n_patients = setting.n_positive + setting.n_negative
    patients = np.repeat(np.arange(n_patients), 1 if setting.eyes is None else 2)
    y_true = patients < setting.n_positive
    mixing = np.linalg.cholesky([[1, setting.models], [setting.models, 1]])
    shared = (mixing @ generator.normal(size=(2, n_patients)))[:, patients]
    own = mixing @ generator.normal(size=(2, len(patients)))
    rho = setting.eyes or 0.0
    scores = np.sqrt(rho) * shared + np.sqrt(1 - rho) * own + _distance(setting) * y_true
    return y_true, scores, None if setting.eyes is None else patients


def true_values(setting: Setting) -> tuple[float, float]:
    """Returns the area above specificity `AT`, and the sensitivity at it."""
    rates = np.linspace(0, 1 - AT, 100_001)[1:]
    heights = np.append(0.0, ndtr(_distance(setting) + ndtri(rates)))
    area = np.trapezoid(heights, np.append(0.0, rates))
    return float(area), float(ndtr(_distance(setting) + ndtri(1 - AT)))


def coverage(setting: Setting, n_replicates: int) -> tuple[float, float, float]:
    """Returns how often the intervals hold the true area and rate, and how often there is none."""
    generator = np.random.default_rng(1)
    truth = true_values(setting)
    held, missing = np.zeros(2), 0
    for seed in range(n_replicates):
        y_true, (score, _), patients = draw(setting, generator)
        about = {"patients": patients, "n_resamples": RESAMPLES, "seed": seed}
        area = partial_auc(y_true, score, start=AT, fewest_beyond=0, **about).area
        rate = rate_at(y_true, score, at=AT, fewest_beyond=0, **about).rate
        for place, (found, true) in enumerate(zip((area, rate), truth, strict=True)):
            missing += found.low is None
            held[place] += found.low is not None and found.low <= true <= found.high
    return *(held / n_replicates).tolist(), missing / n_replicates


TESTS: dict[str, Callable[..., ResampledTest]] = {
    "bootstrap": bootstrap_test,
    "permutation": permutation_test,
    "partial area": lambda *of, **about: compare_partial_aucs(
        *of, start=AT, fewest_beyond=0, **about
    ),
    "sensitivity at": lambda *of, **about: compare_rates_at(*of, at=AT, fewest_beyond=0, **about),
}


def sizes(setting: Setting, n_replicates: int) -> list[float]:
    """Returns how often each test rejects at 5 % though the models are equally good.

    The last is the unpaired one, of the first model on two samples.
    """
    generator = np.random.default_rng(2)
    rejected = np.zeros(len(TESTS) + 1)
    for seed in range(n_replicates):
        y_true, scores, patients = draw(setting, generator)
        about = {"n_resamples": RESAMPLES, "seed": seed}
        for place, test in enumerate(TESTS.values()):
            rejected[place] += test(y_true, *scores, patients=patients, **about).p_value <= 0.05
        other_true, (other, _), _ = draw(setting, generator)
        unpaired = unpaired_bootstrap_test(
            *(y_true, scores[0], other_true, other),
            patients_a=patients,
            patients_b=patients,
            **about,
        )
        rejected[-1] += unpaired.p_value <= 0.05
    return (rejected / n_replicates).tolist()


def _cell(column: str, share: float, setting: Setting) -> str:
    """Returns a share as it is printed; in brackets where users are given none."""
    needed = FOR_AREAS if "area" in column else FOR_RATES if "sensitivity" in column else 0.0
    is_given = round((1 - AT) * setting.n_negative, 9) >= needed
    return f"{share:.3f}" if is_given else f"({share:.3f})"


def _distance(setting: Setting) -> float:
    return float(np.sqrt(2) * ndtri(setting.auc))


def main() -> None:
    """Prints one row per setting."""
    parser = argparse.ArgumentParser(description="Coverage and size of what is resampled.")
    parser.add_argument("--replicates", type=int, default=400)
    n_replicates = parser.parse_args().replicates
    columns = [
        *("diseased + healthy patients", "eyes", "AUC"),
        *(f"area above specificity {AT}", f"sensitivity at {AT}", "no interval"),
        *(f"size: {name}" for name in (*TESTS, "unpaired")),
    ]
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    for setting in SETTINGS:
        eyes = "one" if setting.eyes is None else f"two, correlation {setting.eyes}"
        found = [*coverage(setting, n_replicates), *sizes(setting, n_replicates)]
        cells = [f"{setting.n_positive} + {setting.n_negative}", eyes, f"{setting.auc}"]
        cells += [_cell(*one, setting) for one in zip(columns[3:], found, strict=True)]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
