"""All that is known of some models as one file to send; and a data set's results as another."""

import streamlit as st

from fundus_core.ui import messages, state
from fundus_core.ui.components import report_bundle, report_panel
from fundus_core.ui.components.run_picker import pick_runs

st.title("Report")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
picked = pick_runs(state.require_runs(minimum=1), all_classes=True)

report_panel.report_panel(picked, report_panel.pick_options(picked))
messages.cautions(picked.cautions)

st.subheader("Project bundle")
report_bundle.bundle_panel(dataset)
messages.next_step("pages/evaluate/compare.py", "Compare models", ":material/compare_arrows:")
