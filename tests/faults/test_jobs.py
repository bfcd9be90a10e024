"""Jobs that hang, or are cancelled at any stage: ended in time, and what they finished is kept."""

import time
from pathlib import Path

import pytest

from fundus_core.io.workspace import Workspace
from fundus_core.jobs.folder import JobFolder
from fundus_core.jobs.signs import VARIABLE, SignsOfLife, allowed_seconds
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.integrity import examine
from tests.fakes import write_dataset
from tests.faults.test_kill_jobs import processes_of
from tests.jobs.waiting import finished, is_gone, started, wait_until
from tests.segmentation.drawn import write_drawings
from tests.studies.conftest import write_study

SECONDS_ALLOWED = 3.0
TWO_SECONDS = str(2 / 60)


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


EPOCHS = 5000
"""More than are trained before a test cancels them."""


def training_of(kind: str, folder: Path) -> list[object]:
    """Returns the command line of a training that would take hours."""
    if kind == "segment":
        drawings = write_drawings(folder / "drawings")
        return [
            "segment", "train", drawings, "--network", "wnet", "--size", 64, "--patch", 32,
            "--epochs", EPOCHS, "--batch-size", 4, "--precision", "fp32", "--masks", "mask",
        ]  # fmt: skip
    data = write_dataset(folder / "data", n_patients=12, side=72)
    if kind == "study":
        study = write_study(
            folder / "long.yaml",
            axes={"strategy": ["ft"], "image_size": [64]},
            training={"epochs": EPOCHS, "batch_size": 8, "augmentation": "none", "patience": 0},
        )
        return ["study", study, "--workers", 2]
    tiny = [data, "--backbone", "timm:test_resnet", "--image-size", 64, "--precision", "fp32"]
    tiny += ["--epochs", EPOCHS, "--batch-size", 8, "--patience", 0]
    if kind == "pretrain":
        return ["pretrain", *tiny, "--task", "abnormal", "--labels", "dr", "--name", "mine"]
    return ["finetune", *tiny, "--weights", "scratch", "--target", "dr", "--folds", 2]


def states(place: Workspace) -> dict[Path, int]:
    """Returns the whole states of unfinished trainings, and when each was written."""
    found = place.training.glob("*/[!.]*.safetensors")
    return {path: path.stat().st_mtime_ns for path in found}


SLOW = ("study", "segment", "pretrain")


@pytest.mark.parametrize(
    "kind", ["finetune", *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW)]
)
def test_cancel__a_training_at_any_stage_keeps_its_whole_epochs(tmp_path: Path, kind: str) -> None:
    place = Workspace(tmp_path / "workspace")
    store = JobStore(place.jobs)
    argv = [*map(str, training_of(kind, tmp_path)), "--workspace", str(place.root)]
    took, kept = [], []
    for stage in ("starting", "training", "going on"):
        job, before = store.submit(argv, title=kind), states(place)
        if stage == "starting":
            started(store, job)
        else:
            wait_until(lambda known=before: newer(states(place), known), seconds=120)
        folder, began = JobFolder(store.root / job.id), time.monotonic()
        assert store.cancel(job.id).state == "cancelled"
        took.append(time.monotonic() - began)
        wait_until(lambda folder=folder: processes_of(folder) == {}, seconds=1.0)
        kept.append(states(place))

    assert max(took) < SECONDS_ALLOWED
    assert kept[0] == {}
    assert kept[1]
    assert kept[1].keys() <= kept[2].keys()
    assert examine(place).damaged == ()


def newer(now: dict[Path, int], before: dict[Path, int]) -> bool:
    return any(before.get(path) != changed for path, changed in now.items())
