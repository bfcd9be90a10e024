"""Maps of the data set by one or two backbones; select photographs on them and look at each."""

import streamlit as st

from fundus_core.ui import messages, selection_caches, state, wiring
from fundus_core.ui.components import (
    damage_notice,
    image_inspector,
    job_progress,
    map_colours,
    map_panel,
    neighbour_groups,
)
from fundus_core.ui.components.gallery import gallery
from fundus_core.workflows.weights.labels import distinct_labels

st.title("Map")
summary = state.require_dataset()
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
    stored = wiring.embeddings_list(summary.id)
messages.synthetic_banner(summary.synthetic)
if not stored:
    damage_notice.notice("embeddings")
    st.info("A map needs embeddings: extract some first, on the **Extract** page.")
    messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")
    st.stop()

left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    shown = map_panel.pick_backbones(stored)
with right:
    method = map_panel.pick_method()
choice = map_colours.pick_colours(summary.id, wiring.runs(summary.id))
job_progress.watch(["project"])
job_progress.last_failure(["project"])

labels = distinct_labels([one.recipe for one in stored])
laid_over = map_panel.pick_laid_over(len(shown))
with messages.shown_to_user():
    both = neighbour_groups.of_open(summary.id, shown)
for number, (place, one) in enumerate(zip(st.columns(len(shown)), shown, strict=True)):
    with place:
        map_panel.map_of(
            summary,
            one,
            method,
            choice,
            label=labels[one.fingerprint],
            n_maps=len(shown),
            onto=shown[0].fingerprint if laid_over and number else "",
            groups=neighbour_groups.on_maps(both),
        )
damage_notice.notice("embeddings", "projections")
st.caption(map_panel.WHAT_A_MAP_SHOWS)

chosen = selection_caches.chosen()
is_open = bool(state.current().image_id)
if not chosen and not is_open:
    st.info("Draw a lasso or a box on a map to see its photographs, or click one point.")
if chosen:
    map_panel.selected_heading(len(chosen.image_ids))
gallery_place, inspector_place = (
    st.columns([2, 3], gap="large") if chosen and is_open else (st.container(), st.container())
)
with gallery_place:
    if chosen:
        gallery(dataset, chosen.image_ids, key="map", per_page=24, width=90)
with inspector_place:
    image_inspector.inspector(dataset, shown, choice, both)
