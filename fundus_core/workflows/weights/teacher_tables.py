"""Which photographs taught weights that were made here: stored beside them, and never forgotten.

Beside weights lies a table of their teachers, in the folder `TEACHERS`, under the SHA-256 of the
weights: copies are recognised by whatever name they have. Weights that started from others have
their teachers too. The photographs that only chose the epoch are among them. The table has a
checksum, and the card beside the weights says how many photographs are in it: weights whose table
is gone are not taken for weights that nobody taught.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import WeightsError
from fundus_core.io.files import read_json
from fundus_core.io.summed_tables import SummedTable, read_summed, write_summed
from fundus_core.io.weights import SHIPPED, weights_folders
from fundus_core.io.workspace import Workspace

TEACHERS = "taught"
"""Folder of tables in a folder of weights."""

COLUMNS = ("image_id", "patient_id", "labelled", "synthetic")
"""Of a table: photograph, its patient or None, whether its labels were learned, and whether it was
drawn by a program. A photograph that was given with several patients has several rows."""

UNKNOWN = ""
"""In place of a photograph: there were further teachers, whose own table was lost."""

_VERSION = "1"

_SHA256 = re.compile(r"[0-9a-f]{64}")


def table_of_teachers(
    dataset: FundusDataset, image_ids: Sequence[str], labelled: NDArray[np.bool_]
) -> pd.DataFrame:
    """Returns photographs as teachers, a row each with `COLUMNS`.

    Args:
        dataset: What they are of; patients are called as it shows them.
        image_ids: N photographs.
        labelled: Shape (N,): whether a label of the photograph was learned.
    """
    patients = dataset.select(image_ids).table["patient_id"]
    return pd.DataFrame(
        {
            "image_id": list(image_ids),
            "patient_id": patients.where(patients.notna(), None).to_numpy(object),
            "labelled": labelled,
            "synthetic": dataset.synthetic,
        }
    )


def store_teachers(
    workspace: Workspace, sha256: str, teachers: pd.DataFrame, *, started_from: str = ""
) -> int:
    """Stores who taught weights, together with who taught those they started from.

    Whoever else is known to have taught equal weights stays known.

    Args:
        workspace: Its weights folder gets the table.
        sha256: Of the weights.
        teachers: With `COLUMNS`.
        started_from: SHA-256 of the weights before; empty for random ones.

    Returns:
        How many photographs are in the table.

    Raises:
        WeightsError: If the table of the weights before is damaged.
    """
    before = _teachers_or_unknown(workspace, started_from)
    stored = _if_whole(workspace, sha256)
    known = None if stored is None else stored[stored["image_id"] != UNKNOWN]
    everybody = _together([one for one in (known, before, teachers) if one is not None])
    write_summed(_table(workspace.weights, sha256), _columns(everybody), _VERSION)
    return int(everybody.loc[everybody["image_id"] != UNKNOWN, "image_id"].nunique())


def inherit_teachers(workspace: Workspace, sha256: str, *, started_from: str) -> int | None:
    """Stores for weights who taught those they were made of; nothing where there was nobody.

    Returns:
        How many photographs are in the table; None where none was stored.
    """
    teachers = _teachers_or_unknown(workspace, started_from)
    if teachers is None:
        return None
    return store_teachers(workspace, sha256, teachers)


def teachers_of(workspace: Workspace, sha256: str) -> pd.DataFrame | None:
    """Returns who taught weights, with `COLUMNS`; None for those that nobody here has taught.

    Raises:
        WeightsError: If the table is damaged.
    """
    path = _found(workspace, sha256)
    if path is None:
        return None
    try:
        columns = _read(path).columns
    except ValueError as error:
        raise WeightsError(
            f"{path} tells who taught weights, and cannot be read.",
            hint="Put it back from a backup, or repeat the `fundus pretrain` that made it.",
        ) from error
    types = {"labelled": bool, "synthetic": bool}
    return pd.DataFrame(columns, dtype=object).astype(types)


def knows_teachers(workspace: Workspace, sha256: str) -> bool:
    """Says whether a whole table tells of everybody who taught weights."""
    teachers = _if_whole(workspace, sha256)
    return teachers is not None and UNKNOWN not in set(teachers["image_id"])


def is_everybody_known(workspace: Workspace, sha256: str, teachers: pd.DataFrame | None) -> bool:
    """Says whether all is known of who taught weights.

    Args:
        workspace: Where the weights are.
        sha256: Of the weights; empty for random ones.
        teachers: From `teachers_of`. None is right of weights that nobody taught here, unless a
            card says that there was a table, or it was damaged and moved aside.
    """
    if teachers is not None:
        return UNKNOWN not in set(teachers["image_id"])
    if not _SHA256.fullmatch(sha256):
        return True
    if (workspace.damaged / "weights" / TEACHERS / f"{sha256}.parquet").is_file():
        return False
    return all(card.get("n_teachers") is None for card in cards_of(workspace, sha256))


def cards_of(workspace: Workspace, sha256: str) -> list[dict[str, Any]]:
    """Returns all cards in weights folders that are of weights."""
    if not sha256:
        return []
    folders = weights_folders(workspace)
    cards: list[Any] = [read_json(path) for one in folders for path in sorted(one.glob("*.json"))]
    return [card for card in cards if isinstance(card, dict) and card.get("sha256") == sha256]


def weights_of_unknown_teachers(workspace: Workspace) -> tuple[Path, ...]:
    """Returns weights files of which it is not known any more, or not here, who taught them."""
    folders = [folder for folder in weights_folders(workspace) if folder != SHIPPED]
    files = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    return tuple(path for path in files if path.is_file() and not _is_known(workspace, path))


def tables_of_teachers(workspace: Workspace) -> tuple[Path, ...]:
    """Returns the tables in a workspace."""
    return tuple(sorted((workspace.root / "weights" / TEACHERS).glob("[!.]*.parquet")))


def is_whole(path: Path) -> bool:
    """Says whether a table is as it was written; one without a checksum, whether it can be read."""
    try:
        _read(path)
    except ValueError:
        return False
    return True


def lacks_checksum(path: Path) -> bool:
    """Says whether a whole table was written before tables had a checksum."""
    return not _read(path).is_summed


def give_checksum(path: Path) -> None:
    """Writes a table of an older version anew, with a checksum."""
    write_summed(path, _read(path).columns, _VERSION)


def _together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Returns the teachers of all tables: of each photograph all that any of them knows.

    That is every patient, whether it was ever drawn and ever real, and labels if they ever taught.
    """
    every = pd.concat([table.astype(object) for table in tables], ignore_index=True)
    once = every[["image_id"]].drop_duplicates()
    named = every.dropna(subset=["patient_id"])[["image_id", "patient_id"]].drop_duplicates()
    kinds = every[["image_id", "synthetic"]].drop_duplicates()
    ever = every.groupby("image_id")["labelled"].any()
    pairs = once.merge(named, on="image_id", how="left").merge(kinds, on="image_id")
    return pairs.assign(labelled=pairs["image_id"].map(ever))[list(COLUMNS)]


