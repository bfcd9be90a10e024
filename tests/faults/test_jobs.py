"""Jobs that hang, or are cancelled at any stage: ended in time, and what they finished is kept."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fundus_core.io.workspace import Workspace
from fundus_core.jobs.folder import JobFolder
from fundus_core.jobs.signs import VARIABLE, SignsOfLife, allowed_seconds
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.integrity import examine
from tests.fakes import write_dataset
from tests.jobs.waiting import finished, is_gone, started, wait_until

SECONDS_ALLOWED = 3.0
TWO_SECONDS = str(2 / 60)


@pytest.fixture
def python(tmp_path: Path) -> Iterator[JobStore]:
    """A store whose command line is Python's own."""
    store = JobStore(tmp_path / "jobs", command=(sys.executable, "-c"))
    yield store
    for job in store.list():
        store.cancel(job.id)


def test_hanging_job__is_ended_and_says_so(
    python: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, TWO_SECONDS)
    stuck = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"

    job = started(python, python.submit([stuck], title="Extract"))
    command = JobFolder(python.root / job.id).command
    ended = finished(python, job)

    assert ended.state == "failed"
    assert "neither computed nor reported anything for 0.03" in ended.message
    assert "start it again" in ended.message
    assert command is not None
    assert is_gone(command.pid)


@pytest.mark.parametrize(
    "work",
    [
        "import time\nend = time.time() + 5\nwhile time.time() < end: pass",
        "import time\nfor n in range(25): print(n, flush=True); time.sleep(0.2)",
        "import time\nfrom fundus_core.jobs.progress import progress_of_this_job as own\n"
        "for n in range(25): own()(n, 25, 'Waiting'); time.sleep(0.2)",
    ],
    ids=["computes", "prints", "reports"],
)
def test_slow_job__that_shows_signs_of_life_is_left_alone(
    python: JobStore, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    monkeypatch.setenv(VARIABLE, TWO_SECONDS)

    job = finished(python, python.submit([work], title="Extract"))

    assert job.state == "done"


@pytest.mark.parametrize(
    ("value", "seconds"), [("5", 300.0), ("0", 0.0), ("-1", 0.0), ("soon", 1800.0)]
)
def test_allowed_seconds__by_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, seconds: float
) -> None:
    monkeypatch.setenv(VARIABLE, value)

    assert allowed_seconds() == seconds


def test_signs_of_life__never_ends_anything_where_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fundus_core.jobs.processes import ProcessId

    monkeypatch.setenv(VARIABLE, "0")
    now = iter([0.0, 1e9, 2e9])

    signs = SignsOfLife(ProcessId(4194304999, 0.0), (), clock=lambda: next(now))

    assert not signs.look()


def test_cancel__an_extraction_at_any_stage_keeps_what_was_finished(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", n_patients=160, side=72)
    place = Workspace(tmp_path / "workspace")
    store = JobStore(place.jobs)
    argv = ["embed", data, "--backbone", "timm:test_resnet", "--weights", "scratch"]
    argv += ["--image-size", 256, "--batch-size", 1, "--workers", 1, "--workspace", place.root]
    took, kept = [], []
    for n_shards in (0, 1, 2):
        job = store.submit([str(each) for each in argv], title="Extract")
        if n_shards:
            wait_until(lambda n=n_shards: len(shards(place)) >= n, seconds=90)
        else:
            started(store, job)
        command = JobFolder(store.root / job.id).command
        began = time.monotonic()
        assert store.cancel(job.id).state == "cancelled"
        took.append(time.monotonic() - began)
        kept.append(shards(place))
        assert command is not None
        assert is_gone(command.pid)

    assert max(took) < SECONDS_ALLOWED
    assert len(kept[0]) <= len(kept[1]) < len(kept[2])
    assert kept[1] <= kept[2]
    assert examine(place).damaged == ()


def shards(place: Workspace) -> set[Path]:
    return set(place.embeddings.glob("*/[0-9]*.json"))
