"""Thumbnails in a grid; a click on the name below one opens the photograph."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import ImageError
from fundus_core.ui import state, text, wiring

PER_PAGE = 48

Row = Mapping[Any, Any] | pd.Series
"""What a data set's table says of one photograph."""


def gallery(
    dataset: FundusDataset,
    image_ids: Sequence[str],
    *,
    key: str,
    notes: Mapping[str, str] | None = None,
    per_page: int = PER_PAGE,
    width: int = 120,
) -> None:
    """Draws one page of thumbnails with the pages' numbers below.

    Args:
        dataset: Where the photographs are listed.
        image_ids: What to show, in this order.
        key: Tells galleries on one page apart.
        notes: A few words under a thumbnail, by image id.
        per_page: Thumbnails on a page.
        width: Least width of a thumbnail, in pixels.
    """
    n_pages = max(1, -(-len(image_ids) // per_page))
    grid = st.container()
    page = st.pagination(n_pages, key=f"{key}.page.{n_pages}") if n_pages > 1 else 1
    shown = image_ids[(page - 1) * per_page : page * per_page]
    rows = dataset.table[dataset.table["image_id"].isin(shown)]
    by_id = {row["image_id"]: row for row in rows.to_dict("records")}
    with grid, st.grid("auto", min_column_width=width, gap="xsmall"):
        for image_id in shown:
            _cell(image_id, by_id[image_id], key, (notes or {}).get(image_id, ""))


def title_of(row: Row) -> str:
    """Returns a photograph's name on pages: patient and eye where known, else its file's."""
    patient, eye = row["patient_id"], row["eye"]
    if pd.isna(patient):
        return Path(str(row["path"])).stem
    return f"{patient} {eye}" if isinstance(eye, str) else str(patient)


def alt_of(row: Row) -> str:
    """Returns a photograph's description for screen readers."""
    return f"Fundus photograph, {title_of(row)}"


def _cell(image_id: str, row: Row, key: str, note: str) -> None:
    """Draws one thumbnail, or says that its file cannot be read any more."""
    with st.container(gap="xxsmall"):
        try:
            st.image(
                wiring.thumbnail_file(image_id, str(row["path"])), alt=alt_of(row), width="stretch"
            )
        except ImageError as error:
            st.caption(f":material/broken_image: {text.escaped(error.message)}")
        is_open = state.current().image_id == image_id
        st.button(
            text.escaped(title_of(row)),
            key=f"{key}.{image_id}",
            type="primary" if is_open else "tertiary",
            on_click=_open,
            args=(image_id,),
            width="stretch",
            help=note or None,
        )
        if note:
            st.caption(note)


def _open(image_id: str) -> None:
    state.choose(image_id=image_id)
