"""Who is photographed: patients with their diseases and visits, planned before anything is drawn.

Age, diseases, site and split are planned here. Disease depends on age and site, as in life; within
a site nothing else tells of it. Every fourth patient comes again, a little older and worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.lesions import Disease

Eye = Literal["OD", "OS"]
Split = Literal["train", "test"]
Part = Literal["shared", "OD", "OS"]
Severities: TypeAlias = Mapping[Disease, float]

EYES: tuple[Eye, ...] = ("OD", "OS")
"""Right eye, left eye."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """A place where patients are photographed."""

    camera: str
    """Key of `CAMERAS`: the only one it has."""

    patients: float
    """Share of all patients who come here."""

    shares: Mapping[Disease, float]
    """Share of its patients with each as first disease; the rest are healthy."""


SITES: dict[str, Clinic] = {
    "north": Clinic(
        camera="A",
        patients=0.6,
        shares={
            "diabetic_retinopathy": 0.17,
            "amd": 0.0625,
            "glaucoma": 0.0625,
            "glaucoma_suspect": 0.0625,
            "pathologic_myopia": 0.0625,
            "epiretinal_membrane": 0.09,
            "vein_occlusion": 0.125,
            "hypertensive_retinopathy": 0.0625,
        },
    ),
    "south": Clinic(
        camera="B",
        patients=0.4,
        shares={
            "diabetic_retinopathy": 0.115,
            "amd": 0.052,
            "glaucoma": 0.052,
            "glaucoma_suspect": 0.052,
            "pathologic_myopia": 0.052,
            "epiretinal_membrane": 0.075,
            "vein_occlusion": 0.105,
            "hypertensive_retinopathy": 0.052,
        },
    ),
}
"""The sites of the demo; somewhat more than half of the eyes are ill. To add one, add an entry."""

_AGES: dict[Disease | None, tuple[int, int]] = {
    None: (28, 84),
    "diabetic_retinopathy": (34, 82),
    "amd": (55, 90),
    "glaucoma": (42, 86),
    "glaucoma_suspect": (38, 84),
    "pathologic_myopia": (25, 78),
    "epiretinal_membrane": (50, 86),
    "vein_occlusion": (48, 86),
    "hypertensive_retinopathy": (40, 84),
}
"""Youngest and oldest patients, evenly distributed between; None for the healthy."""

_ONE_EYE_SHARE: dict[Disease, float] = {"vein_occlusion": 0.9, "epiretinal_membrane": 0.6}
"""Share of patients in whom a disease spares one eye; other diseases come to both."""

_EXCLUDES: dict[Disease, Disease] = {
    "glaucoma": "glaucoma_suspect",
    "glaucoma_suspect": "glaucoma",
}
"""Pairs of diseases of which an eye has at most one."""

_SECOND_DISEASE_SHARE = 0.12
_TEST_SHARE = 0.3
_VISIT_AGAIN_EVERY = 4
_YEARS_BETWEEN = (1, 3)
_YEARLY_WORSENING = (0.01, 0.05)
"""How much the severity of a disease grows in a year, at least and at most."""

_EYE_SPREAD = 0.13
"""Standard deviation of an eye's severity around the patient's."""

_SLIGHTEST = 0.04
"""Eyes below this severity are spared."""


@dataclass(frozen=True, slots=True)
class Visit:
    """The state of a patient on one day, when both eyes are photographed."""

    number: int
    """From 1."""

    age: int

    severity: Mapping[Eye, Severities]
    """Per eye, the severity in (0, 1] of each disease it has; empty for a healthy eye."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient and the visits."""

    index: int
    """Place in the cohort, from 0; with the seed it determines how the eyes look."""

    seed: int

    site: str
    """Key of `SITES`."""

    camera: str
    """Key of `CAMERAS`; all photographs are taken by it."""

    split: Split

    visits: tuple[Visit, ...]
    """In order; at least one."""

    @property
    def patient_id(self) -> str:
        """The name in tables and files, from `P0001`."""
        return f"P{self.index + 1:04d}"

    def diagnosis(self, visit: Visit, eye: Eye) -> str:
        """Returns the eye's most severe disease on that day, or `normal`."""
        severity = visit.severity[eye]
        return max(severity, key=lambda disease: severity[disease]) if severity else "normal"

    def generator(self, part: Part, visit: Visit | None = None) -> np.random.Generator:
        """Returns the source of randomness for a part of this patient, and for no other.

        Args:
            part: What the eyes have in common, or one eye.
            visit: For what changes from visit to visit; None for what stays.
        """
        return generator_of(self.seed, self.index, part, visit.number if visit else 0)


