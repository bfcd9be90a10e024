"""Which photographs a demo has, and what its table says of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fundus_core.phantom.lesion_drawing import LESION_BITS
from fundus_core.phantom.lesions import Disease
from fundus_core.phantom.patients import EYES, Eye, Patient, Severities, Split, Visit
from fundus_core.phantom.phantom import Phantom
from fundus_core.phantom.signs import dr_grade

Damage = Literal["cut short", "empty", "text", "wrong header"]
Row = dict[str, str | int | float]

LABEL_COLUMNS: dict[Disease, str] = {
    "diabetic_retinopathy": "dr",
    "amd": "amd",
    "glaucoma": "glaucoma",
    "glaucoma_suspect": "glaucoma_suspect",
    "pathologic_myopia": "myopia",
    "epiretinal_membrane": "erm",
    "vein_occlusion": "rvo",
    "hypertensive_retinopathy": "hypertensive",
}
"""Column of the table that holds each disease as 0 or 1."""

FACT_COLUMNS = (
    *(f"count_{kind}" for kind in LESION_BITS),
    "cup_disc_ratio",
    "fovea_x",
    "fovea_y",
    "field_shape",
    "field_degrees",
    "brightness",
    "defocus",
    "haze",
    "noise",
    "jpeg_quality",
    "dust",
    "lashes",
)
"""Columns known only after drawing; they are kept in the mask's file."""

COLUMNS = (
    "path",
    "patient_id",
    "eye",
    "visit",
    "split",
    "age",
    "site",
    "camera",
    "diagnosis",
    "abnormal",
    *LABEL_COLUMNS.values(),
    "dr_grade",
    "severity",
    *(f"severity_{column}" for column in LABEL_COLUMNS.values()),
    *FACT_COLUMNS,
    "mask",
    "vessels",
    "synthetic",
)

_GRADE_OF_WRONG_LABEL = 2


@dataclass(frozen=True, slots=True)
class Alteration:
    """How a near-duplicate differs from the photograph it was made of."""

    crop: float
    """Share of the side cut off at every edge; the rest is enlarged to the old size."""

    gain: float
    """Factor of the brightness."""

    jpeg_quality: int
    """Quality it was stored with once more."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph, and under which name it is in the table."""

    patient: Patient
    """Who is drawn."""

    visit: Visit
    eye: Eye
    image_size: int

    patient_id: str
    """Who it is according to the table."""

    number: int
    """The visit according to the table, from 1."""

    split: Split

    label: str | None = None
    """The diagnosis according to the table, where it is wrong: a disease, or `normal`."""

    alteration: Alteration | None = None
    """Set for near-duplicates."""

    damage: Damage | None = None
    """Set for unreadable files."""

    @property
    def name(self) -> str:
        """Names of its files without suffix."""
        return f"{self.patient_id}_{self.eye}_{self.number}"

    @property
    def path(self) -> str:
        """Place of the photograph in the folder, with forward slashes."""
        return f"images/{self.name}.jpg"

    @property
    def mask(self) -> str:
        """Place of the lesion mask in the folder, with forward slashes."""
        return f"masks/{self.name}.png"

    @property
    def vessels(self) -> str:
        """Place of the vessel mask in the folder, with forward slashes."""
        return f"vessels/{self.name}.png"

    @property
    def severity(self) -> Severities:
        """The severity of each disease that the eye was drawn with."""
        return self.visit.severity[self.eye]

    @property
    def true_label(self) -> str:
        """The diagnosis that the eye was drawn with."""
        return self.patient.diagnosis(self.visit, self.eye)


def plan_shots(patients: tuple[Patient, ...], image_size: int) -> tuple[Shot, ...]:
    """Returns both eyes of every patient at every visit."""
    return tuple(
        Shot(patient, visit, eye, image_size, patient.patient_id, visit.number, patient.split)
        for patient in patients
        for visit in patient.visits
        for eye in EYES
    )


def facts_of(phantom: Phantom, fovea: tuple[float, float]) -> Row:
    """Returns what the table says of a drawing: the columns `FACT_COLUMNS`, few decimals."""
    model, exposure = phantom.model, phantom.exposure
    kinds = [lesion.kind for lesion in model.lesions]
    return {
        **{f"count_{kind}": kinds.count(kind) for kind in LESION_BITS},
        "cup_disc_ratio": round(model.anatomy.cup_ratio, 3),
        "fovea_x": round(fovea[0], 1),
        "fovea_y": round(fovea[1], 1),
        "field_shape": model.field.shape,
        "field_degrees": round(model.field.degrees, 1),
        "brightness": round(exposure.brightness, 3),
        "defocus": round(exposure.defocus, 4),
        "haze": round(exposure.haze, 3),
        "noise": round(exposure.noise, 4),
        "jpeg_quality": exposure.jpeg_quality,
        "dust": exposure.dust,
        "lashes": round(exposure.lashes, 3),
    }


def row_of(shot: Shot, facts: Mapping[str, str | int | float]) -> Row:
    """Returns a row of the table.

    Labels are what the table claims; severities, counts and masks are what was drawn.
    """
    severity = shot.severity
    return {
        "path": shot.path,
        "patient_id": shot.patient_id,
        "eye": shot.eye,
        "visit": shot.number,
        "split": shot.split,
        "age": shot.visit.age,
        "site": shot.patient.site,
        "camera": shot.patient.camera,
        **_labels(shot),
        "severity": max(severity.values(), default=0.0),
        **{f"severity_{c}": severity.get(d, 0.0) for d, c in LABEL_COLUMNS.items()},
        **facts,
        "mask": shot.mask,
        "vessels": shot.vessels,
        "synthetic": 1,
    }


def encode_facts(facts: Mapping[str, str | int | float]) -> str:
    """Returns facts as text to be kept in a file."""
    return json.dumps(facts)


def decode_facts(text: str) -> Row:
    """Returns the facts in a text that `encode_facts` made."""
    facts: Row = json.loads(text)
    return facts


def _labels(shot: Shot) -> Row:
    """Returns the columns of labels."""
    severity = shot.severity
    if shot.label is None:
        diseases, diagnosis = set(severity), shot.true_label
        grade = dr_grade(severity.get("diabetic_retinopathy", 0.0))
    else:
        diseases, diagnosis = {d for d in LABEL_COLUMNS if d == shot.label}, shot.label
        grade = _GRADE_OF_WRONG_LABEL if shot.label == "diabetic_retinopathy" else 0
    return {
        "diagnosis": diagnosis,
        "abnormal": int(bool(diseases)),
        **{column: int(disease in diseases) for disease, column in LABEL_COLUMNS.items()},
        "dr_grade": grade,
    }