def _columns(teachers: pd.DataFrame) -> dict[str, list[Any]]:
    patients = teachers["patient_id"].astype(object)
    return {
        "image_id": [str(one) for one in teachers["image_id"]],
        "patient_id": [None if pd.isna(one) else str(one) for one in patients],
        "labelled": [bool(one) for one in teachers["labelled"]],
        "synthetic": [bool(one) for one in teachers["synthetic"]],
    }


def _read(path: Path) -> SummedTable:
    """Reads a table.

    Raises:
        ValueError: If it is damaged, or holds other values than it must.
    """
    table = read_summed(path, COLUMNS)
    text, optional = (str,), (str, type(None))
    for name, types in zip(COLUMNS, (text, optional, (bool,), (bool,)), strict=True):
        if not all(isinstance(value, types) for value in table.columns[name]):
            raise ValueError(f"{path} has other values than it must in {name}")
    return table


def _table(folder: Path, sha256: str) -> Path:
    return folder / TEACHERS / f"{sha256}.parquet"


def _found(workspace: Workspace, sha256: str) -> Path | None:
    """Returns the table of weights, wherever it is."""
    if not _SHA256.fullmatch(sha256):  # it may come from a stranger's bundle
        return None
    paths = [_table(folder, sha256) for folder in weights_folders(workspace)]
    return next((path for path in paths if path.is_file()), None)


def _if_whole(workspace: Workspace, sha256: str) -> pd.DataFrame | None:
    """Returns who taught weights; None where the table is damaged too."""
    try:
        return teachers_of(workspace, sha256)
    except WeightsError:
        return None


def _is_known(workspace: Workspace, weights: Path) -> bool:
    """Says whether all is known of who taught the weights that a card is of."""
    card = read_json(weights.with_suffix(".json"))
    sha256 = str(card.get("sha256")) if isinstance(card, dict) else ""
    return is_everybody_known(workspace, sha256, _if_whole(workspace, sha256))


def _teachers_or_unknown(workspace: Workspace, sha256: str) -> pd.DataFrame | None:
    """Returns who taught weights; a row of `UNKNOWN` for a table that is missing."""
    teachers = teachers_of(workspace, sha256)
    if teachers is not None or is_everybody_known(workspace, sha256, None):
        return teachers
    return pd.DataFrame([(UNKNOWN, None, False, False)], columns=list(COLUMNS))
