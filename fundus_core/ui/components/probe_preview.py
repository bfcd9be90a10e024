"""About what a probe will reach, before one is fitted."""

import pandas as pd
import streamlit as st

from fundus_core.ui import messages
from fundus_core.ui.components.probe_form import ProbeForm
from fundus_core.ui.glossary import help_for
from fundus_core.ui.preview_caches import probe_preview
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.models.preview import ProbePreview
from fundus_core.workflows.weights.labels import distinct_labels

_NOT_A_RESULT = (
    "Ridge regressions on the labels, in the same folds as the probe: they rank backbones within a "
    "second, but have no interval, are not stored, and are not the figure to report."
)


def probe_preview_table(summary: DatasetSummary, form: ProbeForm) -> None:
    """Draws a switch and, where it is on, the AUC of a ridge regression for each embedding."""
    shown = st.toggle(
        "Preview the AUC",
        key="probe.preview",
        disabled=not form.ready,
        help=help_for("ridge regression"),
    )
    if not (shown and form.ready):
        return
    labels = distinct_labels([one.recipe for one in form.embeddings])
    with messages.shown_to_user():
        found = {
            labels[one.fingerprint]: probe_preview(
                summary.id, one.fingerprint, form.validation.of(form.target)
            )
            for one in form.embeddings
        }
        st.dataframe(
            pd.DataFrame([_row(name, one) for name, one in found.items()]), hide_index=True
        )
        st.caption(_NOT_A_RESULT)


def _row(name: str, preview: ProbePreview) -> dict[str, str | int]:
    row = {"Embeddings": name, "AUC (preview)": f"{preview.auc:.2f}"}
    if len(preview.class_auc) > 1:
        row |= {f"AUC of {one}": f"{auc:.2f}" for one, auc in preview.class_auc.items()}
    return {**row, "Photographs": preview.n_images}
