"""What runs, what ran and how it ended; cancel, read the log, remove."""

import streamlit as st

from fundus_core.ui import messages, wiring
from fundus_core.ui.components import damage_notice, job_list

st.title("Jobs")
st.markdown(
    "Long work runs in processes of its own: it goes on when this page is closed, and one job at a "
    "time runs on each device."
)
wiring.jobs().reconcile()
jobs = wiring.jobs().list()
damage_notice.notice()
if not jobs:
    st.info("No jobs yet. Extracting embeddings, maps and probes start one each.")
    if wiring.datasets():
        messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")
    else:
        messages.next_step("pages/data/overview.py", "Open a data set", ":material/folder_open:")
    st.stop()

job_list.under_way(jobs)
job_list.finished(jobs)
