"""One photograph that belongs to no data set: how it is seen, and what every model says of it."""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import (
    one_photograph_input,
    one_photograph_models,
    one_photograph_panel,
    saliency_panel,
)
from fundus_core.ui.components.run_picker import pick_runs

MODELS_SIDE_BY_SIDE = 4

st.title("One photograph")
one_photograph_input.statement()
summary = state.require_dataset()
messages.synthetic_banner(summary.synthetic)
photo = one_photograph_input.hand_over()
if photo is None:
    st.info(
        "Hand over a photograph to see what the network is shown of it, how its quality compares "
        f"with {text.escaped(summary.name)}, and what the models of that data set say."
    )
    st.stop()

with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
    runs = wiring.runs(summary.id)
one_photograph_panel.known_already(photo, summary, dataset.image_ids)
st.subheader("How it is seen")
with messages.shown_to_user():
    one_photograph_panel.steps_panel(photo, runs[0] if runs else None)
st.subheader(f"Quality, among the photographs of {text.escaped(summary.name)}")
one_photograph_panel.quality_panel(photo, summary)
if not runs:
    st.info("No model was fitted on this data set yet, so none can say anything about it.")
    messages.next_step("pages/model/linear_probe.py", "Fit a model", ":material/linear_scale:")
    st.stop()

st.subheader("Is it like what the models were fitted on?")
distances = one_photograph_models.likeness_panel(photo, summary.id, runs)
st.subheader("What the models say")
if any(one.unlike for one in distances.values()):
    st.warning(
        "This photograph is unlike those that models were fitted on, see above: their "
        "probabilities rest on photographs of another kind.",
        icon=":material/warning:",
    )
if summary.synthetic:
    st.warning(
        "These models were fitted on photographs that a program drew. What they say of a real eye "
        "means nothing.",
        icon=":material/draw:",
    )
one_photograph_models.probabilities_panel(one_photograph_models.said_of(photo, runs))

st.subheader("Where they look, and what they find alike")
picked = pick_runs(
    saliency_panel.explainable(runs),
    most=MODELS_SIDE_BY_SIDE,
    aside=saliency_panel.unexplainable(runs),
)
one_photograph_models.looked_panel(photo, summary.id, dataset, picked.runs, picked.scored_class)
st.caption(saliency_panel.HOW_TO_READ + saliency_panel.NOT_SHOWN)
messages.cautions(picked.cautions)
