"""A page that submits a job when it is opened, for the test that kills its server."""

import sys
from pathlib import Path

import streamlit as st

from fundus_core.io.workspace import find_workspace
from fundus_core.jobs.store import JobStore

if st.runtime.exists():  # not where the search for doctests imports this file
    jobs = JobStore(Path(find_workspace().jobs), command=(sys.executable, "-c"))
    st.write(jobs.submit(["import time; time.sleep(6); print(42)"], title="Extract").id)
