"""The demo on disk: photographs, truth masks and the table that describes them.

Everything written says that it is synthetic: each file inside itself, the table in a column, the
folder in its README.txt. The table comes last, so a folder without it is unfinished, and writing
again with the same arguments completes it.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError
from fundus_core.io.files import write_atomically
from fundus_core.phantom.camera import CAMERAS, encode_jpeg
from fundus_core.phantom.lesion_drawing import CUP_BIT, DISC_BIT, LESION_BITS, encode_mask
from fundus_core.phantom.lesions import Disease
from fundus_core.phantom.note import SYNTHETIC_NOTE
from fundus_core.phantom.parallel import for_each
from fundus_core.phantom.patients import EYES, Eye, Patient, plan_patients
from fundus_core.phantom.phantom import draw_phantom

MANIFEST = "manifest.csv"
README = "README.txt"
DRAWING_VERSION = 1
"""Raised when the same seed gives other pictures than before, so that old folders are redrawn."""

SMALLEST_IMAGE = 64

LABEL_COLUMNS: dict[Disease, str] = {
    "diabetic_retinopathy": "dr",
    "amd": "amd",
    "glaucoma": "glaucoma",
}
"""Column of the table that holds each disease as 0 or 1."""

COLUMNS = (
    "path",
    "patient_id",
    "eye",
    "split",
    "age",
    "camera",
    "diagnosis",
    "abnormal",
    *LABEL_COLUMNS.values(),
    "severity",
    "mask",
    "synthetic",
)

_FOLDERS = ("images", "masks")
_OURS = re.compile(r"P\d{4,}_O[DS]\.(jpg|png)")


@dataclass(frozen=True, slots=True)
class _Shot:
    """One photograph to be drawn and written."""

    folder: Path
    patient: Patient
    eye: Eye
    image_size: int

    @property
    def path(self) -> str:
        """Place of the photograph in the folder, with forward slashes."""
        return f"images/{self.patient.patient_id}_{self.eye}.jpg"

    @property
    def mask(self) -> str:
        """Place of the truth mask in the folder, with forward slashes."""
        return f"masks/{self.patient.patient_id}_{self.eye}.png"

    def written(self) -> bool:
        """True when both files are there; files appear only when complete."""
        return (self.folder / self.path).is_file() and (self.folder / self.mask).is_file()

    def row(self) -> dict[str, str | int | float]:
        """Returns what the table says of this photograph."""
        severity = self.patient.severity[self.eye]
        labels = {column: int(name in severity) for name, column in LABEL_COLUMNS.items()}
        return {
            "path": self.path,
            "patient_id": self.patient.patient_id,
            "eye": self.eye,
            "split": self.patient.split,
            "age": self.patient.age,
            "camera": self.patient.camera,
            "diagnosis": self.patient.diagnosis(self.eye),
            "abnormal": int(bool(severity)),
            **labels,
            "severity": max(severity.values(), default=0.0),
            "mask": self.mask,
            "synthetic": 1,
        }


def write_demo(
    out_dir: Path,
    *,
    n_patients: int = 200,
    image_size: int = 512,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Draws both eyes of every patient into a folder and returns the table that describes them.

    The same arguments give the same bytes, whatever the number of workers. Files already there
    from an interrupted call with the same arguments are kept; those of a call with others are
    replaced.

    Args:
        out_dir: Made if needed. Files in it that the demo did not write are left alone.
        n_patients: Each has two photographs.
        image_size: Side of photographs and masks in pixels, 64 or more.
        seed: Any non-negative integer.
        workers: Processes that draw; None for one per core.
        progress: Told after every photograph.

    Returns:
        The path of `manifest.csv`, one row per photograph with the columns `COLUMNS`; `path` and
        `mask` are relative to the folder.

    Raises:
        DataError: If an argument is out of range, or the folder holds somebody else's table.
        StoreError: If the disk is full.
    """
    _check(n_patients, image_size, seed)
    patients = plan_patients(n_patients, seed)
    shots = [_Shot(out_dir, patient, eye, image_size) for patient in patients for eye in EYES]
    n_shots, manifest = len(shots), out_dir / MANIFEST
    _claim(out_dir, _readme(n_patients, image_size, seed))
    missing = [shot for shot in shots if not shot.written()]
    if missing or not manifest.is_file():
        manifest.unlink(missing_ok=True)
        done = n_shots - len(missing)
        for_each(_write, missing, workers=workers, progress=progress, already=done)
        write_atomically(manifest, lambda file: file.write(_table(shots)))
    progress(n_shots, n_shots, "Demo photographs are ready")
    return manifest


