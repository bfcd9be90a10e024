"""What of a data set may leave the house: numbers for patients, and columns that name nobody."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from fundus_core.domain.dataset import OWN_PATIENT, RESERVED_COLUMNS, FundusDataset

_MOST_NAMES = 20
"""Different words in a column up to which they are taken for groups, not for names."""

_ALMOST_ALL = 0.9
"""Share of the patients from which on a column's values may tell one from another."""


@dataclass(frozen=True, slots=True)
class SharedTable:
    """A data set's table as it may be shared."""

    table: pd.DataFrame
    """Without paths."""

    left_out: tuple[str, ...]
    """Columns that stayed behind."""


def pseudonyms(patient_ids: Collection[str]) -> dict[str, str]:
    """Returns patient id -> a number in the order of the ids, which keeps resampling the same.

    A number cannot be turned back into an id by trying ids, as a hash of it can.

    Examples:
        >>> pseudonyms(["Smith", "Jones", "image:0a1b"])
        {'Jones': 'p0001', 'Smith': 'p0002'}
    """
    named = sorted({one for one in patient_ids if not one.startswith(OWN_PATIENT)})
    digits = max(4, len(str(len(named))))
    return {one: f"p{number:0{digits}d}" for number, one in enumerate(named, 1)}


def renamed(patients: "pd.Series[str]", names: dict[str, str]) -> "pd.Series[str]":
    """Returns a column of patients under other names; those without one keep theirs."""
    return patients.map(lambda one: names.get(one, one), na_action="ignore")


def shared_table(
    dataset: FundusDataset, names: dict[str, str], *, keep: Sequence[str] = ()
) -> SharedTable:
    """Returns a table without what may name a patient or a file.

    Columns of the targets stay, and so do groups and measurements. Left out are free words and
    whatever has about as many different values as there are patients, unless it is asked for.

    Args:
        dataset: The data set.
        names: Patient id -> pseudonym.
        keep: Columns that stay whatever they hold.
    """
    labels = {column for target in dataset.targets for column in target.columns}
    free = [str(name) for name in dataset.table if name not in RESERVED_COLUMNS]
    left_out = tuple(
        name
        for name in free
        if name not in labels and name not in keep and _tells(dataset, dataset.table[name])
    )
    table = dataset.table.drop(columns=["path", *left_out])
    return SharedTable(
        table.assign(patient_id=renamed(table["patient_id"], names).astype(object)), left_out
    )


def _tells(dataset: FundusDataset, column: "pd.Series[str]") -> bool:
    """Says whether a column may tell patients, or photographs, from one another."""
    known = column.dropna().astype(str)
    n_values = known.nunique()
    n_units = dataset.n_patients or len(dataset)
    if n_values > 2 and n_values == n_units:
        return True
    if n_values <= _MOST_NAMES:
        return False
    return bool(pd.to_numeric(known, errors="coerce").isna().any()) or (
        n_values >= _ALMOST_ALL * n_units
    )
