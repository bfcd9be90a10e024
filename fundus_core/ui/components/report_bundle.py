"""A data set's results as one file without photographs, for another workspace."""

import streamlit as st

from fundus_core.ui import messages, report_caches, text
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.reports.bundle import BundleOptions

_WHAT = (
    "Table, runs and predictions of this data set as one file. Opened elsewhere, by `fundus bundle "
    "open FILE`, pages show everything but photographs. Patients become numbers; paths, file names "
    "and columns that may tell patients apart stay behind."
)


def bundle_panel(dataset: DatasetSummary) -> None:
    """Draws what may go into a bundle, the button that makes it, and the file.

    Args:
        dataset: The open data set.
    """
    st.markdown(_WHAT)
    left, right = st.columns(2, gap="large")
    embeddings = left.toggle(
        "With embeddings and maps",
        key="bundle.embeddings",
        help="Much larger; without them there is no map in the other workspace.",
    )
    keep = right.toggle("Keep patient ids as they are", key="bundle.keep_ids")
    if keep:
        st.warning("Patient ids will be in the file as they are.", icon=":material/warning:")
    if not st.button("Make the bundle", icon=":material/inventory_2:", key="bundle.make"):
        return
    with messages.shown_to_user(), st.spinner("Packing…"):
        content, done = report_caches.bundle(dataset.id, BundleOptions(embeddings, keep))
    st.download_button(
        f"Bundle, {len(content) / 1e6:.1f} MB",
        content,
        file_name=f"{dataset.id}.bundle.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="bundle.file",
    )
    said = (
        f"{text.count(done.n_images, 'row')}, {text.count(done.n_runs, 'run')}, embeddings of "
        f"{text.count(done.n_embeddings, 'backbone')}."
    )
    if done.left_out:
        columns = ", ".join(text.code(name) for name in done.left_out)
        said += f" Left out, as they may tell patients apart: {columns}."
    st.caption(said)
