"""Where models looked in one photograph, side by side for the same class."""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import error_gallery, saliency_panel
from fundus_core.ui.components.gallery import gallery, title_of
from fundus_core.ui.components.run_picker import pick_runs

MODELS_SIDE_BY_SIDE = 2

st.title("Grad-CAM")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
runs = state.require_runs()
picked = pick_runs(
    saliency_panel.explainable(runs),
    most=MODELS_SIDE_BY_SIDE,
    both_classes=True,
    aside=saliency_panel.unexplainable(runs),
)
with messages.shown_to_user():
    predictions = wiring.predictions(picked.runs[0].id).binary(picked.scored_class)
    shown = wiring.dataset(dataset.id)

image_id = saliency_panel.pick_photograph(shown, predictions)
row = shown.table.set_index("image_id").loc[image_id]
method, opacity = saliency_panel.pick_drawing()

st.subheader(text.escaped(title_of(row)))
st.markdown(saliency_panel.label_sentence(predictions, image_id, picked.scored_label))
alone, *places = st.columns(1 + len(picked.runs))
with alone:
    saliency_panel.photograph_alone(row)
for place, run in zip(places, picked.runs, strict=True):
    with place:
        saliency_panel.explained(
            run, picked.names[run.id], row, picked.class_name, method=method, opacity=opacity
        )
st.caption(saliency_panel.HOW_TO_READ + saliency_panel.NOT_SHOWN)

st.subheader("Other photographs")
order = st.segmented_control(
    "Order",
    list(error_gallery.ORDERS),
    format_func=error_gallery.ORDERS.__getitem__,
    default="errors",
    required=True,
    label_visibility="collapsed",
    key="grad_cam.order",
)
gallery(
    shown,
    error_gallery.still_listed(
        error_gallery.ordered(predictions, order, state.current().selection), shown
    ),
    key="grad_cam",
    notes=error_gallery.notes(predictions),
    per_page=24,
)
