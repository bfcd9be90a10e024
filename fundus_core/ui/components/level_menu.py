"""The choice between photographs and patients, and of how a patient comes by a score."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.stats.patient_level import AGGREGATES
from fundus_core.ui import text
from fundus_core.workflows.models.run_record import Run

LEVELS = {"image": "Photographs", "patient": "Patients"}


def pick_level(runs: Sequence[Run]) -> str | None:
    """Draws the choice; patients are offered only where all models know theirs.

    Args:
        runs: What is looked at.

    Returns:
        Key of `AGGREGATES` to look at patients, None to look at photographs.
    """
    if any(run.n_patients is None for run in runs):
        st.caption(
            "Patients are unknown, so only photographs can be looked at: name the column of "
            "patient ids when opening the data."
        )
        return None
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    level = left.segmented_control(
        "One row is one of the",
        list(LEVELS),
        format_func=LEVELS.__getitem__,
        default="image",
        required=True,
        wrap=True,
        key="level",
        persist_state="session",
        help="A patient is diseased if any of the photographs is; eyes and visits count as one.",
    )
    if level != "patient":
        return None
    chosen: str = right.selectbox(
        "A patient's score is",
        list(AGGREGATES),
        format_func=lambda one: AGGREGATES[one].label,
        key="level.aggregate",
        persist_state="session",
        help="Calling a patient when any photograph is called is the same as the highest score. "
        "The more photographs a patient has, the higher the highest score and the noisy or tend "
        "to be, diseased or not.",
    )
    return chosen


def level_sentence(n_rows: int, aggregate: str | None) -> str:
    """Says what a row is, in markdown; empty for photographs."""
    if aggregate is None:
        return ""
    how = text.escaped(AGGREGATES[aggregate].label)
    return (
        f"**By patient:** {text.count(n_rows, 'patient')}, each diseased if any photograph is, and "
        f"with {how}. "
    )
