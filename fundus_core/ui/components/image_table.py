"""The photographs as rows of their table; rows that are not selected are grey."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from fundus_core.domain.dataset import FundusDataset
from fundus_core.ui import outside, selection_caches, state, text
from fundus_core.ui.components import downloads
from fundus_core.ui.glossary import column_help

MOST_ROWS = 2_000
"""Rows that a page draws; a filter brings others forward."""

SELECTED = "Selected"
MOST_STYLED = 200_000
"""Cells that are drawn in grey; Streamlit refuses styles of more than 262,144."""

_GREYS = {"light": "#68727A", "dark": "#8B979E"}
"""Grey text with a contrast of 4.5 : 1 on the tables of each theme: no one grey has both."""


def image_table(dataset: FundusDataset, image_ids: Sequence[str]) -> None:
    """Draws the rows of photographs, and a button that selects those that were marked.

    Args:
        dataset: Where they are listed.
        image_ids: What to show, in this order.
    """
    shown = list(image_ids[:MOST_ROWS])
    if len(shown) < len(image_ids):
        st.caption(
            f":material/info: The first {len(shown):,} of {len(image_ids):,} rows; the download "
            "has all."
        )
    members = selection_caches.chosen().members
    rows = dataset.table.set_index("image_id", drop=False).loc[shown].reset_index(drop=True)
    event = st.dataframe(
        greyed(rows, rows["image_id"], members),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"images.table.{state.current().selection_count}",
        column_order=[*([SELECTED] if members else []), *_order(dataset)],
        column_config=column_help(rows),
        alt=f"Table of {text.count(len(shown), 'photograph')}",
    )
    marked = [shown[row] for row in event["selection"]["rows"]]
    st.button(
        f"Select the {text.count(len(marked), 'marked row')}" if marked else "Select marked rows",
        key="images_select_rows",
        icon=":material/select_all:",
        disabled=not marked,
        on_click=outside.callback(state.select),
        args=(tuple(marked), "rows of the table"),
    )
    everything = dataset.table.set_index("image_id", drop=False).loc[list(image_ids)]
    downloads.table(
        everything[_order(dataset)],
        name="photographs",
        caption=f"{text.count(len(image_ids), 'photograph')} of {dataset.name}.",
        methods="As the data set's table describes them.",
        cautions=downloads.of_dataset(),
    )


def greyed(
    rows: pd.DataFrame, image_ids: Iterable[str], selected: Collection[str]
) -> pd.DataFrame | Styler:
    """Returns rows of photographs with a column that names the selected ones, the others in grey.

    Args:
        rows: N rows; what is greyed is said in words as well, and of very many in words alone.
        image_ids: The N photographs that they are of.
        selected: Ids; where there is none, the rows are returned as they are.
    """
    if not selected:
        return rows
    members = set(selected)
    is_selected = np.fromiter((one in members for one in image_ids), bool, len(rows))
    marked = rows.assign(**{SELECTED: np.where(is_selected, "selected", "")})
    if marked.size > MOST_STYLED:
        return marked
    grey = pd.DataFrame("", index=marked.index, columns=marked.columns)
    grey[~is_selected] = f"color: {_GREYS[st.context.theme.type or 'light']}"
    return marked.style.apply(lambda _: grey, axis=None)


def _order(dataset: FundusDataset) -> list[str]:
    """Returns the columns as a reader wants them: who, then the labels, then all others."""
    labels = [name for target in dataset.targets for name in target.columns]
    first = ["patient_id", "eye", "split", *labels]
    return list(dict.fromkeys([*first, *dataset.table.columns]))
