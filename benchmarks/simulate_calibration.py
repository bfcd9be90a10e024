"""Coverage of the intervals of calibration and of net benefit, with both eyes of a patient.

Draws patients with a known calibration again and again, and counts how often a 95 % interval holds
the true value. Prints the tables of docs/calibration.md:

    python -m benchmarks.simulate_calibration [--replicates 1000]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.calibration import calibration
from fundus_core.stats.calibration_line import calibration_line
from fundus_core.stats.cohort import draw_cohorts
from fundus_core.stats.net_benefit import decision_curve

_LARGE = 400_000
"""Patients from which true values are computed that have no closed form."""

_THRESHOLD, _PREVALENCE, _BINS = 0.2, 0.05, 10


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients, two photographs each."""

    n_patients: int
    centre: float
    """Mean logit of the predictions; sets the prevalence."""

    slope: float
    """True calibration slope; 1 is right, below 1 predictions are too extreme."""

    eyes: float
    """Correlation of a patient's two eyes, in predictions and in labels given those."""


SETTINGS = (
    Setting(50, 0.0, 1.0, eyes=0.0),
    Setting(50, 0.0, 1.0, eyes=0.7),
    Setting(150, -1.0, 1.0, eyes=0.0),
    Setting(150, -1.0, 1.0, eyes=0.7),
    Setting(150, -1.0, 0.5, eyes=0.7),
    Setting(150, -2.5, 1.0, eyes=0.7),
    Setting(600, -2.5, 0.5, eyes=0.0),
    Setting(600, -2.5, 0.5, eyes=0.7),
    Setting(60, -3.5, 1.0, eyes=0.7),
    Setting(150, -4.0, 1.0, eyes=0.7),
    Setting(300, -4.5, 1.0, eyes=0.7),
)
"""The last three have 5 to 10 diseased patients."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Of the whole population."""

    prevalence: float
    intercept: float
    """With the slope held at 1."""

    in_the_large: float
    """Prevalence less mean prediction."""

    brier: float
    scaled: float
    ece: float
    root_mean_square: float
    net_benefit: float
    at_prevalence: float
    """Net benefit at `_PREVALENCE`."""


COLUMNS = (
    "slope",
    "slope by image",
    "intercept",
    "intercept by image",
    "in the large",
    "Brier",
    "scaled",
    "RMS error",
    "ECE, basic",
    "ECE, percentile",
    "net benefit",
    "by image",
    "at 5 %",
)


