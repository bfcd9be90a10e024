"""The open data set, in the sidebar of every page."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from fundus_core.io.read_only import why_read_only
from fundus_core.ui import state, text, wiring
from fundus_core.ui.components import tour
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import DatasetSummary


def picker() -> None:
    """Draws the menu of opened data sets, and what runs in the background."""
    known = {summary.id: summary for summary in wiring.datasets()}
    open_id = state.current().dataset_id
    if known and (open_id in known or not open_id):
        labels = dataset_labels(list(known.values()))
        st.selectbox(
            "Data set",
            list(known),
            format_func=labels.__getitem__,
            help=help_for("data set"),
            **state.bound("dataset_id", list(known)),
        )
    if wiring.read_only():
        st.caption(f":material/visibility: {text.escaped(why_read_only())}")
    tour.in_sidebar()
    running = [job for job in wiring.jobs().list() if not job.is_finished]
    if running:
        st.caption(f":material/pending_actions: {text.count(len(running), 'job')} under way")


def dataset_labels(summaries: Sequence[DatasetSummary]) -> dict[str, str]:
    """Returns id -> name and size, with the end of the id where two would read the same.

    A menu tells its entries apart by what they read: of two alike, the first would be taken.
    """
    labels = {one.id: f"{one.name} ({one.n_images:,})" for one in summaries}
    often = Counter(labels.values())
    return {
        name: label if often[label] == 1 else f"{label} [{name.rpartition('-')[2]}]"
        for name, label in labels.items()
    }
