"""Coverage of the bootstrap intervals where both eyes of a patient are photographed.

Draws patients from populations whose metrics are known, again and again, and counts how often a
95 % interval holds the true value. Prints the tables of docs/coverage.md:

    python -m benchmarks.simulate_bootstrap [--replicates 2000]
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fundus_core.domain.dataset import Task
from fundus_core.stats import bootstrap, resampling
from fundus_core.stats.bootstrap import Interval, Method
from fundus_core.stats.scores import metric_intervals
from fundus_core.stats.tallies import answers_of

RESAMPLES = 1000
"""A thousand fix the ends of an interval to about a hundredth of its width."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients, two photographs each: one disease, or grades of one."""

    n_patients: int
    """Patients in a sample."""

    shares: tuple[float, ...]
    """Of the patients who are healthy, and of grade 1, 2 ...; for a disease (1 - p, p)."""

    auc: float = 0.8
    """True AUC of one disease; grades have none."""

    eyes: float = 0.6
    """Correlation of the scores of a patient's two eyes, given their labels."""

    fixed: bool = True
    """Whether every sample has these shares; else each patient's label is drawn."""

    @property
    def truth(self) -> Mapping[str, float]:
        """The metrics of the population."""
        return _true_of_disease(self) if len(self.shares) == 2 else _true_of_grades(self)


@dataclass(frozen=True, slots=True)
class Sample:
    """N = 2 n_patients photographs, what was said of them, C scored classes."""

    task: Task
    y_true: NDArray[np.bool_]
    """Shape (N, C)."""

    y_score: NDArray[np.float64]
    """Shape (N, C)."""

    decided: NDArray[np.bool_]
    """Shape (N, C)."""

    patients: NDArray[np.intp]
    """Shape (N,)."""


MIXTURES = (
    Setting(20, (0.5, 0.5)),
    Setting(60, (0.7, 0.3)),
    Setting(200, (0.8, 0.2), auc=0.85),
    Setting(200, (0.5, 0.5), auc=0.9, eyes=0.8),
)
"""One disease."""

GRADES = (
    Setting(60, (0.40, 0.20, 0.20, 0.10, 0.10)),
    Setting(200, (0.50, 0.20, 0.15, 0.10, 0.05)),
)
"""Five grades."""

FEW = tuple(Setting(150, (1 - n / 150, n / 150)) for n in (2, 3, 5, 8, 10, 15))
"""A disease that few have."""

OF_DISEASE = ("auc", "average_precision", "balanced_accuracy", "f1", "quadratic_kappa")
OF_GRADES = ("balanced_accuracy", "macro_f1", "quadratic_kappa")

CUT_ABOVE_MIDDLE = 0.3
"""Where one disease is called, above the middle of the two means: the sides then differ."""

GRADE_NOISE = 0.8
"""Standard deviation of the decided grade before it is rounded."""


def draw(setting: Setting, generator: np.random.Generator) -> Sample:
    """Draws one sample; both eyes of a patient have the same label."""
    n, grades = setting.n_patients, np.arange(len(setting.shares))
    if setting.fixed:
        ends = np.round(n * np.cumsum(setting.shares)).astype(int)
        grade = np.searchsorted(ends, np.arange(n), side="right")
    else:
        grade = generator.choice(grades, size=n, p=setting.shares)
    of_patient, of_eye = generator.standard_normal((n, 1)), generator.standard_normal((n, 2))
    noise = (setting.eyes**0.5 * of_patient + (1 - setting.eyes) ** 0.5 * of_eye).ravel()
    patients, grade = np.repeat(np.arange(n), 2), np.repeat(grade, 2)
    if len(grades) == 2:
        score = (_shift(setting) * grade + noise)[:, np.newaxis]
        return Sample("binary", grade[:, np.newaxis] == 1, score, score >= _cut(setting), patients)
    said = np.clip(np.rint(grade + GRADE_NOISE * noise), 0, grades[-1])
    decided = said[:, np.newaxis] == grades
    return Sample("multiclass", grade[:, np.newaxis] == grades, decided * 1.0, decided, patients)


