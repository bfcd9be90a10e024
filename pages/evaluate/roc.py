"""ROC curves of models, what one of them does at a threshold, and what its calls are worth."""

from dataclasses import replace

import streamlit as st

from fundus_core.ui import auc_caches, messages, operating_caches, state, text, wiring
from fundus_core.ui.components import class_panel, confusion_panel, roc_panel
from fundus_core.ui.components.areas_tabs import areas_tabs
from fundus_core.ui.components.hand_till_panel import hand_till_panel
from fundus_core.ui.components.level_menu import pick_level
from fundus_core.ui.components.operating_card import pick_model
from fundus_core.ui.components.operating_panel import operating_panel
from fundus_core.ui.components.run_picker import pick_runs
from fundus_core.ui.components.run_table import scores_sentence
from fundus_core.ui.glossary import help_for

st.title("ROC curves")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
picked = pick_runs(state.require_runs(minimum=1), all_classes=True)

if picked.all_classes:
    with messages.shown_to_user():
        model = pick_model(picked, "Curves of")
        curves, aucs = auc_caches.class_rocs(model.id)
    class_panel.class_curves(model, curves, aucs, picked)
    st.subheader("Areas under the curves", help=help_for("AUC"))
    st.markdown(f"{scores_sentence(model)} {text.interval_method(aucs.macro)}")
    class_panel.class_table(model, aucs, auc_caches.baseline_classes(model.id), picked)
    if model.target.task == "multiclass":
        st.subheader("What is taken for what")
        confused = operating_caches.confusion(model.id)
        confusion_panel.confusion_panel(confused, model, picked.names[model.id])
        st.subheader("Two classes at a time", help=help_for("Hand and Till's AUC"))
        hand_till_panel(model, picked)
    messages.cautions(picked.cautions)
    st.caption("Choose one class above for its band, a threshold and the most confident errors.")
    messages.next_step("pages/evaluate/compare.py", "Compare models", ":material/compare_arrows:")
    st.stop()

aggregate = pick_level(picked.runs)
with messages.shown_to_user():
    roc_panel.other_photographs_warning(picked)
    traces = {
        run.id: replace(
            operating_caches.roc(run.id, picked.class_name, aggregate), name=picked.names[run.id]
        )
        for run in picked.runs
    }
    model = pick_model(picked)
    baseline = operating_caches.baseline_roc(model.id, picked.class_name, aggregate)

operating_panel(wiring.dataset(dataset.id), picked, model, traces, baseline, aggregate)

areas_tabs([*traces.values(), *([baseline] if baseline else [])], model, picked, aggregate)
messages.cautions(picked.cautions)
