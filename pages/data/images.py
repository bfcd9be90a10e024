"""Browse and search the photographs, and see one as the network sees it."""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import (
    gallery,
    image_filter,
    image_panel,
    image_search,
    image_table,
)

VIEWS = ("Photographs", "Table")

st.title("Images")
summary = state.require_dataset()
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
messages.synthetic_banner(dataset.synthetic)

filtered = image_filter.image_filter(dataset)
chosen = filtered.image_ids
found = image_search.ranking(summary, chosen)
n_found, notes = len(chosen), None
if found is not None:
    chosen, notes = list(found.notes), found.notes
with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
    st.caption(f"{text.count(n_found, 'photograph')} of {len(dataset):,}")
    image_search.selecting(len(dataset), chosen, found, filtered.asked)
    view = st.segmented_control(
        "View",
        VIEWS,
        default=VIEWS[0],
        required=True,
        wrap=True,
        label_visibility="collapsed",
        key="images.view",
        persist_state="session",
    )
if not n_found:
    st.info("No photograph matches these filters; remove one of them.")
    st.stop()
if view == "Table":
    image_table.image_table(dataset, chosen)
    st.stop()

open_id = state.current().image_id
row = image_panel.row_of(dataset, open_id) if open_id else None
if open_id and row is None:
    st.warning(f"The address names photograph {text.code(open_id)}, which is not in this data set.")
if row is None:
    gallery.gallery(dataset, chosen, key="images", notes=notes)
    st.stop()

many, one = st.columns([2, 3], gap="large")
with many:
    gallery.gallery(dataset, chosen, key="images", notes=notes, width=70, per_page=18)
with one:
    image_panel.header(row)
    shown, prepared = st.columns(2)
    with shown:
        st.caption("The photograph")
        image_panel.photograph(row)
    with prepared:
        st.caption("As the network sees it")
        picture = st.container()
        recipe = image_panel.preprocessing_choice(key="images")
        side = st.select_slider("Input size, px", [128, 224, 384, 512, 768], 224, key="images.side")
        with picture:
            image_panel.as_the_network_sees_it(row, recipe, side)
    image_panel.facts(row)
