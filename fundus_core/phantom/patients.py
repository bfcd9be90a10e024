"""Who is photographed: patients with their diseases, planned before anything is drawn.

Age, disease, camera and split are planned here. Disease depends on age, as in life; camera, split
and the look of the eyes depend on neither, so that they tell nothing about disease.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.camera import CAMERAS
from fundus_core.phantom.lesions import LESIONS_OF, Disease

Eye = Literal["OD", "OS"]
Split = Literal["train", "test"]
Severities: TypeAlias = Mapping[Disease, float]

EYES: tuple[Eye, ...] = ("OD", "OS")
"""Right eye, left eye."""

_SHARE: dict[Disease, float] = {"diabetic_retinopathy": 0.23, "amd": 0.12, "glaucoma": 0.12}
"""Share of patients with each as first disease; with eyes spared, about 45 % of eyes are ill."""

_AGES: dict[Disease | None, tuple[int, int]] = {
    None: (28, 84),
    "diabetic_retinopathy": (34, 82),
    "amd": (55, 90),
    "glaucoma": (42, 86),
}
"""Youngest and oldest patients, evenly distributed between; None for the healthy."""

_SECOND_DISEASE_SHARE = 0.12
_TEST_SHARE = 0.3
_EYE_SPREAD = 0.13
"""Standard deviation of an eye's severity around the patient's."""

_SLIGHTEST = 0.04
"""Eyes below this severity are spared."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient and the state of both eyes."""

    index: int
    """Place in the cohort, from 0; with the seed it determines how the eyes look."""

    seed: int
    age: int
    camera: str
    """Key of `CAMERAS`; both eyes are photographed by it."""

    split: Split

    severity: Mapping[Eye, Severities]
    """Per eye, the severity in (0, 1] of each disease it has; empty for a healthy eye."""

    @property
    def patient_id(self) -> str:
        """The name in tables and files, from `P0001`."""
        return f"P{self.index + 1:04d}"

    def diagnosis(self, eye: Eye) -> str:
        """Returns the eye's most severe disease, or `normal`."""
        severity = self.severity[eye]
        return max(severity, key=lambda disease: severity[disease]) if severity else "normal"

    def generator(self, part: Literal["shared", "OD", "OS"]) -> np.random.Generator:
        """Returns the source of randomness for a part of this patient, and for no other."""
        number = ("shared", "OD", "OS").index(part)
        sequence = np.random.SeedSequence(self.seed, spawn_key=(1, self.index, number))
        return np.random.default_rng(sequence)


def plan_patients(n_patients: int, seed: int) -> tuple[Patient, ...]:
    """Returns the patients of a cohort; the same seed and number give the same ones.

    Args:
        n_patients: At least 1.
        seed: Any non-negative integer.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    disease, camera, split = (_even(rng, n_patients) for _ in range(3))
    names = list(CAMERAS)
    patients = []
    for index in range(n_patients):
        first = _pick(float(disease[index]))
        low, high = _AGES[first]
        patients.append(
            Patient(
                index=index,
                seed=seed,
                age=int(rng.integers(low, high + 1)),
                camera=names[int(camera[index] * len(names))],
                split="test" if split[index] < _TEST_SHARE else "train",
                severity=_severity_of_eyes(first, rng),
            )
        )
    return tuple(patients)


def _even(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Returns n numbers in (0, 1), evenly spread in random order, so that shares come out right."""
    return (rng.permutation(n) + 0.5) / n


def _pick(at: float) -> Disease | None:
    """Returns the disease whose share of [0, 1] holds the number, None for the healthy rest."""
    for disease, share in _SHARE.items():
        if at < share:
            return disease
        at -= share
    return None


def _severity_of_eyes(first: Disease | None, rng: np.random.Generator) -> Mapping[Eye, Severities]:
    """Returns correlated severities of both eyes; sometimes there is a second disease."""
    eyes: dict[Eye, dict[Disease, float]] = {eye: {} for eye in EYES}
    if first is not None:
        others = [disease for disease in LESIONS_OF if disease != first]
        second = rng.random() < _SECOND_DISEASE_SHARE
        chosen = [first, others[int(rng.integers(len(others)))]] if second else [first]
        for disease in chosen:
            of_patient = float(rng.beta(1.3, 1.3))
            for eye in EYES:
                of_eye = of_patient + _EYE_SPREAD * float(rng.standard_normal())
                if of_eye >= _SLIGHTEST:
                    eyes[eye][disease] = round(min(of_eye, 1.0), 3)
    return {eye: dict(found) for eye, found in eyes.items()}
