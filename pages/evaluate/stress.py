"""Where a model fails: groups of photographs, and what it might have learned instead."""

import streamlit as st

from fundus_core.ui import messages, state
from fundus_core.ui.components.label_review_panel import label_review_panel
from fundus_core.ui.components.operating_card import pick_model
from fundus_core.ui.components.run_picker import pick_runs
from fundus_core.ui.components.shortcut_panel import shortcut_panel
from fundus_core.ui.components.subgroup_panel import subgroup_panel

PANELS = {
    "Subgroups": subgroup_panel,
    "Shortcuts": shortcut_panel,
    "Labels": label_review_panel,
}

st.title("Stress tests")
st.markdown(
    "An AUC over all photographs can hide a group in which the model fails, and can come from "
    "something that is no sign of disease."
)
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
picked = pick_runs(state.require_runs(minimum=1))
model = pick_model(picked, "Model under stress")

tabs = st.tabs(list(PANELS), key="stress.tab", on_change="rerun")
for tab, panel in zip(tabs, PANELS.values(), strict=True):
    if tab.open:
        with tab:
            panel(model, picked)

messages.cautions(picked.cautions)
