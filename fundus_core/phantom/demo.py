"""The demo on disk: photographs, truth masks and the table that describes them.

Everything written says that it is synthetic: each file inside itself, the table in a column, the
folder in its README.txt. The table comes last, so a folder without it is unfinished, and writing
again with the same arguments completes it.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fundus_core.domain.bounds import DRAWN_PATIENTS, DRAWN_SIDE, SEED, ZERO_TO_ONE
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError
from fundus_core.io.files import write_atomically
from fundus_core.phantom.camera import CAMERAS, encode_jpeg
from fundus_core.phantom.lesion_drawing import CUP_BIT, DISC_BIT, LESION_BITS
from fundus_core.phantom.note import SYNTHETIC_NOTE
from fundus_core.phantom.parallel import for_each
from fundus_core.phantom.patients import SITES, plan_patients
from fundus_core.phantom.phantom import draw_phantom
from fundus_core.phantom.planted import PlantedProblem, alter, damage_file, moved, plant
from fundus_core.phantom.shots import (
    COLUMNS,
    LABEL_COLUMNS,
    Row,
    Shot,
    decode_facts,
    encode_facts,
    facts_of,
    plan_shots,
    row_of,
)

MANIFEST = "manifest.csv"
PLANTED = "planted/planted.csv"
"""Beside the photographs' own table it would be taken for a second one."""

README = "README.txt"
DRAWING_VERSION = 2
"""Raised when the same seed gives other pictures than before, so that old folders are redrawn."""

_FOLDERS = ("images", "masks", "vessels", "planted")
_OURS = re.compile(r"P\d{4,}_O[DS](_\d+)?\.(jpg|png)|planted\.csv")
_FACTS = "Facts"
"""Name of the text in a mask's file that holds what is known of the photograph."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One photograph to be drawn and written."""

    folder: Path
    shot: Shot

    def written(self) -> bool:
        """True when all files are there; files appear only when complete."""
        shot = self.shot
        return all((self.folder / name).is_file() for name in (shot.path, shot.mask, shot.vessels))


