"""The open data set, in the sidebar of every page."""

import streamlit as st

from fundus_core.ui import state, text, wiring


def picker() -> None:
    """Draws the menu of opened data sets, and what runs in the background."""
    known = {summary.id: summary for summary in wiring.datasets()}
    open_id = state.current().dataset_id
    if known and (open_id in known or not open_id):
        st.selectbox(
            "Data set",
            list(known),
            format_func=lambda name: _label(known[name].name, known[name].n_images),
            **state.bound("dataset_id", list(known)),
        )
    running = [job for job in wiring.jobs().list() if not job.is_finished]
    if running:
        st.caption(f":material/pending_actions: {text.count(len(running), 'job')} under way")


def _label(name: str, n_images: int) -> str:
    return f"{name} ({n_images:,})"
