"""Running a study: cell after cell, in one process or in several that share the work."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import StudyError
from fundus_core.io.lifeline import lifeline
from fundus_core.io.own_modules import own_modules
from fundus_core.io.workspace import Workspace
from fundus_core.studies.cells import CellRecord, StudyFiles, run_cell, unfinished
from fundus_core.studies.data import open_study_data
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.files import StudySize, read_study, study_path
from fundus_core.studies.grid import Cell, expand

_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Study:
    """A study that is ready to run: its file read, its data opened, its cells known."""

    path: Path
    size: StudySize
    files: StudyFiles
    cells: tuple[Cell, ...]

    @property
    def document(self) -> StudyDocument:
        """Returns what the file says at this size."""
        return self.files.study


def open_study(
    workspace: Workspace,
    path: Path,
    size: StudySize = "full",
    *,
    document: StudyDocument | None = None,
    progress: Progress = silent,
) -> Study:
    """Reads a study and opens its data sets; nothing is trained.

    Args:
        workspace: Where results are kept; the smoke size has a folder of its own in it.
        path: The study file, or the name of one that comes with the program.
        size: Which of its sizes.
        document: What the file says, if it is known already.
        progress: Told while photographs are read.

    Raises:
        StudyError: If the study cannot be run.
        DataError: If a data set cannot be opened.
    """
    place = study_path(path)
    read = document or read_study(place, size)
    cells = expand(read)
    used = workspace.smoke if size == "smoke" else workspace
    data = tuple(
        open_study_data(
            used,
            part,
            place.parent,
            drawn_in=workspace,
            photographs=read.photographs,
            progress=progress,
        )
        for part in read.data
    )
    return Study(place, size, StudyFiles(used, read, place.parent, data), cells)


def run_study(
    study: Study,
    *,
    on_cell: Callable[[Cell, CellRecord], None] = lambda cell, record: None,
    progress: Progress = silent,
) -> None:
    """Runs the cells that have no stored run, leaving those alone that another process runs.

    A study that was interrupted, run again, goes on: finished cells are not touched, and the cell
    in flight resumes from its last epoch. Cells that another process is running are waited for.

    Args:
        study: From `open_study`.
        on_cell: Told after every cell run here.
        progress: Told how far the whole study is.
    """
    total = len(study.cells)
    waiting = list(unfinished(study.files, study.cells))
    done = total - len(waiting)
    while waiting:
        elsewhere: list[Cell] = []
        for cell in waiting:
            record = claimed(study, cell, _within(progress, done, total, cell))
            if record is None:
                elsewhere.append(cell)
            else:
                done += 1
                on_cell(cell, record)
        waiting = list(unfinished(study.files, elsewhere))
        done = max(done, total - len(waiting))
        if waiting:
            progress(done, total, "Waiting for cells that run elsewhere")
            time.sleep(_POLL_SECONDS)
    progress(total, total, "Every cell was run")


def run_with_workers(
    study: Study, arguments: Sequence[str], workers: int, progress: Progress = silent
) -> None:
    """Runs a study in several processes, each of which takes the cells that nobody runs.

    They end with this one, even if it is killed. What one of them leaves behind another takes up.

    Args:
        study: From `open_study`.
        arguments: The command line, after the program's name, that runs it in one process.
        workers: Number of processes, no more than there are cells; each has its share of the cores.
        progress: Told how far the whole study is.

    Raises:
        StudyError: If cells are left: a process ended badly, or found another study than this one.
    """
    workers = min(workers, len(unfinished(study.files, study.cells)))
    if not workers:
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    command = [sys.executable, "-P", "-m", "fundus_core", *arguments]
    with lifeline() as line:
        environment = os.environ | own_modules() | {"OMP_NUM_THREADS": str(threads)}
        processes = [
            subprocess.Popen(
                command,
                env={**environment, **line.environment},
                stdout=subprocess.DEVNULL,
                pass_fds=line.pass_fds,
            )
            for _ in range(workers)
        ]
        try:
            while any(process.poll() is None for process in processes):
                left = len(unfinished(study.files, study.cells))
                total = len(study.cells)
                progress(total - left, total, f"{workers} processes run the cells")
                time.sleep(_POLL_SECONDS)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    _require_none_left(study, [process.returncode for process in processes])


def _require_none_left(study: Study, codes: Sequence[int]) -> None:
    n_left = len(_left(study))
    if not n_left:
        return
    if any(codes):
        why = (
            f"{sum(code != 0 for code in codes)} of {len(codes)} processes ended with an error "
            f"({', '.join(map(str, codes))})"
        )
    else:
        why = "The study file, its labels or its weights were changed while it ran"
    raise StudyError(
        f"{why}, and {n_left} of {len(study.cells)} cells are left.",
        hint="Run the study again: it goes on with the cells that are left.",
    )


def _left(study: Study) -> list[Cell]:
    """Returns the cells that were not run to an end, be it a result or a reason for none."""
    return [cell for cell in unfinished(study.files, study.cells) if not _has_problem(study, cell)]


def _has_problem(study: Study, cell: Cell) -> bool:
    record = study.files.record_of(cell)
    return record is not None and bool(record.problem)


def claimed(study: Study, cell: Cell, progress: Progress) -> CellRecord | None:
    """Runs a cell and returns what came of it, or None if another process is running it."""
    place = study.files.lock_file(cell)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place, timeout=0):
            record = study.files.record_of(cell)
            if record is not None and not unfinished(study.files, [cell]):
                return record
            return run_cell(study.files, cell, progress)
    except Timeout:
        return None


def _within(progress: Progress, before: int, cells: int, cell: Cell) -> Progress:
    """Returns where a cell reports, as a part of the whole study."""

    def tell(done: int, total: int, message: str) -> None:
        share = f"{done / total:.0%} of " if total else ""
        progress(before, cells, f"{share}{cell.title}: {message[:1].lower()}{message[1:]}")

    return tell
