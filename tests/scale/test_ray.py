"""Ray in earnest: on one machine's own cluster, on two nodes of which one dies, and interrupted."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.jobs.progress import FILE_NAME, JOB_FOLDER_VARIABLE, read_progress
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed
from tests.fakes import write_photograph
from tests.scale.clusters import ON_THIS_MACHINE, ROOT, two_nodes

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra `scale` is not installed"
)


def _photographs(folder: Path, count: int) -> Path:
    for number in range(count):
        colour = (60 + number % 190, 20 + number // 190, 40)
        write_photograph(folder / f"{number}.png", colour, side=64)
    return folder


def _command(data: Path, workspace: Path, *options: str) -> list[str]:
    small = ["--backbone", "resnet18", "--weights", "scratch", "--image-size", "64"]
    command = [sys.executable, "-m", "fundus_core", "embed", str(data), *small]
    return [*command, "--workspace", str(workspace), "--json", "--engine", "ray", *options]


def _in_one_process(data: Path, workspace: Path) -> dict[str, NDArray[np.float32]]:
    """Returns what this process, without Ray, stores for the same command."""
    place = find_workspace(workspace)
    choice = BackboneChoice("resnet18", "scratch", image_size=64)
    embed(place, open_dataset(place, DataSource(data)), choice)
    return _stored(workspace)


def _on_ray(
    data: Path, workspace: Path, *, job: Path | None = None
) -> dict[str, NDArray[np.float32]]:
    """Runs `fundus embed --engine ray` to its end, as a job if so, and returns what it stored."""
    environment = {} if job is None else {JOB_FOLDER_VARIABLE: str(job)}
    done = subprocess.run(
        _command(data, workspace),
        cwd=ROOT,
        env=os.environ | ON_THIS_MACHINE | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["skipped"] == []
    return _stored(workspace)


def _commits(workspace: Path) -> list[Path]:
    return list(workspace.glob("embeddings/*/[0-9]*.json"))


def _stored(workspace: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the stored vectors by image id; none is there twice."""
    rows = [
        (image_id, row)
        for path in _commits(workspace)
        for image_id, row in zip(
            json.loads(path.read_text())["image_ids"],
            np.load(path.with_suffix(".npy")),
            strict=True,
        )
    ]
    found = dict(rows)
    assert len(found) == len(rows)
    return found


def _same(one: dict[str, NDArray[np.float32]], other: dict[str, NDArray[np.float32]]) -> bool:
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def _wait_until(there: Callable[[], bool], seconds: float = 120) -> None:
    for _ in range(int(seconds / 0.05)):
        if there():
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing came of it in {seconds} s")


@contextmanager
def _started(*options: str, data: Path, workspace: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts `fundus embed` and lets the test go on once a shard is stored."""
    with subprocess.Popen(
        _command(data, workspace, *options),
        cwd=ROOT,
        env=os.environ | ON_THIS_MACHINE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        _wait_until(lambda: running.poll() is not None or bool(_commits(workspace)))
        assert running.poll() is None, running.stderr.read() if running.stderr else ""
        yield running


@pytest.mark.slow
def test_embed__on_ray_stores_what_one_process_stores_bit_for_bit(tmp_path: Path) -> None:
    data, job = _photographs(tmp_path / "data", 150), tmp_path / "job"
    job.mkdir()

    on_ray = _on_ray(data, tmp_path / "ray", job=job)

    progress = read_progress(job / FILE_NAME)
    assert progress is not None
    assert (progress.done, progress.total) == (150, 150)
    assert progress.message.startswith("Embedding on ")
    assert _same(on_ray, _in_one_process(data, tmp_path / "local"))


@pytest.mark.slow
def test_embed__a_node_that_dies_in_mid_run_costs_no_vector(tmp_path: Path) -> None:
    data = _photographs(tmp_path / "data", 1500)
    with two_nodes() as (address, kill):
        options = ("--ray-address", address)

        with _started(*options, data=data, workspace=tmp_path / "ray") as running:
            kill()
            stored_then = len(_stored(tmp_path / "ray"))
            assert running.wait(240) == 0, running.stderr.read() if running.stderr else ""

    assert stored_then < 1500
    assert _same(_stored(tmp_path / "ray"), _in_one_process(data, tmp_path / "local"))


@pytest.mark.slow
def test_embed__a_killed_command_goes_on_where_it_was_and_leaves_no_cluster(tmp_path: Path) -> None:
    data, workspace = _photographs(tmp_path / "data", 1500), tmp_path / "ray"
    with _started(data=data, workspace=workspace) as running:
        family = psutil.Process(running.pid).children(recursive=True)
        running.kill()
    before = {path: path.stat().st_mtime_ns for path in _commits(workspace)}
    psutil.wait_procs(family, timeout=120)  # Ray's agents look after their parent now and then

    on_ray = _on_ray(data, workspace)

    assert not [process for process in family if process.is_running()]
    assert 0 < len(before) < len(_commits(workspace))
    assert before == {path: path.stat().st_mtime_ns for path in before}  # not computed again
    assert _same(on_ray, _in_one_process(data, tmp_path / "local"))
