"""Questions that one click turns into a study: its plan and time first, then the button."""

import streamlit as st

from fundus_core.studies.files import StudySize
from fundus_core.studies.presets import PRESETS, Preset
from fundus_core.ui import messages, state, study_caches, text, wiring
from fundus_core.ui.components import job_progress, study_plan
from fundus_core.ui.components.target_menus import pick_target
from fundus_core.ui.study_wiring import StudyChoice
from fundus_core.workflows.data.datasets import DatasetSummary

COMMANDS = ("study", "backbones")


def question_studies(dataset: DatasetSummary | None) -> None:
    """Draws the questions and, for the chosen one, what its study takes.

    Args:
        dataset: The open data set; None to ask of the synthetic demo photographs.
    """
    name = st.radio(
        "A question",
        list(PRESETS),
        index=None,
        format_func=lambda one: PRESETS[one].question,
        captions=[one.explanation for one in PRESETS.values()],
        key="start.question",
        label_visibility="collapsed",
        persist_state="session",
    )
    if name is None:
        st.caption("Choose one to see what its study would take before anything starts.")
        return
    choice = _choice(PRESETS[name], dataset)
    if choice is None:
        return
    job_progress.watch(COMMANDS)
    job_progress.last_failure(COMMANDS)
    with messages.shown_to_user():
        document = study_caches.study_document(choice)
    st.caption(text.escaped(document.notes))
    if not study_plan.photographs_to_read(choice):
        study_plan.study_plan(choice)
    state.preset("studies.file", str(choice.path))
    messages.next_step(
        "pages/model/studies.py", "Its results, on the page Studies", ":material/grid_view:"
    )


def _choice(preset: Preset, dataset: DatasetSummary | None) -> StudyChoice | None:
    """Draws what it is to be asked of; None where that cannot be answered."""
    small = st.toggle(
        "Small stand-ins, to see that it works",
        key="start.small",
        help="Small networks take the place of the named backbones: minutes on a laptop, and no "
        "answer to the question.",
    )
    size: StudySize = "small" if small else "full"
    if dataset is None:
        st.caption("No data set is open: the question is asked of the synthetic demo photographs.")
        return StudyChoice(preset.path, size)
    opened = wiring.dataset(dataset.id)
    if not opened.targets:
        st.info(f"{text.escaped(dataset.name)} has no target column, so nothing can be predicted.")
        messages.next_step("pages/data/overview.py", "Choose its columns", ":material/dataset:")
        return None
    target = pick_target(opened, key="start")
    return StudyChoice(preset.path, size, dataset.id, target) if target else None
