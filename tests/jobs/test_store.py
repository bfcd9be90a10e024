"""Submitting jobs and looking at them: what is kept, and what a person is told."""

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from fundus_core.errors import JobError
from fundus_core.jobs.folder import Outcome, make_folder
from fundus_core.jobs.store import JobStore
from tests.jobs.waiting import finished, started, wait_until

SLEEP = "import time; time.sleep(60)"


def test_submit__what_the_command_prints_as_json_is_its_result(store: JobStore) -> None:
    code = "import sys; sys.stderr.write('working\\n'); print('{\"auc\": 0.75}')"

    job = finished(store, store.submit([code], title="Probe"))

    assert (job.title, job.state, job.exit_code, job.message) == ("Probe", "done", 0, "")
    assert store.result(job.id) == {"auc": 0.75}
    assert store.log(job.id) == "working"
    assert job.created_at <= job.started_at <= job.finished_at


def test_submit__what_is_printed_for_people_is_in_the_log(store: JobStore) -> None:
    job = finished(store, store.submit(["print('AUC 0.75')"], title="Probe"))

    assert store.log(job.id) == "AUC 0.75"
    assert store.result(job.id) is None


def test_submit__a_failed_command_tells_its_last_sentence(store: JobStore) -> None:
    code = "import sys; sys.exit('reading\\n╭─ Error ─╮\\n│ No target grade.   │\\n╰──────╯')"

    job = finished(store, store.submit([code], title="Probe"))

    assert (job.state, job.exit_code) == ("failed", 1)
    assert job.message == "No target grade."


def test_submit__what_the_user_can_mend_is_told_with_the_next_step(store: JobStore) -> None:
    code = "import sys; sys.stderr.write('No target grade.\\nChoose dr.\\n'); sys.exit(2)"

    job = finished(store, store.submit([code], title="Probe"))

    assert job.message == "No target grade. Choose dr."


def test_submit__what_no_command_can_be_given_is_refused(store: JobStore) -> None:
    with pytest.raises(JobError, match=r"a\[U\+0000\]b holds a NUL"):
        store.submit(["pass", "a\0b"], title="Probe")

    assert store.list() == ()


def test_submit__a_list_is_a_result_too(store: JobStore) -> None:
    job = finished(store, store.submit(["print('[1, 2]')"], title="Runs"))

    assert store.result(job.id) == [1, 2]


def test_submit__a_command_ended_by_the_system_names_the_signal(store: JobStore) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    job = finished(store, store.submit([code], title="Probe"))

    assert (job.state, job.exit_code) == ("failed", -9)
    assert "SIGKILL" in job.message
    assert "memory" in job.message


def test_submit__a_signal_without_a_name_has_its_number(store: JobStore) -> None:
    job = finished(store, store.submit(["import os; os.kill(os.getpid(), 35)"], title="Probe"))

    assert (job.state, job.exit_code) == ("failed", -35)
    assert "ended by signal 35." in job.message


def test_submit__a_program_that_cannot_be_run_is_a_failed_job(tmp_path: Path) -> None:
    store = JobStore(tmp_path, command=("/nowhere/fundus",))

    job = finished(store, store.submit(["probe"], title="Probe"))

    assert job.state == "failed"
    assert "/nowhere/fundus" in job.message


def test_submit__an_identical_command_line_is_not_started_twice(store: JobStore) -> None:
    first = store.submit([SLEEP], title="Extract")
    again = store.submit([SLEEP], title="Extract, clicked again")
    other = store.submit([SLEEP, "--seed", "1"], title="Extract")

    assert again.id == first.id
    assert other.id != first.id


def test_submit__a_finished_command_line_can_be_started_again(store: JobStore) -> None:
    first = finished(store, store.submit(["pass"], title="Extract"))

    assert store.submit(["pass"], title="Extract").id != first.id


def test_submit__the_job_knows_its_folder_and_reports_from_there(store: JobStore) -> None:
    code = (
        "from fundus_core.jobs.progress import progress_of_this_job as here\n"
        "here()(3, 12, 'embedding')"
    )

    job = finished(store, store.submit([code], title="Extract"))

    assert job.progress is not None
    assert (job.progress.done, job.progress.total, job.progress.message) == (3, 12, "embedding")


