"""Use case: photographs in other programs' formats become a folder with a manifest."""

import contextlib
import csv
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError
from fundus_core.imports.dicom import dicom_photographs, is_dicom
from fundus_core.imports.hugging_face import (
    count_rows,
    hugging_face_photographs,
    is_hugging_face,
)
from fundus_core.imports.records import ImportedPhotograph, Outcome, Pseudonyms, RefusedPhotograph
from fundus_core.io.data_roots import require_within_roots
from fundus_core.io.photo_files import links_out, walk_files
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.spreadsheet_cells import guarded
from fundus_core.io.typed_paths import typed_path

MANIFEST, REFUSED = "manifest.csv", "refused.csv"
_IMAGES, _LOCK = "images", ".lock"
_FIRST = ("path", "patient_id", "eye", "split")


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What came out of an import."""

    manifest: Path
    """Table of the photographs, beside their folder `images`; read it as any data set."""

    kind: str
    """DICOM or Hugging Face."""

    n_imported: int
    refused: tuple[RefusedPhotograph, ...]
    """Also in `refused.csv` beside the manifest."""

    remarks: tuple[str, ...] = ()
    """Sentences on whose photographs these are, and on what was cleared up; counts alone."""


def import_photographs(
    source: Path,
    out: Path,
    *,
    secret: bytes | None = None,
    allow_burned_in: bool = False,
    progress: Progress = silent,
) -> ImportSummary:
    """Writes photographs as plain files, with a manifest that any data set is read from.

    The folder appears when all is written; an import that was stopped leaves nothing behind. What
    one that was killed left is removed by the next to the same folder.

    Args:
        source: A folder of DICOM files, or of a data set of Hugging Face; or one such file.
        out: Folder to make.
        secret: Key of the pseudonyms that stand for DICOM's patient identifiers; the same one gives
            the same pseudonyms. By default one that nobody keeps.
        allow_burned_in: Take over DICOM pictures that say to have text drawn into them.
        progress: Told after every photograph.

    Raises:
        DataError: If there is nothing of either kind, no photograph could be taken over, the folder
            is there already, or a decoder is not installed; or the source lies outside the folders
            that may be read from (`FUNDUS_DATA_ROOTS`).
        StoreError: If the disk is full, or the place may not be written to.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    source, out = typed_path(source).absolute(), typed_path(out).absolute()
    require_writable(out)
    require_within_roots(source)
    _require_free(out)
    found = _found(source, secret, allow_burned_in=allow_burned_in)
    if n_left := _remove_unfinished(out):
        found.remarks.append(
            f"Unfinished folders that earlier imports to this place left, now removed: {n_left}."
        )
    with _unfinished(out) as unfinished:
        rows, refused = _write_photographs(found, unfinished, progress)
        if not rows:
            raise DataError(
                f"None of the {len(refused)} pictures of {source} could be taken over; the first: "
                f"{refused[0].reason if refused else 'there is none'}",
                hint="Mend the source, or give another one.",
            )
        _write_table(unfinished / MANIFEST, rows)
        _write_table(
            unfinished / REFUSED, [{"name": one.name, "reason": one.reason} for one in refused]
        )
        _require_free(out)  # another import may have been faster
        with full_disk_explained(out, 0):
            unfinished.rename(out)
            (out / _LOCK).unlink()
    return ImportSummary(
        out / MANIFEST, found.kind, len(rows), tuple(refused), tuple(found.remarks)
    )


def _require_free(out: Path) -> None:
    with full_disk_explained(out, 0):
        is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not is_free:
        raise DataError(f"{out} is there already.", hint="Name a folder that is not there yet.")


@contextlib.contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """Makes a folder beside `out`, locked so that no other import takes it for a forgotten one."""
    folder = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    lock = FileLock(folder / _LOCK)
    try:
        with full_disk_explained(folder, 0):
            folder.mkdir(parents=True)
            lock.acquire()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _remove_unfinished(out: Path) -> int:
    """Removes what killed imports to `out` left beside it; returns how many folders there were."""
    name = re.compile(rf"\.{re.escape(out.name)}-[0-9a-f]{{8}}")
    try:
        found = [path for path in out.parent.iterdir() if name.fullmatch(path.name)]
    except OSError:
        return 0
    return sum(map(_remove_if_forgotten, found))


def _remove_if_forgotten(folder: Path) -> bool:
    """Removes what only an import can have written and none holds; says whether it did."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        if {path.name for path in folder.iterdir()} - {_IMAGES, MANIFEST, REFUSED, _LOCK}:
            return False
        with FileLock(folder / _LOCK, blocking=False):
            shutil.rmtree(folder)
    except (Timeout, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Found:
    """A source of a known kind."""

    kind: str
    total: int
    outcomes: Iterator[Outcome]
    remarks: list[str] = field(default_factory=list)
    """Complete once all outcomes were asked for."""


def _found(source: Path, secret: bytes | None, *, allow_burned_in: bool) -> _Found:
    if not source.exists():
        raise DataError(f"There is nothing at {source}.", hint="Check the path.")
    walked = [source] if source.is_file() else list(walk_files(source))
    outside = {*links_out(walked)}
    files = [path for path in walked if path not in outside]
    dicom = [path for path in files if is_dicom(path)]
    if dicom:
        pseudonyms = Pseudonyms() if secret is None else Pseudonyms(secret)
        root = source if source.is_dir() else source.parent
        remarks: list[str] = []
        outcomes = dicom_photographs(
            dicom, root, pseudonyms, allow_burned_in=allow_burned_in, remark=remarks.append
        )
        return _Found("DICOM", len(dicom), outcomes, remarks)
    if is_hugging_face(source):
        return _Found("Hugging Face", count_rows(source), hugging_face_photographs(source))
    raise DataError(
        f"{source} holds neither DICOM files nor Arrow tables of photographs.",
        hint="Folders and tables of ordinary photographs need no import: open them as they are.",
    )


def _write_photographs(
    found: _Found, folder: Path, progress: Progress
) -> tuple[list[Mapping[str, str]], list[RefusedPhotograph]]:
    images = folder / _IMAGES
    with full_disk_explained(images, 0):
        images.mkdir()
    rows: list[Mapping[str, str]] = []
    refused: list[RefusedPhotograph] = []
    for number, outcome in enumerate(found.outcomes, start=1):
        if isinstance(outcome, ImportedPhotograph):
            path = images / f"{len(rows) + 1:06d}{outcome.suffix}"
            with full_disk_explained(path, len(outcome.data)):
                path.write_bytes(outcome.data)
            rows.append({**outcome.about, "path": path.relative_to(folder).as_posix()})
        else:
            refused.append(outcome)
        progress(number, found.total, "Importing photographs")
    return rows, refused


def _write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in _FIRST if name in names]
    columns += [name for name in names if name not in columns]
    with full_disk_explained(path, 0), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writerow({name: guarded(name) for name in columns})
        writer.writerows({name: guarded(cell) for name, cell in row.items()} for row in rows)
