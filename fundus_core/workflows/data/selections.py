"""Use case: a selection of photographs that every page shares, and that is kept under a name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.query import QueryAnswer, ask
from fundus_core.domain.visible import require_text
from fundus_core.errors import DataError
from fundus_core.io.selections import NamedSelection, Saved, SelectionFiles, StoredSelection
from fundus_core.io.workspace import Workspace

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Counts:
    """How many photographs, eyes and patients some rows of a table are."""

    n_images: int
    n_eyes: int | None
    """Different pairs of patient and side; None where no row names both."""

    n_patients: int | None
    """None where no row names its patient."""

    n_without_patient: int
    """Photographs that name no patient; they are in neither `n_eyes` nor `n_patients`."""

    n_without_eye: int
    """Photographs that name a patient but no side; they are not in `n_eyes`."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Photographs of a data set that were selected."""

    key: str
    """Short, of what it holds; part of addresses."""

    image_ids: tuple[str, ...]
    """Those that the data set still holds, in its order."""

    stored_ids: tuple[str, ...]
    """As they were selected, those that vanished among them."""

    n_gone: int
    """Photographs that were selected and are no longer in the data set."""

    origin: str
    """Where they came from, in a few words; empty where it was not said."""


def keep_selection(
    workspace: Workspace, dataset_id: str, image_ids: Sequence[str], *, origin: str = ""
) -> str:
    """Stores a selection and returns its key; empty for no photograph.

    Raises:
        StoreError: If the disk is full.
        ReadOnlyError: If the workspace is only to be looked at.
    """
    return SelectionFiles(workspace, dataset_id).keep(image_ids, origin)


def kept_selection(workspace: Workspace, dataset_id: str, key: str) -> StoredSelection | None:
    """Returns what was kept under a key; None where nothing is."""
    return SelectionFiles(workspace, dataset_id).read(key)


def save_selection(
    workspace: Workspace,
    dataset_id: str,
    name: str,
    image_ids: Sequence[str],
    *,
    origin: str = "",
    replacing: str | None = "",
) -> Saved:
    """Saves a selection under a name, and returns it with the one that gave the name up.

    Args:
        workspace: Where to.
        dataset_id: The data set it is of.
        name: Blanks around it and repeated ones do not count.
        image_ids: Photographs, each once.
        origin: Where they came from, in a few words.
        replacing: Key of the selection that the saver knows to have the name, and gives up; empty
            where none is known; None for whatever has it. One of the very same photographs counts
            as none.

    Raises:
        DataError: If there is no name or no photograph, or the name is too long, or that of
            another selection.
        StoreError: If the disk is full.
    """
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME:
        raise DataError(
            f"A name of {len(plain)} characters cannot be kept.",
            hint=f"Give the selection a name of 1 to {LONGEST_NAME} characters.",
        )
    require_text("selection's name", plain, LONGEST_NAME)
    if not image_ids:
        raise DataError(
            "Nothing is selected, so there is nothing to save.",
            hint="Select photographs first: on a map, by a query or in a gallery.",
        )
    files = SelectionFiles(workspace, dataset_id)
    key = files.keep(image_ids, origin)
    return files.name(plain, key, len(image_ids), replacing=replacing)


def saved_selections(workspace: Workspace, dataset_id: str) -> tuple[NamedSelection, ...]:
    """Returns the saved selections of a data set in the order of their names."""
    return SelectionFiles(workspace, dataset_id).named()


def load_selection(
    workspace: Workspace, dataset_id: str, name: str, dataset: FundusDataset
) -> Selection:
    """Returns a saved selection with what is left of it in the data set.

    Raises:
        DataError: If there is none of this name, or its file is damaged.
    """
    named = _found(workspace, dataset_id, name)
    stored = SelectionFiles(workspace, dataset_id).read(named.key)
    if stored is None:
        raise DataError(
            f"What was saved as {name!r} is damaged or gone.",
            hint="Delete the saved selection and select its photographs again.",
        )
    return in_dataset(stored.image_ids, dataset, key=stored.key, origin=stored.origin)


def delete_selection(
    workspace: Workspace, dataset_id: str, name: str, *, key: str | None = None
) -> None:
    """Takes the name of a saved selection away; no photograph is touched.

    Args:
        workspace: Where it is kept.
        dataset_id: Of the data set that it is of.
        name: Of the selection.
        key: Key of the selection that is meant; None for whatever has the name.

    Raises:
        DataError: If there is none of this name, or another one has it by now.
        StoreError: If the place may not be written to.
    """
    SelectionFiles(workspace, dataset_id).forget(_found(workspace, dataset_id, name).name, key)


def in_dataset(
    image_ids: Sequence[str], dataset: FundusDataset, *, key: str = "", origin: str = ""
) -> Selection:
    """Returns what is left of a selection in a data set, in the data set's order."""
    chosen = dataset.table["image_id"]
    kept = tuple(chosen[chosen.isin(set(image_ids))])
    return Selection(key, kept, tuple(image_ids), len(set(image_ids)) - len(kept), origin)


def inverted(image_ids: Sequence[str], dataset: FundusDataset) -> tuple[str, ...]:
    """Returns the photographs of a data set that are not among the given ones."""
    chosen = dataset.table["image_id"]
    return tuple(chosen[~chosen.isin(set(image_ids))])


def counts_of(table: pd.DataFrame, image_ids: Sequence[str] | None = None) -> Counts:
    """Counts photographs, eyes and patients.

    Args:
        table: Of a data set.
        image_ids: Count these only; all if None. No photograph is no eye and no patient, unless the
            whole table names none.
    """
    rows = table if image_ids is None else table[table["image_id"].isin(set(image_ids))]
    if rows.empty and not table.empty:
        whole = counts_of(table)
        eyes_known, patients_known = whole.n_eyes is not None, whole.n_patients is not None
        return Counts(0, 0 if eyes_known else None, 0 if patients_known else None, 0, 0)
    named = rows["patient_id"].notna().to_numpy(bool)
    sided = named & rows["eye"].notna().to_numpy(bool)
    eyes = rows.loc[sided, ["patient_id", "eye"]].drop_duplicates()
    return Counts(
        n_images=len(rows),
        n_eyes=len(eyes) if sided.any() else None,
        n_patients=int(rows.loc[named, "patient_id"].nunique()) if named.any() else None,
        n_without_patient=int((~named).sum()),
        n_without_eye=int((named & ~sided).sum()),
    )


def query_dataset(dataset: FundusDataset, expression: str) -> tuple[tuple[str, ...], QueryAnswer]:
    """Returns the photographs that an expression asks for, in the data set's order.

    Raises:
        QueryError: If it cannot be read, or does not fit the table.
    """
    answer = ask(expression, dataset.table)
    return tuple(dataset.table["image_id"].to_numpy()[np.flatnonzero(answer.rows)]), answer


def _found(workspace: Workspace, dataset_id: str, name: str) -> NamedSelection:
    saved = saved_selections(workspace, dataset_id)
    plain = " ".join(name.split())
    for one in saved:
        if one.name == plain:
            return one
    names = ", ".join(repr(one.name) for one in saved)
    raise DataError(
        f"No selection is saved as {plain!r}; there {'are ' + names if names else 'is none'}.",
        hint="Save one in the sidebar of the dashboard, or with `fundus query ... --save NAME`.",
    )
