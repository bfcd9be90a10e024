"""The cells of a study on a Ray cluster: one at a time for each GPU, or for each core.

Cells find the workspace and the photographs under the same paths on every node, on a shared disk
whose locks hold between machines: each writes what came of it there, as on one machine.
"""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fundus_core import __version__
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import ClusterError, FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import STAMP
from fundus_core.scale.cluster import (
    connected,
    node_resources,
    ray_module,
    require_version,
    slots_of,
)
from fundus_core.studies.cells import CellRecord, unfinished
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.files import StudySize
from fundus_core.studies.grid import Cell
from fundus_core.studies.run import Study, claimed, open_study, run_study

_POLL_SECONDS = 1.0
_CORES_OF_A_GPU = 8
"""At most so many of a node's cores go with each of its GPUs."""

_LOST_NODES = 3
"""A cell is begun again on another node so many times; it goes on from its last epoch."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a node is told of the study, besides the cell."""

    workspace: Path
    path: Path
    size: StudySize
    document: str
    """What the file says, as JSON: of a study, so that a task can be a key."""

    version: str = __version__


def run_on_ray(
    study: Study,
    root: Path,
    *,
    address: str | None = None,
    on_cell: Callable[[Cell, CellRecord], None] = lambda cell, record: None,
    progress: Progress = silent,
) -> None:
    """Runs the cells that have no stored run on a cluster.

    A cell whose node is lost is begun again elsewhere; cells that run outside the cluster are
    waited for at the end.

    Args:
        study: From `open_study`.
        root: The workspace it was opened in, as every node finds it.
        address: See `connected`.
        on_cell: Told after every cell run here.
        progress: Told how far the whole study is.

    Raises:
        ClusterError: If there is no cluster, or a node lacks the workspace or this version.
    """
    waiting = unfinished(study.files, study.cells)
    if waiting:
        task = Task(
            root.resolve(), study.path.resolve(), study.size, study.document.model_dump_json()
        )
        with connected(address):
            _run(task, waiting, len(study.cells), on_cell, progress)
    run_study(study, on_cell=on_cell, progress=progress)


def _run(
    task: Task,
    waiting: tuple[Cell, ...],
    total: int,
    on_cell: Callable[[Cell, CellRecord], None],
    progress: Progress,
) -> None:
    ray = ray_module()
    slots = slots_of(node_resources(), _CORES_OF_A_GPU)
    options = {"num_cpus": slots.cpus, "num_gpus": slots.gpus, "max_retries": _LOST_NODES}
    remote, told = ray.remote(**options)(run_cell_on_node), ray.put(task)
    running = {remote.remote(told, cell): cell for cell in waiting}
    done = total - len(waiting)
    kind = "GPUs" if slots.gpus else "cores"
    while running:
        progress(done, total, f"{slots.count} {kind} run the cells")
        finished, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
        for one in finished:
            cell, result = running.pop(one), _received(ray, one)
            done += 1
            if result is not None:
                on_cell(cell, result)


def _received(ray: Any, reference: Any) -> CellRecord | None:
    """Returns what came of a cell; None if another process runs it, or its node was lost for good.

    Raises:
        ClusterError: If a node cannot take part.
    """
    try:
        result: CellRecord | FundusError | None = ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError):
        return None  # `run_study` takes it up here
    if isinstance(result, FundusError):
        raise ClusterError(result.message, hint=result.hint)
    return result


def run_cell_on_node(task: Task, cell: Cell) -> CellRecord | FundusError | None:
    """Runs a cell on the node it was sent to; an error is returned, since Ray wraps what is raised.

    Returns:
        What came of it, None if another process runs it, or why this node cannot take part.
    """
    try:
        require_version(task.version)
        if not (task.workspace / STAMP).is_file():
            raise ClusterError(
                f"The node {platform.node()} does not see the workspace {task.workspace}.",
                hint="Put it on a disk that every node mounts at the same place.",
            )
        return claimed(_opened(task), cell, silent)
    except FundusError as error:
        return error


@cache
def _opened(task: Task) -> Study:
    """Opens the study once for all cells that a process is given."""
    document = StudyDocument.model_validate_json(task.document)
    return open_study(Workspace(task.workspace), task.path, task.size, document=document)
