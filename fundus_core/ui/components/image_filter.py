"""Which photographs to show: by label, split, patient and eye."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import RESERVED_COLUMNS, FundusDataset
from fundus_core.plots.map import NOT_GIVEN

_MOST_VALUES = 50
"""A column of more values gets no menu: it is a number or an id."""


def image_filter(dataset: FundusDataset) -> Sequence[str]:
    """Draws a menu for each column worth one and returns the ids of the photographs that match."""
    table = dataset.table
    keep = pd.Series(True, index=table.index)
    with st.grid("auto", min_column_width=130, gap="xsmall"):
        patient = st.text_input("Patient contains", key="images.patient", placeholder="any")
        for column in filter_columns(dataset):
            values = table[column].where(table[column].notna(), NOT_GIVEN)
            chosen = st.multiselect(
                column.capitalize() if column in RESERVED_COLUMNS else column,
                sorted(values.unique()),
                key=f"images.filter.{column}",
                placeholder="any",
            )
            keep &= values.isin(chosen) if chosen else True
    if patient.strip():
        named = table["patient_id"].astype("string")
        keep &= named.str.contains(patient.strip(), case=False, regex=False).fillna(False)
    return table.loc[keep.astype(bool), "image_id"].tolist()


def filter_columns(dataset: FundusDataset) -> list[str]:
    """Returns the columns of labels, then split and eye, that have several values but not many."""
    labels = [name for target in dataset.targets for name in target.columns]
    candidates = dict.fromkeys([*labels, "split", "eye"])
    counts = {name: dataset.table[name].nunique(dropna=False) for name in candidates}
    return [name for name in candidates if 1 < counts[name] <= _MOST_VALUES]
