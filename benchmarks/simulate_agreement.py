"""Coverage of the intervals of CKA and of shared neighbours, several photographs per patient.

Draws two related embeddings again and again and counts how often a 95 % interval holds the true
value: for CKA that of the population, for neighbours the mean of all draws, since the share depends
on how many photographs there are. Prints the table of docs/agreement.md:

    python -m benchmarks.simulate_agreement [--replicates 400]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.agreement.cka import linear_cka
from fundus_core.agreement.overlap import list_length, neighbour_overlap
from fundus_core.similarity import nearest_rows
from fundus_core.stats.bootstrap import Interval

K = 10
LENGTH = 8
"""Of the embeddings."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A population of patients with two embeddings of each photograph."""

    n_patients: int
    n_photographs: int
    """Of each patient."""

    noise: float
    """Standard deviation of what the second embedding has alone, relative to what both have."""

    shared: float = 0.6
    """Correlation of the photographs of a patient."""

    @property
    def cka(self) -> float:
        """CKA of the population: the second covariance is 1 + noise^2 times the first."""
        return 1 / (1 + self.noise**2)


SETTINGS = (
    Setting(30, 2, 1.0),
    Setting(100, 2, 1.0),
    Setting(100, 2, 0.3),
    Setting(300, 1, 1.0),
    Setting(40, 4, 1.0),
)


def main() -> None:
    """Prints a row per setting."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replicates", type=int, default=400)
    replicates = parser.parse_args().replicates
    print("patients, photographs each, true CKA: mean CKA, covered; mean overlap, covered")
    for setting in SETTINGS:
        generator = np.random.default_rng(0)
        found = [measured(setting, generator) for _ in range(replicates)]
        ckas, overlaps = zip(*found, strict=True)
        mean = float(np.mean([one.value for one in overlaps]))
        print(
            f"{setting.n_patients}, {setting.n_photographs}, {setting.cka:.3f}: "
            f"{np.mean([one.value for one in ckas]):.3f}, {covered(ckas, setting.cka):.3f}; "
            f"{mean:.3f}, {covered(overlaps, mean):.3f}",
            flush=True,
        )


def measured(setting: Setting, generator: np.random.Generator) -> tuple[Interval, Interval]:
    """Returns CKA and shared neighbours of one draw."""
    a, b = draw(setting, generator), draw(setting, generator)
    b = a + setting.noise * b
    patients = np.repeat(np.arange(setting.n_patients), setting.n_photographs)
    length = list_length(K, patients, len(patients))
    near_a, near_b = (nearest_rows(one.astype(np.float32), length) for one in (a, b))
    overlap = neighbour_overlap(near_a, near_b, K, patients=patients)
    return linear_cka(a, b, patients=patients).debiased, overlap.mean


def draw(setting: Setting, generator: np.random.Generator) -> NDArray[np.float64]:
    """Returns normal numbers, those of a patient correlated, of falling variance."""
    patient = generator.normal(size=(setting.n_patients, 1, LENGTH))
    own = generator.normal(size=(setting.n_patients, setting.n_photographs, LENGTH))
    both = np.sqrt(setting.shared) * patient + np.sqrt(1 - setting.shared) * own
    return (both / np.sqrt(np.arange(1, LENGTH + 1))).reshape(-1, LENGTH)


def covered(intervals: tuple[Interval, ...], truth: float) -> float:
    """Returns the share of intervals that hold the truth."""
    return float(np.mean([(one.low or 0) <= truth <= (one.high or 0) for one in intervals]))


if __name__ == "__main__":
    main()
