"""Are predicted probabilities what they claim to be, and what is acting on them worth?"""

import streamlit as st

from fundus_core.ui import calibration_caches, messages, state, text
from fundus_core.ui.components import calibration_panel as panel
from fundus_core.ui.components import calibration_words as words
from fundus_core.ui.components import decision_curve_panel, recalibration_panel
from fundus_core.ui.components.run_picker import pick_runs
from fundus_core.ui.components.run_table import scores_sentence
from fundus_core.ui.glossary import help_for

st.title("Calibration and decision curves")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
st.markdown(words.INTRODUCTION)
picked = pick_runs(state.require_runs(minimum=1), all_classes=True)
choice = panel.pick(with_prevalence=not picked.all_classes)
found = panel.calibrations(picked, choice)
target = picked.runs[0].target
by_id = {run.id: run for run in picked.runs}

if picked.all_classes:
    model = panel.pick_model(found, picked.names)
    st.subheader(f"Each class of {text.escaped(picked.names[model])}")
    st.markdown(scores_sentence(by_id[model]))
    labels = {name: text.class_label(target, name) for name in target.scored_classes}
    panel.classes(found[model], labels, picked.cautions)
    messages.cautions(picked.cautions_with(found[model].cautions))
    st.caption("Choose one class above for its curve, recalibration and the decision curve.")
    st.stop()

st.subheader(
    f"Predicted against observed: {text.escaped(picked.scored_label)}",
    help=help_for("reliability curve"),
)
drawing_place, card_place = st.columns([3, 2], gap="large")
with card_place:
    model = panel.pick_model(found, picked.names)
    panel.card(found[model], picked.scored_label)
cautions = picked.cautions_with(found[model].cautions)
with drawing_place:
    panel.reliability(found, picked.names, model, picked.scored_label, cautions)
st.markdown(scores_sentence(by_id[model]))
panel.figures(found, picked.names, cautions)
messages.cautions(cautions)

st.subheader(f"What recalibration would do to {text.escaped(picked.names[model])}")
method = recalibration_panel.pick_method()
recalibration_panel.before_and_after(
    model, picked.scored_class, picked.scored_label, choice, method, picked.cautions
)

st.subheader("Decision curve", help=help_for("decision curve"))
st.markdown(decision_curve_panel.INTRODUCTION)
left, right = st.columns(2)
after = left.toggle(
    "Use the recalibrated scores", key="calibration.decide_after", help=help_for("recalibration")
)
common = right.toggle("Use the common photographs only", key="calibration.common")
with messages.shown_to_user():
    decisions = calibration_caches.decisions(
        list(found),
        picked.scored_class,
        prevalence=choice.prevalence,
        recalibration=method if after else None,
        common=common,
    )
decision_curve_panel.decision_panel(decisions, picked.names, model, picked.scored_label, cautions)
messages.next_step("pages/evaluate/compare.py", "Compare models", ":material/compare_arrows:")
