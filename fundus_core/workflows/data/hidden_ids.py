"""Data sets without the names of patients and files, where `FUNDUS_HIDE_IDS` asks for it.

A data set is hidden where it is read from the workspace, so that whatever is made of it later -
pages, runs, logs, exports, reports - never meets a name: patients are pseudonyms, photographs and
masks are links with pseudonyms for names, and columns that tell patients from one another are left
out. What was given stays at hand in memory alone (`FundusDataset.hidden`), for folds and keys: they
are those that are made without hiding, and so are all figures.

The pseudonyms are keyed hashes. The key lies in the workspace and is drawn once, so that they stay
the same there and cannot be traced back by trying all hospital numbers elsewhere. What the user
gave is stored as it was given: the table of each data set, and where the links lead.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.domain.dataset import RESERVED_COLUMNS, FundusDataset, RejectedRow
from fundus_core.errors import StoreError
from fundus_core.imports.records import Pseudonyms
from fundus_core.io.hiding import VARIABLE, hides_ids
from fundus_core.io.images import SUPPORTED_SUFFIXES
from fundus_core.io.photo_files import PICTURE_SUFFIXES, names_pictures, root_of
from fundus_core.io.read_only import is_read_only
from fundus_core.io.row_checks import CONTRADICTS
from fundus_core.io.workspace import Workspace
from fundus_core.report.privacy import Discretion
from fundus_core.workflows.data.pseudonym_key import (
    KEY_FILE,
    LINKS,
    PSEUDONYM,
    key_of_pseudonyms,
    never_hidden,
    stored_key,
)
from fundus_core.workflows.reports.bundle_pseudonyms import shared_table, without_telling_targets

__all__ = [
    "KEY_FILE",
    "LINKS",
    "VARIABLE",
    "has_pseudonyms",
    "hides_ids",
    "key_of_scans",
    "with_names",
    "without_names",
    "without_patients",
]

OTHER = "other"
"""Stands for words of the eye and the split that are not the program's: they may be names."""

_SUFFIXES = {*SUPPORTED_SUFFIXES, *PICTURE_SUFFIXES}
_WORDS = {"eye": ("OD", "OS"), "split": ("train", "val", "test")}


def without_names(workspace: Workspace, dataset: FundusDataset) -> FundusDataset:
    """Returns a data set as it may be seen: as it is, or with names hidden if that is asked for.

    Raises:
        StoreError: If the workspace can hold no links, or its key cannot be made.
    """
    if not hides_ids():
        return dataset
    names, given = _pseudonyms(workspace), dataset.table
    patients = {one: names.of(one) for one in set(given["patient_id"].dropna())}
    judged = without_telling_targets(dataset)
    found = shared_table(judged, patients)
    shared = found.table
    shared.insert(1, "path", _links(workspace, names, given["path"]))
    worded = [name for name, known in _WORDS.items() if _has_others(given[name], known)]
    for name in worded:
        shared[name] = given[name].where(given[name].isna() | given[name].isin(_WORDS[name]), OTHER)
    free = given.columns.drop(list(RESERVED_COLUMNS))
    masks = [str(name) for name in free if names_pictures(given[name])]
    for name in masks:
        shared[name] = _links(workspace, names, given[name], root_of(dataset.source))
    private = [*given["path"], *(row.path for row in dataset.rejected), *patients]
    told = Discretion([str(one) for one in private])
    targets = tuple(one for one in judged.targets if not {*one.columns} & {*worded})
    has_others = any(row.reason == "unknown_label" for row in dataset.rejected)
    tells_labels = len(targets) == len(dataset.targets) and not has_others
    return replace(
        dataset,
        table=shared,
        targets=targets,
        rejected=tuple(
            _hidden(row if tells_labels else _without_labels(row), names, told)
            for row in dataset.rejected
        ),
        hidden=given.set_index("image_id")[
            ["path", "patient_id", *dict.fromkeys([*found.left_out, *masks, *worded])]
        ],
    )


