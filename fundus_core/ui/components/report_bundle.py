"""A data set's results as one file without photographs, for another workspace."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.ui import messages, report_caches, state, text
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.reports.bundle import BundleOptions, Exported

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
    if st.button("Make the bundle", icon=":material/inventory_2:", key="bundle.make"):
        state.keep("bundle", _made(dataset.id, BundleOptions(embeddings, keep)))
    found: _Made | None = state.kept("bundle")
    if found is not None:
        _file(found, dataset.id)


@dataclass(frozen=True, slots=True)
class _Made:
    """A bundle as it was made, which stays as it is whatever is chosen afterwards."""

    content: bytes
    options: BundleOptions
    exported: Exported


def _made(dataset_id: str, options: BundleOptions) -> _Made | None:
    """Returns a bundle, or says why there is none."""
    try:
        with st.spinner("Packing…"):
            content, exported = report_caches.bundle(dataset_id, options)
    except FundusError as error:
        messages.show_error(error)
        return None
    return _Made(content, options, exported)


def _file(made: _Made, dataset_id: str) -> None:
    """Draws the button that downloads a bundle, and says what is in it."""
    st.download_button(
        f"Bundle, {len(made.content) / 1e6:.1f} MB",
        made.content,
        file_name=f"{dataset_id}.bundle.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="bundle.file",
    )
    done = made.exported
    ids = (
        "Patient ids are in it as they are"
        if made.options.keep_patient_ids
        else "Patients are numbers"
    )
    said = (
        f"{text.count(done.n_images, 'row')}, {text.count(done.n_runs, 'run')}, embeddings of "
        f"{text.count(done.n_embeddings, 'backbone')}. {ids}."
    )
    if done.left_out:
        columns = ", ".join(text.code(name) for name in done.left_out)
        said += f" Left out, as they may tell patients apart: {columns}."
    if done.runs_left_out:
        runs = ", ".join(text.code(name) for name in done.runs_left_out)
        said += f" Left out, as their labels are not in the table: {runs}."
    st.caption(said)