def write_demo(
    out_dir: Path,
    *,
    n_patients: int = 240,
    image_size: int = 512,
    seed: int = 0,
    healthy_share: float | None = None,
    plants: bool = True,
    replace: bool = True,
    workers: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Draws both eyes of every patient at every visit, and the table that describes them.

    The same arguments give the same bytes, whatever the number of workers. Files already there
    from an interrupted call with the same arguments are kept; those of a call with others are
    replaced.

    Args:
        out_dir: Made if needed. Files in it that the demo did not write are left alone.
        n_patients: Each has two photographs, every fourth has four.
        image_size: Side of photographs and masks in pixels, 64 to 4096.
        seed: Any non-negative integer.
        healthy_share: Share of patients without disease, in [0, 1]; None for that of `SITES`.
        plants: Whether to plant near-duplicates, wrong labels and unreadable files, as
            `fundus_core.phantom.planted` describes them; False for a set to train on.
        replace: Whether a demo that was drawn with other arguments may be drawn over.
        workers: Processes that draw; None for one per core.
        progress: Told after every photograph.

    Returns:
        The path of `manifest.csv`, one row per photograph with the columns `COLUMNS`; `path`,
        `mask` and `vessels` are relative to the folder.

    Raises:
        ParameterError: If an argument is out of range.
        DataError: If the folder holds somebody else's table, or a demo that may not be drawn over.
        StoreError: If the disk is full.
    """
    _check(n_patients, image_size, seed, healthy_share)
    patients = plan_patients(n_patients, seed, healthy_share=healthy_share)
    shots, problems = plan_shots(patients, image_size), tuple[PlantedProblem, ...]()
    if plants:
        shots, problems = plant(shots, seed)
    drawn_with = f"{n_patients} patients, {image_size} pixels, seed {seed}, healthy share "
    drawn_with += f"{'usual' if healthy_share is None else healthy_share}, "
    drawn_with += f"{'with' if plants else 'without'} planted problems"
    _claim(out_dir, _readme(drawn_with), replace=replace)
    tasks, manifest = [_Task(out_dir, shot) for shot in shots], out_dir / MANIFEST
    missing = [task for task in tasks if not task.written()]
    if missing or not manifest.is_file():
        manifest.unlink(missing_ok=True)
        done = len(tasks) - len(missing)
        for_each(_write, missing, workers=workers, progress=progress, already=done)
        if plants:
            _write_table(out_dir / PLANTED, _names(PlantedProblem), map(asdict, problems))
        _write_table(manifest, COLUMNS, map(_row, tasks))
    progress(len(tasks), len(tasks), "Demo photographs are ready")
    return manifest


def _check(n_patients: int, image_size: int, seed: int, healthy_share: float | None) -> None:
    """Refuses arguments out of range."""
    DRAWN_PATIENTS.require("demo's number of patients", n_patients)
    DRAWN_SIDE.require("demo's image size", image_size)
    SEED.require("demo's seed", seed)
    if healthy_share is not None:
        ZERO_TO_ONE.require("demo's healthy share", healthy_share)


def is_demo(folder: Path) -> bool:
    """Says whether a folder holds a demo, or the beginnings of one; its README.txt says so."""
    path, note = folder / README, SYNTHETIC_NOTE.encode()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(note)) == note


def _claim(out_dir: Path, readme: str, *, replace: bool) -> None:
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
    ours = is_demo(out_dir)
    if ours and not replace:
        raise DataError(
            f"{out_dir} is there already, a demo that was drawn with other arguments; --replace "
            "(in Python: replace=True) draws over it.",
            hint="Or choose another folder.",
        )
    for name in (MANIFEST, README, *_FOLDERS):
        if (out_dir / name).exists() and not ours:
            raise DataError(
                f"{out_dir} already holds {name}, which the demo did not write.",
                hint="Choose an empty or a new folder for the demo photographs.",
            )
    (out_dir / MANIFEST).unlink(missing_ok=True)
    for folder in _FOLDERS:
        for path in (out_dir / folder).glob("*.*"):
            if _OURS.fullmatch(path.name):
                path.unlink()
    _store(readme_path, readme.encode())


def _write(task: _Task) -> None:
    """Draws one photograph and writes it after its masks."""
    shot = task.shot
    phantom = draw_phantom(shot.patient, shot.visit, shot.eye, shot.image_size)
    fovea = phantom.fovea
    if shot.alteration is not None:
        phantom = alter(phantom, shot.alteration)
        fovea = moved(fovea, shot.alteration, shot.image_size)
    jpeg = encode_jpeg(phantom.picture, phantom.exposure.jpeg_quality)
    if shot.damage is not None:
        jpeg = damage_file(jpeg, shot.damage)
    facts = encode_facts(facts_of(phantom, fovea))
    files = {
        shot.mask: _encode_mask(phantom.mask, facts),
        shot.vessels: _encode_mask(phantom.vessels, facts),
        shot.path: jpeg,
    }
    for name, content in files.items():
        _store(task.folder / name, content)


def _encode_mask(mask: NDArray[np.uint8] | NDArray[np.uint16], facts: str) -> bytes:
    """Returns a mask as a PNG file that says it is synthetic, and what was drawn."""
    text = PngInfo()
    text.add_text("Description", SYNTHETIC_NOTE)
    text.add_text(_FACTS, facts)
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", pnginfo=text)
    return file.getvalue()


def _row(task: _Task) -> Row:
    """Returns the row of a photograph that was drawn, in this call or an earlier one."""
    with Image.open(task.folder / task.shot.mask) as mask:
        return row_of(task.shot, decode_facts(mask.info[_FACTS]))


def _write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str | int | float]]
) -> None:
    """Writes a table as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _store(path, text.getvalue().encode())


def _store(path: Path, content: bytes) -> None:
    """Writes a file, whole or not at all."""
    write_atomically(path, lambda file: file.write(content))


def _names(row: type[PlantedProblem]) -> tuple[str, ...]:
    """Returns the columns that a dataclass makes."""
    return tuple(field.name for field in fields(row))


def _readme(drawn_with: str) -> str:
    """Returns the text that labels the folder; it also tells one demo from another."""
    names = {DISC_BIT: "optic_disc", CUP_BIT: "optic_cup"}
    names.update({bit: kind for kind, bit in LESION_BITS.items()})
    listed = "\n".join(f"  {bit:>5}  {names[bit]}" for bit in sorted(names))
    diseases = "\n".join(f"  {column:<17} {name}" for name, column in LABEL_COLUMNS.items())
    sites = ", ".join(f"{name} (camera {site.camera})" for name, site in SITES.items())
    return f"""{SYNTHETIC_NOTE}

The photographs in images/ were computed, not taken: no patient is shown, and no disease should be
studied on them. They serve to try the program. Ages, diagnoses and severities are invented.

{MANIFEST} has a row per photograph. abnormal and these columns are 0 or 1:
{diseases}
An eye may have several diseases; diagnosis names the most severe. severity runs from 0 (healthy) to
1, severity_<disease> likewise; dr_grade from 0 to 4. count_<lesion> is a number of lesions.
Cameras: {", ".join(CAMERAS)}. Sites: {sites}. Sites differ in how many patients are
ill; within a site, how a photograph was taken tells nothing about disease.

Masks in masks/ have 16 bits and add up these values per pixel:
{listed}
Masks in vessels/ have 8 bits: 1 artery, 2 vein, 3 crossing, plus 4 where an artery nicks a vein.

If problems were planted, {PLANTED} lists them: near-duplicates (some under another patient, in the
other split), mislabelled photographs (the labels are wrong; masks, counts and severities are what
was drawn) and files that cannot be read. The program is meant to find them without that list.

Drawn with: {drawn_with}, version {DRAWING_VERSION}.
"""
