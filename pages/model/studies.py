"""Grids of experiments: what a study asks, what it takes, and what it found so far."""

import streamlit as st

from fundus_core.ui import messages, study_caches
from fundus_core.ui.components import job_progress
from fundus_core.ui.components.study_figures import study_figures
from fundus_core.ui.components.study_form import study_form
from fundus_core.ui.components.study_picker import file_text, pick_study
from fundus_core.ui.components.study_plan import photographs_to_read, study_plan
from fundus_core.ui.components.study_results import results_table

JOBS = ("study", "backbones")

st.title("Studies")
st.markdown(
    "A study is a grid: models × strategies × input sizes × shares of the patients … on the same "
    "folds, as one table with figures. Those of the papers come with the program; a file adds one "
    "of your own."
)
listing = pick_study()
choice = study_form(listing)
to_read = photographs_to_read(choice)
plan_place = st.container()
job_progress.watch(JOBS)
job_progress.last_failure(JOBS)

if not to_read:
    with messages.shown_to_user():
        document = study_caches.study_document(choice)
    table = results_table(choice, document)
    if table is not None:
        study_figures(choice, document, table)
file_text(listing)

if not to_read:
    with plan_place:  # last, for it may have to load the networks' library first
        study_plan(choice)
