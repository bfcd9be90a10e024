"""Are models different on the same photographs, per patient?"""

import streamlit as st

from fundus_core.ui import auc_caches, messages, state, text, wiring
from fundus_core.ui.components import (
    class_comparison_panel,
    comparison_panel,
    errors_that_differ,
)
from fundus_core.ui.components.level_menu import pick_level
from fundus_core.ui.components.non_inferiority_panel import non_inferiority_panel
from fundus_core.ui.components.other_tests_panel import other_tests_panel
from fundus_core.ui.components.power_panel import power_panel
from fundus_core.ui.components.run_picker import pick_runs
from fundus_core.ui.glossary import help_for

st.title("Compare models")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
picked = pick_runs(state.require_runs(minimum=2), minimum=2, all_classes=True)
common = st.toggle(
    "Compare on the common photographs only",
    help="Models that scored different photographs are refused otherwise.",
)

run_ids = [run.id for run in picked.runs]

if picked.all_classes:
    with messages.shown_to_user():
        of_classes = auc_caches.class_comparison(run_ids, common=common)
    st.subheader("AUC for each class", help=help_for("AUC"))
    class_comparison_panel.class_comparison_panel(of_classes, picked)
    messages.cautions(picked.cautions_with(of_classes.cautions))
else:
    aggregate = pick_level(picked.runs)
    with messages.shown_to_user():
        comparison = auc_caches.comparison(
            run_ids, picked.class_name, common=common, aggregate=aggregate
        )
    st.subheader(f"AUC for {text.escaped(picked.class_label)}", help=help_for("AUC"))
    comparison_panel.comparison_panel(comparison, picked)
    errors_that_differ.errors_that_differ(picked, wiring.dataset(dataset.id), common=common)
    if not comparison.untested:
        non_inferiority_panel(comparison, picked)
        power_panel(comparison, picked)
        other_tests_panel(picked, common=common)
    messages.cautions(picked.cautions_with(comparison.cautions))
messages.next_step("pages/evaluate/roc.py", "See the ROC curves", ":material/show_chart:")
