"""What of a data set may leave the house: numbers for patients, and columns that name nobody."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import (
    NEVER_TARGETS,
    RESERVED_COLUMNS,
    FundusDataset,
    Target,
)

_MOST_NAMES = 20
"""Different words in a column up to which they are taken for groups, not for names."""

_ALMOST_ALL = 0.9
"""Share of a column's values that belong to one patient each from which on they may tell."""

_MOST_OF_A_CODE = 4
"""Photographs without patient of one long number: both eyes of two visits share it."""

_YES_OR_NO = {"yes", "no", "true", "false"}
_WHOLE_NUMBER = r"[+-]?\d+(\.0*)?"
_LONG_NUMBER = r"[+-]?\d{5,}(\.0*)?"
"""A whole number that is more likely given, as hospital numbers are, than measured."""


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
        >>> pseudonyms(["Smith", "Jones"])
        {'Jones': 'p0001', 'Smith': 'p0002'}
    """
    named = sorted(set(patient_ids))
    digits = max(4, len(str(len(named))))
    return {one: f"p{number:0{digits}d}" for number, one in enumerate(named, 1)}


def renamed(patients: "pd.Series[str]", names: dict[str, str]) -> "pd.Series[str]":
    """Returns a column of patients under other names; those without one keep theirs."""
    return patients.map(lambda one: names.get(one, one), na_action="ignore")


def shared_table(
    dataset: FundusDataset, names: dict[str, str], *, keep: Sequence[str] = ()
) -> SharedTable:
    """Returns a table without what may name a patient or a file.

    Columns of the targets stay, and so do groups and measurements. Left out, unless they are asked
    for, are columns nearly all values of which belong to one patient, or to one photograph without
    patient, each: words however few (but yes, no, and one or two single words without gaps), whole
    numbers of five digits and more (of which up to four photographs without patient may share one),
    other whole numbers from 21 on; also more than 20 different words. Decimal fractions are
    measured: they stay unless they are about as many as all patients.

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


def without_telling_targets(dataset: FundusDataset, keep: Sequence[str] = ()) -> FundusDataset:
    """Returns a data set whose targets tell no patients apart; its table stays as it is.

    Args:
        dataset: The data set.
        keep: Columns that may be shared whatever they hold.
    """
    kept = [one for one in dataset.targets if not tells_patients(dataset, one, keep=keep)]
    return replace(dataset, targets=tuple(kept))


def tells_patients(dataset: FundusDataset, target: Target, *, keep: Sequence[str] = ()) -> bool:
    """Says whether the classes of a target may tell patients from one another, as names do.

    Args:
        dataset: What was judged. Its table may lack columns of the target.
        target: Of the data set, or of a run on it.
        keep: Columns that may be shared whatever they hold.
    """
    columns = set(target.columns)
    hidden = set() if dataset.hidden is None else set(dataset.hidden.columns)
    if columns & {*NEVER_TARGETS, *hidden}:
        return True
    if columns <= {*keep}:
        return False
    if any(_tells(dataset, dataset.table[name]) for name in columns if name in dataset.table):
        return True
    has_words = pd.to_numeric(pd.Series(target.classes), errors="coerce").isna().any()
    return target.task == "multiclass" and len(target.classes) > _MOST_NAMES and bool(has_words)


def _tells(dataset: FundusDataset, column: "pd.Series[str]") -> bool:
    """Says whether a column may tell patients, or photographs, from one another."""
    known = column.dropna().astype(str)
    values = pd.Series(known.unique())
    if values.empty:
        return False
    n_units = dataset.n_patients or len(dataset)
    are_words = bool(pd.to_numeric(values, errors="coerce").isna().any())
    if len(values) > _MOST_NAMES and (are_words or len(values) >= _ALMOST_ALL * n_units):
        return True
    is_long = not are_words and values.str.fullmatch(_LONG_NUMBER).mean() > 0.5
    most = _MOST_OF_A_CODE if is_long else 1
    owners = dataset.table["patient_id"].loc[known.index]
    patients, others = owners.groupby(known).nunique(), owners.isna().groupby(known).sum()
    of_one = (patients <= 1) & (others <= most)
    holders = (patients + np.ceil(others / most)).sum()
    if of_one.mean() < _ALMOST_ALL and len(values) < _ALMOST_ALL * holders:
        return False
    if are_words:
        return not _are_classes(values, has_gaps=len(known) < len(column))
    if is_long or 2 < len(values) == n_units:
        return True
    return len(values) > _MOST_NAMES and bool(values.str.fullmatch(_WHOLE_NUMBER).all())


def _are_classes(values: "pd.Series[str]", *, has_gaps: bool) -> bool:
    """Says whether a word or two are classes of a tiny data set, not remarks on a patient."""
    if set(values.str.lower()) <= _YES_OR_NO:
        return True
    return len(values) <= 2 and not has_gaps and not values.str.contains(r"\s").any()
