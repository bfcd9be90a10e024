"""Fits probes on frozen embeddings, and lists what they reached beside the mean colour."""

import streamlit as st

from fundus_core.ui import dataset_caches, messages, state, text, wiring
from fundus_core.ui.components import job_progress
from fundus_core.ui.components.probe_form import probe_form
from fundus_core.ui.components.probe_preview import probe_preview_table
from fundus_core.ui.components.run_table import (
    class_frame,
    fold_frame,
    models_or_stop,
    names_by_target,
)

st.title("Linear probe")
st.markdown(
    "How much a simple classifier can read from a frozen backbone, on patients it never saw."
)
summary = state.require_dataset()
messages.synthetic_banner(summary.synthetic)
with messages.shown_to_user():
    dataset = wiring.dataset(summary.id)
    stored = wiring.embeddings_list(summary.id)
known = dataset_caches.cautions(summary.id)
messages.cautions([one for one in known if one.code in {"FD003", "FD004"}])

if not dataset.targets:
    st.info("This data set has no target column, so there is nothing to predict.")
    messages.next_step("pages/data/overview.py", "Choose its columns", ":material/dataset:")
elif not stored:
    st.info("A probe is fitted on embeddings, and this data set has none yet.")
    messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")
else:
    form = probe_form(dataset, stored)
    probe_preview_table(summary, form)
    label = f"Fit {text.count(len(form.embeddings), 'probe')}"
    idle = not form.ready or wiring.read_only()
    if st.button(label, type="primary", icon=":material/play_arrow:", disabled=idle):
        with messages.shown_to_user():
            form.submit(summary)
job_progress.watch(("probe",))
job_progress.last_failure(("probe",))

runs = models_or_stop(
    summary.id, "Evaluated models", "None yet. Results appear here as soon as a probe is fitted."
)

links = st.columns(3)
for place, (page, name, icon) in zip(
    links,
    (
        ("pages/evaluate/roc.py", "ROC curves", ":material/show_chart:"),
        ("pages/evaluate/compare.py", "Compare models", ":material/balance:"),
        ("pages/explain/grad_cam.py", "Explain", ":material/center_focus_strong:"),
    ),
    strict=True,
):
    with place:
        messages.next_step(page, name, icon)

with st.expander("Folds of one model"):
    names, by_id = names_by_target(runs), {run.id: run for run in runs}
    chosen = by_id[
        st.selectbox(
            "Model",
            list(by_id),
            format_func=lambda run_id: f"{by_id[run_id].target.name}: {names[run_id]}",
            key="probe.folds_of",
        )
    ]
    st.table(fold_frame(chosen), hide_index=True)
    if len(chosen.class_aucs) > 1:
        st.table(class_frame(chosen), hide_index=True)
