"""Coverage of sensitivity and predictive values where both eyes of a patient are photographed.

Draws patients with known ROC curves again and again, and counts how often a 95 % interval holds
what is true at the threshold. Prints the tables of docs/statistics.md:

    python -m benchmarks.simulate_operating [--replicates 2000]
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from benchmarks.simulate_clustered import EDGES, INDEPENDENT, SETTINGS, Sample, Setting, draw
from fundus_core.stats.decisions import decide_across_folds
from fundus_core.stats.operating import OperatingPoint, operating_point, point_of_calls
from fundus_core.stats.predictive_values import Estimate, predictive_values
from fundus_core.stats.threshold_rules import RuleChoice, choose_threshold

SPECIFICITY = 0.9
"""At the threshold that is fixed beforehand."""

PREVALENCE = 0.05
"""Where the model is to be used."""

N_FOLDS = 5

CHOICES = (RuleChoice(), RuleChoice("specificity", 0.9), RuleChoice("sensitivity", 0.9))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of the replicates in which an interval holds the truth; 0.95 is nominal."""

    sensitivity: float
    """By patient."""

    sensitivity_by_image: float
    positive: float
    """Positive predictive value, from Wilson's intervals, by patient."""

    positive_logit: float
    """On the logit scale, by patient, of the replicates in which that exists."""

    positive_by_image: float
    """From Wilson's intervals."""

    negative: float
    """Negative predictive value, from Wilson's intervals, by patient."""

    negative_logit: float
    negative_by_image: float
    without_logit: float
    """Replicates in which one of the two has no interval on the logit scale."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What comes of choosing a threshold by a rule, over many samples."""

    excess_here: float
    """Sensitivity + specificity on the images it was chosen on, less the true ones there: mean."""

    excess_folds: float
    """The same where each fold's threshold was chosen on the other folds."""

    sensitivity_here: float
    """Share of intervals by patient that hold the true sensitivity at the chosen threshold."""

    sensitivity_folds: float
    """Likewise, of the mean of the true ones at the thresholds of the folds."""

    specificity_here: float
    specificity_folds: float


def simulate(setting: Setting, *, replicates: int, seed: int = 0) -> Coverage:
    """Returns how often intervals hold the truth at a threshold that is fixed beforehand."""
    generator = np.random.default_rng(seed)
    held = [_held(setting, generator) for _ in range(replicates)]
    return Coverage(*np.nanmean(held, axis=0).tolist())


def simulate_choice(
    setting: Setting, choice: RuleChoice, *, replicates: int, seed: int = 0
) -> Chosen:
    """Returns what is said and what is true at thresholds that a rule chooses."""
    generator = np.random.default_rng(seed)
    found = [_chosen(setting, choice, generator) for _ in range(replicates)]
    return Chosen(*np.mean(found, axis=0).tolist())


def _held(setting: Setting, generator: np.random.Generator) -> list[float]:
    """Returns the fields of `Coverage` for one replicate; NaN where there is no interval."""
    sample = draw(setting, generator)
    threshold = float(ndtri(SPECIFICITY))
    score, patients = sample.scores[0], sample.patients
    points = [
        operating_point(sample.y_true, score, threshold, patients=units)
        for units in (patients, None)
    ]
    sens, spec = true_shares(setting, threshold)
    values, logit, plain = (
        predictive_values(sample.y_true, score >= threshold, PREVALENCE, patients=units, method=how)
        for units, how in ((patients, "score"), (patients, "logit"), (None, "score"))
    )
    called = PREVALENCE * sens + (1 - PREVALENCE) * (1 - spec)
    positive = PREVALENCE * sens / called
    negative = (1 - PREVALENCE) * spec / (1 - called)
    return [
        *(float(one.sensitivity_low <= sens <= one.sensitivity_high) for one in points),
        *(_holds(one.positive, positive) for one in (values, logit, plain)),
        *(_holds(one.negative, negative) for one in (values, logit, plain)),
        float(logit.positive.low is None or logit.negative.low is None),
    ]


