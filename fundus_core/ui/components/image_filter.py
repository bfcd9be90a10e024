"""Which photographs to show: by label, split, patient and eye, and by an expression."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import RESERVED_COLUMNS, FundusDataset
from fundus_core.domain.query import QueryAnswer
from fundus_core.errors import FundusError
from fundus_core.plots.map import NOT_GIVEN
from fundus_core.ui import messages, selection_caches, state, text

QUERY_HELP = (
    'Compares columns of the table with values: `age > 60 and site == "A"`. Join by `and`, `or`, '
    '`not` and parentheses; `camera contains "top"` looks for a part, whatever its capitals; '
    '`eye in ("OD", "OS")`; `age is missing`. Text stands between quotes, a column with blanks in '
    "its name between backticks. A photograph without the value matches neither way."
)

_MOST_VALUES = 50
"""A column of more values gets no menu: it is a number or an id."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """Photographs that match what was asked."""

    image_ids: Sequence[str]
    """In the order of the table."""

    asked: str
    """What was asked, in a few words: what was applied, not what the address says. Empty where
    nothing was."""


def image_filter(dataset: FundusDataset) -> Filtered:
    """Draws a menu for each column worth one and returns the photographs that match.

    The choices are in the address; what of them does not fit the table is said.
    """
    table = dataset.table
    keep = pd.Series(True, index=table.index)
    columns = filter_columns(dataset)
    held = chosen_values(state.current().filters, columns)
    said: list[str] = []
    with st.grid("auto", min_column_width=130, gap="xsmall"):
        patient = st.text_input(
            "Patient contains", placeholder="any", **state.bound("patient", key="images.patient")
        )
        for column in columns:
            values = table[column].where(table[column].notna(), NOT_GIVEN)
            options = sorted(values.unique())
            chosen = st.multiselect(
                column.capitalize() if column in RESERVED_COLUMNS else text.field_label(column),
                options,
                placeholder="any",
                **state.filtered(column, [one for one in held[column] if one in options]),
            )
            keep &= values.isin(chosen) if chosen else True
            said += [f"{column}={one}" for one in chosen]
    if not_applied := [one for one in state.current().filters if one not in said]:
        names = ", ".join(map(text.code, not_applied))
        st.warning(f"The address asks for {names}, which no photograph here has; it is left out.")
    if patient.strip():
        said.insert(0, f"patient contains {patient.strip()}")
        named = table["patient_id"].astype("string")
        keep &= named.str.contains(patient.strip(), case=False, regex=False).fillna(False)
    asked = _query(dataset)
    if asked is not None:
        keep &= table["image_id"].isin(asked)
        said.append(state.current().query.strip())
    return Filtered(table.loc[keep.astype(bool), "image_id"].tolist(), ", ".join(said))


def filter_columns(dataset: FundusDataset) -> list[str]:
    """Returns the columns of labels, then split and eye, that have several values but not many."""
    labels = [name for target in dataset.targets for name in target.columns]
    candidates = dict.fromkeys([*labels, "split", "eye"])
    counts = {name: dataset.table[name].nunique(dropna=False) for name in candidates}
    return [name for name in candidates if 1 < counts[name] <= _MOST_VALUES]


def chosen_values(filters: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
    """Returns the values that filters of the form `COLUMN=VALUE` ask for, by column.

    Examples:
        >>> chosen_values(["eye=OD", "a=b=c", "gone=1"], ["eye", "a", "a=b"])
        {'eye': ['OD'], 'a': ['b=c'], 'a=b': ['c']}
    """
    return {
        column: [one[len(column) + 1 :] for one in filters if one.startswith(f"{column}=")]
        for column in columns
    }


def _query(dataset: FundusDataset) -> frozenset[str] | None:
    """Draws the field for an expression; returns what it asks for, None where it says nothing."""
    expression = st.text_input(
        "Search in the table",
        placeholder='age > 60 and site == "A"',
        help=QUERY_HELP,
        icon=":material/manage_search:",
        **state.bound("query", key="images.query"),
    )
    if not expression.strip():
        return None
    try:
        ids, answer = selection_caches.asked(state.current().dataset_id, expression)
    except FundusError as error:
        messages.show_error(error)
        st.caption("The photographs below are those of the filters alone.")
        return None
    _remarks(answer)
    return frozenset(ids)


def _remarks(answer: QueryAnswer) -> None:
    if answer.n_undecided:
        columns = ", ".join(map(text.code, answer.columns))
        st.caption(
            f":material/help: {text.count(answer.n_undecided, 'photograph')} neither match nor "
            f"fail, because a value of {columns} is missing; they are left out."
        )
    for remark in answer.remarks:
        st.caption(f":material/info: {text.escaped(remark)}")
