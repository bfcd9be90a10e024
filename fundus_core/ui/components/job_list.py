"""All jobs of the workspace: those under way, and those that ended with their logs."""

import shlex
from collections.abc import Sequence

import streamlit as st

from fundus_core.jobs.job import Job
from fundus_core.ui import outside, text, wiring
from fundus_core.ui.components import job_progress

PER_PAGE = 20
LOG_LINES = 200


def under_way(jobs: Sequence[Job]) -> None:
    """Draws the jobs that run or wait, and keeps them up to date."""
    commands = {job.argv[0] for job in jobs if job.argv and not job.is_finished}
    if not commands:
        st.caption("Nothing is under way.")
        return
    st.subheader("Under way")
    job_progress.watch(commands)


def finished(jobs: Sequence[Job]) -> None:
    """Draws the jobs that ended, the latest first, a page at a time."""
    over = [job for job in jobs if job.is_finished]
    if not over:
        return
    st.subheader(f"Ended ({len(over):,})")
    n_pages = -(-len(over) // PER_PAGE)
    listed = st.container()
    page = st.pagination(n_pages, key=f"jobs.page.{n_pages}") if n_pages > 1 else 1
    with listed:
        for job in over[(page - 1) * PER_PAGE : page * PER_PAGE]:
            _ended(job)


def _ended(job: Job) -> None:
    """Draws one job that ended: how, when, why, its command and its log."""
    label = f"{text.escaped(job.title)} · {job.state} · {text.when(job.created_at)}{_took(job)}"
    with st.expander(label, icon=job_progress.ICONS[job.state]):
        if job.message:
            st.error(text.escaped(job.message))
        st.caption("The same from the command line")
        st.code(shlex.join(["fundus", *job.argv]), language="bash", wrap_lines=True)
        left, right = st.columns([1, 1], width=320)
        show = left.toggle("Show the log", key=f"log.{job.id}")
        right.button(
            "Remove",
            key=f"remove.{job.id}",
            icon=":material/delete:",
            help="Forgets the job and its log; what it stored stays.",
            disabled=wiring.read_only(),
            on_click=outside.callback(_remove),
            args=(job.id,),
        )
        if show:
            log = wiring.jobs().log(job.id, tail=LOG_LINES)
            st.code(log or "The log is empty.", language=None, height=300 if log else "content")


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f" · {text.duration((job.finished_at - job.started_at).total_seconds())}"


def _remove(job_id: str) -> None:
    wiring.jobs().remove(job_id)