def _chosen(setting: Setting, choice: RuleChoice, generator: np.random.Generator) -> list[float]:
    """Returns the fields of `Chosen` for one replicate."""
    sample = _of_every_fold(setting, generator)
    y_true, score, patients = sample.y_true, sample.scores[0], sample.patients
    here = choose_threshold(y_true, score, choice)
    fold = patients % N_FOLDS
    decisions = decide_across_folds(y_true[:, None], score[:, None], fold, choice=choice)
    points = (
        operating_point(y_true, score, here, patients=patients),
        point_of_calls(y_true, decisions.decided[:, 0], patients=patients),
    )
    thresholds = np.array([one.value for one in decisions.thresholds])[fold]
    truths = (
        true_shares(setting, here),
        (
            true_shares(setting, thresholds[y_true])[0].mean(),
            true_shares(setting, thresholds[~y_true])[1].mean(),
        ),
    )
    sensitive = [
        float(one.sensitivity_low <= truth[0] <= one.sensitivity_high)
        for one, truth in zip(points, truths, strict=True)
    ]
    specific = [
        float(one.specificity_low <= truth[1] <= one.specificity_high)
        for one, truth in zip(points, truths, strict=True)
    ]
    return [*map(_excess, points, truths), *sensitive, *specific]


def true_shares(
    setting: Setting, threshold: float | NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the true sensitivity and specificity at thresholds."""
    shift = np.sqrt(2) * ndtri(setting.auc)
    return ndtr(shift - threshold), ndtr(threshold)


def _of_every_fold(setting: Setting, generator: np.random.Generator) -> Sample:
    """Draws a sample of which every four folds hold images of both classes."""
    while True:
        sample = draw(setting, generator)
        fold = sample.patients % N_FOLDS
        others = [sample.y_true[fold != one] for one in range(N_FOLDS)]
        if all(labels.any() and not labels.all() for labels in others):
            return sample


def _excess(
    point: OperatingPoint, truth: tuple[float | NDArray[np.float64], float | NDArray[np.float64]]
) -> float:
    return float(point.sensitivity + point.specificity - truth[0] - truth[1])


def _holds(one: Estimate, truth: float | NDArray[np.float64]) -> float:
    if one.low is None or one.high is None:
        return float("nan")
    return float(one.low <= truth <= one.high)


def main() -> None:
    """Prints the tables, one row per setting, shares in percent."""
    parser = argparse.ArgumentParser(description="Coverage at a threshold, two eyes per patient.")
    parser.add_argument("--replicates", type=int, default=2000)
    replicates = parser.parse_args().replicates
    print("\nA threshold fixed beforehand, where the specificity is 0.9\n")
    _print_head([one.name for one in fields(Coverage)])
    for setting in (*SETTINGS, *INDEPENDENT, *EDGES):
        found = simulate(setting, replicates=replicates)
        _print_row(setting, [getattr(found, one.name) for one in fields(Coverage)])
    print("\nA threshold chosen by a rule, here or across folds\n")
    _print_head(["rule", *(one.name for one in fields(Chosen))])
    for setting in (SETTINGS[1], SETTINGS[3], SETTINGS[4], SETTINGS[7]):
        for choice in CHOICES:
            chosen = simulate_choice(setting, choice, replicates=replicates // 2)
            name = choice.name if choice.number is None else f"{choice.name} {choice.number:g}"
            _print_row(setting, [getattr(chosen, one.name) for one in fields(Chosen)], name)


def _print_head(columns: Sequence[str]) -> None:
    named = [name.replace("_", " ") for name in columns]
    cells = ["patients", "prevalence", "AUC", "eyes", "concordance", *named]
    print(f"| {' | '.join(cells)} |\n|{' --- |' * len(cells)}")


def _print_row(setting: Setting, shares: Sequence[float], *names: str) -> None:
    design = [setting.n_patients, setting.prevalence, setting.auc, setting.eyes]
    cells = [*map(str, [*design, setting.concordance]), *names]
    cells += [f"{100 * one:.1f}" for one in shares]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
