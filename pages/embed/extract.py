"""Choose backbones and make embeddings of the data set, or see which are stored."""

import streamlit as st

from fundus_core.ui import messages, outside, state, text, wiring
from fundus_core.ui.components import (
    backbone_picker,
    block_picker,
    damage_notice,
    embedding_list,
    image_panel,
    job_progress,
)
from fundus_core.ui.components.backbone_table import backbone_table
from fundus_core.ui.components.weights_fetch import missing_weights
from fundus_core.ui.glossary import help_for

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
job_progress.watch(["embed", "embed-grid", "backbones"])
job_progress.last_failure(["embed", "embed-grid", "backbones"])

st.subheader("Backbones", help=help_for("backbone"))
chosen = list(dict.fromkeys([*backbone_table(), *backbone_picker.other_backbones()]))
left, right = st.columns(2, gap="large")
with left:
    weights = backbone_picker.weights_choice(chosen)
    sizes = backbone_picker.image_sizes_choice(chosen)
with right:
    st.caption("Preprocessing, before the resize")
    recipe = image_panel.preprocessing_choice(key="extract")
    fit = backbone_picker.fit_choice()
pooled = backbone_picker.poolings_choice(chosen)
pooled += block_picker.earlier_blocks_choice(chosen)
missing_weights(chosen, weights, key="extract")

extraction = backbone_picker.Extraction(tuple(pooled), sizes or (), weights, recipe, fit)
if extraction.count > 1:
    st.caption(f"{text.count(extraction.count, 'embedding')} of each photograph, in one job.")
st.button(
    f"Extract with {text.count(len(chosen), 'backbone')}" if chosen else "Choose a backbone first",
    key="extract.start",
    type="primary",
    icon=":material/play_arrow:",
    disabled=wiring.read_only() or sizes is None or not backbone_picker.is_ready(chosen, weights),
    on_click=outside.callback(extraction.submit),
    args=(summary.source,),
)

st.subheader("Stored embeddings of this data set", help=help_for("embedding"))
damage_notice.notice("embeddings")
if not stored:
    st.info("None yet. Choose a backbone in the table above and press the button.")
    st.stop()
embedding_list.table(stored)
messages.next_step("pages/embed/map.py", "Look at the map", ":material/bubble_chart:")
messages.next_step("pages/model/linear_probe.py", "Fit a linear probe", ":material/linear_scale:")
