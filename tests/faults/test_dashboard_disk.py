"""The dashboard where nothing can be written: it shows what is there, and says what failed."""

import contextlib
import errno
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.errors import StoreError
from fundus_core.io.manifest import DataSource
from fundus_core.io.refused_writing import refused_writing_explained
from fundus_core.jobs.folder import JobFolder
from fundus_core.jobs.job import Job
from fundus_core.jobs.processes import ProcessId, end_session
from fundus_core.jobs.store import JobStore
from fundus_core.ui import text
from fundus_core.workflows.data.datasets import dataset_id
from fundus_core.workflows.data.selections import save_selection
from tests.cli.conftest import Fundus
from tests.conftest import ROOT
from tests.faults.disks import only_to_be_read, small_disk
from tests.hostile import walked
from tests.jobs.waiting import finished, is_gone, started
from tests.pages import opened

WRITING = ("play_arrow", "draw", "folder_open", "download", "stop_circle", "bookmark_add", "/add:")
"""Icons of buttons that start or save something."""

HARMLESS = {"tray.add", "tray.edit", "other.run", "grad_cam.test", "calibration.run"}
"""Buttons with such an icon that change what is shown alone."""

FULL = ("No space left", "No room for another file")
FEWEST_PRESSED = 8

SAVING = (
    *("about/jobs", "data/overview", "data/story", "embed/extract", "explain/grad_cam"),
    *("model/fine_tune", "model/linear_probe", "model/pretrain", "model/studies"),
)
"""Pages with a button that starts or saves something."""

SECONDS_TO_START = 0.3
"""After which a job that nobody ended would run."""

SLEEPS = "import time; time.sleep(60)"


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DataSource]:
    """A workspace with embeddings, a map, two models, a selection, and a job that ended."""
    folder = tmp_path_factory.mktemp("furnished")
    place, source, dataset = walked.furnished(folder)
    opened.store_embeddings(place.root, dataset.image_ids)
    save_selection(place, dataset_id(source), "first", dataset.image_ids[:3])
    jobs = python(place.root)
    finished(jobs, jobs.submit(["raise SystemExit('It failed.')"], title="Failing"))
    return place.root, source


