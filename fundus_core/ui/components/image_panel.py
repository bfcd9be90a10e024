"""One photograph: the picture, what is known of it, what the network is shown of it."""

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import ImageError
from fundus_core.ui import messages, outside, picture_caches, state, text, wiring
from fundus_core.ui.components import selection_bar
from fundus_core.ui.components.gallery import alt_of, gallery, title_of
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.models.run_record import Run

PREVIEW_SIDE = 512


Row = pd.Series
"""One row of a data set's table; its name is the image id."""


def row_of(dataset: FundusDataset, image_id: str) -> Row | None:
    """Returns what is known of a photograph; None where the data set does not hold it."""
    found = dataset.table[dataset.table["image_id"] == image_id]
    return found.iloc[0].rename(image_id) if len(found) else None


def header(row: Row) -> None:
    """Draws the photograph's name, and buttons that select and that close it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text.escaped(title_of(row)), width="content")
        selection_bar.toggle(str(row.name))
        st.button(
            "Close",
            key="panel.close",
            icon=":material/close:",
            type="tertiary",
            on_click=outside.callback(state.choose),
            kwargs={"image_id": ""},
        )


def photograph(row: Row, *, max_side: int = 1024) -> None:
    """Draws a photograph, or says that its file is gone, or holds another one by now."""
    try:
        pixels = picture_caches.photograph(str(row.name), str(row["path"]), max_side=max_side)
    except ImageError as error:
        messages.show_error(error)
        return
    st.image(pixels, alt=alt_of(row), width="stretch", output_format="JPEG")


def facts(row: Row) -> None:
    """Draws what the table says of a photograph."""
    shown = {name: text.shown(value) for name, value in row.items() if name != "image_id"}
    table = pd.DataFrame({"column": list(shown), "value": list(shown.values())})
    st.dataframe(table, hide_index=True, width="stretch", alt=f"What is known of {title_of(row)}")


def preprocessing_choice(*, key: str) -> PreprocessRecipe:
    """Draws the switches of the preprocessing and returns what they ask for."""
    with st.container(horizontal=True):
        crop = st.toggle(
            "Crop to the field of view",
            value=True,
            key=f"{key}.crop",
            help="Cuts the black border off, then pads the shorter side to a square.",
        )
        clahe = st.toggle(
            "CLAHE",
            key=f"{key}.clahe",
            help="Equalises the local contrast of the lightness channel (Zuiderveld 1994).",
        )
        ben_graham = st.toggle(
            "Ben Graham",
            key=f"{key}.ben_graham",
            help="Subtracts the local mean colour, as the winner of the 2015 Kaggle contest on "
            "diabetic retinopathy did.",
        )
    return PreprocessRecipe(crop=crop, clahe=clahe, ben_graham=ben_graham)


def as_the_network_sees_it(row: Row, recipe: PreprocessRecipe, side: int) -> None:
    """Draws the square a network is shown, before its colours are normalised."""
    try:
        pixels = picture_caches.prepared(str(row.name), str(row["path"]), recipe, side)
    except ImageError as error:
        messages.show_error(error)
        return
    st.image(
        pixels,
        alt=f"{alt_of(row)}, as a network of {side} px sees it",
        width="stretch",
        output_format="PNG",
    )


def neighbours(dataset: FundusDataset, summary: EmbeddingSummary, image_id: str) -> None:
    """Draws the photographs that a backbone finds most alike."""
    st.markdown(f"**Most alike for {text.escaped(summary.label)}**")
    found = wiring.neighbours(state.require_dataset().id, summary.fingerprint, image_id)
    if found is None:
        st.caption("This photograph has no embedding by this backbone.")
        return
    notes = {near.image_id: f"cosine {near.cosine:.2f}" for near in found}
    gallery(dataset, list(notes), key=f"near.{summary.fingerprint}", notes=notes, width=90)


def prediction(run: Run, image_id: str) -> None:
    """Says what a run predicted for a photograph while it was held out."""
    held_out = wiring.predictions(run.id)
    if image_id not in held_out.image_ids:
        st.caption(f"{text.escaped(run.label)} has no prediction for this photograph.")
        return
    row = held_out.image_ids.index(image_id)
    scores = pd.DataFrame(
        {
            "class": list(held_out.class_names),
            "score": held_out.y_score[row],
            "labelled": ["yes" if label else "no" for label in held_out.y_true[row]],
        }
    )
    st.markdown(f"**{text.escaped(run.label)}** on {text.escaped(run.target.name)}, held out")
    st.dataframe(
        scores,
        hide_index=True,
        column_config={
            "score": st.column_config.ProgressColumn(format="%.3f", min_value=0.0, max_value=1.0)
        },
        alt="Held-out scores of this photograph",
    )