def draw(
    setting: Setting, n_patients: int, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Returns labels, predictions and true probabilities of 2 n_patients photographs, in pairs."""
    shared, own = setting.eyes**0.5, (1 - setting.eyes) ** 0.5
    of_patient = generator.standard_normal((2, n_patients, 1))
    of_eye = generator.standard_normal((2, n_patients, 2))
    score, chance = shared * of_patient + own * of_eye
    predicted = setting.centre + 1.3 * score
    true = expit(setting.centre + setting.slope * 1.3 * score)
    return (ndtr(chance) < true).ravel(), expit(predicted).ravel(), true.ravel()


def truth_of(setting: Setting) -> Truth:
    """Returns the true values, integrated over many patients' true probabilities."""
    _, share, true = draw(setting, _LARGE, np.random.default_rng(1))
    low, high = -5.0, 5.0
    while high - low > 1e-9:  # the intercept at which the mean prediction is the prevalence
        middle = (low + high) / 2
        too_high = expit(logit(share) + middle).mean() > true.mean()
        low, high = (low, middle) if too_high else (middle, high)
    prevalence = float(true.mean())
    brier = float((true * (1 - share) ** 2 + (1 - true) * share**2).mean())
    cuts = np.quantile(share, np.arange(1, _BINS) / _BINS)
    gap = np.abs(np.bincount(np.searchsorted(cuts, share), true - share)) / (len(share) / _BINS)
    called, odds = share >= _THRESHOLD, _THRESHOLD / (1 - _THRESHOLD)
    hit, alarm = (called * true).mean(), (called * (1 - true)).mean()
    elsewhere = _PREVALENCE * hit / prevalence
    elsewhere -= (1 - _PREVALENCE) * alarm / (1 - prevalence) * odds
    return Truth(
        prevalence,
        low,
        float((true - share).mean()),
        brier,
        1 - brier / (prevalence * (1 - prevalence)),
        float(gap.mean()),
        float(np.sqrt((gap**2).mean())),
        float(hit - alarm * odds),
        float(elsewhere),
    )


def simulate(
    setting: Setting, *, replicates: int, seed: int = 0, n_resamples: int = 400
) -> NDArray[np.float64]:
    """Returns how often the intervals of `COLUMNS` hold the truth, of the samples that have one."""
    generator, truth = np.random.default_rng(seed), truth_of(setting)
    patients = np.repeat(np.arange(setting.n_patients), 2)
    rows = []
    while len(rows) < replicates:
        labels, share, _ = draw(setting, setting.n_patients, generator)
        if min(labels.sum(), (~labels).sum()) < 2:
            continue
        rows.append(_held(labels, share, patients, setting, truth, n_resamples))
    return np.asarray(np.nanmean(rows, axis=0))


def _held(
    labels: NDArray[np.bool_],
    share: NDArray[np.float64],
    patients: NDArray[np.intp],
    setting: Setting,
    truth: Truth,
    n_resamples: int,
) -> list[float]:
    found = calibration(labels, share, patients=patients, n_resamples=n_resamples)
    plain = calibration_line(labels, share)
    bin_of = found.curve.bin_of

    def ece(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        off = weights @ (np.eye(bin_of.max() + 1)[bin_of] * (labels - share)[:, None])
        return np.abs(off).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)

    of_ece = draw_cohorts(ece, labels, patients, n_resamples=n_resamples)
    options = {"thresholds": [_THRESHOLD], "n_resamples": n_resamples}
    curves = [
        decision_curve(labels, share, patients=patients, **options),
        decision_curve(labels, share, **options),
        decision_curve(labels, share, patients=patients, prevalence=_PREVALENCE, **options),
    ]
    benefits = (truth.net_benefit, truth.net_benefit, truth.at_prevalence)
    return [
        _holds(found.line.slope, setting.slope),
        _holds(plain.slope, setting.slope),
        _holds(found.line.intercept, truth.intercept),
        _holds(plain.intercept, truth.intercept),
        _holds(found.line.in_the_large, truth.in_the_large),
        _holds(found.brier, truth.brier),
        _holds(found.scaled_brier, truth.scaled),
        _holds(found.errors.root_mean_square, truth.root_mean_square),
        _holds(of_ece.interval(0, "basic"), truth.ece),
        _holds(of_ece.interval(0, "percentile"), truth.ece),
        *(
            np.nan
            if np.isnan(curve.model.low[0])
            else float(curve.model.low[0] <= value <= curve.model.high[0])
            for curve, value in zip(curves, benefits, strict=True)
        ),
    ]


def _holds(interval: Interval, value: float) -> float:
    if interval.low is None or interval.high is None:
        return np.nan
    return float(interval.low - 1e-12 <= value <= interval.high + 1e-12)


def main() -> None:
    """Prints the table, one row per setting, shares in percent."""
    parser = argparse.ArgumentParser(description="Coverage of calibration and net benefit.")
    parser.add_argument("--replicates", type=int, default=1000)
    replicates = parser.parse_args().replicates
    head = ("patients", "prevalence", "true slope", "eyes", *COLUMNS)
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for setting in SETTINGS:
        prevalence = truth_of(setting).prevalence
        held = simulate(setting, replicates=replicates)
        design = (setting.n_patients, f"{prevalence:.2f}", setting.slope, setting.eyes)
        cells = [*map(str, design), *(f"{100 * one:.1f}" for one in held)]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