def test_submit__the_job_goes_on_when_whoever_submitted_it_is_killed(store: JobStore) -> None:
    work = "import time; time.sleep(0.5); print('{}')"
    server = (
        "import os, signal, sys; from pathlib import Path\n"
        "from fundus_core.jobs.store import JobStore\n"
        f"JobStore(Path({str(store.root)!r}), command=(sys.executable, '-c'))"
        f".submit([{work!r}], title='Extract')\n"
        "os.killpg(os.getpgrp(), signal.SIGKILL)"
    )

    killed = subprocess.run([sys.executable, "-c", server], check=False, start_new_session=True)

    assert killed.returncode == -9
    (job,) = store.list()
    assert finished(store, job).state == "done"


def test_list__the_newest_job_comes_first(store: JobStore) -> None:
    ids = [store.submit(["pass", str(number)], title="Extract").id for number in range(3)]

    assert [job.id for job in store.list()] == ids[::-1]


def test_list__an_empty_workspace_has_no_jobs(tmp_path: Path) -> None:
    assert JobStore(tmp_path / "jobs").list() == ()


def test_list__a_damaged_job_is_shown_not_hidden(store: JobStore) -> None:
    job = finished(store, store.submit(["pass"], title="Extract"))
    (store.root / job.id / "job.json").write_text("{", encoding="utf-8")

    (shown,) = store.list()

    assert (shown.id, shown.state) == (job.id, "failed")
    assert "cannot be read" in shown.message


def test_list__two_hundred_jobs_are_read_in_no_time(store: JobStore) -> None:
    for number in range(200):
        folder = make_folder(store.root, [str(number)], title="", device="cpu", command=["x"])
        folder.write_outcome(Outcome("done", 0))

    took = []
    for _ in range(5):
        begin = time.process_time()
        jobs = store.list()
        took.append(time.process_time() - begin)

    assert len(jobs) == 200
    assert min(took) < 0.1  # seconds; a fifth of it is usual


def test_log__the_last_lines_with_overwritten_ones_once(store: JobStore) -> None:
    code = "import sys; sys.stderr.write('one\\ntwo\\n10 %\\r20 %\\r30 %\\nend\\n')"
    job = finished(store, store.submit([code], title="Extract"))

    assert store.log(job.id, tail=3).split("\n") == ["two", "30 %", "end"]


def test_log__a_running_job_is_read_along(store: JobStore) -> None:
    job = store.submit([f"import sys; sys.stderr.write('begun\\n'); {SLEEP}"], title="Extract")

    wait_until(lambda: store.log(job.id) == "begun")

    assert store.get(job.id).state == "running"


def test_remove__a_finished_job_is_forgotten(store: JobStore) -> None:
    job = finished(store, store.submit(["pass"], title="Extract"))

    store.remove(job.id)

    assert store.list() == ()
    assert not (store.root / job.id).exists()


def test_remove__a_running_job_is_refused(store: JobStore) -> None:
    job = started(store, store.submit([SLEEP], title="Extract"))

    with pytest.raises(JobError, match="'Extract' is running"):
        store.remove(job.id)


@pytest.mark.parametrize("unknown", ["20260101-000000-abcdef", "../runs", "", "/etc"])
def test_get__an_unknown_id_is_refused(store: JobStore, unknown: str) -> None:
    with pytest.raises(JobError, match="no job"):
        store.get(unknown)


def test_reconcile__a_job_that_nobody_watches_over_is_interrupted(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(store.root, ["pass"], title="Extract", device="cpu", command=["x"])
    while_starting = folder.read()

    monkeypatch.setattr("fundus_core.jobs.folder._STARTING", timedelta(0))
    shown = folder.read()
    store.reconcile()

    assert while_starting.state == "queued"
    assert (shown.state, shown.finished_at) == ("interrupted", None)
    assert folder.read().finished_at is not None
    assert "start it again" in folder.read().message
