"""Jobs as they run: what, how far, how fast, how long still, and a way to end them."""

from collections.abc import Collection

import streamlit as st

from fundus_core.jobs.job import Job
from fundus_core.ui import messages, outside, text, wiring

SECONDS_BETWEEN_LOOKS = 1.0

ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "interrupted": ":material/power_off:",
}


def watch(commands: Collection[str]) -> None:
    """Shows the unfinished jobs of some commands and draws the page anew when one of them ends.

    Nothing is drawn and nothing polls when there are none.

    Args:
        commands: First words of command lines, e.g. `embed`.
    """
    unfinished = under_way(commands)
    if unfinished:
        _watching(tuple(sorted(commands)), tuple(job.id for job in unfinished))


def under_way(commands: Collection[str]) -> list[Job]:
    """Returns the jobs of these commands that wait or run, in the order of their turn."""
    jobs = [job for job in wiring.jobs().list() if job.argv and job.argv[0] in commands]
    return [job for job in reversed(jobs) if not job.is_finished]


@outside.fragment(run_every=SECONDS_BETWEEN_LOOKS)
def _watching(commands: tuple[str, ...], seen: tuple[str, ...]) -> None:
    now = under_way(commands)
    if {job.id for job in now} != set(seen):
        st.rerun()
    with st.container(border=True):
        for job in now:
            bar(job)


def bar(job: Job) -> None:
    """Draws one unfinished job with its progress and a button that ends it."""
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.progress(share(job), text=f"**{text.escaped(job.title)}** · {how_far(job)}")
    right.button(
        "Cancel",
        key=f"cancel.{job.id}",
        icon=":material/stop_circle:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_cancel),
        args=(job,),
    )


def share(job: Job) -> float:
    """Returns how far a job is, in [0, 1]."""
    if job.state == "done":
        return 1.0
    if job.progress is None or job.progress.total <= 0:
        return 0.0
    return min(1.0, max(0.0, job.progress.done / job.progress.total))


def how_far(job: Job) -> str:
    """Returns how far a job is in a few words: share, rate and time left."""
    if job.state == "queued":
        return f"waits for its turn on {job.device}"
    if job.progress is None:
        return "starting"
    progress = job.progress
    parts = [text.escaped(progress.message), f"{progress.done:,} of {progress.total:,}"]
    if progress.rate:
        parts.append(f"{progress.rate:.3g} per second")
    if progress.eta_seconds is not None and progress.done < progress.total:
        parts.append(f"{text.duration(progress.eta_seconds)} left")
    return " · ".join(parts)


def last_failure(commands: Collection[str]) -> None:
    """Says why the latest job of some commands failed; nothing where it did not."""
    latest = next((j for j in wiring.jobs().list() if j.argv and j.argv[0] in commands), None)
    if latest is not None and latest.state in {"failed", "interrupted"}:
        st.error(
            f"**{text.escaped(latest.title)}** {latest.state}: {text.escaped(latest.message)}",
            icon=":material/error:",
        )
        messages.next_step("pages/about/jobs.py", "See its log", ":material/pending_actions:")


def _cancel(job: Job) -> None:
    wiring.jobs().cancel(job.id)