def generator_of(seed: int, index: int, part: Part, visit: int = 0) -> np.random.Generator:
    """Returns `Patient.generator` of the patient with that seed and index."""
    number = ("shared", *EYES).index(part)
    sequence = np.random.SeedSequence(seed, spawn_key=(1, index, number, visit))
    return np.random.default_rng(sequence)


def plan_patients(
    n_patients: int, seed: int, *, healthy_share: float | None = None
) -> tuple[Patient, ...]:
    """Returns the patients of a cohort; the same arguments give the same ones.

    Args:
        n_patients: At least 1.
        seed: Any non-negative integer.
        healthy_share: Share of patients without disease at every site, in [0, 1]; diseases keep
            their proportions. None for the shares of `SITES`.

    Raises:
        ValueError: If `healthy_share` is outside [0, 1].
    """
    if healthy_share is not None and not 0 <= healthy_share <= 1:
        raise ValueError(f"healthy_share must be in [0, 1] but was {healthy_share}")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    sites = _sites(n_patients, rng)
    disease, split = np.empty(n_patients), np.empty(n_patients)
    for site in SITES:
        here = np.flatnonzero(sites == site)
        disease[here], split[here] = _even(rng, len(here)), _even(rng, len(here))
    patients = []
    for index, site in enumerate(sites):
        first = _pick(float(disease[index]), _shares(SITES[site], healthy_share))
        patients.append(
            Patient(
                index=index,
                seed=seed,
                site=str(site),
                camera=SITES[site].camera,
                split="test" if split[index] < _TEST_SHARE else "train",
                visits=_visits(first, rng, again=index % _VISIT_AGAIN_EVERY == 3),
            )
        )
    return tuple(patients)


def _sites(n_patients: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Returns the site of every patient."""
    edges = np.cumsum([clinic.patients for clinic in SITES.values()])
    chosen = np.searchsorted(edges / edges[-1], _even(rng, n_patients))
    return np.asarray(np.array(list(SITES))[chosen])


def _shares(clinic: Clinic, healthy_share: float | None) -> Mapping[Disease, float]:
    """Returns the share of each disease, scaled to leave the wanted share of healthy patients."""
    if healthy_share is None:
        return clinic.shares
    factor = (1 - healthy_share) / sum(clinic.shares.values())
    return {disease: factor * share for disease, share in clinic.shares.items()}


def _even(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Returns n numbers in (0, 1), evenly spread in random order, so that shares come out right."""
    return (rng.permutation(n) + 0.5) / n


def _pick(at: float, shares: Mapping[Disease, float]) -> Disease | None:
    """Returns the disease whose share of [0, 1] holds the number, None for the healthy rest."""
    for disease, share in shares.items():
        if at < share:
            return disease
        at -= share
    return None


def _visits(first: Disease | None, rng: np.random.Generator, *, again: bool) -> tuple[Visit, ...]:
    """Returns the first visit and, for those who come again, the second."""
    low, high = _AGES[first]
    visit = Visit(1, int(rng.integers(low, high + 1)), _severity_of_eyes(first, rng))
    if not again:
        return (visit,)
    years = int(rng.integers(_YEARS_BETWEEN[0], _YEARS_BETWEEN[1] + 1))
    worse = years * float(rng.uniform(*_YEARLY_WORSENING))
    severity = {
        eye: {disease: round(min(value + worse, 1.0), 3) for disease, value in of_eye.items()}
        for eye, of_eye in visit.severity.items()
    }
    return (visit, Visit(2, visit.age + years, severity))


def _severity_of_eyes(first: Disease | None, rng: np.random.Generator) -> Mapping[Eye, Severities]:
    """Returns correlated severities of both eyes; sometimes there is a second disease."""
    eyes: dict[Eye, dict[Disease, float]] = {eye: {} for eye in EYES}
    for disease in _diseases(first, rng):
        of_patient = 0.06 + 0.94 * float(rng.beta(1.3, 1.3))
        spared: Eye | None = None
        if rng.random() < _ONE_EYE_SHARE.get(disease, 0.0):
            spared = EYES[int(rng.integers(2))]
        for eye in EYES:
            of_eye = of_patient + _EYE_SPREAD * float(rng.standard_normal())
            of_eye = max(of_eye, _SLIGHTEST) if spared else of_eye
            if of_eye >= _SLIGHTEST and eye != spared:
                eyes[eye][disease] = round(min(of_eye, 1.0), 3)
    return {eye: dict(found) for eye, found in eyes.items()}


def _diseases(first: Disease | None, rng: np.random.Generator) -> list[Disease]:
    """Returns the diseases of a patient: none, one, or now and then two."""
    if first is None:
        return []
    if rng.random() >= _SECOND_DISEASE_SHARE:
        return [first]
    known = [disease for disease in _AGES if disease is not None]
    others = [disease for disease in known if disease not in (first, _EXCLUDES.get(first))]
    return [first, others[int(rng.integers(len(others)))]]
