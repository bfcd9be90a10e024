"""What the demo shows on one page: what pre-training is worth, and where a model looks."""

import streamlit as st

from fundus_core.ui import messages, wiring
from fundus_core.ui.components import job_progress, map_panel, story_lesions, story_panel

st.title("The demo's story")
messages.synthetic_banner(True)
st.markdown(story_panel.QUESTION)
job_progress.watch(story_panel.COMMANDS)
job_progress.last_failure(("story",))

with messages.shown_to_user():
    story = wiring.story()
if story is None:
    story_panel.beginning()
    messages.next_step("pages/data/overview.py", "Open your own photographs", ":material/dataset:")
    st.stop()
story_panel.figures(story)

st.subheader("What the network sees, before anyone names a disease")
story_panel.maps(story)
st.caption(map_panel.WHAT_A_MAP_SHOWS)

st.subheader("What it can tell about patients it never saw")
curves, words = st.columns([3, 2], gap="large")
with curves:
    story_panel.curves(story)
with words:
    story_panel.contrasts(story)
    story_panel.fine_tuning_note(story)

st.subheader("Where it looks, and where the lesions are")
story_lesions.examples(story)
story_lesions.summary(story.lesions)

st.subheader("What this does not show")
st.markdown(story_panel.NOT_SHOWN)
messages.next_step("pages/about/methods.py", "How it is computed", ":material/menu_book:")

st.subheader("Go on")
story_panel.buttons(story)
messages.next_step("pages/data/overview.py", "Open your own photographs", ":material/dataset:")