def _check(n_patients: int, image_size: int, seed: int) -> None:
    """Refuses arguments out of range."""
    limits = {"patients": (n_patients, 1), "image size": (image_size, SMALLEST_IMAGE)}
    for name, (value, least) in {**limits, "seed": (seed, 0)}.items():
        if value < least:
            raise DataError(
                f"The demo's {name} must be at least {least} but was {value}.",
                hint=f"Give {least} or more.",
            )


def _claim(out_dir: Path, readme: str) -> None:
    """Makes the folder ours: keeps files of the same demo, removes those of another one.

    Raises:
        DataError: If there is something in its place that the demo did not write.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise DataError(
            f"{out_dir} is a file, not a folder.",
            hint="Choose a new folder for the demo photographs.",
        )
    readme_path = out_dir / README
    found = readme_path.read_bytes() if readme_path.is_file() else None
    if found == readme.encode():
        return
    ours = found is not None and found.startswith(SYNTHETIC_NOTE.encode())
    for name in (MANIFEST, README, *_FOLDERS):
        if (out_dir / name).exists() and not ours:
            raise DataError(
                f"{out_dir} already holds {name}, which the demo did not write.",
                hint="Choose an empty or a new folder for the demo photographs.",
            )
    (out_dir / MANIFEST).unlink(missing_ok=True)
    for folder in _FOLDERS:
        for path in (out_dir / folder).glob("P*_O*.*"):
            if _OURS.fullmatch(path.name):
                path.unlink()
    write_atomically(readme_path, lambda file: file.write(readme.encode()))


def _write(shot: _Shot) -> None:
    """Draws one eye and writes photograph and mask."""
    phantom = draw_phantom(shot.patient, shot.eye, shot.image_size)
    jpeg = encode_jpeg(phantom.picture, CAMERAS[shot.patient.camera].jpeg_quality)
    write_atomically(shot.folder / shot.mask, lambda file: file.write(encode_mask(phantom.mask)))
    write_atomically(shot.folder / shot.path, lambda file: file.write(jpeg))


def _table(shots: Sequence[_Shot]) -> bytes:
    """Returns the manifest's content."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(shot.row() for shot in shots)
    return text.getvalue().encode()


def _readme(n_patients: int, image_size: int, seed: int) -> str:
    """Returns the text that labels the folder; it also tells one demo from another."""
    names = {DISC_BIT: "optic_disc", CUP_BIT: "optic_cup"}
    names.update({bit: kind for kind, bit in LESION_BITS.items()})
    listed = "\n".join(f"  {bit:>3}  {names[bit]}" for bit in sorted(names))
    return f"""{SYNTHETIC_NOTE}

The photographs in images/ were computed, not taken: no patient is shown, and no disease should be
studied on them. They serve to try the program. Ages, diagnoses and severities are invented.

{MANIFEST} has a row per photograph. abnormal, {", ".join(LABEL_COLUMNS.values())} are 0 or 1;
an eye may have several diseases; diagnosis names the most severe. severity runs from 0 (healthy)
to 1. Two cameras, {" and ".join(CAMERAS)}, are used regardless of disease.

Masks in masks/ add up these values per pixel:
{listed}
An eye has diabetic retinopathy if and only if it shows 1, 2, 4 or 8; AMD if and only if 64;
glaucoma if and only if 128.

Drawn with: {n_patients} patients, {image_size} pixels, seed {seed}, version {DRAWING_VERSION}.
"""
