"""Thumbnails in a grid; a click on the name below one opens the photograph.

Where photographs are selected, the others are dimmed and the selected ones say so: never by look
alone. None is hidden unless the reader asks for the selected ones only.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import ImageError
from fundus_core.ui import outside, picture_caches, selection_caches, state, text
from fundus_core.ui.selection_caches import NOTHING, Chosen

PER_PAGE = 48

SELECTED = ":material/check_box: selected"
"""What stands under a thumbnail of the selection."""

_DIMMED = "dimmed"
_STYLE = f"<style>[class*='st-key-{_DIMMED}-'] img {{opacity: 0.35; filter: grayscale(1)}}</style>"

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
    chosen = selection_caches.chosen()
    if chosen and all(image_id in chosen.members for image_id in image_ids):
        chosen = NOTHING  # a gallery of the selection itself has nothing to tell apart
    if chosen:
        st.html(_STYLE)
        if len(image_ids) > per_page or state.current().only:
            image_ids = _only_selected(image_ids, chosen, key)
    n_pages = max(1, -(-len(image_ids) // per_page))
    grid = st.container()
    page = st.pagination(n_pages, key=f"{key}.page.{n_pages}") if n_pages > 1 else 1
    shown = image_ids[(page - 1) * per_page : page * per_page]
    rows = dataset.table[dataset.table["image_id"].isin(shown)]
    by_id = {row["image_id"]: row for row in rows.to_dict("records")}
    with grid, st.grid("auto", min_column_width=width, gap="xsmall"):
        for image_id in shown:
            note = (notes or {}).get(image_id, "")
            _cell(image_id, by_id[image_id], key, note, chosen)


def title_of(row: Row) -> str:
    """Returns a photograph's name on pages: patient and eye where known, else its file's."""
    patient, eye = row["patient_id"], row["eye"]
    if pd.isna(patient):
        return Path(str(row["path"])).stem
    return f"{patient} {eye}" if isinstance(eye, str) else str(patient)


def alt_of(row: Row) -> str:
    """Returns a photograph's description for screen readers."""
    return f"Fundus photograph, {title_of(row)}"


def _only_selected(image_ids: Sequence[str], chosen: Chosen, key: str) -> Sequence[str]:
    """Draws the switch that hides what is not selected, and returns what is left."""
    selected = [image_id for image_id in image_ids if image_id in chosen.members]
    bound = state.bound("only", key=f"{key}.only")
    only = st.segmented_control(
        "Show",
        ["", "selection"],
        format_func=lambda one: (
            f"Only the selected ({len(selected):,})" if one else f"All ({len(image_ids):,})"
        ),
        required=True,
        wrap=True,
        label_visibility="collapsed",
        **bound,
    )
    if only and not selected:
        st.info("None of these photographs is selected. Show all of them, or select others.")
    return selected if only else image_ids


def _cell(image_id: str, row: Row, key: str, note: str, chosen: Chosen) -> None:
    """Draws one thumbnail, or says that its file cannot be read any more."""
    is_selected = image_id in chosen.members
    cell = f"{_DIMMED}.{key}.{image_id}" if chosen and not is_selected else None
    with st.container(gap="xxsmall", key=cell):
        try:
            st.image(
                picture_caches.thumbnail_file(image_id, str(row["path"])),
                alt=alt_of(row) + (", selected" if is_selected else ""),
                width="stretch",
            )
        except ImageError as error:
            st.caption(f":material/broken_image: {text.escaped(error.message)}")
        is_open = state.current().image_id == image_id
        st.button(
            text.escaped(title_of(row)),
            key=f"{key}.{image_id}",
            type="primary" if is_open else "tertiary",
            on_click=outside.callback(_open),
            args=(image_id,),
            width="stretch",
            help=note or None,
        )
        if is_selected:
            st.caption(SELECTED)
        if note:
            st.caption(note)


def _open(image_id: str) -> None:
    state.choose(image_id=image_id)
