"""Drawing patients anew, with replacement, and leaving them out one by one.

N is the number of images, I of independent units (patients, or images where patients are unknown),
B of resamples. A resample is a weight per image: how often its patient was drawn, so that both eyes
of a patient are drawn together or not at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import RESAMPLES, SEED
from fundus_core.stats.inputs import IndependentUnits, as_patients
from fundus_core.stats.unequal_patients import patients_alike

Weights = NDArray[np.float64]
"""Shape (B, N): whole numbers of 0 and up, a row per resample."""

FEWEST_UNITS = 5
"""Patients (images, where patients are unknown) that must have each label, or no interval is given;
and the smallest stratum. Of fewer, resamples show too little of what could have been drawn: the
table in docs/coverage.md."""

_NEARLY_ALIKE = 0.8
"""Patients who are worth this share of their number, or more, have about as many images."""

_CELLS_AT_ONCE = 500_000
"""Weights made at a time; what is computed of them may take some ten times their memory."""

_MOST_LEFT_OUT = 1000
"""With m groups an acceleration is known to 0.65 / m, which moves no end of an interval visibly."""

_MOST_REDRAWS = 1000


@dataclass(frozen=True, slots=True)
class Strata:
    """Independent units, in groups within which they are drawn."""

    unit_of: NDArray[np.intp]
    """Shape (N,): the unit of each image, 0 ... I - 1."""

    stratum_of: NDArray[np.intp]
    """Shape (I,): the stratum of each unit, numbers from 0 without a gap."""

    has: NDArray[np.bool_]
    """Shape (I, S): whether a unit has an image with each of S labels."""

    @property
    def members(self) -> list[NDArray[np.intp]]:
        """The units of each stratum."""
        n_strata = int(self.stratum_of.max()) + 1
        return [np.flatnonzero(self.stratum_of == one) for one in range(n_strata)]


def too_few(units: IndependentUnits, unit: str, asked: str) -> str:
    """Returns why so few units have one of the classes that nothing is said; empty if enough have.

    Args:
        units: How many have what.
        unit: "patients" or "images".
        asked: What would need more of them, e.g. "a bootstrap".
    """
    if units.rarer >= FEWEST_UNITS:
        return ""
    side = "with" if units.positive <= units.negative else "without"
    counted = f"{units.rarer} {unit if units.rarer != 1 else unit.removesuffix('s')}"
    return f"only {counted} {side} the class; {asked} needs {FEWEST_UNITS}"


def too_unequal(labels: Mapping[str, NDArray[np.bool_]], patients: NDArray[np.intp] | None) -> str:
    """Returns why resamples would give a result for surer than it is; empty if they do not.

    A patient with most of the images is in a resample twice, once or not at all, and resamples of
    that kind do not show how patients differ. Counted are the patients with equally many images
    that a label's are worth (`patients_alike`), unless the patients are few and have about as many;
    too few patients are `too_few`'s matter.

    Args:
        labels: Words for the images that have a label -> shape (N,): which these are.
        patients: Shape (N,), numbers from 0; without them nobody has several images.
    """
    if patients is None:
        return ""
    for words, chosen in labels.items():
        owners = patients[chosen]
        n_patients = len(np.unique(owners))
        if n_patients < FEWEST_UNITS:
            continue
        alike, most = patients_alike(owners), int(np.bincount(owners).max())
        if alike < min(FEWEST_UNITS, _NEARLY_ALIKE * n_patients):
            return (
                f"one patient has {most} of the {len(owners)} images {words}, which say as much as "
                f"{min(alike, FEWEST_UNITS - 0.1):.1f} patients with equally many; "
                f"resampling needs {FEWEST_UNITS}"
            )
    return ""


def stratify(labels: Mapping[str, NDArray[np.bool_]], patients: ArrayLike | None = None) -> Strata:
    """Groups patients by the rarest label that they have.

    With the labels "diseased" and "healthy" and few diseased these are the patients with a diseased
    image, and all others; with grades, the patients who have the rarest grade, of the others those
    who have the second rarest, and so on. Whole patterns of labels would leave most strata with one
    patient, who is then in every resample and adds nothing to its spread. For the same reason a
    stratum of fewer than `FEWEST_UNITS` is not formed: its patients go by their next label.

    Args:
        labels: Name -> shape (N,): the images with that label.
        patients: Shape (N,), one id per image; without it each image is a unit.

    Raises:
        ScoresError: If a patient is missing, or there is not one per image.
        ValueError: If there are no labels.
    """
    if not labels:
        raise ValueError("labels must name at least one label")
    of_image = np.stack([np.asarray(one, dtype=bool) for one in labels.values()], axis=1)  # (N, S)
    codes = as_patients(patients, n_images=len(of_image))
    unit_of = np.arange(len(of_image)) if codes is None else codes
    n_units = int(unit_of.max(initial=-1)) + 1
    has = np.stack([np.bincount(unit_of, one, n_units) > 0 for one in of_image.T], axis=1)
    stratum_of = np.full(n_units, -1)
    for label in np.argsort(has.sum(axis=0), kind="stable"):
        members = (stratum_of < 0) & has[:, label]
        if members.sum() >= FEWEST_UNITS:
            stratum_of[members] = stratum_of.max(initial=-1) + 1
    left = stratum_of < 0
    if 0 < left.sum() < FEWEST_UNITS and not left.all():
        stratum_of[left] = np.bincount(stratum_of[~left]).argmax()
    elif left.any():
        stratum_of[left] = stratum_of.max() + 1
    return Strata(unit_of, stratum_of, has)


def generator_of(n_resamples: int, seed: int) -> np.random.Generator:
    """Returns what draws; refuses numbers of resamples and seeds that nothing is drawn by.

    Raises:
        ParameterError: With the one that is out of bounds.
    """
    RESAMPLES.require("number of resamples", n_resamples)
    SEED.require("seed", seed)
    return np.random.default_rng(seed)


def resamples(
    strata: Strata, n_resamples: int, generator: np.random.Generator
) -> Iterator[Weights]:
    """Yields weights of resamples, shape (B_chunk, N), `n_resamples` rows in all.

    A row that lacks a label is drawn again.
    """
    step = max(1, _CELLS_AT_ONCE // len(strata.unit_of))
    for start in range(0, n_resamples, step):
        counts = _counts(strata, min(step, n_resamples - start), generator)
        yield counts[:, strata.unit_of]


def draw_units(
    members: list[NDArray[np.intp]], n_rows: int, generator: np.random.Generator
) -> Weights:
    """Returns how often each unit is drawn, with replacement within strata.

    Args:
        members: The units of each stratum; all of them are 0 ... I - 1.
        n_rows: Resamples.
        generator: Draws.

    Returns:
        Whole numbers, shape (n_rows, I).
    """
    n_units = sum(map(len, members))
    first_cell = np.arange(n_rows)[:, np.newaxis] * n_units
    drawn = [
        first_cell + units[generator.integers(len(units), size=(n_rows, len(units)))]
        for units in members
    ]
    cells = np.concatenate(drawn, axis=1).ravel()
    counts = np.bincount(cells, minlength=n_rows * n_units).reshape(n_rows, n_units)
    return counts.astype(np.float64)


def leave_outs(
    strata: Strata, generator: np.random.Generator
) -> Iterator[tuple[Weights, NDArray[np.intp]]]:
    """Yields weights (B_chunk, N) that leave out one unit each, and that unit's stratum (B_chunk,).

    Above `_MOST_LEFT_OUT` units it is a random group of a stratum's units each time.
    """
    group_of, stratum_of = _groups(strata, generator)
    of_image = group_of[strata.unit_of]
    step = max(1, _CELLS_AT_ONCE // len(of_image))
    for start in range(0, len(stratum_of), step):
        left_out = np.arange(start, min(start + step, len(stratum_of)))
        yield (of_image != left_out[:, np.newaxis]).astype(np.float64), stratum_of[left_out]


def _counts(strata: Strata, n_rows: int, generator: np.random.Generator) -> Weights:
    """Returns how often each unit is drawn, shape (n_rows, I); every label is in every row."""
    counts = draw_units(strata.members, n_rows, generator)
    present = strata.has.any(axis=0)
    for _ in range(_MOST_REDRAWS):
        lacking = np.flatnonzero(((counts @ strata.has > 0) != present).any(axis=1))
        if not len(lacking):
            return counts
        counts[lacking] = draw_units(strata.members, len(lacking), generator)
    raise RuntimeError(f"no resample with every label was drawn in {_MOST_REDRAWS} attempts")


def _groups(
    strata: Strata, generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns which group each unit is left out with, (I,), and the stratum of each group.

    A unit is a group of its own unless there are more than `_MOST_LEFT_OUT`.
    """
    n_units = len(strata.stratum_of)
    size = -(-n_units // _MOST_LEFT_OUT)
    group_of = np.empty(n_units, dtype=np.intp)
    stratum_of: list[int] = []
    for stratum, members in enumerate(strata.members):
        n_groups = max(min(FEWEST_UNITS, len(members)), len(members) // size)
        group_of[generator.permutation(members)] = (
            len(stratum_of) + np.arange(len(members)) % n_groups
        )
        stratum_of += [stratum] * n_groups
    return group_of, np.array(stratum_of)
