"""How often bands around a ROC curve hold the true curve: point by point, and all of it.

Draws patients with a known curve again and again: binormal scores, one photograph per patient or
two of agreeing eyes. Prints the table of docs/statistics.md:

    python -m benchmarks.simulate_bands [--replicates 400] [--resamples 1000]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fundus_core.stats.roc import GRID_POINTS, roc_band

NEAR_ZERO = (0.01, 0.02, 0.05)
"""False positive rates near 0, where few negative images decide."""

INNER = (0.1, 0.2, 0.3, 0.5, 0.8)
"""Others."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients."""

    n_positive: int
    """Diseased patients in a sample."""

    n_negative: int
    """Healthy ones."""

    auc: float
    """Of the binormal curve, in (0.5, 1)."""

    eyes: float | None = None
    """Correlation of the scores of a patient's two eyes; None for one eye."""


SETTINGS = (
    Setting(15, 15, 0.80),
    Setting(30, 30, 0.80),
    Setting(30, 200, 0.80),
    Setting(100, 100, 0.80),
    Setting(100, 100, 0.96),
    Setting(40, 960, 0.85),
    Setting(300, 300, 0.90),
    Setting(50, 50, 0.80, eyes=0.7),
    Setting(30, 170, 0.90, eyes=0.7),
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of replicates, in [0, 1]."""

    near_zero: float
    """In which a point of the pointwise band holds the true rate, over `NEAR_ZERO`."""

    inner: float
    """Likewise, over `INNER`."""

    pointwise_curve: float
    """In which the pointwise band holds the whole curve: it does not promise to."""

    curve: float
    """In which the simultaneous band holds the whole curve."""

    width: float
    """Mean width of the simultaneous band over that of the pointwise one."""


def draw(
    setting: Setting, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Returns labels, scores and patients of one sample."""
    n_patients = setting.n_positive + setting.n_negative
    n_eyes = 1 if setting.eyes is None else 2
    patients = np.repeat(np.arange(n_patients), n_eyes)
    y_true = patients < setting.n_positive
    shared = generator.normal(size=n_patients)[patients]
    own = generator.normal(size=len(patients))
    rho = setting.eyes or 0.0
    score = np.sqrt(rho) * shared + np.sqrt(1 - rho) * own
    return y_true, score + _distance(setting) * y_true, patients


def true_curve(setting: Setting) -> NDArray[np.float64]:
    """Returns the true positive rate at the rates of the bands."""
    inside = np.linspace(0, 1, GRID_POINTS)[1:-1]
    return np.concatenate([[0.0], ndtr(_distance(setting) + ndtri(inside)), [1.0]])


def simulate(setting: Setting, n_replicates: int, n_resamples: int, seed: int = 0) -> Coverage:
    """Returns how often the bands of a setting hold what they should."""
    generator = np.random.default_rng(seed)
    truth = true_curve(setting)
    places = {name: [round(100 * x) for x in at] for name, at in (("n", NEAR_ZERO), ("i", INNER))}
    held, ratios = [], []
    for replicate in range(n_replicates):
        y_true, score, patients = draw(setting, generator)
        known = None if setting.eyes is None else patients
        inside, widths = [], []
        for kind in ("pointwise", "simultaneous"):
            band = roc_band(
                y_true, score, patients=known, kind=kind, n_resamples=n_resamples, seed=replicate
            )
            inside.append((band.low <= truth + 1e-12) & (truth <= band.high + 1e-12))
            widths.append(np.mean(band.high - band.low))
        by_point, by_curve = inside
        held.append(
            (
                by_point[places["n"]].mean(),
                by_point[places["i"]].mean(),
                by_point.all(),
                by_curve.all(),
            )
        )
        ratios.append(widths[1] / widths[0])
    return Coverage(*np.mean(held, axis=0).tolist(), float(np.mean(ratios)))


def _distance(setting: Setting) -> float:
    return float(np.sqrt(2) * ndtri(setting.auc))


def main() -> None:
    """Prints one row per setting."""
    parser = argparse.ArgumentParser(description="Coverage of bands around ROC curves.")
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=1000)
    arguments = parser.parse_args()
    print(
        "| diseased + healthy patients | eyes | AUC | pointwise, FPR 0.01-0.05 "
        "| pointwise, FPR 0.1-0.8 | pointwise, whole curve | simultaneous, whole curve "
        "| width, simultaneous / pointwise |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for setting in SETTINGS:
        found = simulate(setting, arguments.replicates, arguments.resamples)
        eyes = "one" if setting.eyes is None else f"two, correlation {setting.eyes}"
        print(
            f"| {setting.n_positive} + {setting.n_negative} | {eyes} | {setting.auc} "
            f"| {found.near_zero:.3f} | {found.inner:.3f} | {found.pointwise_curve:.3f} "
            f"| {found.curve:.3f} | {found.width:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
