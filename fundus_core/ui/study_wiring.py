"""Which studies there are, and what results of one depend on: what `study_caches` caches by."""

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core.errors import FundusError, StudyError
from fundus_core.io.damage import changed_at
from fundus_core.io.files import temporary_name, write_atomically
from fundus_core.io.store import ArtifactStore
from fundus_core.io.typed_paths import real_path, typed_path
from fundus_core.io.workspace import Workspace
from fundus_core.studies.cells import unfinished
from fundus_core.studies.document import DEMO, DataPart, FigurePart, StudyDocument
from fundus_core.studies.estimate import Estimate, estimate
from fundus_core.studies.files import MOST_BYTES, StudySize, read_study, shipped_studies
from fundus_core.studies.grid import require_moderate
from fundus_core.studies.obstacles import Obstacle
from fundus_core.studies.presets import preset_files
from fundus_core.studies.replace import on_other_data
from fundus_core.studies.run import Study
from fundus_core.workflows.data.datasets import list_datasets

FILES = "files"
"""Folder of the reader's own study files, among those of studies in the workspace."""


_LONGEST_STEM = 120
"""Bytes: a name has at most 255, with its ending and whatever is put before it."""


@dataclass(frozen=True, slots=True)
class StudyListing:
    """One study file."""

    path: Path
    shipped: bool
    """Whether it comes with the program."""

    document: StudyDocument | None
    """What it says at its full size; None if it cannot be run."""

    problem: FundusError | None
    """Why it cannot be run."""

    @property
    def title(self) -> str:
        """Returns the study's title, or the name of a file that cannot be read."""
        return self.document.title if self.document else self.path.name


