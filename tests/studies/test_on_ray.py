"""Cells of a study on Ray: the same results as in one process, and nodes that cannot take part."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core import __version__
from fundus_core.errors import ClusterError
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import write_stamp
from fundus_core.studies import on_ray
from fundus_core.studies.cells import CellRecord, unfinished
from fundus_core.studies.on_ray import Task, run_cell_on_node
from fundus_core.studies.run import Study, open_study, run_study
from fundus_core.workflows.models.runs import list_runs, run_predictions
from tests.scale.clusters import ON_THIS_MACHINE, ROOT, two_nodes
from tests.studies.conftest import Ran

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra `scale` is not installed"
)


@pytest.fixture
def study(place: Workspace, study_file: Path) -> Study:
    place.root.mkdir()
    write_stamp(place.root)
    return open_study(place, study_file)


def task_of(study: Study, place: Workspace) -> Task:
    return Task(place.root, study.path, study.size, study.document.model_dump_json())


def test_run_cell_on_node__runs_what_has_no_result(study: Study, place: Workspace) -> None:
    record = run_cell_on_node(task_of(study, place), study.cells[0])

    assert isinstance(record, CellRecord)
    assert record.problem == ""
    assert study.cells[0] not in unfinished(study.files, study.cells)


def test_run_cell_on_node__another_version_takes_no_part(study: Study, place: Workspace) -> None:
    error = run_cell_on_node(replace(task_of(study, place), version="0.0"), study.cells[0])

    assert isinstance(error, ClusterError)
    assert f"has version {__version__}" in error.message
    assert "asks has 0.0" in error.message


def test_run_cell_on_node__a_node_without_the_workspace_says_so(
    study: Study, place: Workspace, tmp_path: Path
) -> None:
    elsewhere = replace(task_of(study, place), workspace=tmp_path / "not-mounted")

    error = run_cell_on_node(elsewhere, study.cells[0])

    assert isinstance(error, ClusterError)
    assert f"does not see the workspace {tmp_path / 'not-mounted'}" in error.message
    assert not (tmp_path / "not-mounted").exists()


def test_run_on_ray__with_nothing_left_needs_no_cluster(
    tiny: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_study(tiny.place, tiny.file)
    monkeypatch.setattr(on_ray, "connected", lambda address: pytest.fail("a cluster was asked for"))

    on_ray.run_on_ray(study, tiny.place.root)

    assert unfinished(study.files, study.cells) == ()


@contextmanager
def started(study_file: Path, workspace: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Starts `fundus study --engine ray`."""
    command = [sys.executable, "-m", "fundus_core", "study", str(study_file), "--engine", "ray"]
    with subprocess.Popen(
        [*command, "--workspace", str(workspace), "--json", *options],
        cwd=ROOT,
        env=os.environ | ON_THIS_MACHINE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        yield running


def require_all_done(running: subprocess.Popen[str]) -> None:
    printed, complaints = running.communicate(timeout=280)
    assert running.returncode == 0, complaints
    assert {row["status"] for row in json.loads(printed)["rows"]} == {"done"}


def require_same_scores(one: Workspace, other: Workspace) -> None:
    here, there = ({run.id: run for run in list_runs(place)} for place in (one, other))
    assert here.keys() == there.keys()
    for name, run in here.items():
        np.testing.assert_array_equal(
            run_predictions(one, run).y_score, run_predictions(other, there[name]).y_score
        )


@needs_ray
@pytest.mark.slow
def test_study__on_ray_stores_what_one_process_stores(tiny: Ran, tmp_path: Path) -> None:
    apart = Workspace(tmp_path / "on_ray")

    with started(tiny.file, apart.root) as running:
        require_all_done(running)

    require_same_scores(tiny.place, apart)


@needs_ray
@pytest.mark.slow
def test_study__a_node_that_dies_in_mid_run_costs_no_cell(
    study: Study, study_file: Path, place: Workspace, tmp_path: Path
) -> None:
    apart = Workspace(tmp_path / "on_ray")

    with (
        two_nodes() as (address, kill),
        started(study_file, apart.root, "--ray-address", address) as running,
    ):
        while not list(apart.root.rglob("*.lock")):  # a cell has begun
            assert running.poll() is None, running.communicate()[1]
            time.sleep(0.05)
        kill()
        require_all_done(running)

    run_study(study)
    require_same_scores(place, apart)
