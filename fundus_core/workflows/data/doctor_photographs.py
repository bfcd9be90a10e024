"""Whether the photographs of every data set are where they were, and what they were."""

from pathlib import Path

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, FundusError, StoreError
from fundus_core.io.images import ScannedImage, holds
from fundus_core.io.scans import ScanFile
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.checkup import Check
from fundus_core.workflows.data.datasets import dataset_as_given, list_datasets
from fundus_core.workflows.data.repoint import is_away, repoint


def photographs_check(workspace: Workspace, *, repair: bool) -> Check:
    """Looks whether the photographs of every data set are where they were."""
    lines, found_again, without = [], [], 0
    try:
        summaries = list_datasets(workspace)
    except StoreError as error:
        return Check("photographs", "not in order", error.message, error.hint)
    for summary in summaries:
        try:
            dataset = dataset_as_given(workspace, summary.id)
        except (DataError, StoreError) as error:
            lines.append(error.message)
            continue
        if dataset.bundle and summary.source.path.name == dataset.bundle:  # as it was unpacked
            without += 1
            continue
        missing, changed = _gone(dataset, ScanFile(workspace.scans))
        if changed:
            lines.append(
                f"{len(changed)} of the {len(dataset)} photographs of {summary.id} are others than "
                "when it was opened; they are not used, and opening it again reads them anew."
            )
        if missing and repair and _found_inside(workspace, summary.id, dataset):
            found_again.append(summary.id)
        elif missing:
            lines.append(
                f"{len(missing)} of the {len(dataset)} photographs of {summary.id} are not where "
                "they were."
            )
    if lines:
        return Check(
            "photographs",
            "not in order",
            " ".join(lines),
            "If they were moved: `fundus repoint DATASET FOLDER`. Everything stored stays usable.",
        )
    if found_again:
        text = f"Found inside the workspace again: {', '.join(found_again)}."
        return Check("photographs", "mended", text)
    text = f"The photographs of {len(summaries) - without} data sets are there."
    text += f" {without} more came in a bundle, without photographs." if without else ""
    return Check("photographs", "in order", text)


def _gone(dataset: FundusDataset, scans: ScanFile) -> tuple[list[str], list[str]]:
    """Returns the photographs that are not there, and those that show something else by now.

    A file whose size and time of change are those of its last reading is not read again.
    """
    missing, changed = [], []
    for image_id, path in zip(dataset.image_ids, dataset.table["path"], strict=True):
        file = Path(path)
        if not file.is_file():
            missing.append(path)
            continue
        status = file.stat()
        known = scans.get(path, status.st_size, status.st_mtime_ns)
        seen = known.image_id if isinstance(known, ScannedImage) else None
        if seen != image_id and not holds(file, image_id):
            changed.append(path)
    return missing, changed


def _found_inside(workspace: Workspace, name: str, dataset: FundusDataset) -> bool:
    """Points a data set that moved together with its workspace to where it is now."""
    old = Path(dataset.source)
    inside = [workspace.root.joinpath(*old.parts[start:]) for start in range(1, len(old.parts))]
    place = next((path for path in inside if path.exists()), None)
    if place is None or not is_away(dataset):
        return False
    try:
        repoint(workspace, name, place)
    except FundusError:
        return False
    return True
