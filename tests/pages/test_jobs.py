"""The jobs page: what is under way, what ended and why, and the log."""

import json
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.jobs.store import JobStore
from fundus_core.ui import wiring
from tests.pages import evaluated

PAGE = evaluated.PAGES / "about" / "jobs.py"

SLEEPS = "import time; time.sleep(60)"
FAILS = "import sys; print('The table has no path column.', file=sys.stderr); sys.exit(2)"


@pytest.fixture
def store(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> JobStore:
    """Jobs that run Python code instead of the program."""
    jobs = JobStore(workspace / "jobs", command=(sys.executable, "-c"))
    monkeypatch.setattr(wiring, "jobs", lambda: jobs)
    return jobs


@pytest.fixture
def page(store: JobStore) -> AppTest:
    """The page of a workspace."""
    return AppTest.from_file(PAGE, default_timeout=30)


def wait_for_end(store: JobStore, job_id: str) -> None:
    """Returns once a job is over."""
    deadline = time.monotonic() + 20
    while not store.get(job_id).is_finished:
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.05)


def test_a_running_job_shows_how_far_it_is_and_can_be_cancelled(
    page: AppTest, store: JobStore
) -> None:
    job = store.submit([SLEEPS], title="Embeddings: ResNet-18")
    progress = {"done": 30, "total": 120, "message": "Embedding", "rate": 2.0, "eta_seconds": 45.0}
    (store.root / job.id / "progress.json").write_text(json.dumps(progress))

    page.run()

    assert not page.exception
    bar = page.get("progress")[0].proto
    assert "30 of 120" in bar.text
    assert "45 s left" in bar.text
    page.button(key=f"cancel.{job.id}").click().run()
    assert store.get(job.id).state == "cancelled"


def test_a_failed_job_says_why_and_shows_its_log(page: AppTest, store: JobStore) -> None:
    job = store.submit([FAILS], title="Read photographs")
    wait_for_end(store, job.id)

    page.run()
    page.toggle(key=f"log.{job.id}").set_value(True).run()

    assert not page.exception
    assert "no path column" in page.error[0].value
    assert "no path column" in page.code[-1].value


def test_a_finished_job_can_be_removed(page: AppTest, store: JobStore) -> None:
    job = store.submit([FAILS], title="Read photographs")
    wait_for_end(store, job.id)

    page.run()
    page.button(key=f"remove.{job.id}").click().run()

    assert not page.exception
    assert "No jobs yet" in page.info[0].value


def test_without_jobs_the_page_says_what_starts_one(page: AppTest) -> None:
    page.run()

    assert "No jobs yet" in page.info[0].value
    assert "Open a data set" in evaluated.texts(page)


def test_without_jobs_but_with_a_data_set_the_next_step_is_to_embed(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated.open_dataset(monkeypatch, workspace)

    page.run()

    assert "Extract embeddings" in evaluated.texts(page)
