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

import os
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.domain.dataset import OWN_PATIENT, RESERVED_COLUMNS, FundusDataset, RejectedRow
from fundus_core.errors import StoreError
from fundus_core.imports.records import Pseudonyms
from fundus_core.io.hiding import VARIABLE, hides_ids
from fundus_core.io.images import SUPPORTED_SUFFIXES
from fundus_core.io.photo_files import PICTURE_SUFFIXES, names_pictures, root_of
from fundus_core.io.read_only import is_read_only
from fundus_core.io.workspace import Workspace
from fundus_core.report.privacy import Discretion
from fundus_core.workflows.reports.bundle_pseudonyms import shared_table

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

KEY_FILE, LINKS = "pseudonyms.key", "photographs"
"""In the workspace: the key, and the folder of links to photographs."""

_KEY_BYTES = 32
_SUFFIXES = {*SUPPORTED_SUFFIXES, *PICTURE_SUFFIXES}
_PSEUDONYM = re.compile(r"p[0-9a-f]{16}")


def without_names(workspace: Workspace, dataset: FundusDataset) -> FundusDataset:
    """Returns a data set as it may be seen: as it is, or with names hidden if that is asked for.

    Raises:
        StoreError: If the workspace can hold no links, or its key cannot be made.
    """
    if not hides_ids():
        return dataset
    names, given = _pseudonyms(workspace), dataset.table
    patients = {one: _patient(names, one) for one in set(given["patient_id"].dropna())}
    found = shared_table(dataset, patients)
    shared = found.table
    shared.insert(1, "path", _links(workspace, names, given["path"]))
    free = given.columns.drop(list(RESERVED_COLUMNS))
    masks = [str(name) for name in free if names_pictures(given[name])]
    for name in masks:
        shared[name] = _links(workspace, names, given[name], root_of(dataset.source))
    private = [*given["path"], *(row.path for row in dataset.rejected), *patients]
    told = Discretion([str(one) for one in private])
    return replace(
        dataset,
        table=shared,
        rejected=tuple(_hidden(row, names, told) for row in dataset.rejected),
        hidden=given.set_index("image_id")[
            ["path", "patient_id", *dict.fromkeys([*found.left_out, *masks])]
        ],
    )


def without_patients(workspace: Workspace, patients: Sequence[str]) -> list[str]:
    """Returns patients by their pseudonyms; those that have one keep it."""
    names = _pseudonyms(workspace)
    return [_patient(names, str(one)) for one in patients]


def with_names(workspace: Workspace, patients: Sequence[str], known: Collection[str]) -> list[str]:
    """Returns patients by their names, where those of a run were stored while names were hidden.

    Args:
        workspace: Whose pseudonyms they are.
        patients: By name or by pseudonym.
        known: Names of the patients of the data set; who is none of them keeps the pseudonym.
    """
    names = _pseudonyms(workspace)
    name_of = {_patient(names, one): one for one in known}
    return [name_of.get(str(one), str(one)) for one in patients]


def has_pseudonyms(workspace: Workspace, patients: Iterable[str]) -> bool:
    """Says whether some of the patients were stored while names were hidden here."""
    is_key_there = (workspace.root / KEY_FILE).is_file()
    return is_key_there and any(_PSEUDONYM.fullmatch(str(one)) for one in patients)


def key_of_scans(workspace: Workspace) -> Pseudonyms | None:
    """Returns what stands for paths in the record of scans; None where nothing is hidden."""
    return _pseudonyms(workspace) if hides_ids() else None


def _patient(names: Pseudonyms, patient: str) -> str:
    tells_nothing = patient.startswith(OWN_PATIENT) or _PSEUDONYM.fullmatch(patient)
    return patient if tells_nothing else names.of(patient)


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
            raise _never_hidden(workspace)
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
        StoreError: If it is damaged, or there is none and nothing may be written.
    """
    path = workspace.root / KEY_FILE
    for _ in range(2):
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            if is_read_only():
                raise _never_hidden(workspace) from None
            _draw_key(path)
            continue
        if len(key) == _KEY_BYTES:
            return Pseudonyms(key)
        break
    raise StoreError(
        f"The key of pseudonyms {path} is damaged.",
        hint="Put it back from a backup; without it, patients would get other pseudonyms.",
    )


def _never_hidden(workspace: Workspace) -> StoreError:
    return StoreError(
        f"Names cannot be hidden: in {workspace.root} they never were, and read-only mode stores "
        "no pseudonyms and no links.",
        hint=f"Open the data set there once with {VARIABLE} and without read-only mode.",
    )


def _draw_key(path: Path) -> None:
    """Stores a new key that only the user may read, unless another process was first."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        place = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(place, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(temporary, path)
        finally:
            temporary.unlink()
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreError(
            f"The key of pseudonyms cannot be stored as {path}: {error.strerror}.",
            hint="Open the workspace once where it may be written to.",
        ) from error