@pytest.fixture
def place(
    furnished: tuple[Path, DataSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A copy of it on a small disk, as the dashboard's workspace."""
    with small_disk(tmp_path / "disk", "24m,nr_inodes=2000") as disk:
        copy = Path(shutil.copytree(furnished[0], disk / "workspace"))
        monkeypatch.setenv("FUNDUS_WORKSPACE", str(copy))
        yield copy


@pytest.fixture
def app(furnished: tuple[Path, DataSource]) -> Callable[[str], AppTest]:
    """Opens a page within its frame, with the data set open and three photographs selected."""

    def open_page(path: str) -> AppTest:
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        page.query_params["dataset"] = dataset_id(furnished[1])
        return page.run().switch_page(path).run()

    return open_page


def python(place: Path) -> JobStore:
    """Jobs that run Python code."""
    return JobStore(place / "jobs", command=(sys.executable, "-c"))


def fill(place: Path, what: str) -> None:
    """Takes what is left of the disk: all its bytes, or all the files that it may hold."""
    ballast = place.parent / "ballast"
    with contextlib.suppress(OSError):
        ballast.mkdir(exist_ok=True)
        for number in range(10**6):
            with (ballast / str(time.monotonic_ns())).open("wb", buffering=0) as file:
                while what == "bytes":
                    file.write(bytes(4096 if number else 1 << 20))


@contextlib.contextmanager
def full(place: Path) -> Iterator[None]:
    """Fills the disk of a place."""
    fill(place, "bytes")
    yield


def files_in(folder: Path) -> dict[str, str]:
    """Returns the checksums of all files."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def told(page: AppTest) -> str:
    """Returns what a page says went wrong: on it, in its corner, and in the sidebar."""
    said = [*page.error, *page.toast, *page.sidebar.caption]
    return text.plain(" ".join(one.value for one in said))


def press(page: AppTest, name: str) -> AppTest:
    """Presses a button."""
    button = next(one for one in page.button if name in (one.key, one.label))
    return button.click().run()


@pytest.mark.parametrize("what", ["bytes", "files"])
def test_every_page__can_be_looked_at_on_a_full_disk(
    place: Path, app: Callable[[str], AppTest], what: str
) -> None:
    fill(place, what)
    before = files_in(place)

    page = app(walked.PAGES[0])
    for path in walked.PAGES:
        page.switch_page(path).run()

        assert not page.exception, (path, page.exception[0].value)
        assert not any(words in told(page) for words in FULL), (path, told(page))

    assert files_in(place) == before


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        (full, FULL),
        (only_to_be_read, ("This workspace can only be looked at",)),
    ],
    ids=["full", "read only"],
)
def test_every_button_that_writes__ends_in_a_sentence_where_nothing_can_be_written(
    place: Path,
    app: Callable[[str], AppTest],
    refuse: Callable[[Path], contextlib.AbstractContextManager[object]],
    said: tuple[str, ...],
) -> None:
    pages = {path: app(f"pages/{path}.py") for path in SAVING}
    names = {path: opened.buttons(page, WRITING, HARMLESS) for path, page in pages.items()}
    before = files_in(place)

    pressed, unsaid = 0, []
    with refuse(place):
        for path, page in pages.items():
            for name in names[path]:
                press(page, name)
                pressed += 1
                assert not page.exception, (path, name, page.exception[0].value)
                if not any(words in told(page) for words in said):
                    unsaid.append((path, name, told(page)))

    assert not unsaid
    assert pressed >= FEWEST_PRESSED
    assert files_in(place) == before


def sleeping(place: Path) -> tuple[Job, int]:
    """Returns a job that runs, and the process that does its work."""
    jobs = python(place)
    job = started(jobs, jobs.submit([SLEEPS], title="Embed"))
    command = JobFolder(jobs.root / job.id).command
    assert command is not None
    return job, command.pid


@pytest.mark.parametrize("what", ["bytes", "files"])
def test_cancel__ends_a_job_also_where_that_cannot_be_written_down(
    place: Path, app: Callable[[str], AppTest], what: str
) -> None:
    job, pid = sleeping(place)
    page = app("pages/about/jobs.py")
    fill(place, what)

    press(page, f"cancel.{job.id}")

    assert not page.exception
    assert "Embed was ended, but that cannot be written down" in told(page)
    assert any(words in told(page) for words in FULL)
    assert is_gone(pid)
    assert python(place).get(job.id).state in {"cancelled", "interrupted"}


def test_cancel__from_the_command_line_ends_with_a_sentence_on_a_full_disk(
    place: Path, fundus: Fundus
) -> None:
    job, pid = sleeping(place)
    fill(place, "bytes")

    refused = fundus("jobs", "cancel", job.id, "--workspace", place)

    assert refused.exit_code == 2, refused.stderr[-2000:]
    assert "was ended, but that cannot be written down: No space left" in refused.stderr
    assert is_gone(pid)


@pytest.mark.parametrize("n_files", [0, 1])
def test_submit__on_a_full_disk_leaves_no_job_and_no_process(place: Path, n_files: int) -> None:
    """`n_files` still fit: with one, the job can be described, but not who watches over it."""
    jobs = python(place)
    before = files_in(place), len(jobs.list())
    (place.parent / "spare").write_bytes(bytes(n_files))
    fill(place, "bytes")
    (place.parent / "spare").unlink()

    with pytest.raises(StoreError, match=f"No space left in {jobs.root} "):
        jobs.submit([f"{SLEEPS}  # {jobs.root}"], title="Embed")

    time.sleep(SECONDS_TO_START)
    assert (files_in(place), len(jobs.list())) == before
    assert not list(jobs.root.glob(".new-*"))
    assert not [one for one in psutil.process_iter() if str(jobs.root) in shown_of(one)]


def shown_of(process: psutil.Process) -> str:
    """Returns a process's command line; empty where it has none any more."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_reconcile__of_a_job_whose_processes_are_gone_writes_nothing_on_a_full_disk(
    place: Path,
) -> None:
    job, _ = sleeping(place)
    folder = JobFolder(place / "jobs" / job.id)
    end_session(not_none(folder.runner), grace_seconds=0)
    end_session(not_none(folder.command), grace_seconds=0)
    fill(place, "bytes")

    python(place).reconcile()

    assert python(place).get(job.id).state == "interrupted"
    assert not folder.is_settled
    shutil.rmtree(place.parent / "ballast")
    python(place).reconcile()
    assert folder.is_settled


def not_none(process: ProcessId | None) -> ProcessId:
    assert process is not None
    return process


@pytest.mark.parametrize("is_full", [True, False])
def test_refused_writing_explained__says_so_of_a_file_that_the_system_does_not_name(
    place: Path, is_full: bool
) -> None:
    said = "No space left on a disk, or none allowed"
    if is_full:
        fill(place, "bytes")
        said = f"No space left in {place} "

    with pytest.raises(StoreError, match=said), refused_writing_explained():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
