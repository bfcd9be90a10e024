"""Whether the jobs of a workspace are what their files say."""

from pathlib import Path

from fundus_core.io.read_only import is_read_only
from fundus_core.jobs.folder import folders_in
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.checkup import Check


def jobs_check(root: Path, *, repair: bool = False) -> Check:
    """Looks for jobs whose record is damaged, or that ended without anybody writing it down.

    Args:
        root: The workspace's folder of jobs.
        repair: Also end what is left of jobs that nobody watches over, and write down their end.
    """
    if repair and not is_read_only():
        JobStore(root).reconcile()
    jobs = JobStore(root).list()
    damaged = sum(folder.request() is None for folder in folders_in(root))
    lost = sum(job.state == "interrupted" and job.finished_at is None for job in jobs)
    under_way = sum(not job.is_finished for job in jobs)
    text = f"{len(jobs)} jobs, {under_way} of them under way"
    if damaged:
        return Check(
            "jobs",
            "caution",
            f"{text}; the records of {damaged} cannot be read.",
            "Remove them on the Jobs page; what they stored is not touched.",
        )
    if lost:
        return Check(
            "jobs",
            "caution",
            f"{text}; {lost} were interrupted.",
            "`fundus doctor --repair`, or the Jobs page, clears up after them; start them again.",
        )
    return Check("jobs", "in order", f"{text}.")
