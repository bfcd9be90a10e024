"""Do the backbones of a data set agree on which photographs are alike, and where do they not?"""

import streamlit as st

from fundus_core.ui import agreement_caches, messages, state, wiring
from fundus_core.ui.components import (
    agreement_panel,
    aligned_maps,
    job_progress,
    map_colours,
    map_panel,
)
from fundus_core.workflows.embeddings.agreement import FEWEST_EMBEDDINGS

st.title("Agreement of backbones")
summary = state.require_dataset()
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
    stored = wiring.embeddings_list(summary.id)
messages.synthetic_banner(summary.synthetic)
if len(stored) < FEWEST_EMBEDDINGS:
    st.info(
        "Agreement is between backbones: extract embeddings of at least two, on the **Extract** "
        "page."
    )
    messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")
    st.stop()

asked = agreement_panel.pick(summary.id, dataset, stored)
with messages.shown_to_user():
    found = agreement_caches.agreement(asked)
agreement_panel.matrices(found)
messages.cautions(found.cautions)

st.subheader("Two backbones side by side")
left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    two = aligned_maps.pick_two(found, stored)
with right:
    method = map_panel.pick_method()
colours = map_colours.pick_colours(summary.id, wiring.runs(summary.id))
job_progress.watch(["project"])
job_progress.last_failure(["project"])
with messages.shown_to_user():
    opened = aligned_maps.near(asked, two)
    aligned_maps.maps(summary, found, two, method, colours, opened)
aligned_maps.opened_photograph(dataset, found, two, opened)

st.subheader("Where they disagree")
aligned_maps.photographs(dataset, found, two)