def without_patients(
    workspace: Workspace, patients: Sequence[str], known: Callable[[], Collection[str]]
) -> list[str]:
    """Returns patients by their pseudonyms; those that have one keep it.

    Args:
        workspace: Whose pseudonyms they are.
        patients: By name or by pseudonym.
        known: Gives the names of the patients of the data set: these are names, even if they look
            like pseudonyms. It is asked only where some do.
    """
    names = _pseudonyms(workspace)
    alike = {str(one) for one in patients if PSEUDONYM.fullmatch(str(one))}
    kept = alike.difference(known()) if alike else alike
    return [str(one) if str(one) in kept else names.of(str(one)) for one in patients]


def with_names(workspace: Workspace, patients: Sequence[str], known: Collection[str]) -> list[str]:
    """Returns patients by their names, where those of a run were stored while names were hidden.

    Args:
        workspace: Whose pseudonyms they are.
        patients: By name or by pseudonym.
        known: Names of the patients of the data set; who is none of them keeps the pseudonym.
    """
    names = _pseudonyms(workspace)
    name_of = {names.of(one): one for one in known}
    return [name_of.get(str(one), str(one)) for one in patients]


def has_pseudonyms(workspace: Workspace, patients: Iterable[str]) -> bool:
    """Says whether some of the patients were stored while names were hidden here.

    Raises:
        StoreError: If some may have been, and the key is damaged or gone.
    """
    may_be = any(PSEUDONYM.fullmatch(str(one)) for one in patients)
    return may_be and stored_key(workspace) is not None


def key_of_scans(workspace: Workspace) -> Pseudonyms | None:
    """Returns what stands for paths in the record of scans; None where nothing is hidden."""
    return _pseudonyms(workspace) if hides_ids() else None


def _has_others(column: "pd.Series[Any]", known: Sequence[str]) -> bool:
    """Says whether a column holds other words than those of the program."""
    return bool((column.notna() & ~column.isin(known)).any())


def _without_labels(row: RejectedRow) -> RejectedRow:
    """Returns a rejected row whose sentence quotes no label."""
    if row.reason == "unknown_label":
        return replace(row, detail=f"Its label is{row.detail.rpartition(', which is')[2]}")
    said, contradicts, _ = row.detail.partition(CONTRADICTS)
    return replace(row, detail=f"{said}{contradicts}the rows differ.") if contradicts else row


def _hidden(row: RejectedRow, names: Pseudonyms, told: Discretion) -> RejectedRow:
    return RejectedRow(_file_name(names, row.path), row.reason, told(row.detail))


def _file_name(names: Pseudonyms, path: str) -> str:
    suffix = Path(path).suffix.lower()
    return f"photo-{names.of(path)[1:]}{suffix if suffix in _SUFFIXES else ''}"


def _links(
    workspace: Workspace, names: Pseudonyms, column: "pd.Series[Any]", root: Path = Path()
) -> "pd.Series[Any]":
    """Returns a column of files as links; empty cells stay empty.

    Args:
        workspace: Where the links are.
        names: Makes their names.
        column: Paths of files.
        root: Of paths that are relative.
    """
    links = [
        _link(workspace, names, str(root / cell)) if isinstance(cell, str) and cell else None
        for cell in column
    ]
    return pd.Series(links, index=column.index, dtype=object)


def _link(workspace: Workspace, names: Pseudonyms, path: str) -> str:
    """Returns a link to a photograph whose name tells nothing; made on first use."""
    folder = workspace.root / LINKS
    link = folder / _file_name(names, path)
    if not link.is_symlink():
        if is_read_only():
            raise never_hidden(workspace)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        except FileExistsError:
            pass  # another process made it meanwhile
        except OSError as error:
            raise StoreError(
                f"Names cannot be hidden: {folder} can hold no links ({error.strerror}).",
                hint=f"Use a workspace on another disk, or start without {VARIABLE}.",
            ) from error
    return str(link)


def _pseudonyms(workspace: Workspace) -> Pseudonyms:
    """Returns the names of this workspace; their key is drawn when it is first needed.

    Raises:
        StoreError: As `key_of_pseudonyms` does.
    """
    return Pseudonyms(key_of_pseudonyms(workspace))
