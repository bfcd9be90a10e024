"""Choose backbones and make embeddings of the data set, or see which are stored."""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import backbone_picker, embedding_list, image_panel, job_progress

st.title("Extract embeddings")
summary = state.require_dataset()
with messages.shown_to_user():
    stored = wiring.embeddings_list(summary.id)
messages.synthetic_banner(summary.synthetic)
st.markdown(
    f"A backbone turns each of the {text.count(summary.n_images, 'photograph')} of "
    f"**{text.escaped(summary.name)}** into a list of numbers, once; maps and probes work on those"
    ". Only photographs that have none yet are computed."
)
job_progress.watch(["embed"])
job_progress.last_failure(["embed"])

st.subheader("Backbones")
chosen = [*backbone_picker.backbone_table(), *backbone_picker.other_backbones()]
left, right = st.columns(2, gap="large")
with left:
    weights = backbone_picker.weights_choice(chosen)
    image_size = backbone_picker.image_size_choice()
with right:
    st.caption("Preprocessing, before the resize")
    recipe = image_panel.preprocessing_choice(key="extract")
backbone_picker.missing_weights(chosen, weights)

jobs = [backbone_picker.extraction(name, weights, image_size, recipe) for name in chosen]
st.button(
    f"Extract with {text.count(len(chosen), 'backbone')}" if chosen else "Choose a backbone first",
    key="extract.start",
    type="primary",
    icon=":material/play_arrow:",
    disabled=not backbone_picker.is_ready(chosen, weights),
    on_click=backbone_picker.start,
    args=(summary.source, jobs),
)

st.subheader("Stored embeddings of this data set")
if not stored:
    st.info("None yet. Choose a backbone in the table above and press the button.")
    st.stop()
embedding_list.table(stored)
messages.next_step("pages/embed/map.py", "Look at the map", ":material/bubble_chart:")
messages.next_step("pages/model/linear_probe.py", "Fit a linear probe", ":material/linear_scale:")