@dataclass(frozen=True, slots=True)
class StudyChoice:
    """What the reader wants to look at."""

    path: Path
    size: StudySize
    dataset_id: str = ""
    """A data set opened before that takes the place of the file's own; empty for the file's."""

    target: str = ""
    """What is predicted there."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Returns the command line that runs it."""
        size = () if self.size == "full" else (f"--{self.size}",)
        other = ("--on", self.dataset_id, "--target", self.target) if self.dataset_id else ()
        return ("study", str(self.path), *size, *other)


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What running a study would take."""

    n_cells: int
    n_stored: int
    """Cells that need not be run any more."""

    all_left: Estimate
    """Of the cells that are not stored."""

    free_left: Estimate
    """Of those among them that nothing stands in the way of."""

    obstacles: tuple[Obstacle, ...]
    """Cells that are not stored and cannot be run as things are."""


def list_studies(place: Workspace) -> tuple[StudyListing, ...]:
    """Returns the studies that come with the program, the papers' first, then the reader's own."""
    own = sorted((place.studies / FILES).glob("*.yaml"))
    shipped = (*shipped_studies(), *preset_files())
    return tuple(_listing(path, shipped=path in shipped) for path in (*shipped, *own))


def keep_study(place: Workspace, name: str, content: bytes) -> Path:
    """Stores a study file of the reader's in the workspace; one of the same name is replaced.

    Args:
        place: The workspace.
        name: What the file is called; its ending does not count.
        content: What it holds.

    Returns:
        Where it lies now.

    Raises:
        StudyError: If it cannot be run; then nothing is stored.
    """
    if len(content) > MOST_BYTES:
        raise StudyError(
            f"{name} has {len(content):,} bytes; a study file has at most {MOST_BYTES:,}.",
            hint="Upload a study file in YAML.",
        )
    folder, name = place.studies / FILES, f"{_safe(Path(name).stem)}.yaml"
    tried = temporary_name(folder / "tried") / name  # its own: another tab may add the same
    try:
        write_atomically(tried, lambda file: file.write(content))
        require_moderate(read_study(tried))
        return tried.replace(folder / name)
    finally:
        shutil.rmtree(tried.parent, ignore_errors=True)


def document_of(place: Workspace, choice: StudyChoice) -> StudyDocument:
    """Returns what a study says at the chosen size, of the chosen data.

    Raises:
        FundusError: If it cannot be run.
    """
    document = read_study(choice.path, choice.size)
    require_moderate(document)
    if not choice.dataset_id:
        return document
    return on_other_data(place, document, choice.dataset_id, choice.target)


def used_workspace(place: Workspace, choice: StudyChoice) -> Workspace:
    """Returns where the results of a choice are kept: the smoke size has a place of its own."""
    return place.smoke if choice.size == "smoke" else place


def source_paths(place: Workspace, choice: StudyChoice, part: DataPart) -> tuple[Path, ...]:
    """Returns the folder or table that a data set is read from, and its table of labels.

    Raises:
        DataError: If a path stands there that is none.
    """
    if part.source == DEMO:
        return (used_workspace(place, choice).demo,)
    path = typed_path(part.source, choice.path.parent)
    return (path,) if part.table is None else (path, typed_path(part.table, path))


def unread(place: Workspace, choice: StudyChoice, document: StudyDocument) -> tuple[str, ...]:
    """Returns the names of the data sets whose photographs were not read yet."""
    known = {real_path(one.source.path) for one in list_datasets(used_workspace(place, choice))}
    return tuple(
        part.name
        for part in document.data
        if real_path(source_paths(place, choice, part)[0]) not in known
    )


def is_synthetic(place: Workspace, choice: StudyChoice, document: StudyDocument) -> bool:
    """Says whether a program drew some of the photographs of a study."""
    drawn = {real_path(one.source.path) for one in list_datasets(place) if one.synthetic}
    return any(
        part.source == DEMO or real_path(source_paths(place, choice, part)[0]) in drawn
        for part in document.data
    )


def inputs_token(place: Workspace, choice: StudyChoice, document: StudyDocument) -> tuple[Any, ...]:
    """Returns what changes with the study file, the data it reads, and what was read of them."""
    files = [choice.path]
    files += [path for part in document.data for path in source_paths(place, choice, part)]
    described = ArtifactStore(used_workspace(place, choice).datasets).describe()
    read = sorted((name, str(about.get("fingerprint"))) for name, about in described.items())
    return (*((str(path), changed_at(path)) for path in files), *read)


def results_token(place: Workspace, choice: StudyChoice) -> tuple[Any, ...]:
    """Returns what changes with every cell that is run and every run that is stored."""
    used = used_workspace(place, choice)
    cells = sorted((used.studies / "cells").glob("[!.]*.json"))
    stored = [used.runs, *cells]
    return tuple((path.name, changed_at(path)) for path in stored)


def planned(study: Study, blocked: Sequence[Obstacle]) -> StudyPlan:
    """Returns what running a study would take.

    Args:
        study: Opened.
        blocked: Its cells that cannot be run, whether or not they were run before.
    """
    names = {one.cell.title for one in blocked}
    left = unfinished(study.files, study.cells)
    titles_left = {cell.title for cell in left}
    free = [cell for cell in left if cell.title not in names]
    everything, possible = (
        estimate(study.document, cells, study.files.data) for cells in (left, free)
    )
    n_stored = len(study.cells) - len(left)
    stand_in_the_way = tuple(one for one in blocked if one.cell.title in titles_left)
    return StudyPlan(len(study.cells), n_stored, everything, possible, stand_in_the_way)


def figures_of(choice: StudyChoice, document: StudyDocument) -> tuple[FigurePart, ...]:
    """Returns the figures of a study that its data can fill.

    Where other data took the place of the file's, figures of its first data set are drawn of the
    other one, without the title they were given; figures of its further data sets are left out.
    """
    if not choice.dataset_id:
        return tuple(document.figures)
    first = read_study(choice.path, choice.size).data[0].name
    figures = []
    for asked in document.figures:
        where = {key: value for key, value in asked.where.items() if key != "data"}
        if asked.where.get("data", first) == first and "tested_on" not in where:
            figures.append(asked.model_copy(update={"where": where, "title": ""}))
    return tuple(figures)


def shown_rule(document: StudyDocument, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a rule on cells as one on rows of results, where stand-ins have other names."""
    shown = {model.name: model.shown for model in document.models}
    return {column: shown.get(str(value), value) for column, value in rule.items()}


def rule_text(document: StudyDocument, rule: Mapping[str, Any]) -> str:
    """Returns a rule in words; stand-ins are named as such."""
    return ", ".join(
        str(value) if column == "model" else f"{column} {value}"
        for column, value in shown_rule(document, rule).items()
    )


def sizes_of(document: StudyDocument) -> Sequence[StudySize]:
    """Returns the sizes that a study file tells apart, the full one first."""
    small = bool(document.small) or any(model.stand_in for model in document.models)
    sizes: list[StudySize] = ["full"]
    sizes += ["small"] if small else []
    sizes += ["smoke"] if document.smoke else []
    return sizes


def _safe(stem: str) -> str:
    """Returns a name for a file of the reader's, another one for each of his names."""
    plain = re.sub(r"[^\w-]+", "-", stem).encode(errors="ignore")[:_LONGEST_STEM]
    safe = plain.decode(errors="ignore").strip("-") or "study"
    mark = hashlib.sha256(stem.encode(errors="backslashreplace")).hexdigest()[:6]
    return safe if safe == stem else f"{safe}-{mark}"


def _listing(path: Path, *, shipped: bool) -> StudyListing:
    try:
        return StudyListing(path, shipped, read_study(path), None)
    except StudyError as error:
        return StudyListing(path, shipped, None, error)
