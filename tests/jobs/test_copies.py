"""A folder of jobs that was copied or moved while they ran: whose processes they are."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from fundus_core.jobs.folder import COPIED, INTERRUPTED, JobFolder
from fundus_core.jobs.health import jobs_check
from fundus_core.jobs.job import Job
from fundus_core.jobs.store import JobStore
from tests.jobs.waiting import finished, is_gone, started, wait_until

SLEEP = "import time; time.sleep(60)"


def _copied(store: JobStore, place: Path) -> JobStore:
    """Returns a copy with every attribute kept, as `cp -a` makes it."""
    shutil.copytree(store.root, place)
    return JobStore(place, command=(sys.executable, "-c"))


def _pids(store: JobStore, job: Job) -> tuple[int, int]:
    folder = JobFolder(store.root / job.id)
    wait_until(lambda: folder.command is not None)
    assert folder.runner is not None
    assert folder.command is not None
    return folder.runner.pid, folder.command.pid


def _as_before(store: JobStore, job: Job) -> None:
    """Takes out of the records what earlier versions did not write."""
    for name in ("runner.json", "command.json"):
        path = store.root / job.id / name
        path.write_text(
            json.dumps({k: v for k, v in json.loads(path.read_bytes()).items() if k != "folder"}),
            encoding="utf-8",
        )


@pytest.mark.parametrize("of_before", [False, True], ids=["", "of an earlier version"])
def test_a_copy_of_a_running_job__ends_nothing_of_the_original(
    store: JobStore, tmp_path: Path, of_before: bool
) -> None:
    job = started(store, store.submit([SLEEP], title="Train"))
    pids = _pids(store, job)
    if of_before:
        _as_before(store, job)
    copy = _copied(store, tmp_path / "backup")
    there = copy.get(job.id)

    cancelled = copy.cancel(job.id)
    copy.reconcile()

    assert (there.state, there.message) == ("interrupted", COPIED)
    assert (cancelled.state, cancelled.message) == ("interrupted", COPIED)
    assert not any(is_gone(pid) for pid in pids)
    assert store.get(job.id).state == "running"
    store.reconcile()
    assert store.cancel(job.id).state == "cancelled"
    assert all(is_gone(pid) for pid in pids[1:])


def test_a_copy_of_a_running_job__is_under_way_nowhere_and_holds_up_no_queue(
    store: JobStore, tmp_path: Path
) -> None:
    job = started(store, store.submit([SLEEP], title="Train"))
    copy = _copied(store, tmp_path / "backup")
    looked = jobs_check(copy.root)

    new = finished(copy, copy.submit(["pass"], title="new"))
    again = copy.submit([SLEEP], title="Train")  # the copied job is no twin of it

    assert looked.text == "1 jobs, 0 of them under way; 1 were interrupted."
    assert new.state == "done"
    assert again.id != job.id
    assert copy.cancel(again.id).state == "cancelled"
    assert store.get(job.id).state == "running"


def test_a_copy_of_links_to_the_files__is_a_copy(store: JobStore, tmp_path: Path) -> None:
    job = started(store, store.submit([SLEEP], title="Train"))
    shutil.copytree(store.root, tmp_path / "backup", copy_function=os.link)  # `cp -al`

    assert JobStore(tmp_path / "backup").get(job.id).message == COPIED


@pytest.mark.parametrize("of_before", [False, True], ids=["", "of an earlier version"])
def test_a_second_path_to_the_folder__is_the_same_folder(
    store: JobStore, tmp_path: Path, of_before: bool
) -> None:
    job = started(store, store.submit([SLEEP], title="Train"))
    pids = _pids(store, job)
    if of_before:
        _as_before(store, job)
    (tmp_path / "link").symlink_to(store.root)
    other = JobStore(tmp_path / "link")

    other.reconcile()
    state = other.get(job.id).state

    assert state == "running"
    assert other.cancel(job.id).state == "cancelled"
    assert all(is_gone(pid) for pid in pids[1:])


def test_a_folder_moved_on_its_disk__keeps_its_job_which_can_be_cancelled(
    store: JobStore, tmp_path: Path
) -> None:
    job = started(store, store.submit([SLEEP], title="Train"))
    pids = _pids(store, job)
    moved = JobStore(store.root.rename(tmp_path / "moved"))
    moved.reconcile()
    state = moved.get(job.id).state

    cancelled = moved.cancel(job.id)

    assert (state, cancelled.state) == ("running", "cancelled")
    assert all(is_gone(pid) for pid in pids)


def test_a_record_whose_process_is_gone__says_so_where_it_was_made(store: JobStore) -> None:
    job = started(store, store.submit([SLEEP], title="Train"))
    for pid in _pids(store, job):
        os.kill(pid, 9)
    wait_until(lambda: store.get(job.id).is_finished)

    assert store.get(job.id).message == INTERRUPTED
