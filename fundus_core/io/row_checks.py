"""Judges the rows of a listing: is there a file, is it a photograph, was it there before?"""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd

from fundus_core.domain.dataset import RejectedRow, RejectReason, Target
from fundus_core.domain.progress import Progress
from fundus_core.domain.visible import visible
from fundus_core.errors import ImageError
from fundus_core.io.data_roots import is_within_roots
from fundus_core.io.images import ScannedImage, scan_image
from fundus_core.io.photo_files import NOT_TOLD, FileStatus, Finder
from fundus_core.io.scans import ScanCache

_WORTH_KEEPING = {"truncated", "too_small", "too_large", "blank"}
"""Reasons that depend on the file's content alone, not on permissions or mounted disks."""


CONTRADICTS = ", but "
"""Follows the number of the row that was kept, where a row of the same photograph differs."""


@dataclass(frozen=True, slots=True)
class PhotographFile:
    """A file that a row means."""

    path: Path
    """Absolute."""

    status: FileStatus


def locate(
    given: pd.Series, finder: Finder
) -> tuple[dict[int, PhotographFile], dict[int, RejectedRow]]:
    """Finds the files that the values of a path column mean.

    Returns:
        The files and the rejected rows, by the number of their row.
    """
    files: dict[int, PhotographFile] = {}
    rejected: dict[int, RejectedRow] = {}
    for row, value in enumerate(given):
        if value is None:
            rejected[row] = RejectedRow("", "missing", f"Row {row + 1} names no file.")
            continue
        path = finder.find(value)
        if path is None or not is_within_roots(path):
            why = finder.why_missing(value) if path is None else NOT_TOLD
            rejected[row] = RejectedRow(visible(value), "missing", visible(why))
            continue
        if (refused := _refused_name(path)) is not None:
            rejected[row] = refused
            continue
        try:
            files[row] = PhotographFile(path, finder.status(path))
        except OSError as error:
            detail = f"The file cannot be opened: {error.strerror}."
            rejected[row] = RejectedRow(visible(str(path)), "missing", detail)
    return files, rejected


def _refused_name(path: Path) -> RejectedRow | None:
    """Refuses a file whose name cannot be written down; None where it can."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        detail = "Its name is not text in UTF-8; rename the file."
        return RejectedRow(visible(str(path)), "unreadable", detail)
    return None


def unknown_labels(
    rows: pd.DataFrame,
    files: Mapping[int, PhotographFile],
    targets: Sequence[Target],
    classes: Sequence[str],
) -> dict[int, RejectedRow]:
    """Rejects the rows whose label is none of the accepted classes; blank is not a label."""
    if not classes or not targets:
        return {}
    column = targets[0].columns[0]
    labels = rows[column]
    accepted = ", ".join(classes)
    return {
        row: RejectedRow(
            visible(str(file.path)),
            "unknown_label",
            f"Its {column} is {labels[row]!r}, which is none of: {accepted}.",
        )
        for row, file in files.items()
        if labels[row] is not None and labels[row] not in classes
    }


def same_files(
    rows: pd.DataFrame, files: Mapping[int, PhotographFile], targets: Iterable[Target]
) -> dict[int, RejectedRow]:
    """Rejects the rows that mean the same file as an earlier row, if through a link.

    Where the two contradict each other, the sentence says in which column.
    """
    columns = [target.columns[0] for target in targets]
    first: dict[tuple[int | str, ...], int] = {}
    rejected: dict[int, RejectedRow] = {}
    for row, file in files.items():
        earlier = first.setdefault(file.status.identity, row)
        if earlier == row:
            continue
        if os.path.realpath(file.path) == os.path.realpath(files[earlier].path):
            conflict = _conflict(rows, columns, earlier, row)
            detail = f"The same file as in row {earlier + 1}{conflict}."
            rejected[row] = RejectedRow(visible(str(file.path)), "duplicate_path", visible(detail))
    return rejected


def scan(
    files: Mapping[int, PhotographFile],
    scans: ScanCache | None,
    progress: Progress,
    workers: int,
) -> tuple[dict[int, ScannedImage], dict[int, RejectedRow]]:
    """Decodes every file that was not decoded before, several at a time.

    Returns:
        What was found, and the rejected rows, by the number of their row.
    """
    scanned: dict[int, ScannedImage] = {}
    rejected: dict[int, RejectedRow] = {}
    pool = ThreadPoolExecutor(max_workers=max(1, workers))
    try:
        known = {row: _remembered(file, scans) for row, file in files.items()}
        unknown = [row for row, found in known.items() if found is None]
        fresh = pool.map(lambda row: _scan_one(files[row].path), unknown)
        done = len(files) - len(unknown)
        progress(done, len(files), "Reading photographs")
        for row, found in zip(unknown, fresh, strict=True):
            known[row] = found
            _remember(files[row], found, scans)
            done += 1
            progress(done, len(files), "Reading photographs")
    finally:
        pool.shutdown(cancel_futures=True)
    for row, verdict in known.items():
        if isinstance(verdict, RejectedRow):
            rejected[row] = verdict
        elif verdict is not None:
            scanned[row] = verdict
    return scanned, rejected


def same_images(
    rows: pd.DataFrame,
    files: Mapping[int, PhotographFile],
    scanned: Mapping[int, ScannedImage],
    targets: Iterable[Target],
) -> dict[int, RejectedRow]:
    """Rejects the rows whose file has the same bytes as that of an earlier row.

    Where the two contradict each other, the sentence says in which column.
    """
    columns = [target.columns[0] for target in targets]
    first: dict[str, int] = {}
    rejected: dict[int, RejectedRow] = {}
    for row in sorted(scanned):
        earlier = first.setdefault(scanned[row].image_id, row)
        if earlier == row:
            continue
        conflict = _conflict(rows, columns, earlier, row)
        detail = f"The same bytes as {files[earlier].path.name} in row {earlier + 1}{conflict}."
        rejected[row] = RejectedRow(
            visible(str(files[row].path)), "duplicate_image", visible(detail)
        )
    return rejected


def _conflict(rows: pd.DataFrame, labels: Iterable[str], earlier: int, row: int) -> str:
    """Returns how two rows of one photograph contradict each other, as the end of a sentence.

    Labels are told, patients are not: the sentence may be read where names are hidden.
    """
    said = [
        f"{name} is {rows[name][earlier]!r} there and {rows[name][row]!r} here"
        for name in labels
        if rows[name][row] != rows[name][earlier]
    ]
    facts = ("patient_id", "eye", "split")
    said += [f"{name} differs" for name in facts if rows[name][row] != rows[name][earlier]]
    return f"{CONTRADICTS}{'; '.join(said)}" if said else ""


def _scan_one(path: Path) -> ScannedImage | RejectedRow:
    """Returns what is in a file, or why it is refused."""
    try:
        return scan_image(path)
    except ImageError as error:
        return RejectedRow(
            visible(str(path)), cast(RejectReason, error.reason), visible(error.message)
        )


def _remembered(file: PhotographFile, scans: ScanCache | None) -> ScannedImage | RejectedRow | None:
    """Returns what an earlier scan found in a file that has not changed since."""
    if scans is None:
        return None
    return scans.get(str(file.path), file.status.size, file.status.mtime_ns)


def _remember(
    file: PhotographFile, found: ScannedImage | RejectedRow, scans: ScanCache | None
) -> None:
    """Stores what a scan found, unless it may change while the file does not."""
    if scans is not None and (isinstance(found, ScannedImage) or found.reason in _WORTH_KEEPING):
        scans.put(str(file.path), file.status.size, file.status.mtime_ns, found)
