"""Progress of a job: written seldom, read whole, its rate that of the last half minute."""

import json
import threading
from pathlib import Path

import pytest

from fundus_core.domain.progress import Progress
from fundus_core.jobs.job import JobProgress
from fundus_core.jobs.progress import ProgressFile, progress_of_this_job, read_progress


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        """Starts at an arbitrary moment."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Returns the time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.json"


def _read(path: Path) -> JobProgress:
    shown = read_progress(path)
    assert shown is not None
    return shown


def test_progress_file__a_first_report_has_no_rate(path: Path, clock: Clock) -> None:
    report: Progress = ProgressFile(path, clock=clock)

    report(0, 400, "embedding")

    assert _read(path) == JobProgress(0, 400, "embedding", rate=None, eta_seconds=None)


def test_progress_file__rate_and_time_left_of_steady_work(path: Path, clock: Clock) -> None:
    report = ProgressFile(path, clock=clock)

    for done in range(0, 101, 10):
        report(done, 400, "embedding")
        clock.now += 1.0

    assert _read(path).rate == pytest.approx(10.0)
    assert _read(path).eta_seconds == pytest.approx(30.0)


def test_progress_file__work_found_done_does_not_count_for_the_rate(
    path: Path, clock: Clock
) -> None:
    report = ProgressFile(path, clock=clock)
    report(300, 400, "embedding")
    clock.now += 2.0

    report(310, 400, "embedding")

    assert _read(path).rate == pytest.approx(5.0)
    assert _read(path).eta_seconds == pytest.approx(18.0)


def test_progress_file__a_slow_start_is_forgotten(path: Path, clock: Clock) -> None:
    report = ProgressFile(path, clock=clock)
    report(0, 1000, "embedding")
    clock.now += 60.0
    for done in range(0, 400, 10):
        report(done, 1000, "embedding")
        clock.now += 1.0

    assert _read(path).rate == pytest.approx(10.0, rel=0.05)


def test_progress_file__a_new_phase_starts_its_own_rate(path: Path, clock: Clock) -> None:
    report = ProgressFile(path, clock=clock)
    report(0, 400, "embedding")
    clock.now += 1.0
    report(400, 400, "embedding")

    report(0, 5, "fitting")

    assert _read(path) == JobProgress(0, 5, "fitting", rate=None, eta_seconds=None)


def test_progress_file__frequent_reports_are_not_all_written(path: Path, clock: Clock) -> None:
    report = ProgressFile(path, clock=clock)
    report(0, 400, "embedding")

    clock.now += 0.01
    report(1, 400, "embedding")
    just_after = _read(path).done
    clock.now += 0.3
    report(2, 400, "embedding")

    assert just_after == 0
    assert _read(path).done == 2


def test_progress_file__the_last_unit_is_always_written(path: Path, clock: Clock) -> None:
    report = ProgressFile(path, clock=clock)
    report(399, 400, "embedding")

    report(400, 400, "embedding")

    assert _read(path).done == 400


def test_progress_file__no_work_at_all_is_no_error(path: Path, clock: Clock) -> None:
    report = ProgressFile(path, clock=clock)

    report(0, 0, "embedding")
    report(0, 0, "embedding")

    assert _read(path) == JobProgress(0, 0, "embedding", rate=None, eta_seconds=None)


def test_progress_file__does_not_fail_the_work_it_reports_on(tmp_path: Path) -> None:
    report = ProgressFile(tmp_path / "removed" / "progress.json")

    report(1, 400, "embedding")

    assert read_progress(tmp_path / "removed" / "progress.json") is None


def test_read_progress__while_it_is_written_is_whole(path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number = (number + 1) % 1000
            ProgressFile(path)(number, 1000, "embedding " + "x" * (number * 7 % 5000))

    writer = threading.Thread(target=write)
    ProgressFile(path)(0, 1000, "embedding")
    writer.start()
    seen = [read_progress(path) for _ in range(3000)]
    stop.set()
    writer.join()

    assert None not in seen
    assert len({shown.done for shown in seen if shown is not None}) > 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["", "{", "[]", "7"])
def test_read_progress__a_damaged_file_is_no_progress(path: Path, damage: str) -> None:
    path.write_text(damage, encoding="utf-8")

    assert read_progress(path) is None


def test_progress_of_this_job__only_a_job_reports_to_a_file(tmp_path: Path) -> None:
    assert progress_of_this_job({}) is None

    report = progress_of_this_job({"FUNDUS_JOB_DIR": str(tmp_path)})

    assert report is not None
    report(1, 2, "fitting")
    assert json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))["done"] == 1
