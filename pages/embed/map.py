"""Maps of the data set by one or two backbones; select photographs on them and look at each."""

import streamlit as st

from fundus_core.ui import messages, state, wiring
from fundus_core.ui.components import image_inspector, job_progress, map_colours, map_panel
from fundus_core.ui.components.gallery import gallery
from fundus_core.workflows.labels import distinct_labels

st.title("Map")
summary = state.require_dataset()
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
    stored = wiring.embeddings_list(summary.id)
messages.synthetic_banner(summary.synthetic)
if not stored:
    st.info("A map needs embeddings: extract some first, on the **Extract** page.")
    messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")
    st.stop()

left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    shown = map_panel.pick_backbones(stored)
with right:
    method = map_panel.pick_method()
choice = map_colours.pick_colours(dataset, wiring.runs(summary.id))
job_progress.watch(["project"])
job_progress.last_failure(["project"])

labels = distinct_labels([one.recipe for one in stored])
for place, one in zip(st.columns(len(shown)), shown, strict=True):
    with place:
        map_panel.map_of(
            summary, one, method, choice, label=labels[one.fingerprint], n_maps=len(shown)
        )
st.caption(map_panel.WHAT_A_MAP_SHOWS)

selection = map_panel.known_selection(dataset)
is_open = bool(state.current().image_id)
if not selection and not is_open:
    st.info("Draw a lasso or a box on a map to see its photographs, or click one point.")
if selection:
    map_panel.selection_bar(len(selection))
gallery_place, inspector_place = (
    st.columns([2, 3], gap="large") if selection and is_open else (st.container(), st.container())
)
with gallery_place:
    if selection:
        gallery(dataset, selection, key="map", per_page=24, width=90)
with inspector_place:
    image_inspector.inspector(dataset, shown, choice)
