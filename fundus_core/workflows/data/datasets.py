"""Use case: open a folder or table of photographs, and find it again later."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fundus_core.domain.dataset import (
    NEVER_TARGETS,
    NO_ROWS,
    FundusDataset,
    RejectedRow,
    Target,
)
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError, TargetError
from fundus_core.io.dataset_table import read_dataset_table, write_dataset_table
from fundus_core.io.files import read_json, write_json
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.manifest import ColumnMapping, DataSource, ScanFile, read_dataset
from fundus_core.io.remote import absolute
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.hidden_ids import VARIABLE, key_of_scans, without_names

_TABLE = "table.parquet"
_ABOUT = "dataset.json"


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """One line of the list of data sets that were opened."""

    id: str
    """Stable for a source and its column mapping; part of addresses."""

    name: str
    n_images: int
    n_patients: int | None
    """None when not every photograph names its patient."""

    n_rejected: int
    synthetic: bool
    opened_at: str
    """ISO 8601, UTC."""

    source: DataSource


def open_dataset(
    workspace: Workspace, source: DataSource, *, progress: Progress = silent
) -> FundusDataset:
    """Reads a folder or table, checks every photograph and remembers the result.

    Files that did not change since they were last read are not read again.

    Raises:
        DataError: If the source is no set of photographs, or holds no usable one.
        TargetError: If the target that it names cannot be one, or may tell patients from one
            another while names are hidden.
    """
    with scans_of(workspace) as scans:  # keeps what was found, also when it is interrupted
        dataset = read_dataset(source, scans=scans, progress=progress)
    if len(dataset) == 0:
        rejected = without_names(workspace, dataset).rejected
        raise DataError(
            f"{source.path} holds no usable photograph; {len(rejected)} were rejected"
            f"{_first_reason(rejected)}.",
            hint="Give a folder of photographs, or a table with a column of their paths.",
        )
    seen = _with_named_target(without_names(workspace, dataset), dataset, source)
    remember(workspace, dataset, source)
    return seen


def scans_of(workspace: Workspace) -> ScanFile:
    """Returns what was found in each file, by pseudonyms of the paths where names are hidden."""
    names = key_of_scans(workspace)
    return ScanFile(workspace.scans, named=None if names is None else names.of)


def open_with_target(
    workspace: Workspace, source: DataSource, target: str, *, progress: Progress = silent
) -> FundusDataset:
    """Opens a data set for one target, also if its column does not look like one.

    The data set is remembered under the same id as without the target.
    """
    dataset = open_dataset(workspace, source, progress=progress)
    column = target.partition("=")[0]
    known = {found.name for found in dataset.targets}
    if column in known or column not in dataset.table.columns or source.columns.target:
        return dataset
    named = replace(source, columns=replace(source.columns, target=column))
    dataset = read_dataset(named, scans=scans_of(workspace), progress=progress)
    seen = _with_named_target(without_names(workspace, dataset), dataset, named)
    remember(workspace, dataset, source)
    return seen


def _with_named_target(
    seen: FundusDataset, given: FundusDataset, source: DataSource
) -> FundusDataset:
    """Returns a data set as it may be seen, if it still has the target that the user named."""
    if source.columns.target and given.targets[0] not in seen.targets:
        raise TargetError(
            f"The target {given.targets[0].name!r} may tell patients from one another, and names "
            "are hidden.",
            hint=f"Choose another column, or start without {VARIABLE}.",
        )
    return seen


def _first_reason(rejected: Sequence[RejectedRow]) -> str:
    rows = [row for row in rejected if row.reason not in NO_ROWS] or rejected
    return f", the first because: {rows[0].detail.removesuffix('.')}" if rows else ""


def dataset_id(source: DataSource) -> str:
    """Returns the id under which a source is remembered."""
    resolved = {key: _text(value) for key, value in asdict(source).items()}
    resolved["path"] = str(absolute(source.path))
    slug = re.sub(r"[^a-z0-9]+", "-", absolute(source.path).stem.lower()).strip("-") or "data"
    return f"{slug[:32]}-{fingerprint_of(resolved)[:6]}"


def _text(value: Any) -> Any:
    if isinstance(value, Path):
        return str(absolute(value))
    return list(value) if isinstance(value, tuple) else value


def remember(
    workspace: Workspace, dataset: FundusDataset, source: DataSource, *, name: str = ""
) -> None:
    """Stores a data set that was read, under the id of its source unless another one is given."""
    name = name or dataset_id(source)
    about = {
        "name": dataset.name,
        "n_images": len(dataset),
        "n_patients": dataset.n_patients,
        "n_rejected": len(dataset.rejected),
        "synthetic": dataset.synthetic,
        "opened_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {key: _text(value) for key, value in asdict(source).items()},
        "fingerprint": dataset.fingerprint(),
    }
    store = ArtifactStore(workspace.datasets)
    if _unchanged(store, name, about):
        store.touch(name)  # a folder that is replaced is away for a moment, and pages read it
        return

    def write(folder: Path) -> None:
        write_dataset_table(dataset.table, folder / _TABLE)
        write_json(
            folder / _ABOUT,
            {
                "source": dataset.source,
                "bundle": dataset.bundle,
                "targets": [asdict(target) for target in dataset.targets],
                "rejected": [asdict(row) for row in dataset.rejected],
            },
        )

    store.put(name, about, write)


def _unchanged(store: ArtifactStore, name: str, about: dict[str, Any]) -> bool:
    """Says whether the same is stored already, apart from when it was opened."""
    stored = store.describe().get(name, {})
    same = {key: value for key, value in stored.items() if key != "opened_at"}
    return same == {k: v for k, v in about.items() if k != "opened_at"} and bool(store.get(name))


def list_datasets(workspace: Workspace) -> tuple[DatasetSummary, ...]:
    """Returns the data sets that were opened, the latest first."""
    described = ArtifactStore(workspace.datasets).describe()
    return tuple(_summary(name, about) for name, about in described.items())


def stored_fingerprint(workspace: Workspace, name: str) -> str:
    """Returns the fingerprint of a data set that was opened; empty where there is none."""
    about = ArtifactStore(workspace.datasets).about(name)
    return "" if about is None else str(about.get("fingerprint", ""))


def dataset_summary(workspace: Workspace, name: str) -> DatasetSummary:
    """Returns what is remembered of one data set.

    Raises:
        DataError: If it was never opened in this workspace.
    """
    for summary in list_datasets(workspace):
        if summary.id == name:
            return summary
    raise DataError(
        f"No data set {name!r} was opened in {workspace.root}.",
        hint=hint_with_left_out(
            "Open it on the Overview page, or with `fundus check DATA`.",
            workspace.root,
            "datasets",
        ),
    )


def stored_dataset(workspace: Workspace, name: str) -> FundusDataset:
    """Returns a remembered data set without touching its photographs.

    Raises:
        DataError: If it was never opened in this workspace, or what was stored is damaged.
    """
    return without_names(workspace, dataset_as_given(workspace, name))


def dataset_as_given(workspace: Workspace, name: str) -> FundusDataset:
    """Returns a remembered data set as it is stored, names included; not for anybody's eyes.

    Raises:
        DataError: As `stored_dataset`.
    """
    summary = dataset_summary(workspace, name)
    folder = ArtifactStore(workspace.datasets).get(name)
    about = None if folder is None else read_json(folder / _ABOUT)
    if folder is None or about is None:
        raise DataError(
            f"What was stored of {summary.name} is damaged.",
            hint=f"Open {summary.source.path} again; embeddings and runs are kept.",
        )
    return FundusDataset(
        summary.name,
        about["source"],
        read_dataset_table(folder / _TABLE),
        tuple(
            Target(t["name"], t["task"], tuple(t["classes"]), tuple(t["columns"]))
            for t in about["targets"]
            if not {*t["columns"]} & {*NEVER_TARGETS}  # earlier versions had them
        ),
        tuple(RejectedRow(**row) for row in about["rejected"]),
        summary.synthetic,
        bundle=about.get("bundle", ""),
    )


def source_arguments(source: DataSource) -> list[str]:
    """Returns the command line arguments that name the same source: DATA and its options."""
    arguments = [str(source.path)]
    if source.table is not None:
        arguments += ["--table", str(source.table)]
    for field, column in asdict(source.columns).items():
        if column is not None:
            arguments += [f"--{field}-column", column]
    if source.classes:
        arguments += ["--classes", ",".join(source.classes)]
    return arguments


def _summary(name: str, about: dict[str, Any]) -> DatasetSummary:
    source = about["source"]
    return DatasetSummary(
        name,
        about["name"],
        about["n_images"],
        about["n_patients"],
        about["n_rejected"],
        about["synthetic"],
        about["opened_at"],
        DataSource(
            Path(source["path"]),
            None if source["table"] is None else Path(source["table"]),
            ColumnMapping(**source["columns"]),
            tuple(source["classes"]),
        ),
    )
