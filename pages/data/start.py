"""The opening page: three doors, a tour, and questions that one click turns into a study."""

import streamlit as st

from fundus_core.ui import messages, state, wiring
from fundus_core.ui.components import doors, job_progress, open_dataset, question_studies, tour
from fundus_core.ui.glossary import terms

st.title("Fundus Explorer")
st.markdown(
    "Which backbone should I trust on my photographs, where does it look, and is the difference "
    "real, per patient?"
)
state.open_awaited()
job_progress.watch(open_dataset.COMMANDS)
job_progress.last_failure(open_dataset.COMMANDS)

known = {summary.id: summary for summary in wiring.datasets()}
dataset = state.require_dataset() if known else None
if dataset is not None:
    messages.synthetic_banner(dataset.synthetic)
doors.doors(dataset)
with st.container(horizontal=True, vertical_alignment="center"):
    tour.offer()
    messages.next_step(
        "pages/data/overview.py", "Open photographs of your own", ":material/folder_open:"
    )

st.subheader("Ask a question")
question_studies.question_studies(dataset)

with st.expander("What the words mean", icon=":material/dictionary:"):
    st.dataframe(
        {"Word": list(terms()), "Means": list(terms().values())},
        hide_index=True,
        width="stretch",
        alt="The glossary: every word of these pages with what it means.",
    )
