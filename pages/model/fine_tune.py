"""Trains backbones on the photographs, shows how they learn, and lists what they reached."""

import streamlit as st

from fundus_core.ui import dataset_caches, messages, state, text, wiring
from fundus_core.ui.components import job_progress, training_progress
from fundus_core.ui.components.finetune_form import finetune_form
from fundus_core.ui.components.probe_beside import probe_beside
from fundus_core.ui.components.run_table import fold_frame, models_or_stop
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.models.run_names import names_by_target

st.title("Fine-tune")
st.markdown(
    "How far a backbone comes when it may change: it is trained together with a linear head, in "
    "the patient-grouped folds of the linear probe, and scored on patients it never saw."
)
summary = state.require_dataset()
messages.synthetic_banner(summary.synthetic)
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
known = dataset_caches.cautions(summary.id)
messages.cautions([one for one in known if one.code in {"FD003", "FD004"}])

if not dataset.targets:
    st.info("This data set has no target column, so there is nothing to learn.")
    messages.next_step("pages/data/overview.py", "Choose its columns", ":material/dataset:")
else:
    form = finetune_form(dataset)
    st.caption(form.work(summary.n_images))
    label = f"Fine-tune {text.count(len(form.backbones), 'backbone')}"
    idle = not form.ready or wiring.read_only()
    if st.button(label, type="primary", icon=":material/play_arrow:", disabled=idle):
        with messages.shown_to_user():
            form.submit(summary)
training_progress.watch(("finetune",))
job_progress.watch(("backbones", "probe"))
job_progress.last_failure(("finetune", "backbones", "probe"))

runs = models_or_stop(
    summary.id,
    "Fine-tuned models",
    "None yet. Results appear here, and beside those of probes, when a training ends.",
    kind="finetune",
)
st.caption(
    ":material/info: Fine-tuned models can be compared, applied to other photographs by "
    "`fundus predict`, and explained where their networks were kept; precomputed ones were not."
)
with st.container(horizontal=True):
    messages.next_step("pages/evaluate/roc.py", "ROC curves", ":material/show_chart:")
    messages.next_step("pages/evaluate/compare.py", "Compare with probes", ":material/balance:")
    messages.next_step("pages/explain/grad_cam.py", "Explain", ":material/center_focus_strong:")

st.subheader("How one model learned", help=help_for("learning curves"))
names, by_id = names_by_target(runs), {run.id: run for run in runs}
chosen = st.selectbox(
    "Model",
    list(by_id),
    format_func=lambda run_id: f"{by_id[run_id].target.name}: {names[run_id]}",
    key="finetune.curves_of",
)
probe_beside(by_id[chosen], wiring.runs(summary.id), summary)
with messages.shown_to_user():
    curves = wiring.learning_curves(chosen)
if curves is not None:
    cautions = by_id[chosen].cautions
    training_progress.curves_chart(curves, key="finetune.curves", cautions=cautions)
    training_progress.movement_chart(curves, key="finetune.movement", cautions=cautions)
st.table(fold_frame(by_id[chosen]), hide_index=True)
