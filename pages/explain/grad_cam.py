"""Where models looked in one photograph, side by side for the same class."""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import (
    cup_disc_panel,
    error_gallery,
    photograph_order,
    saliency_panel,
    saliency_words,
    zoom_panel,
)
from fundus_core.ui.components.gallery import gallery, title_of
from fundus_core.ui.components.model_trust_panel import model_trust_panel
from fundus_core.ui.components.nearest_cases import nearest_cases
from fundus_core.ui.components.run_picker import pick_runs
from fundus_core.ui.components.saliency_choice import pick_drawing

MODELS_SIDE_BY_SIDE = 4

st.title("Explain")
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
    scores = [wiring.predictions(run.id).binary(picked.scored_class) for run in picked.runs]
    shown = wiring.dataset(dataset.id)

image_id = saliency_panel.pick_photograph(shown, scores[0])
row = shown.table.set_index("image_id").loc[image_id]
drawing = pick_drawing(picked.runs, picked.class_name)

st.subheader(text.escaped(title_of(row)))
order = photograph_order.pick_order(len(picked.runs), key="grad_cam.order")
listed = photograph_order.in_order(order, scores, shown)
photograph_order.stepper(listed, image_id)
st.markdown(saliency_words.label_sentence(scores[0], image_id, picked.scored_label))
with st.container(horizontal=True, vertical_alignment="center"):
    measure = saliency_panel.test_button()
    together = zoom_panel.asked_for()
    with_ratio = cup_disc_panel.asked_for(picked.runs[0].target, picked.class_name)
if with_ratio:
    cup_disc_panel.shown(dataset.id, shown, image_id)
if together:
    zoom_panel.together(row, picked.runs, picked.names, picked.class_name, drawing)
with st.grid("auto", min_column_width=220, gap="medium"):
    if not together:
        with st.container():
            saliency_panel.photograph_alone(row)
    for run in picked.runs:
        with st.container():
            saliency_panel.explained(
                run,
                picked.names[run.id],
                row,
                picked.class_name,
                drawing,
                in_full=True,
                with_picture=not together,
                measure=measure,
            )
            with st.expander("Nearest labelled cases", icon=":material/hub:"):
                nearest_cases(dataset.id, shown, run, picked.scored_class, image_id)
st.caption(saliency_panel.HOW_TO_READ + saliency_panel.NOT_SHOWN)
model_trust_panel(picked, drawing)

st.subheader("Photographs in this order")
gallery(
    shown,
    listed,
    key="grad_cam",
    notes=error_gallery.notes(scores[0], set(listed)),
    per_page=24,
)
