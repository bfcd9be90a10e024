"""ROC curves of evaluated models, and what one of them does at a threshold."""

from dataclasses import replace

import streamlit as st

from fundus_core.stats.operating import operating_point
from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import class_panel, error_gallery, operating_card, roc_panel
from fundus_core.ui.components.run_picker import pick_runs
from fundus_core.ui.components.run_table import below_chance_sentence, scores_sentence

st.title("ROC curves")
dataset = state.require_dataset()
messages.synthetic_banner(dataset.synthetic)
picked = pick_runs(state.require_runs(minimum=1), all_classes=True)

if picked.all_classes:
    with messages.shown_to_user():
        model = operating_card.pick_model(picked, "Curves of")
        curves, aucs = wiring.class_rocs(model.id)
    class_panel.class_curves(class_panel.labelled(curves, model), picked.names[model.id])
    st.subheader("Areas under the curves")
    st.markdown(f"{scores_sentence(model)} {text.interval_method(aucs.macro)}")
    class_panel.class_table(model, aucs, wiring.baseline_classes(model.id))
    messages.cautions(picked.cautions)
    st.caption("Choose one class above for its band, a threshold and the most confident errors.")
    messages.next_step("pages/evaluate/compare.py", "Compare models", ":material/compare_arrows:")
    st.stop()

with messages.shown_to_user():
    traces = {
        run.id: replace(wiring.roc(run.id, picked.class_name), name=picked.names[run.id])
        for run in picked.runs
    }
    model = operating_card.pick_model(picked)
    predictions = wiring.predictions(model.id).binary(picked.class_name)
    baseline = wiring.baseline_roc(model.id, picked.class_name)

drawing_place, card = st.columns([3, 2], gap="large")
with card:
    y_true, y_score = predictions.y_true[:, 0], predictions.y_score[:, 0]
    threshold, chosen_here = operating_card.pick_threshold(y_true, y_score)
    point = operating_point(y_true, y_score, threshold, patients=predictions.patient_ids)
    operating_card.operating_card(point, picked.class_label, chosen_here=chosen_here)
traces[model.id] = replace(traces[model.id], marked=point)
with drawing_place:
    with_band = roc_panel.with_one_band(list(traces.values()), picked.names[model.id])
    roc_panel.roc_panel(with_band, baseline)
    st.caption(roc_panel.reading_sentence(traces[model.id], baseline))

st.subheader("Areas under the curves")
st.markdown(f"{scores_sentence(model)} {text.interval_method(traces[model.id].interval)}")
drawn = [*traces.values(), *([baseline] if baseline else [])]
st.table(roc_panel.auc_frame(drawn), hide_index=True)
st.caption(below_chance_sentence(picked.runs, [one.interval for one in drawn]))
messages.cautions(picked.cautions)

st.subheader("Most confidently wrong")
st.markdown(
    f"By {text.escaped(picked.names[model.id])} at this threshold. Choose a photograph by its name."
)
messages.next_step(
    "pages/explain/grad_cam.py", "See where the model looked", ":material/center_focus_strong:"
)
error_gallery.errors(wiring.dataset(dataset.id), predictions, threshold, picked.class_label)