def intervals(
    sample: Sample,
    names: Sequence[str],
    *,
    by_patient: bool = True,
    method: Method = "bca",
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Returns the intervals of one sample, by patient or as if images were independent."""
    patients = sample.patients if by_patient else None
    return metric_intervals(
        answers_of(sample.task, sample.y_true, sample.y_score, sample.decided, patients=patients),
        names,
        [str(column) for column in range(sample.y_true.shape[1])],
        patients=patients,
        method=method,
        n_resamples=RESAMPLES,
        seed=seed,
    )


def simulate(
    setting: Setting,
    names: Sequence[str],
    *,
    replicates: int,
    by_patient: bool = True,
    method: Method = "bca",
    seed: int = 0,
) -> NDArray[np.float64]:
    """Returns how often each metric's interval holds the truth, where there is one.

    Samples without a patient on one side are drawn again.
    """
    generator = np.random.default_rng(seed)
    truth = setting.truth
    held, given = np.zeros(len(names)), np.zeros(len(names))
    for replicate in range(replicates):
        sample = draw(setting, generator)
        while not (sample.y_true.any(axis=0) & ~sample.y_true.all(axis=0)).all():
            sample = draw(setting, generator)
        found = intervals(sample, names, by_patient=by_patient, method=method, seed=replicate)
        for number, one in enumerate(found):
            if one.low is not None and one.high is not None:
                given[number] += 1
                held[number] += one.low <= truth[names[number]] <= one.high
    return held / np.maximum(given, 1)


def _shift(setting: Setting) -> float:
    return float(np.sqrt(2) * ndtri(setting.auc))


def _cut(setting: Setting) -> float:
    return _shift(setting) / 2 + CUT_ABOVE_MIDDLE


def _true_of_disease(setting: Setting) -> dict[str, float]:
    """Returns the metrics of two normal distributions of scores, one threshold."""
    healthy, diseased = setting.shares
    shift, cut = _shift(setting), _cut(setting)
    thresholds = np.linspace(8 + shift, -8, 200_001)
    true, false = diseased * ndtr(shift - thresholds), healthy * ndtr(-thresholds)
    confusion = np.array(
        [
            [healthy * ndtr(cut), healthy * ndtr(-cut)],
            [diseased * ndtr(cut - shift), diseased * ndtr(shift - cut)],
        ]
    )
    return _of_confusion(confusion) | {
        "auc": setting.auc,
        "average_precision": float(np.trapezoid(true / (true + false), true / diseased)),
    }


def _true_of_grades(setting: Setting) -> dict[str, float]:
    """Returns the metrics of grades that are decided with rounded normal noise."""
    grades = np.arange(len(setting.shares))
    borders = np.concatenate([[-np.inf], grades[:-1] + 0.5, [np.inf]])
    given_grade = np.diff(ndtr((borders - grades[:, np.newaxis]) / GRADE_NOISE), axis=1)
    return _of_confusion(np.array(setting.shares)[:, np.newaxis] * given_grade)


def _of_confusion(confusion: NDArray[np.float64]) -> dict[str, float]:
    """Returns what labels by decisions, shape (K, K), adding up to 1, amount to."""
    hit, true, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = 2 * hit / (true + said)
    distance = np.subtract.outer(np.arange(len(hit)), np.arange(len(hit))) ** 2
    kappa = 1 - (distance * confusion).sum() / (distance * np.outer(true, said)).sum()
    return {
        "balanced_accuracy": float((hit / true).mean()),
        "macro_f1": float(f1.mean()),
        "f1": float(f1[-1]),
        "quadratic_kappa": float(kappa),
    }


def main() -> None:
    """Prints the tables, one row per setting and way, coverage in percent."""
    parser = argparse.ArgumentParser(description="Coverage of bootstrap intervals.")
    parser.add_argument("--replicates", type=int, default=2000)
    replicates = parser.parse_args().replicates
    drawn = tuple(replace(one, fixed=False) for one in MIXTURES)
    _print_ways("One disease, the mixture of labels as designed", MIXTURES, OF_DISEASE, replicates)
    _print_table("One disease, the mixture drawn by chance", drawn, OF_DISEASE, replicates)
    _print_ways("Five grades", GRADES, OF_GRADES, replicates)
    # What the floor keeps from the user: intervals of fewer patients than it asks for.
    with patch.object(bootstrap, "FEWEST_UNITS", 2), patch.object(resampling, "FEWEST_UNITS", 2):
        _print_table("A disease that few of 150 patients have", FEW, OF_DISEASE, replicates)


def _print_ways(
    title: str, settings: Sequence[Setting], names: Sequence[str], replicates: int
) -> None:
    _print_table(title, settings, names, replicates)
    _print_table(f"{title}: plain percentiles", settings, names, replicates, method="percentile")
    _print_table(f"{title}: by image", settings, names, replicates, by_patient=False)


def _print_table(
    title: str,
    settings: Sequence[Setting],
    names: Sequence[str],
    replicates: int,
    *,
    by_patient: bool = True,
    method: Method = "bca",
) -> None:
    cells = ["patients", "shares", "AUC", "eyes", *names]
    print(f"\n{title}\n\n| {' | '.join(cells)} |\n|{' --- |' * len(cells)}")
    for setting in settings:
        shares = simulate(
            setting, names, replicates=replicates, by_patient=by_patient, method=method
        )
        design = [setting.n_patients, " / ".join(f"{one:.3g}" for one in setting.shares)]
        design += [setting.auc if len(setting.shares) == 2 else "", setting.eyes]
        held = (f"{100 * one:.1f}" for one in shares)
        print(f"| {' | '.join([*map(str, design), *held])} |", flush=True)


if __name__ == "__main__":
    main()
