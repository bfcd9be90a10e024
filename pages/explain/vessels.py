"""What models mark in photographs - vessels, disc, lesions - and how well."""

import streamlit as st

from fundus_core.ui import messages, segmentation_caches, state, text, wiring
from fundus_core.ui.components import (
    damage_notice,
    job_progress,
    mark_panel,
    mark_picker,
    mark_scores,
    training_progress,
)
from fundus_core.ui.components.gallery import gallery, title_of
from fundus_core.ui.components.saliency_panel import photograph_alone
from fundus_core.ui.components.segmentation_form import segmentation_form

st.title("Vessels")
st.markdown(
    "Which pixels a model takes for vessels, for the optic disc or for lesions; where masks are "
    "known, how well it does, photograph by photograph and patient by patient."
)
summary = state.require_dataset()
messages.synthetic_banner(summary.synthetic)
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
titles = mark_picker.pick_models()
damage_notice.notice("segmenters")
models = tuple(titles)
truth = mark_picker.pick_truth(dataset, models)
view = mark_picker.pick_view(
    segmentation_caches.channel_names(models), has_truth=bool(truth.column)
)

image_id = mark_picker.pick_photograph(dataset)
row = dataset.table.set_index("image_id").loc[image_id]
st.subheader(text.escaped(title_of(row)))
alone, *places = st.columns(1 + len(models))
with alone:
    photograph_alone(row)
for place, model in zip(places, models, strict=True):
    with place:
        mark_panel.drawn(summary.id, model, image_id, truth, view, title=titles[model])
mark_panel.legend(view)
left, right = st.columns(2, gap="large")
with left:
    mark_panel.photograph_scores(summary.id, models, image_id, truth, view, titles=titles)
with right:
    mark_panel.measures(summary.id, models, image_id, view, titles)

training_progress.watch((mark_scores.COMMAND,))
job_progress.last_failure((mark_scores.COMMAND,))
mark_scores.scores(summary, models, truth, view, titles)

st.subheader("Train a model")
if truth.column:
    with st.expander("Network, weights, masks, training", icon=":material/tune:"):
        form = segmentation_form(truth, has_split=bool(dataset.table["split"].notna().any()))
        idle = not form.ready or wiring.read_only()
        if st.button("Train", type="primary", icon=":material/play_arrow:", disabled=idle):
            with messages.shown_to_user():
                form.submit(summary)
            st.rerun()
else:
    st.info("Choose the column of the true masks above: a network learns from them.")

st.subheader("Other photographs")
gallery(dataset, dataset.image_ids, key="vessels", per_page=24)
