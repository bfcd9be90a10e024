"""The form that says which column of a table means what, where the usual names do not tell."""

from pathlib import Path

import streamlit as st

from fundus_core.errors import DataError
from fundus_core.io.columns import ColumnMapping
from fundus_core.io.hiding import hides_ids
from fundus_core.ui import messages, text, wiring

_ROLES = {"path": "Photograph", "patient": "Patient", "eye": "Eye", "split": "Split"}
_AUTOMATIC = "recognise"
_FIRST_ROWS = 4


def column_mapping(table: Path, folder: Path, *, key: str) -> ColumnMapping:
    """Draws one menu per role, says what the table will be read as, and returns the choice.

    Args:
        table: The table.
        folder: Where the photographs it names are.
        key: Tells forms on one page apart.

    Raises:
        DataError: If the file is no table.
    """
    head = wiring.table_of(table)
    columns = list(map(str, head.columns))
    unseen = " Its rows are not shown, since names are hidden." if hides_ids() else ""
    if not unseen:
        st.dataframe(head.head(_FIRST_ROWS), hide_index=True, alt="First rows of the table")
    st.caption(
        f"{text.count(len(head), 'row')}, {text.count(len(columns), 'column')}.{unseen} Say which "
        "column means what where its name does not tell."
    )
    chosen: dict[str, str | None] = {}
    with st.grid("auto", min_column_width=130, gap="xsmall"):
        for role, label in _ROLES.items():
            column = st.selectbox(label, [_AUTOMATIC, *columns], key=f"{key}.{role}")
            chosen[role] = None if column == _AUTOMATIC else column
        labels = st.multiselect(
            "Labels",
            columns,
            key=f"{key}.target",
            placeholder=_AUTOMATIC,
            help="One column, or several 0/1 columns for a multi-label target.",
        )
    mapping = ColumnMapping(**chosen, target=",".join(labels) or None)
    _say_what_is_read(table, folder, mapping)
    return mapping


def _say_what_is_read(table: Path, folder: Path, mapping: ColumnMapping) -> None:
    """Says which columns stand for what once the usual names are looked for."""
    try:
        found = wiring.recognised(table, folder, mapping)
    except DataError as error:
        messages.show_error(error)
        return
    rows = wiring.table_of(table)
    columns = {role: getattr(found, role) for role in _ROLES}
    blank = {role for role, column in columns.items() if column and rows[column].isna().all()}
    parts = [
        f"{_ROLES[role].lower()}: {text.code(column) if column else 'none'}"
        + (" (blank)" if role in blank else "")
        for role, column in columns.items()
    ]
    st.markdown("Read as " + " · ".join(parts))
    if columns["patient"] is None or "patient" in blank:
        st.warning(
            "No column names the patient. Two eyes of one patient will count as independent, and "
            "intervals and p-values will be too optimistic (FD003).",
            icon=":material/warning:",
        )
