"""Are models different on the same photographs, per patient?"""

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import comparison_panel
from fundus_core.ui.components.run_picker import pick_runs

st.title("Compare models")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
picked = pick_runs(state.require_runs(minimum=2), minimum=2)
common = st.toggle(
    "Compare on the common photographs only",
    help="Models that scored different photographs are refused otherwise.",
)

with messages.shown_to_user():
    comparison = wiring.comparison(
        [run.id for run in picked.runs], picked.class_name, common=common
    )

st.subheader(f"AUC for {text.escaped(picked.class_label)}")
comparison_panel.comparison_panel(comparison, picked)
messages.cautions(comparison_panel.cautions(comparison, picked))
messages.next_step("pages/evaluate/roc.py", "See the ROC curves", ":material/show_chart:")
