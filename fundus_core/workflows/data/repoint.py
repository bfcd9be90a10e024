"""Use case: the photographs of a data set were moved; where are they now?"""

from dataclasses import replace
from pathlib import Path

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.manifest import DataSource, read_dataset
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import (
    dataset_as_given,
    list_datasets,
    remember,
    scans_of,
)
from fundus_core.workflows.data.hidden_ids import without_names


def repoint(
    workspace: Workspace, name: str, place: Path, *, progress: Progress = silent
) -> FundusDataset:
    """Tells a remembered data set where its photographs are now.

    They are known by their content, so that a file of the same name that shows something else is
    not taken for one. Its id, labels, runs and embeddings stay as they are.

    Args:
        workspace: Where it is remembered.
        name: Its id, as `list_datasets` has it.
        place: What stands now for the folder or table that was opened.
        progress: Told how many photographs have been looked at.

    Raises:
        DataError: If it was never opened here, or one of its photographs is not at the new place.
    """
    source = _source(workspace, name)
    stored = dataset_as_given(workspace, name)
    moved = replace(source, path=place, table=_moved_table(source, place))
    with scans_of(workspace) as scans:
        found = read_dataset(moved, scans=scans, progress=progress)
    path_of = dict(zip(found.image_ids, found.table["path"], strict=True))
    missing = [image_id for image_id in stored.image_ids if image_id not in path_of]
    if missing:
        old = without_names(workspace, stored).table.set_index("image_id")["path"]
        raise DataError(
            f"{len(missing)} of the {len(stored)} photographs of {stored.name} are not in {place}, "
            f"the first of them {Path(old[missing[0]]).name}.",
            hint="Copy what is missing, or open the new folder as a data set of its own: "
            "embeddings of the photographs that are the same are used again.",
        )
    paths = [path_of[image_id] for image_id in stored.image_ids]
    pointed = replace(stored, table=stored.table.assign(path=paths), source=found.source)
    remember(workspace, pointed, moved, name=name)
    return without_names(workspace, pointed)


def _source(workspace: Workspace, name: str) -> DataSource:
    """Returns where the photographs of a data set were when it was opened."""
    known = {one.id: one.source for one in list_datasets(workspace)}
    if name not in known:
        raise DataError(
            f"No data set in {workspace.root} has the id {name!r}.",
            hint=hint_with_left_out(
                f"Name one of: {', '.join(known) or 'there is none'}.", workspace.root, "datasets"
            ),
        )
    return known[name]


def is_away(dataset: FundusDataset) -> bool:
    """Says whether no photograph of a data set is where it was."""
    return not any(Path(path).is_file() for path in dataset.table["path"])


def _moved_table(source: DataSource, place: Path) -> Path | None:
    """Returns where a table that lay among the photographs is now."""
    if source.table is None or not source.table.is_relative_to(source.path):
        return source.table
    return place / source.table.relative_to(source.path)
