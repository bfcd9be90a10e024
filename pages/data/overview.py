"""The data set: what it holds, what was left out, and what to know before trusting a number."""

import streamlit as st

from fundus_core.ui import dataset_caches, messages, state, text, wiring
from fundus_core.ui.components import (
    damage_notice,
    dataset_facts,
    examples,
    job_progress,
    open_dataset,
)

st.title("Overview")
state.open_awaited()
job_progress.watch(open_dataset.COMMANDS)
job_progress.last_failure(open_dataset.COMMANDS)

if not wiring.datasets():
    st.markdown(
        "Which backbone should I trust on my photographs, where does it look, and is the "
        "difference real, per patient? Start with a data set."
    )
    damage_notice.notice()
    open_dataset.cards()
    st.stop()

summary = state.require_dataset()
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)

messages.synthetic_banner(dataset.synthetic)
st.markdown(f"**{text.escaped(dataset.name)}**, read from {text.code(dataset.source)}")
dataset_facts.figures(dataset)
examples.examples(dataset)
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown("**Next:**", width="content")
    messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")
    messages.next_step("pages/data/images.py", "Browse the photographs", ":material/image:")
damage_notice.notice()
messages.cautions(dataset_caches.cautions(summary.id))
dataset_facts.classes(dataset)
dataset_facts.rejected(dataset)
with st.expander("Open another data set", icon=":material/folder_open:"):
    open_dataset.cards()
