"""A store whose command line is Python's own, so that a test says what its job does."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fundus_core.jobs.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    """A store in an empty folder; ends whatever a failed test leaves behind."""
    store = JobStore(tmp_path / "jobs", command=(sys.executable, "-c"))
    yield store
    for job in store.list():
        store.cancel(job.id)
