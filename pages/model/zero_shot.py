"""Scores photographs by what is said of each class, and lists what words alone reached."""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import job_progress
from fundus_core.ui.components.run_table import models_or_stop
from fundus_core.ui.components.zero_shot_form import zero_shot_form

st.title("Zero-shot")
st.markdown(
    "How much words alone can tell: each class is described, a text tower reads the descriptions, "
    "and a photograph belongs to the class whose words its embedding is nearest to. Nothing is "
    "learned from the photographs, so all of them test it."
)
summary = state.require_dataset()
messages.synthetic_banner(summary.synthetic)
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)

if not dataset.targets:
    st.info("This data set has no target column, so there is nothing to ask.")
    messages.next_step("pages/data/overview.py", "Choose its columns", ":material/dataset:")
else:
    form = zero_shot_form(dataset)
    label = f"Ask {text.count(len(form.backbones), 'backbone')}"
    idle = not form.ready or wiring.read_only()
    if st.button(label, type="primary", icon=":material/play_arrow:", disabled=idle):
        with messages.shown_to_user():
            form.submit(summary)
job_progress.watch(("zero-shot",))
job_progress.last_failure(("zero-shot",))

models_or_stop(
    summary.id,
    "Models from words alone",
    "None yet. Results appear here, and beside those of probes, when a job ends.",
    kind="zero_shot",
)
st.caption(
    ":material/info: Scores are a softmax with the scale the network was trained with: they rank "
    "photographs and are not calibrated, so 0.5 is no threshold. Other words give other figures; "
    "words chosen by their figures on these photographs flatter themselves."
)
left, right = st.columns(2)
with left:
    messages.next_step("pages/evaluate/roc.py", "ROC curves", ":material/show_chart:")
with right:
    messages.next_step("pages/evaluate/compare.py", "Compare with probes", ":material/balance:")
